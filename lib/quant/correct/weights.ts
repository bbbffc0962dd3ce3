import type { Graph } from '../../graph/graph.js';
import { eachWeight } from '../../graph/layers.js';
import type { Shape } from '../../shape.js';
import { type Corrections, correctEach } from './layers.js';

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

/**
 * Gives the rounded weights of layers the mean and deviation of the weights. Factors go into the scales, which have to be one a channel; the
 * shift of all weights of a channel is on average one of the bias: shift·Σ E[x] over taps and input channels.
 * @param means E[x] of the channels that a layer reads, by layer name; layers without stay as they are
 */
export function weightCorrections(float: Graph, quantized: Graph, means: ReadonlyMap<string, ArrayLike<number>>): Corrections {
  return correctEach(float, quantized, means, ({ shape, groups, real, rounded, expected }) => {
    const { factor, shift } = weightRepair(shape, real, rounded);
    const sums = new Float64Array(shift.length);
    eachWeight(shape, groups, (_index, output, input) => {
      sums[output] += expected[input % expected.length];
    });
    return { shift: Float32Array.from(sums, (sum, c) => sum * shift[c]), factors: factor };
  });
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
