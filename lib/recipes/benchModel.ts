/** How long a model takes: real numbers, codes, and onnxruntime beside them where it is installed. */
import { checkOptions, fail } from '../error.js';
import type { Graph } from '../graph/graph.js';
import { importOnnx } from '../onnx/importOnnx.js';
import { threads } from '../op.js';
import { foldBatchNorm } from '../passes/foldBatchNorm.js';
import { compile } from '../session/compile.js';
import type { Session, StepTime } from '../session/session.js';
import { loadOnnxRuntime, type OnnxRuntime } from './onnxruntime.js';
import { free } from './prepare.js';
import { isLowerable, isPacked, withoutQuantization } from './quantized.js';
import { type Contender, quantile, race } from './race.js';
import { fixedBatch, randomInputs } from './samples.js';

export interface BenchOptions {
  /** Samples a run, default [1]; a model of a fixed batch size has only that. */
  batches?: readonly number[];
  /** Thread counts, default: one and all. */
  threads?: readonly number[];
  /** Seconds for each batch size and thread count, all contenders together. Default 2. */
  seconds?: number;
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

export interface Timing {
  /** 'fp32', 'int8', 'low-bit' (packed weights) or 'onnxruntime' (the file as it is). */
  name: string;
  batch: number;
  threads: number;
  /** Median wall time of a run in milliseconds. */
  medianMs: number;
  /** Samples a second at that time. */
  throughput: number;
  /** The steps of ours. */
  steps?: StepTime[];
}

/**
 * Times a model file. All contenders run in turn, so that a slow minute of the machine is shared by all; the first runs do not count.
 * @throws LowbitError 'option' for a batch size that the model does not take, 'data' where inputs cannot be made up, 'aborted'
 */
export async function benchModel(path: string, options: BenchOptions = {}): Promise<{ results: Timing[] }> {
  checkOptions('benchModel', options, ['batches', 'threads', 'seconds', 'onProgress', 'signal']);
  const most = threads();
  const graph = importOnnx(path);
  const batches = batchesFor(graph, options.batches);
  const counts = options.threads ?? [...new Set([1, most])];
  const { seconds = 2, onProgress, signal } = options;
  if (!(seconds > 0)) fail({ code: 'option', where: 'benchModel', option: 'seconds', came: seconds, expected: 'a number above 0' });
  const runtime = loadOnnxRuntime();
  const results: Timing[] = [];
  const total = batches.length * counts.length;
  let done = 0;
  try {
    for (const batch of batches) {
      for (const count of counts) {
        threads(count);
        results.push(...(await timings(path, graph, runtime, batch, count, seconds, signal)));
        onProgress?.(++done, total);
      }
    }
  } finally {
    threads(most);
  }
  return { results };
}

function batchesFor(graph: Graph, asked: readonly number[] | undefined): readonly number[] {
  const fixed = fixedBatch(graph);
  const other = asked?.find((n) => !(Number.isSafeInteger(n) && n >= 1) || (fixed !== undefined && n !== fixed));
  if (other !== undefined) {
    const expected = fixed === undefined ? 'whole numbers from 1' : `${fixed}, the model has that batch size`;
    fail({ code: 'option', where: 'benchModel', option: 'batches', came: other, expected });
  }
  return asked ?? [fixed ?? 1];
}

async function timings(
  path: string,
  graph: Graph,
  runtime: OnnxRuntime | undefined,
  batch: number,
  count: number,
  seconds: number,
  signal: AbortSignal | undefined,
): Promise<Timing[]> {
  const runtimeSession = await runtime?.open(path, count);
  const inputs = randomInputs(graph, batch);
  const ours = compiled(graph);
  const contenders: Contender[] = ours.map(({ name, session }) => ({ name, run: () => session.runSync(inputs) }));
  if (runtimeSession) contenders.push({ name: 'onnxruntime', run: runtimeSession.prepare(inputs) });
  try {
    const times = await race('benchModel', contenders, { seconds }, signal);
    return contenders.map(({ name }, i) => {
      const medianMs = quantile(times[i], 0.5);
      const timing = { name, batch, threads: count, medianMs, throughput: (1000 * batch) / medianMs };
      return i < ours.length ? { ...timing, steps: ours[i].session.profile(inputs) } : timing;
    });
  } finally {
    for (const { session } of ours) session.dispose();
    await runtimeSession?.release();
    free(inputs);
  }
}

function compiled(graph: Graph): { name: string; session: Session }[] {
  const float = foldBatchNorm(isLowerable(graph) ? withoutQuantization(graph) : graph);
  const names = isLowerable(graph) ? ['fp32', isPacked(graph) ? 'low-bit' : 'int8'] : ['fp32'];
  return names.map((name) => ({ name, session: compile(name === 'fp32' ? float : graph) }));
}
