import { eachWeight } from '../../graph/layers.js';
import type { Shape } from '../../shape.js';

/** How to give rounded weights the mean and deviation that the weights had, by output channel: w' = w_q·factor + shift. */
export interface WeightRepair {
  factor: Float64Array;
  shift: Float64Array;
}

/**
 * factor = deviation(W) / deviation(W_q), shift = mean(W) − factor·mean(W_q), over the weights of an output channel (axis 0). A channel whose
 * rounded weights are all equal keeps its factor 1.
 * Source: Banner et al., Post training 4-bit quantization of convolutional networks, 2019.
 */
export function weightRepair(shape: Shape, w: ArrayLike<number>, rounded: ArrayLike<number>): WeightRepair {
  const before = momentsOf(shape, w);
  const after = momentsOf(shape, rounded);
  const factor = before.deviation.map((deviation, c) => (after.deviation[c] > 0 && deviation > 0 ? deviation / after.deviation[c] : 1));
  return { factor, shift: before.mean.map((mean, c) => mean - factor[c] * after.mean[c]) };
}

function momentsOf(shape: Shape, w: ArrayLike<number>): { mean: Float64Array; deviation: Float64Array } {
  const count = w.length / shape[0];
  const mean = new Float64Array(shape[0]);
  const deviation = new Float64Array(shape[0]);
  eachWeight(shape, 1, (index, output) => {
    mean[output] += w[index] / count;
  });
  eachWeight(shape, 1, (index, output) => {
    deviation[output] += (w[index] - mean[output]) ** 2 / count;
  });
  return { mean, deviation: deviation.map(Math.sqrt) };
}
