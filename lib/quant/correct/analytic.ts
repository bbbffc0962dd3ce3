import type { Graph } from '../../graph/graph.js';
import { eachWeight } from '../../graph/layers.js';
import { type Corrections, correctEach } from './layers.js';

/**
 * Takes out of each bias what rounding the weights adds to the output on average: b −= Σ (W_q − W)·E[x] over the taps and the input
 * channels, as if every tap lay in the image.
 * @param means E[x] of the channels that a layer reads, by layer name; layers without stay as they are
 * Source: Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, 2019.
 */
export function analyticCorrections(float: Graph, quantized: Graph, means: ReadonlyMap<string, ArrayLike<number>>): Corrections {
  return correctEach(float, quantized, means, ({ shape, groups, real, rounded, expected }) => {
    const correction = new Float64Array(shape[0]);
    eachWeight(shape, groups, (index, output, input) => {
      correction[output] -= (rounded[index] - real[index]) * expected[input % expected.length];
    });
    return { shift: Float32Array.from(correction) };
  });
}
