import type { Graph, Node, Value } from '../graph/graph.js';
import { rewrite } from '../graph/rewrite.js';
import { Types } from '../graph/types.js';
import * as ops from '../ops/index.js';
import { axisIndex, sizeOf } from '../shape.js';
import { Tensor } from '../tensor.js';

/** y[o] = factor[o]·x[o] + shift[o] over the output channels of a product. */
interface Affine {
  factor: ArrayLike<number>;
  shift: ArrayLike<number>;
}

const products: readonly unknown[] = [ops.conv2d, ops.convTranspose2d, ops.gemm];

/**
 * Puts what follows a convolution or a linear layer channel by channel into its weights: batch normalization,
 * w'[o] = w[o]·γ/√(σ² + ε), b' = (b − μ)·γ/√(σ² + ε) + β, and additions and products with one constant a channel.
 * Only where nobody else reads the layer's output and its weights are constants. Computed in float64, rounded once.
 */
export function foldBatchNorm(graph: Graph): Graph {
  const types = new Types(graph);
  return rewrite(graph, (node, to) => {
    const x = node.inputs.find((value) => !graph.constants.has(value));
    const rank = x && types.rank(x);
    const affine = rank === undefined ? undefined : affineOf(graph, node, rank);
    // The node may have been folded already, so look at what the input has become.
    const layer = x && to.get(x).producer;
    if (!affine || !layer || !products.includes(layer.op) || to.uses.only(x) !== node) return undefined;
    const [input, w, bias] = layer.inputs;
    const weight = to.graph.constantOf(w);
    const shift = to.graph.constantOf(bias);
    if (!weight || !shift || affine.factor.length !== weight.shape[0]) return undefined;
    const folded = fold(weight, shift, affine);
    return to.graph.add(
      layer.op,
      [input, to.graph.constant(folded.weight, w.name), to.graph.constant(folded.bias, bias.name)],
      layer.params,
      layer.name,
    );
  });
}

/** What the node does to a value of this rank, whose channels are last; undefined where it is more than that. */
export function affineOf(graph: Graph, node: Node, rank: number): Affine | undefined {
  if (node.op === ops.batchNorm) return batchNormOf(graph, node, rank);
  const side = node.inputs.findIndex((value) => graph.constants.has(value));
  const channels = side >= 0 ? lastAxis(graph, node.inputs[side], rank) : undefined;
  if (!channels) return undefined;
  const zeros = new Float64Array(channels.length);
  const ones = zeros.map(() => 1);
  if (node.op === ops.add) return { factor: ones, shift: channels };
  if (node.op === ops.sub && side === 1) return { factor: ones, shift: channels.map((x) => -x) };
  if (node.op === ops.mul) return { factor: channels, shift: zeros };
  return undefined;
}

function batchNormOf(graph: Graph, node: Node, rank: number): Affine | undefined {
  const { axis, epsilon } = { ...ops.batchNorm.params, ...node.params } as { axis: number; epsilon: number };
  const constants = node.inputs.slice(1).map((value) => graph.constantOf(value)?.toNumbers());
  if (axisIndex(axis, rank) !== rank - 1) return undefined;
  if (!constants.every((list) => list !== undefined)) return undefined;
  const [scale, bias, mean, variance] = constants;
  const factor = scale.map((gamma, i) => gamma / Math.sqrt(variance[i] + epsilon));
  return { factor, shift: bias.map((beta, i) => beta - mean[i] * factor[i]) };
}

/** A constant with one number a channel, as [c], [1, 1, 1, c] and the like, that leaves the rank what it is. */
function lastAxis(graph: Graph, value: Value, rank: number): number[] | undefined {
  const tensor = graph.constantOf(value);
  if (tensor?.dtype !== 'float32' || !tensor.shape.length || tensor.shape.length > rank) return undefined;
  return tensor.shape.at(-1) === sizeOf(tensor.shape) ? tensor.toNumbers() : undefined;
}

function fold(weight: Tensor, bias: Tensor, { factor, shift }: Affine) {
  const w = weight.data() as Float32Array;
  const b = bias.data() as Float32Array;
  const row = w.length / factor.length;
  const scaled = w.map((x, i) => x * factor[Math.floor(i / row)]);
  return {
    weight: Tensor.from(scaled, weight.shape),
    bias: Tensor.from(
      b.map((x, o) => x * factor[o] + shift[o]),
      bias.shape,
    ),
  };
}
