/** `lowbit bench MODEL` */
import type { Command } from 'commander';
import { benchModel, type Timing } from '../recipes/benchModel.js';
import { command, runs } from './command.js';
import { digits3, percent, table, whole } from './format.js';
import { listOf, number, wholeFrom } from './options.js';

interface Options {
  batch?: number[];
  threads?: number[];
  time?: number;
  layers?: boolean;
}

export function addBench(program: Command): void {
  const target = command(program, 'bench <model>', 'time a model on real numbers and on integers, side by side')
    .option('--batch <list>', 'samples a run (default: 1)', listOf(wholeFrom(1)))
    .option('--threads <list>', 'thread counts (default: one and all)', listOf(wholeFrom(1)))
    .option('--time <seconds>', 'time for each batch size and thread count (default: 2)', number)
    .option('--layers', 'the time of each layer, too');
  runs<Options>(target, async ({ options: { batch, threads, time, layers }, signal, progress }, model) => {
    const line = progress('timing');
    const found = await benchModel(model, { batches: batch, threads, seconds: time, onProgress: line.update, signal });
    const tables = layers ? found.results.filter(({ steps }) => steps).map(layerTable) : [];
    return { data: found, text: [text(found.results), ...tables].join('\n') };
  });
}

function layerTable({ name, batch, threads, steps }: Timing): string {
  const total = steps!.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const rows = steps!.map(({ name: layer, op, shape, macs, milliseconds }) => {
    const rate = macs ? whole(macs / milliseconds / 5e5) : '';
    return [layer, op, shape.join('×'), digits3(1000 * milliseconds), percent(milliseconds / total), rate];
  });
  const title = `${name}, batch ${batch}, ${threads} ${threads === 1 ? 'thread' : 'threads'}:`;
  return `\n${title}\n${table(['layer', 'op', 'output', 'µs', 'share', 'Gop/s'], rows)}`;
}

function text(results: readonly Timing[]): string {
  const rows = results.map(({ name, batch, threads, medianMs, throughput }) => {
    const base = results.find((other) => other.name === 'fp32' && other.batch === batch && other.threads === threads)!;
    const cells = [String(batch), String(threads), digits3(medianMs), whole(throughput), digits3(base.medianMs / medianMs)];
    return [name, ...cells];
  });
  return table(['', 'batch', 'threads', 'median ms', 'samples/s', 'times fp32'], rows);
}
