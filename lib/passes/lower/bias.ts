/** What is added to products of codes, before lowering. */
import type { Graph, Node, Uses, Value } from '../../graph/graph.js';
import { clampOf, codesOf, isMove } from '../../graph/match.js';
import { rewrite } from '../../graph/rewrite.js';
import { Types } from '../../graph/types.js';
import * as ops from '../../ops/index.js';
import { Tensor } from '../../tensor.js';
import { paramsOf } from './codes.js';
import { constantNumbers } from './products.js';

/**
 * Adds what is constant for each channel of a product of codes to its bias, where nobody else reads the product and the sum is quantized: ONNX has
 * no other way to write a linear layer over more than two dimensions. The bias becomes int32 codes then (docs/integers.md), and the product can
 * end in codes. A sum that stays real is left alone, because it would be rounded for nothing.
 */
export function foldBiases(graph: Graph): Graph {
  const types = new Types(graph);
  return rewrite(graph, (node, to) => {
    if (node.op !== ops.add) return undefined;
    const product = node.inputs.find((value) => isProductOfCodes(graph, value));
    const added = node.inputs.find((value) => value !== product);
    if (!product?.producer || !added || to.uses.only(product) !== node || !endsInCodes(node.output, to.uses)) return undefined;
    const [x, w, bias] = product.producer.inputs;
    const [start, shift] = [graph.constantOf(bias), channelsOf(graph, added, types.rank(product) ?? 0)];
    if (!shift || start?.size !== shift.length) return undefined;
    const sum = start.toNumbers().map((b, c) => b + shift[c]);
    if (!fitsSums(graph, sum, x, w)) return undefined;
    const folded = to.graph.constant(Tensor.from(sum, start.shape), bias.name);
    return to.copy(product.producer, [to.get(x), to.get(w), folded]);
  });
}

/** Do all readers make codes of the value, maybe moved or clamped before? */
function endsInCodes(value: Value, uses: Uses): boolean {
  const makesCodes = (reader: Node) =>
    reader.op === ops.quantize || ((isMove(reader) || clampOf(reader) !== undefined) && endsInCodes(reader.output, uses));
  return !uses.isOutput(value) && uses.of(value).every(makesCodes);
}

function isProductOfCodes(graph: Graph, { producer }: Value): boolean {
  if (producer?.op !== ops.gemm && producer?.op !== ops.conv2d) return false;
  const [x, w] = producer.inputs;
  return dequantizeBehind(x) !== undefined && codesOf(graph, w) !== undefined;
}

/** The dequantize that makes a value, which may have been moved since. */
function dequantizeBehind({ producer }: Value): Node | undefined {
  if (!producer || producer.op === ops.dequantize) return producer;
  return isMove(producer) ? dequantizeBehind(producer.inputs[0]) : undefined;
}

/** Are the codes of a bias far from the ends of int32, so that they do not keep the product from being computed on codes? */
function fitsSums(graph: Graph, bias: readonly number[], x: Value, w: Value): boolean {
  const [activations, weights] = [x, w].map((value) => paramsOf(graph, dequantizeBehind(value)!)?.scales);
  if (activations?.length !== 1 || !weights) return false;
  return bias.every((b, c) => Math.abs(b) < 2 ** 30 * activations[0] * weights[weights.length === 1 ? 0 : c]);
}

/** A constant, or codes of one, with one number for each channel: [c], [1, 1, c] and the like, of no more dimensions than `rank`. */
function channelsOf(graph: Graph, value: Value, rank: number): number[] | undefined {
  const { producer } = value;
  const stored = graph.constantOf(producer?.op === ops.dequantize ? producer.inputs[0] : value);
  if (!stored?.shape.length || stored.shape.length > rank || stored.shape.at(-1) !== stored.size) return undefined;
  return constantNumbers(graph, value);
}
