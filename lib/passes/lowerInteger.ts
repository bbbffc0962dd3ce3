import type { Graph, Node, Value } from '../graph/graph.js';
import { withoutDead } from '../graph/rewrite.js';
import { dequantize, pad, quantize } from '../ops/index.js';
import { Lowering } from './lower/lowering.js';

/** A node that computes on real numbers in a lowered graph, and why. */
export interface FloatNode {
  name: string;
  op: string;
  reason: string;
}

/**
 * Turns dequantize → op → quantize into integer ops over whole regions: convolution, linear layer and product with bias and clamp
 * fused, sums, joins, pools, tables for other elementwise functions, and moves of codes. The arithmetic is docs/integers.md.
 * Codes have the name of the quantize node that asked for them first.
 * @returns the lowered graph, and the nodes that stay float with the reason
 */
export function lowerInteger(old: Graph): { graph: Graph; float: FloatNode[] } {
  const to = new Lowering(old);
  const named = new Set<Value>();
  for (const node of old.nodes) {
    const now = to.visit(node) ?? to.copy(node);
    to.set(node.output, now);
    if (!now.producer || named.has(now)) continue;
    to.graph.rename(now, node.output.name);
    named.add(now);
  }
  for (const { name, value } of old.outputs) to.graph.output(name, to.get(value));
  const graph = withoutDead(to.graph);
  return { graph, float: graph.nodes.filter(isFloat).map((node) => floatNode(node, to)) };
}

function isFloat(node: Node): boolean {
  if (node.op === quantize || node.op === dequantize || node.op === pad || node.op.movesElements) return false;
  return !node.op.integer;
}

function floatNode(node: Node, to: Lowering): FloatNode {
  const reason = to.reasons.get(node.name) ?? 'its input or output is not quantized';
  return { name: node.name, op: node.op.name, reason };
}
