/**
 * How much of what this processor can do is done. The measure is taken in the same run: multiply-adds in registers, with the instructions that
 * kernels may use (LOWBIT_CPU). A layer can be a little above it: taps that lie in the padding are counted though they are skipped.
 */
import { native } from '../native.js';
import { allOps } from '../ops/index.js';
import type { StepTime } from '../session/session.js';

/** Billions of operations a second, two to a multiply-accumulate. */
export interface Ceiling {
  threads: number;
  /** Of products of real numbers. */
  fp32: number | null;
  /** Of products of 8-bit codes; narrower weights are multiplied as such. */
  int8: number | null;
}

/** A step, and how well it runs. */
export interface StepRate extends StepTime {
  /** Billions of operations a second; 0 where it is no product. */
  gops: number;
  /** Share of the ceiling; null where it is no product, or there is no ceiling. */
  ofPeak: number | null;
  /** Share of the time of all steps. */
  ofTotal: number;
}

/** What one core multiplies in registers, so many times; null where kernels are plain references. Takes about 30 ms. */
export function measureCeiling(threads: number): Ceiling {
  const { addon } = native();
  const peak = (products: 0 | 1) => threads * addon.peak(products) || null;
  return { threads, fp32: peak(0), int8: peak(1) };
}

/** Milliseconds that so many multiply-accumulates take at the ceiling. */
function leastTime({ op, macs }: StepTime, { fp32, int8 }: Ceiling): number {
  const ceiling = allOps.get(op)?.integer ? int8 : fp32;
  return ceiling === null ? Number.NaN : (2 * macs) / ceiling / 1e6;
}

const rateOf = (macs: number, time: number) => (macs && time ? (2 * macs) / time / 1e6 : 0);
const shareOf = (part: number, whole: number) => (part > 0 && whole > 0 ? part / whole : null);

/** The steps with their rates. */
export function stepRates(steps: readonly StepTime[], ceiling: Ceiling): StepRate[] {
  const total = steps.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  return steps.map((step) => {
    const { macs, milliseconds } = step;
    const ofPeak = shareOf(leastTime(step, ceiling), milliseconds);
    return { ...step, gops: rateOf(macs, milliseconds), ofPeak, ofTotal: total ? milliseconds / total : 0 };
  });
}

/** The rate of a network that takes so many milliseconds, and its share: the time that its products would take at their ceilings, of that time. */
export function networkRate(steps: readonly StepTime[], ceiling: Ceiling, time: number): { gops: number; ofPeak: number | null } {
  const least = steps.reduce((sum, step) => sum + leastTime(step, ceiling), 0);
  const macs = steps.reduce((sum, step) => sum + step.macs, 0);
  return { gops: rateOf(macs, time), ofPeak: shareOf(least, time) };
}
