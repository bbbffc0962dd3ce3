/** What timing a model tells. */
import type { BenchForm } from './benchForms.js';
import type { Ceiling, StepRate } from './benchRates.js';

/** Who runs it. */
export type BenchRuntime = 'lowbit' | 'onnxruntime';

export interface Timing {
  runtime: BenchRuntime;
  form: BenchForm;
  batch: number;
  threads: number;
  /** How many runs were timed. */
  runs: number;
  /** Wall time of a run in milliseconds: half of the runs, 90 % and 99 % of them take at most so long. */
  medianMs: number;
  p90Ms: number;
  p99Ms: number;
  /** Half of the runs take at most so much time of the processor, on all threads together. */
  cpuMs: number;
  /** Samples a second at the median. */
  throughput: number;
  /** Billions of operations a second in the `comparable` time, two to a multiply-accumulate of the network as we compute it. */
  gops: number;
  /** The time that the network's products would take at their ceilings, divided by the `comparable` time; null without ceilings. */
  ofPeak: number | null;
  /** The steps of ours. */
  steps?: StepRate[];
}

/** A form of ours that takes longer than what it is compared with. */
export interface Slower {
  form: BenchForm;
  batch: number;
  threads: number;
  than: { runtime: BenchRuntime; form: BenchForm };
  /** Our `comparable` time divided by the other one. */
  times: number;
}

export interface BenchReport {
  /** Name of the file. */
  model: string;
  /** onnxruntime's is null where it is not installed. */
  versions: { lowbit: string; node: string; onnxruntime: string | null };
  processor: string;
  /** Instructions that kernels use, and LOWBIT_CPU, which may limit them. */
  features: string[];
  limit: string | null;
  /** Where the ranges of activations come from: 'file', 'random inputs', or the description of the samples; null without codes. */
  ranges: string | null;
  ceilings: Ceiling[];
  results: Timing[];
  /** What is slower than onnxruntime, than our own fp32 or, with fewer bits, than our own int8; half a per cent more is not. */
  slower: Slower[];
  /** What could not be timed, and why. */
  missing: { runtime: BenchRuntime; form: BenchForm; reason: string }[];
}

/** What a form should not be slower than. */
const rivals: Record<BenchForm, readonly (readonly [BenchRuntime, BenchForm])[]> = {
  fp32: [['onnxruntime', 'fp32']],
  int8: [
    ['onnxruntime', 'int8'],
    ['lowbit', 'fp32'],
  ],
  w4a8: narrow(),
  w2a8: narrow(),
  w1a8: narrow(),
  packed: narrow(),
};

function narrow(): [BenchRuntime, BenchForm][] {
  return [
    ['onnxruntime', 'int8'],
    ['lowbit', 'int8'],
  ];
}

/** What times are compared by: on one thread that of the processor, which other programs do not change; else what the clock says. */
export const comparable = ({ threads, medianMs, cpuMs }: Pick<Timing, 'threads' | 'medianMs' | 'cpuMs'>) =>
  threads === 1 && cpuMs > 0 ? cpuMs : medianMs;

const asFast = 1.005;

/** What takes longer than it should, the worst first. */
export function slowerThanRivals(results: readonly Timing[]): Slower[] {
  const find = (runtime: BenchRuntime, form: BenchForm, { batch, threads }: Timing) =>
    results.find((other) => other.runtime === runtime && other.form === form && other.batch === batch && other.threads === threads);
  return results
    .filter(({ runtime }) => runtime === 'lowbit')
    .flatMap((own) =>
      rivals[own.form].flatMap(([runtime, form]) => {
        const other = find(runtime, form, own);
        const times = other ? comparable(own) / comparable(other) : 0;
        const { batch, threads } = own;
        return times >= asFast ? [{ form: own.form, batch, threads, than: { runtime, form }, times }] : [];
      }),
    )
    .sort((a, b) => b.times - a.times);
}
