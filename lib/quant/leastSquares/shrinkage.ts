/** How far moments of few samples are trusted: judged by samples that they were not made of. */
import { type Form, fitScale } from './fitScale.js';
import type { Moments, SplitMoments } from './moments.js';

/** What is taken away of moments, 0..1. */
export interface Shrinkage {
  /** Of covariances between inputs: at 1 each weight stands alone, and the nearest code is best. */
  inputs: number;
  /** Of what the outputs lack: at 1 nothing is made up for that layers before have lost. */
  lack: number;
}

const candidates: readonly Shrinkage[] = [0.01, 0.03, 0.1, 0.3, 0.6].flatMap((inputs) => [0, 0.5, 1].map((lack) => ({ inputs, lack })));

/** Without samples to judge with. */
const cautious: Shrinkage = { inputs: 0.6, lack: 1 };

// Outputs of a layer that decide.
const judged = 64;

// Inputs that never change have no say, but their weights get codes too.
const ridge = 1e-6;

/** The weights (out, k) of a group of outputs and its moments. */
export interface MeasuredGroup {
  weight: Float32Array;
  moments: SplitMoments;
}

/** The forms of the outputs of a group: S is (1 − λ)·S + λ·diag(S), D is (1 − μ)·D. */
export function formsOf(weight: Float32Array, { s, d }: Moments, { inputs, lack }: Shrinkage, outputs?: readonly number[]): Form[] {
  const size = Math.sqrt(s.length);
  const shrunk = s.map((value) => (1 - inputs) * value);
  let trace = 0;
  for (let i = 0; i < size; i++) trace += s[i * size + i];
  const least = trace > 0 ? (ridge * trace) / size : 1;
  for (let i = 0; i < size; i++) shrunk[i * size + i] = s[i * size + i] + least;
  return (outputs ?? Array.from({ length: d.length / size }, (_, i) => i)).map((output) => {
    const w = Float64Array.from(weight.subarray(output * size, (output + 1) * size));
    const target = times(shrunk, w);
    for (let i = 0; i < size; i++) target[i] += (1 - lack) * d[output * size + i];
    return { w, s: shrunk, target };
  });
}

/** The shrinkage with which codes learned from some samples cost least on the others. */
export function chooseShrinkage(groups: readonly MeasuredGroup[], top: number): Shrinkage {
  const outputs = groups.flatMap(({ weight, moments: { all } }, group) =>
    Array.from({ length: weight.length / Math.sqrt(all.s.length) }, (_, output) => ({ group, output })),
  );
  const step = Math.ceil(outputs.length / judged);
  const judges = outputs.filter((_, i) => i % step === 0);
  let best = cautious;
  let least = Number.POSITIVE_INFINITY;
  for (const shrinkage of candidates) {
    let cost = 0;
    for (const [number, { weight, moments }] of groups.entries()) {
      const here = judges.filter(({ group }) => group === number).map(({ output }) => output);
      if (!here.length) continue;
      const wanted = formsOf(weight, moments.held, { inputs: 0, lack: 0 }, here);
      for (const [i, form] of formsOf(weight, moments.learned, shrinkage, here).entries()) {
        const { codes, scale } = fitScale([form], top, { shares: [0.9], refits: 1, least: 0 });
        cost += costOf(wanted[i], codes[0], scale);
      }
    }
    if (cost < least) [best, least] = [shrinkage, cost];
  }
  return best;
}

/** s²·q·S·q − 2·s·q·target. */
function costOf({ s, target }: Form, codes: Float64Array, scale: number): number {
  const product = times(s, codes);
  return codes.reduce((sum, q, i) => sum + scale * q * (scale * product[i] - 2 * target[i]), 0);
}

/** S·x. */
export function times(s: Float64Array, x: Float64Array): Float64Array {
  const size = x.length;
  return x.map((_, i) => {
    let sum = 0;
    for (let j = 0, at = i * size; j < size; j++, at++) sum += s[at] * x[j];
    return sum;
  });
}
