import type { Graph } from '../../graph/graph.js';
import { eachWeight, groupsOf } from '../../graph/layers.js';
import { type Corrections, numbersOf, twinsOf } from './layers.js';

/**
 * Takes out of each bias what rounding the weights adds to the output on average: b −= Σ (W_q − W)·E[x] over the taps and the input
 * channels, as if every tap lay in the image.
 * @param means E[x] of the channels that a layer reads, by layer name; layers without stay as they are
 * Source: Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, 2019.
 */
export function analyticCorrections(float: Graph, quantized: Graph, means: ReadonlyMap<string, ArrayLike<number>>): Corrections {
  const corrections: Corrections = new Map();
  for (const twins of twinsOf(float, quantized)) {
    const expected = means.get(twins.float.name);
    if (!expected?.length) continue;
    const weight = float.constantOf(twins.float.inputs[1])!;
    const w = weight.data() as Float32Array;
    const rounded = numbersOf(quantized, twins.quantized.inputs[1]);
    const correction = new Float64Array(weight.shape[0]);
    eachWeight(weight.shape, groupsOf(twins.float), (index, output, input) => {
      correction[output] -= (rounded[index] - w[index]) * expected[input % expected.length];
    });
    corrections.set(twins.float.name, { shift: Float32Array.from(correction) });
  }
  return corrections;
}
