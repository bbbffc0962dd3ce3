import type { Graph, Node, Value } from '../graph/graph.js';
import { codesOf } from '../graph/match.js';
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
 * Only where nobody else reads the layer's output and its weights are constants, or codes, of which the scales change. Computed in float64,
 * rounded once.
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
    const shift = to.graph.constantOf(bias);
    if (!shift || affine.factor.length !== shift.size) return undefined;
    const weight = foldWeight(to.graph, w, affine.factor);
    return (
      weight && to.graph.add(layer.op, [input, weight, to.graph.constant(foldBias(shift, affine), bias.name)], layer.params, layer.name)
    );
  });
}

/** The weight times one factor a channel: a constant, or codes whose scales are multiplied; undefined where it is neither. */
function foldWeight(graph: Graph, w: Value, factor: ArrayLike<number>): Value | undefined {
  const weight = graph.constantOf(w);
  if (weight) {
    const row = weight.size / factor.length;
    const scaled = (weight.data() as Float32Array).map((x, i) => x * factor[Math.floor(i / row)]);
    return graph.constant(Tensor.from(scaled, weight.shape), w.name);
  }
  return codesOf(graph, w) && foldScales(graph, w.producer!, factor);
}

/**
 * Scales stay positive: where the factor is not, the codes change their sign instead. Undefined where that cannot be: a factor of 0, or a
 * code −8 of 4 bits, which has no counterpart.
 */
function foldScales(graph: Graph, { inputs, params, output }: Node, factor: ArrayLike<number>): Value | undefined {
  const [codes, scale, zeroPoint] = inputs;
  const scales = graph.constantOf(scale)!.toNumbers();
  const factors = Array.from(factor);
  if (
    factors.includes(0) ||
    graph
      .constantOf(zeroPoint)!
      .toNumbers()
      .some((zero) => zero !== 0)
  )
    return undefined;
  const signed = factors.some((x) => x < 0) ? negateRows(graph, codes, factors) : codes;
  if (!signed) return undefined;
  const folded = Float32Array.from(factors, (x, o) => Math.abs(x) * scales[scales.length === 1 ? 0 : o]);
  const zeros = graph.constant(Tensor.from(new Int8Array(folded.length)), zeroPoint.name);
  const name = output.name;
  return graph.add(ops.dequantize, [signed, graph.constant(Tensor.from(folded), scale.name), zeros], { ...params, axis: 0 }, name);
}

/** The codes with the rows of negative factors negated, packed as they were. */
function negateRows(graph: Graph, codes: Value, factors: readonly number[]): Value | undefined {
  const unpack = codes.producer;
  const constant = graph.constantOf(unpack ? unpack.inputs[0] : codes)!;
  const levels = unpack ? ops.unpackLevels(constant, unpack.params as typeof ops.unpackLevels.params) : constant;
  if (levels.dtype !== 'int8') return undefined;
  const row = levels.size / factors.length;
  const negated = Int8Array.from(levels.data() as Int8Array, (level, i) => (factors[Math.floor(i / row)] < 0 ? -level : level));
  if (!unpack) return graph.constant(Tensor.from(negated, levels.shape), codes.name);
  const { bits, grid } = { ...ops.unpackLevels.params, ...unpack.params } as typeof ops.unpackLevels.params;
  const least = -(2 ** (bits - 1));
  if (grid === 'zero' && negated.some((level) => level === -least)) return undefined;
  const packed = ops.packLevels(Tensor.from(negated, levels.shape), { bits, grid });
  return graph.add(ops.unpackLevels, [graph.constant(packed, unpack.inputs[0].name)], unpack.params, codes.name);
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

function foldBias(bias: Tensor, { factor, shift }: Affine): Tensor {
  const folded = (bias.data() as Float32Array).map((x, o) => x * factor[o] + shift[o]);
  return Tensor.from(folded, bias.shape);
}
