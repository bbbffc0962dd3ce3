import type { Graph } from '../graph/graph.js';
import { rewrite } from '../graph/rewrite.js';
import { runOp } from '../op.js';
import { dequantize, reshape } from '../ops/index.js';

/**
 * Computes once what would be dequantized at every run: constant codes, of which nothing but real numbers is read, become real constants, of four times
 * the bytes where the codes have 8 bits. For graphs that are to run: files keep the codes. Packed codes stay what they are.
 */
export function dequantizeConstants(graph: Graph): Graph {
  return rewrite(graph, (node, to) => {
    if (node.op !== dequantize && node.op !== reshape) return undefined;
    const inputs = node.inputs.map((value) => to.graph.constantOf(to.get(value)));
    return inputs.every((tensor) => tensor !== undefined)
      ? to.graph.constant(runOp(node.op, inputs, to.params(node)), node.output.name)
      : undefined;
  });
}
