/** How `lowbit bench` says what it found. */

import { type BenchReport, comparable, type Timing } from '../recipes/benchReport.js';
import { howToInstall } from '../recipes/onnxruntime.js';
import { digits3, large, shortened, table, whole } from './format.js';

/** @param layers tables to stand before what is slower */
export function benchText(report: BenchReport, layers: readonly string[] = []): string {
  return [...turns(report).map(turnTable), machineText(report), ...layers, slowerText(report)].join('\n\n');
}

/** Timings of one batch size and thread count. */
function turns({ results }: BenchReport): Timing[][] {
  const titles = new Set(results.map(title));
  return [...titles].map((wanted) => results.filter((timing) => title(timing) === wanted));
}

const countText = (threads: number) => `${threads} ${threads === 1 ? 'thread' : 'threads'}`;
const title = ({ batch, threads }: { batch: number; threads: number }) => `batch ${batch}, ${countText(threads)}`;
const share = (fraction: number | null) => (fraction === null ? '-' : `${(100 * fraction).toFixed(fraction < 0.0995 ? 1 : 0)} %`);

function turnTable(results: readonly Timing[]): string {
  const float = results.find(({ runtime, form }) => runtime === 'lowbit' && form === 'fp32');
  const rows = results.map((timing) => {
    const { runtime, form, medianMs, p90Ms, p99Ms, cpuMs, throughput, ofPeak } = timing;
    const gain = float ? digits3(comparable(float) / comparable(timing)) : '-';
    return [`${runtime} ${form}`, ...[medianMs, p90Ms, p99Ms, cpuMs].map(digits3), whole(throughput), share(ofPeak), gain];
  });
  return `${title(results[0])}\n${table(['', 'median ms', 'p90 ms', 'p99 ms', 'CPU ms', 'samples/s', 'of peak', '× fp32'], rows)}`;
}

function machineText({ ceilings, processor, limit, ranges, versions, missing }: BenchReport): string {
  const peaks = ceilings.map(({ threads, fp32, int8 }) =>
    fp32 && int8 ? [`peak of ${countText(threads)}: ${whole(fp32)} GOP/s fp32, ${whole(int8)} int8, measured in registers`] : [],
  );
  return [
    ...peaks.flat(),
    ...(ceilings.some(({ threads }) => threads === 1) ? ['on one thread all is compared by the CPU time of a run'] : []),
    `${processor}${limit === null ? '' : `, LOWBIT_CPU=${limit}`}, lowbit ${versions.lowbit}, Node ${versions.node}`,
    ...(ranges === null || ranges === 'file' ? [] : [`quantized for this on ${ranges}: times are right, answers are not`]),
    ...missing.map(({ runtime, form, reason }) => `no ${runtime} ${form}: ${reason}`),
  ].join('\n');
}

/** A table of steps for each of ours. */
export const layerTables = ({ results }: BenchReport): string[] => results.filter(({ steps }) => steps).map(layerTable);

// A name gets what the numbers leave of a line.
const line = 80;
const shortestName = 14;

function layerTable(timing: Timing): string {
  const head = ['op', 'output', 'MACs', 'µs', 'GOP/s', 'of peak', 'of all'];
  const rows = timing.steps!.map((step) => {
    const { op, shape, macs, milliseconds, gops, ofPeak, ofTotal } = step;
    const rate = gops ? whole(gops) : '-';
    return [op, shape.join('×'), macs ? large(macs) : '-', digits3(1000 * milliseconds), rate, share(ofPeak), share(ofTotal)];
  });
  const others = head.reduce((sum, name, i) => sum + 2 + Math.max(name.length, ...rows.map((row) => row[i].length)), 0);
  const named = rows.map((row, i) => [shortened(timing.steps![i].name, Math.max(shortestName, line - others)), ...row]);
  return `${timing.form}, ${title(timing)}:\n${table(['layer', ...head], named)}`;
}

function slowerText({ slower, versions, results }: BenchReport): string {
  const runtimes = new Set(results.map(({ runtime }) => runtime));
  const against = [
    ...(runtimes.has('onnxruntime') ? [`onnxruntime ${versions.onnxruntime}`] : []),
    ...(new Set(results.map(({ form }) => form)).size > 1 ? ['our own with more bits'] : []),
  ].join(' or ');
  const lines = slower.map(({ than, times, ...own }) => {
    return `  ${own.form}, ${title(own)}: takes ${times.toFixed(2)} times as long as ${than.runtime} ${than.form}`;
  });
  const verdict = lines.length ? [`Slower than ${against}:`, ...lines] : against ? [`Nothing here is slower than ${against}.`] : [];
  return [...verdict, ...(versions.onnxruntime === null ? [howToInstall] : [])].join('\n');
}
