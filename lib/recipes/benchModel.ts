/** How long a model takes: on real numbers, on codes, with fewer bits, and in onnxruntime beside them where it is installed. */
import { basename } from 'node:path';
import type { Dataset } from '../data/dataset.js';
import { checkOptions, fail } from '../error.js';
import type { Graph } from '../graph/graph.js';
import { native } from '../native.js';
import { toOnnx } from '../onnx/exportOnnx.js';
import { importOnnx } from '../onnx/importOnnx.js';
import { threads } from '../op.js';
import { compile } from '../session/compile.js';
import type { Tensor } from '../tensor.js';
import { type BenchForm, benchForms, type Forms, formsOf } from './benchForms.js';
import { type Ceiling, measureCeiling, networkRate, stepRates } from './benchRates.js';
import { type BenchReport, type BenchRuntime, comparable, slowerThanRivals, type Timing } from './benchReport.js';
import { loadOnnxRuntime, type OnnxRuntime, type Session as RuntimeSession } from './onnxruntime.js';
import { calibrationBatches, free, pieces } from './prepare.js';
import { isPacked, isQuantized } from './quantized.js';
import { quantile, race } from './race.js';
import { machine, versions } from './runParts.js';
import { fixedBatch, randomInputs } from './samples.js';

export interface BenchOptions {
  /** Samples a run, default [1]; a model of a fixed batch size has only that. */
  batches?: readonly number[];
  /** Thread counts, default: one and all. */
  threads?: readonly number[];
  /** Seconds for each batch size and thread count, all contenders together. Default 2. */
  seconds?: number;
  /** Default: all that the model has. */
  forms?: readonly BenchForm[];
  /** Samples to run on and, for a float model, to calibrate on; random numbers without it. */
  dataset?: Dataset;
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/**
 * Times a model file. All contenders run in turn, so that a slow minute of the machine is shared by all; the first runs do not count.
 * A float model is quantized for it, and one of 8-bit weights gets weights of 4, 2 and 1 bits: their times are right, their answers are not.
 * @throws LowbitError 'option' for a batch size or a form that the model does not have, 'data' where inputs cannot be made up or there are
 *   fewer samples than a batch, 'aborted'
 */
export async function benchModel(path: string, options: BenchOptions = {}): Promise<BenchReport> {
  checkOptions('benchModel', options, ['batches', 'threads', 'seconds', 'forms', 'dataset', 'onProgress', 'signal']);
  const { seconds = 2, onProgress, signal } = options;
  if (!(seconds > 0)) refuse('seconds', seconds, 'a number above 0');
  const unknown = options.forms?.find((form) => !benchForms.includes(form));
  if (unknown !== undefined) refuse('forms', unknown, `some of ${benchForms.join(', ')}`);
  const graph = importOnnx(path);
  const batches = batchesFor(graph, options);
  const most = threads();
  const counts = options.threads ?? [...new Set([1, most])];
  const forms = await formsOf(graph, options.forms, calibration(graph, options), signal);
  const runtime = loadOnnxRuntime();
  const bench: Bench = { path, graph, forms, runtime, seconds, dataset: options.dataset, signal, missing: [] };
  const ceilings = new Map<number, Ceiling>();
  const results: Timing[] = [];
  let done = 0;
  try {
    for (const batch of batches) {
      for (const count of counts) {
        threads(count);
        const ceiling = ceilings.get(count) ?? measureCeiling(count);
        ceilings.set(count, ceiling);
        results.push(...(await timings(bench, batch, ceiling)));
        onProgress?.(++done, batches.length * counts.length);
      }
    }
  } finally {
    threads(most);
  }
  return report(bench, results, [...ceilings.values()]);
}

interface Bench extends Pick<BenchOptions, 'dataset' | 'signal'> {
  path: string;
  /** As it was imported. */
  graph: Graph;
  forms: Forms;
  runtime: OnnxRuntime | undefined;
  seconds: number;
  missing: BenchReport['missing'];
}

const refuse = (option: keyof BenchOptions, came: unknown, expected: string, because?: string): never =>
  fail({ code: 'option', where: 'benchModel', option, came, expected, because });

function batchesFor(graph: Graph, { batches, dataset }: BenchOptions): readonly number[] {
  const fixed = fixedBatch(graph);
  const found = batches ?? [fixed ?? 1];
  for (const n of found) {
    const isWhole = Number.isSafeInteger(n) && n >= 1;
    if (fixed !== undefined && n !== fixed) refuse('batches', n, `${fixed}, the model has that batch size`);
    if (!isWhole) refuse('batches', n, 'whole numbers from 1');
    if (dataset && n > dataset.length) refuse('batches', n, `at most ${dataset.length}, there are that many samples`);
  }
  return found;
}

// Enough for ranges that are not absurd: they do not change how long anything takes.
const calibrationSamples = 16;

function calibration(graph: Graph, { dataset, signal }: BenchOptions) {
  const size = 4;
  if (dataset) return calibrationBatches(graph, dataset, Math.min(calibrationSamples, dataset.length), size, signal);
  return async function* batches() {
    for (let first = 0; first < calibrationSamples; first += size) yield randomInputs(graph, size, first + 1);
  };
}

/** What a run takes: the first samples, or random numbers. */
async function inputsFor({ graph, dataset, signal }: Bench, batch: number): Promise<Record<string, Tensor>> {
  if (!dataset) return randomInputs(graph, batch);
  for await (const { inputs } of pieces(graph, dataset, batch, batch, signal)) return inputs;
  return fail({ code: 'data', where: dataset.description, problem: 'there are no samples' });
}

async function timings(bench: Bench, batch: number, ceiling: Ceiling): Promise<Timing[]> {
  const { seconds, signal } = bench;
  const inputs = await inputsFor(bench, batch);
  const sessions = new Map([...bench.forms.graphs].map(([form, graph]) => [form, compile(graph)]));
  const others = await runtimeSessions(bench, ceiling.threads);
  try {
    const contenders = [
      ...[...sessions].map(([form, session]) => ({
        runtime: 'lowbit' as BenchRuntime,
        form,
        run: () => session.runSync(inputs) as unknown,
      })),
      ...[...others].map(([form, session]) => ({ runtime: 'onnxruntime' as BenchRuntime, form, run: session.prepare(inputs) })),
    ];
    const times = await race(
      'benchModel',
      contenders.map(({ runtime, form, run }) => ({ name: `${runtime} ${form}`, run })),
      { seconds },
      signal,
    );
    // Ours come first, in this order.
    const steps = new Map(
      [...sessions].map(([form, session], i) => [form, session.profile(inputs, { runs: runsFor(quantile(times[i].wall, 0.5), seconds) })]),
    );
    return contenders.map(({ runtime, form }, i): Timing => {
      const { wall, cpu } = times[i];
      const [medianMs, cpuMs] = [quantile(wall, 0.5), quantile(cpu, 0.5)];
      return {
        ...{ runtime, form, batch, threads: ceiling.threads, runs: wall.length },
        ...{ medianMs, p90Ms: quantile(wall, 0.9), p99Ms: quantile(wall, 0.99), cpuMs, throughput: (1000 * batch) / medianMs },
        ...networkRate(steps.get(form)!, ceiling, comparable({ threads: ceiling.threads, medianMs, cpuMs })),
        ...(runtime === 'lowbit' && { steps: stepRates(steps.get(form)!, ceiling) }),
      };
    });
  } finally {
    for (const session of sessions.values()) session.dispose();
    for (const session of others.values()) await session.release();
    free(inputs);
  }
}

/** Runs of a profile: a few, however long one takes. */
const runsFor = (medianMs: number, seconds: number) => Math.max(3, Math.min(25, Math.floor((200 * seconds) / medianMs)));

/** Sessions of the other runtime for the forms that it has: real numbers, and codes. */
async function runtimeSessions({ runtime, forms, missing, path, graph }: Bench, count: number): Promise<Map<BenchForm, RuntimeSession>> {
  const sessions = new Map<BenchForm, RuntimeSession>();
  if (!runtime) return sessions;
  const asItIs: BenchForm | undefined = isPacked(graph) ? undefined : isQuantized(graph) ? 'int8' : 'fp32';
  for (const form of ['fp32', 'int8'] as const) {
    const own = forms.graphs.get(form);
    if (!own || missing.some((entry) => entry.runtime === 'onnxruntime' && entry.form === form)) continue;
    try {
      sessions.set(form, await runtime.open(form === asItIs ? path : toOnnx(own, { weights: 'int8' }), count));
    } catch (error) {
      missing.push({ runtime: 'onnxruntime', form, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return sessions;
}

function report({ path, forms, runtime, dataset, missing }: Bench, results: Timing[], ceilings: Ceiling[]): BenchReport {
  const hasCodes = [...forms.graphs.keys()].some((form) => form !== 'fp32');
  const chosen = dataset ? dataset.description : 'random inputs';
  const refused: BenchReport['missing'] = forms.refused ? [{ runtime: 'lowbit', form: 'int8', reason: forms.refused }] : [];
  return {
    model: basename(path),
    versions: { ...versions(), onnxruntime: runtime?.version ?? null },
    processor: machine().processor,
    features: native().schema.features,
    limit: process.env.LOWBIT_CPU ?? null,
    ranges: !hasCodes ? null : forms.calibrated ? chosen : 'file',
    ceilings,
    results,
    slower: slowerThanRivals(results),
    missing: [...refused, ...missing],
  };
}
