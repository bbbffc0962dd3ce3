import type { Graph } from '../graph/graph.js';
import { rewrite } from '../graph/rewrite.js';
import { Types } from '../graph/types.js';
import { batchNorm, conv2d } from '../ops/index.js';
import { Tensor } from '../tensor.js';
import { affineOf } from './foldBatchNorm.js';

/**
 * Writes a batch normalization of an image that no layer before it can take in (networks that normalize before they convolve, joins)
 * as a depthwise convolution of 1 x 1: the same numbers up to rounding, and a layer that has integer kernels.
 */
export function batchNormToConv(graph: Graph): Graph {
  const types = new Types(graph);
  return rewrite(graph, (node, to) => {
    if (node.op !== batchNorm) return undefined;
    const [x] = node.inputs;
    const type = types.get(x);
    const affine = type?.dtype === 'float32' && type.shape.length === 4 ? affineOf(graph, node, 4) : undefined;
    if (!affine) return undefined;
    const channels = affine.factor.length;
    const weight = to.graph.constant(Tensor.from(affine.factor, [channels, 1, 1, 1], 'float32'), `${node.name}.weight`);
    const bias = to.graph.constant(Tensor.from(affine.shift, [channels], 'float32'), `${node.name}.bias`);
    return to.graph.add(conv2d, [to.get(x), weight, bias], { groups: channels }, node.name);
  });
}
