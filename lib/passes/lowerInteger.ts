import type { Graph, Node } from '../graph/graph.js';
import { isMove } from '../graph/match.js';
import { Types } from '../graph/types.js';
import { dequantize, quantize } from '../ops/index.js';
import { isReal } from '../shape.js';
import { dequantizeConstants } from './dequantizeConstants.js';
import { Lowering } from './lower/lowering.js';
import { quantizeBeforeMoves } from './quantizeBeforeMoves.js';

/** A node that computes on real numbers in a lowered graph, and why. */
export interface FloatNode {
  name: string;
  op: string;
  reason: string;
}

/**
 * Turns dequantize → op → quantize into integer ops over whole regions: convolution, linear layer and product with bias and clamp
 * fused, sums, joins, pools, tables for other elementwise functions, and moves of codes. The arithmetic is docs/integers.md. Codes of weights that a
 * float layer reads are dequantized here, once.
 * @returns the lowered graph, and the nodes that stay float with the reason
 */
export function lowerInteger(old: Graph): { graph: Graph; float: FloatNode[] } {
  const to = new Lowering(quantizeBeforeMoves(old));
  const graph = dequantizeConstants(to.apply((node) => to.visit(node)));
  const types = new Types(graph);
  return { graph, float: graph.nodes.filter((node) => isFloat(node, types)).map((node) => floatNode(node, to)) };
}

// Arithmetic on real numbers; moving them, or their way to codes and back, is none.
function isFloat(node: Node, types: Types): boolean {
  const { op, output } = node;
  if (op === quantize || op === dequantize || op.integer || isMove(node)) return false;
  return isReal(types.get(output)?.dtype ?? 'float32');
}

function floatNode(node: Node, to: Lowering): FloatNode {
  const reason = to.reasons.get(node.name) ?? 'its input or output is not quantized';
  return { name: node.name, op: node.op.name, reason };
}
