/** Convolutions, linear layers and products of activations on codes. */
import type { Graph, Node, Value } from '../../graph/graph.js';
import { groupedOf } from '../../graph/match.js';
import type { Packing } from '../../ops/index.js';
import * as ops from '../../ops/index.js';
import { productScales, quantizeBias } from '../../quant/scheme.js';
import type { Shape } from '../../shape.js';
import { scope, Tensor } from '../../tensor.js';
import { packingOf } from '../packWeights.js';
import { outputParams, packedBehind, paramsOf, type Target, type WeightCodes } from './codes.js';
import type { Lowering } from './lowering.js';
import { packedSigns } from './signs.js';

/** What becomes of weights with a scale for each group of inputs: no packed kernel takes them. */
const groups = 'its weight, with scales for groups of inputs, is dequantized once';

/** The integer node of a product, or the reason why there is none. Without a target the output is float32. */
export function lowerProduct(node: Node, target: Target | undefined, to: Lowering): Value | string {
  if (node.op === ops.matmul) return lowerMatmul(node, target, to);
  const [x, w, bias] = node.inputs;
  const input = to.codes(x);
  if (!input) return groupedOf(to.old, w) ? `its input is not quantized, and ${groups}` : 'its input is not quantized';
  const weights = weightCodes(to, w);
  if (typeof weights === 'string') return weights;
  const { shape, packing } = weights;
  const products = productScales(input.scale, weights.scales);
  const sums = biasCodes(to, bias, products, shape[0]);
  if (!sums) return 'its bias is not constant';
  const largest = scope(() => largestSum(int8Codes(to.graph, weights), weights.zero, sums));
  if (largest >= 2 ** 31) return `its sums may reach ${largest}, which int32 does not hold`;
  const scale = multipliers(products, target, shape[0]);
  const operands = [
    input.value,
    weights.codes,
    to.graph.constant(sums, `${node.name}.bias`),
    to.graph.constant(scale, `${node.name}.scale`),
  ];
  const output = target ? outputParams(target) : ({ dtype: 'float32', qmin: 0, qmax: 0 } as const);
  if (node.op === ops.gemm) {
    const params = { aZero: input.zero, ...output };
    if (packing) return to.graph.add(ops.lowbitGemm, operands, { ...params, ...packing }, node.name);
    return to.graph.add(ops.qgemm, operands, { ...params, bZero: weights.zero }, node.name);
  }
  const params = { ...node.params, xZero: input.zero, ...output };
  if (packing) return to.graph.add(ops.lowbitConv2d, operands, { ...params, kernel: shape.slice(1, 3), ...packing }, node.name);
  return to.graph.add(ops.qconv2d, operands, { ...params, wZero: weights.zero }, node.name);
}

/**
 * A layer of packed weights on real numbers, which reads them as they are; nothing for other nodes. On ±1 and with weights of 1 bit it is
 * one of signs, whose sums are exact where those of real numbers are rounded at every step.
 */
export function lowerPacked(node: Node, to: Lowering): Value | undefined {
  if (node.op !== ops.gemm && node.op !== ops.conv2d) return undefined;
  const [x, w, bias] = node.inputs;
  const weights = weightCodes(to, w);
  const packed = typeof weights === 'string' ? undefined : packedCodes(weights, to);
  if (!packed) return undefined;
  const { codes, scales, shape, packing } = packed;
  const scale = Tensor.from(
    Float32Array.from({ length: shape[0] }, (_, c) => scales[scales.length === 1 ? 0 : c]),
    [shape[0]],
  );
  const signs = packing.bits === 1 ? packedSigns(x, to) : undefined;
  const operands = [signs ?? to.get(x), codes, to.get(bias), to.graph.constant(scale, `${node.name}.scale`)];
  if (signs) return lowerSigns(node, operands, shape, to);
  if (node.op === ops.gemm) return to.graph.add(ops.lowbitGemmFloat, operands, { ...packing }, node.name);
  return to.graph.add(ops.lowbitConv2dFloat, operands, { ...node.params, kernel: shape.slice(1, 3), ...packing }, node.name);
}

/** Weights with few bits packed, as they were or now: what a layer on real numbers reads is then an eighth of float32, or less. */
function packedCodes(weights: WeightCodes, to: Lowering): (WeightCodes & { packing: Packing }) | undefined {
  const { codes, packing, zero } = weights;
  if (packing) return { ...weights, packing };
  const levels = to.graph.constantOf(codes)!;
  const found = zero === 0 ? packingOf(levels) : undefined;
  if (!found) return undefined;
  return {
    ...weights,
    codes: to.graph.constant(
      scope(() => ops.packLevels(levels, found)),
      `${codes.name}.packed`,
    ),
    packing: found,
  };
}

function lowerSigns(node: Node, operands: readonly Value[], shape: Shape, to: Lowering): Value {
  if (node.op === ops.gemm) return to.graph.add(ops.binaryGemm, operands, { columns: shape[1] }, node.name);
  const { groups = ops.conv2d.params.groups } = node.params;
  const params = { ...node.params, kernel: shape.slice(1, 3), channels: shape[3] * Number(groups) };
  return to.graph.add(ops.binaryConv2d, operands, params, node.name);
}

/** Why a node that is no product here computes on real numbers. */
export function withoutKernel(node: Node): string {
  return `${node.op.name} has no integer kernel${hasPackedWeight(node) ? ', and its weight is unpacked at every run' : ''}`;
}

/** Does a layer read its weight from packed codes? */
export function hasPackedWeight({ op, inputs }: Node): boolean {
  const weight = op.quantizes && inputs[op.inputs.indexOf(op.quantizes.weight)];
  return packedBehind(weight?.producer?.inputs[0]) !== undefined;
}

/** The int8 codes of weights, unpacked where they are packed. */
function int8Codes(graph: Graph, { codes, shape, packing }: WeightCodes): Tensor {
  const tensor = graph.constantOf(codes)!;
  return packing ? ops.unpackLevels(tensor, { ...packing, shape }) : tensor;
}

function lowerMatmul(node: Node, target: Target | undefined, to: Lowering): Value | string {
  const [a, b] = node.inputs.map((value) => to.codes(value));
  if (!a || !b) return 'an input is not quantized';
  const product = Math.fround(a.scale * b.scale);
  const multiplier = target ? Math.fround(product / target.scale) : product;
  const output = target ? outputParams(target) : ({ dtype: 'float32', qmin: 0, qmax: 0 } as const);
  return to.graph.add(ops.qmatmul, [a.value, b.value], { aZero: a.zero, bZero: b.zero, multiplier, ...output }, node.name);
}

/** A product of activations divided by a power of two (the root of 64 channels in attention): the multiplier is, and no bit of y changes. */
export function lowerQuotient(node: Node, to: Lowering): Value | undefined {
  const [x, divisor] = node.inputs;
  const product = x.producer?.op === ops.matmul && to.uses.only(x) === node ? to.get(x).producer : undefined;
  const by = to.old.constantOf(divisor);
  if (product?.op !== ops.qmatmul || product.params.dtype !== 'float32' || by?.size !== 1 || by.shape.length) return undefined;
  const multiplier = Number(product.params.multiplier) / by.item();
  const isPower = Number.isInteger(Math.log2(by.item()));
  return isPower && multiplier > 2 ** -90 && multiplier < 2 ** 60
    ? to.graph.add(ops.qmatmul, product.inputs, { ...product.params, multiplier }, node.name)
    : undefined;
}

/** The largest |bias[c]| + 255·Σ|w[c] − z_w|: what a sum of products can come to. */
function largestSum(weight: Tensor, zero: number, bias: Tensor): number {
  const codes = weight.data() as Int8Array;
  const biases = bias.data() as Int32Array;
  const row = codes.length / biases.length;
  return biases.reduce((most, b, c) => {
    let sum = 0;
    for (let i = c * row; i < (c + 1) * row; i++) sum += Math.abs(codes[i] - zero);
    return Math.max(most, Math.abs(b) + 255 * sum);
  }, 0);
}

/** m[c] = f32(f32(s_x·s_w[c]) / s_y), or f32(s_x·s_w[c]) where the output is real. */
function multipliers(products: Float32Array, target: Target | undefined, channels: number): Tensor {
  const product = (c: number) => products[products.length === 1 ? 0 : c];
  return Tensor.from(
    Float32Array.from({ length: channels }, (_, c) => (target ? product(c) / target.scale : product(c))),
    [channels],
  );
}

/** The bias as int32 codes with the scales of the products. */
function biasCodes(to: Lowering, bias: Value, products: Float32Array, channels: number): Tensor | undefined {
  const real = constantNumbers(to.old, bias);
  return real?.length === channels ? Tensor.from(quantizeBias(real, products), [channels]) : undefined;
}

/** The numbers of a constant, or of constant codes behind a dequantize; exact for int32 codes times their scale. */
export function constantNumbers(graph: Graph, value: Value): number[] | undefined {
  const tensor = graph.constantOf(value);
  if (tensor) return tensor.toNumbers();
  const node = value.producer;
  const codes = node && graph.constantOf(node.inputs[0]);
  const params = node && paramsOf(graph, node);
  if (!codes || !params) return undefined;
  const { scales, zeros } = params;
  return codes.toNumbers().map((q, c) => (q - zeros[zeros.length === 1 ? 0 : c]) * scales[scales.length === 1 ? 0 : c]);
}

/** The int8 codes of a weight, packed or not; uint8 codes and their zero point are moved down by 128. */
function weightCodes(to: Lowering, value: Value): WeightCodes | string {
  const node = value.producer;
  const params = node && paramsOf(to.old, node);
  const packed = node && packedBehind(node.inputs[0]);
  const constant = packed?.codes ?? node?.inputs[0];
  const tensor = constant && to.old.constantOf(constant);
  if (!params || !tensor) return 'its weight is not quantized';
  const { shape } = packed ?? tensor;
  const { scales, zeros, axis, dtype } = params;
  if (dtype !== 'int8' && dtype !== 'uint8') return `its weight has ${dtype} codes`;
  if (scales.length > 1 && (axis < 0 ? axis + shape.length : axis) !== 0) return 'its weight scales are not along the output channels';
  if (zeros.some((zero) => zero !== zeros[0])) return 'its weight has different zero points for different channels';
  if (packed && zeros[0] !== 0) return 'its packed weight has a zero point';
  if (dtype === 'int8') return { codes: to.get(constant), shape, scales, zero: zeros[0], packing: packed?.packing };
  const moved = scope(() =>
    Tensor.from(
      Int8Array.from(tensor.data() as Uint8Array, (q) => q - 128),
      tensor.shape,
    ),
  );
  return { codes: to.graph.constant(moved, constant.name), shape, scales, zero: zeros[0] - 128 };
}
