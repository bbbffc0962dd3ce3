/** Convolutions, linear layers and products of activations on codes. */
import type { Graph, Node, Value } from '../../graph/graph.js';
import * as ops from '../../ops/index.js';
import { productScales, quantizeBias } from '../../quant/scheme.js';
import { scope, Tensor } from '../../tensor.js';
import { outputParams, paramsOf, type Target, type WeightCodes } from './codes.js';
import type { Lowering } from './lowering.js';

/** The integer node of a product, or the reason why there is none. Without a target the output is float32. */
export function lowerProduct(node: Node, target: Target | undefined, to: Lowering): Value | string {
  if (node.op === ops.matmul) return lowerMatmul(node, target, to);
  const [x, w, bias] = node.inputs;
  const input = to.codes(x);
  if (!input) return 'its input is not quantized';
  const weights = weightCodes(to, w);
  if (typeof weights === 'string') return weights;
  const tensor = to.graph.constantOf(weights.codes)!;
  const products = productScales(input.scale, weights.scales);
  const sums = biasCodes(to, bias, products, tensor.shape[0]);
  if (!sums) return 'its bias is not constant';
  const largest = largestSum(tensor, weights.zero, sums);
  if (largest >= 2 ** 31) return `its sums may reach ${largest}, which int32 does not hold`;
  const scale = multipliers(products, target, tensor.shape[0]);
  const operands = [
    input.value,
    weights.codes,
    to.graph.constant(sums, `${node.name}.bias`),
    to.graph.constant(scale, `${node.name}.scale`),
  ];
  const output = target ? outputParams(target) : ({ dtype: 'float32', qmin: 0, qmax: 0 } as const);
  if (node.op === ops.gemm) return to.graph.add(ops.qgemm, operands, { aZero: input.zero, bZero: weights.zero, ...output }, node.name);
  return to.graph.add(ops.qconv2d, operands, { ...node.params, xZero: input.zero, wZero: weights.zero, ...output }, node.name);
}

function lowerMatmul(node: Node, target: Target | undefined, to: Lowering): Value | string {
  const [a, b] = node.inputs.map((value) => to.codes(value));
  if (!a || !b) return 'an input is not quantized';
  const product = Math.fround(a.scale * b.scale);
  const multiplier = target ? Math.fround(product / target.scale) : product;
  const output = target ? outputParams(target) : ({ dtype: 'float32', qmin: 0, qmax: 0 } as const);
  return to.graph.add(ops.qmatmul, [a.value, b.value], { aZero: a.zero, bZero: b.zero, multiplier, ...output }, node.name);
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
function constantNumbers(graph: Graph, value: Value): number[] | undefined {
  const tensor = graph.constantOf(value);
  if (tensor) return tensor.toNumbers();
  const node = value.producer;
  const codes = node && graph.constantOf(node.inputs[0]);
  const params = node && paramsOf(graph, node);
  if (!codes || !params) return undefined;
  const { scales, zeros } = params;
  return codes.toNumbers().map((q, c) => (q - zeros[zeros.length === 1 ? 0 : c]) * scales[scales.length === 1 ? 0 : c]);
}

/** The int8 codes of a weight; uint8 codes and their zero point are moved down by 128. */
function weightCodes(to: Lowering, value: Value): WeightCodes | string {
  const node = value.producer;
  const params = node && paramsOf(to.old, node);
  const tensor = node && to.old.constantOf(node.inputs[0]);
  if (!params || !tensor) return 'its weight is not quantized';
  const { scales, zeros, axis, dtype } = params;
  if (dtype !== 'int8' && dtype !== 'uint8') return `its weight has ${dtype} codes`;
  if (scales.length > 1 && (axis < 0 ? axis + tensor.shape.length : axis) !== 0)
    return 'its weight scales are not along the output channels';
  if (zeros.some((zero) => zero !== zeros[0])) return 'its weight has different zero points for different channels';
  if (dtype === 'int8') return { codes: to.get(node.inputs[0]), scales, zero: zeros[0] };
  const moved = scope(() =>
    Tensor.from(
      Int8Array.from(tensor.data() as Uint8Array, (q) => q - 128),
      tensor.shape,
    ),
  );
  return { codes: to.graph.constant(moved, node.inputs[0].name), scales, zero: zeros[0] - 128 };
}
