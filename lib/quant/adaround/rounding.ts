/**
 * The rounding that is learned (Nagel et al., "Up or Down? Adaptive Rounding for Post-Training Quantization", 2020): a weight is
 * s·clamp(⌊w / s⌋ + h(V), −Q, Q) with h(V) = clip(sigmoid(V)·(ζ − γ) + γ, 0, 1), a sigmoid that reaches 0 and 1.
 */
import { abs, add, clip, mul, pow, reduceSum, sigmoid, sub } from '../../ops/index.js';
import { Tensor } from '../../tensor.js';
import type { AdaroundSettings } from './options.js';

const zeta = 1.1;
const gamma = -0.1;

/** V with h(V) = fraction, for fractions of [0, 1]: −ln((ζ − γ) / (fraction − γ) − 1). */
export const logitOf = (fraction: number) => -Math.log((zeta - gamma) / (fraction - gamma) - 1);

/** h(V). */
export function softSteps(v: Tensor): Tensor {
  return clip(add(mul(sigmoid(v), Tensor.scalar(zeta - gamma)), Tensor.scalar(gamma)), { min: 0, max: 1 });
}

/** Σ |2h − 1|^β, which is largest, one a weight, where all are decided: the regularizer is what is missing to that, Σ 1 − |2h − 1|^β. */
export function decided(steps: Tensor, beta: number): Tensor {
  const distance = abs(sub(mul(steps, Tensor.scalar(2)), Tensor.scalar(1)));
  return reduceSum(pow(distance, Tensor.scalar(beta)), { axes: steps.shape.map((_, i) => i), keepDims: false });
}

/**
 * β before an iteration (from 0): end + (start − end)·(1 + cos(π·r)) / 2, r from 0 at the end of the warm start to 1 behind the last
 * iteration; nothing during the warm start, when only the reconstruction counts.
 */
export function betaAt(iteration: number, { iterations, warmStart, beta: [start, end] }: AdaroundSettings): number | undefined {
  const warm = warmStart * iterations;
  if (iteration < warm) return undefined;
  const r = (iteration - warm) / (iterations - warm);
  return end + 0.5 * (start - end) * (1 + Math.cos(Math.PI * r));
}
