/** Models with quantized values: whether one is, what its input ranges are, and the same model without. */
import { type Graph, Uses, type Value } from '../graph/graph.js';
import { rewrite } from '../graph/rewrite.js';
import { runOp } from '../op.js';
import { dequantize, quantize, unpackLevels } from '../ops/index.js';
import { unpackWeights } from '../passes/packWeights.js';
import { integerRange, isReal } from '../shape.js';
import { scope } from '../tensor.js';

/** Has the graph quantized values? */
export const isQuantized = (graph: Graph) => graph.nodes.some((node) => node.op === quantize || node.op.integer);

/** Has the graph packed weights? */
export const isPacked = (graph: Graph) => graph.nodes.some((node) => node.op === unpackLevels);

/** Does `lowerInteger` find something: quantized values, or packed weights, which have kernels with float values too? */
export const isLowerable = (graph: Graph) => isQuantized(graph) || isPacked(graph);

/** The same network on real numbers: values are not rounded to codes, weights are dequantized. */
export function withoutQuantization(model: Graph): Graph {
  const graph = unpackWeights(model);
  const real = new Map<Value, Value>();
  return rewrite(graph, (node, to) => {
    const [x] = node.inputs;
    if (node.op === quantize) {
      const value = to.get(x);
      real.set(node.output, value);
      return value;
    }
    // Codes that an op has only moved are real numbers here as well.
    if (node.op.movesElements && real.has(x)) real.set(node.output, to.get(x));
    if (node.op !== dequantize) return undefined;
    if (real.has(x)) return to.get(x);
    const constants = node.inputs.map((value) => graph.constantOf(value));
    if (!constants.every((tensor) => tensor !== undefined)) return undefined;
    return to.graph.constant(
      scope(() => runOp(dequantize, constants, node.params)),
      node.output.name,
    );
  });
}

/** The real numbers that an input can hold without being clamped, from the first quantization on its way; undefined without one. */
export function inputRange(graph: Graph, input: Value): [low: number, high: number] | undefined {
  const uses = new Uses(graph);
  const waiting = [input];
  for (const value of waiting) {
    for (const node of uses.of(value)) {
      if (node.op.movesElements) waiting.push(node.output);
      const [scale, zero] = node.op === quantize ? node.inputs.slice(1).map((of) => graph.constantOf(of)) : [];
      if (!scale || !zero || scale.size !== 1 || isReal(zero.dtype)) continue;
      const [low, high] = integerRange(zero.dtype).map((q) => (q - zero.item()) * scale.item());
      return [low, high];
    }
  }
  return undefined;
}
