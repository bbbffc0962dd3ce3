/** `lowbit bench MODEL` */
import type { Command } from 'commander';
import { benchModel, type Timing } from '../recipes/benchModel.js';
import { command, runs } from './command.js';
import { digits3, table, whole } from './format.js';
import { listOf, number, wholeFrom } from './options.js';

interface Options {
  batch?: number[];
  threads?: number[];
  time?: number;
}

export function addBench(program: Command): void {
  const target = command(program, 'bench <model>', 'time a model on real numbers and on integers, side by side')
    .option('--batch <list>', 'samples a run (default: 1)', listOf(wholeFrom(1)))
    .option('--threads <list>', 'thread counts (default: one and all)', listOf(wholeFrom(1)))
    .option('--time <seconds>', 'time for each batch size and thread count (default: 2)', number);
  runs<Options>(target, async ({ options: { batch, threads, time }, signal, progress }, model) => {
    const line = progress('timing');
    const found = await benchModel(model, { batches: batch, threads, seconds: time, onProgress: line.update, signal });
    return { data: found, text: text(found.results) };
  });
}

function text(results: readonly Timing[]): string {
  const rows = results.map(({ name, batch, threads, medianMs, throughput }) => {
    const base = results.find((other) => other.name === 'fp32' && other.batch === batch && other.threads === threads)!;
    const cells = [String(batch), String(threads), digits3(medianMs), whole(throughput), digits3(base.medianMs / medianMs)];
    return [name, ...cells];
  });
  return table(['', 'batch', 'threads', 'median ms', 'samples/s', 'times fp32'], rows);
}
