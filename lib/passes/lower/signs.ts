/** What is ±1 in a graph, for layers with weights of 1 bit. */
import type { Graph, Node, Value } from '../../graph/graph.js';
import * as ops from '../../ops/index.js';
import { sizeOf } from '../../shape.js';
import type { Lowering } from './lowering.js';

/** The packed signs that an old value is, maybe moved, if it is x ≥ zero ? 1 : −1. */
export function packedSigns(value: Value, to: Lowering): Value | undefined {
  const known = to.signs.get(value);
  if (known) return known;
  const moves: Node[] = [];
  let at = value;
  for (let node = at.producer; node?.op.movesElements && node.inputs.length === 1; node = at.producer) {
    moves.unshift(node);
    at = node.inputs[0];
  }
  const source = at.producer && comparison(to.old, at.producer);
  if (!source) return undefined;
  const moved = moves.reduce((x, node) => to.copy(node, [x]), to.get(source.x));
  const signs = to.graph.add(ops.packSigns, [moved], { zero: source.zero }, `${value.name}.signs`);
  to.signs.set(value, signs);
  return signs;
}

/**
 * x and zero of where(x ≥ zero, 1, −1), or with zero ≤ x. The op `sign` makes no signs: that of 0 is 0, a third value; and with x < zero a
 * NaN would be +1.
 */
function comparison(graph: Graph, { op, inputs: [condition, yes, no] }: Node): { x: Value; zero: number } | undefined {
  if (op !== ops.where || numberOf(graph, yes) !== 1 || numberOf(graph, no) !== -1) return undefined;
  const compare = condition.producer;
  if (compare?.op !== ops.greaterOrEqual && compare?.op !== ops.lessOrEqual) return undefined;
  const [x, bound] = compare.op === ops.greaterOrEqual ? compare.inputs : [...compare.inputs].reverse();
  const zero = numberOf(graph, bound);
  return zero !== undefined && Number.isFinite(zero) ? { x, zero } : undefined;
}

function numberOf(graph: Graph, value: Value): number | undefined {
  const tensor = graph.constantOf(value);
  return tensor?.dtype === 'float32' && sizeOf(tensor.shape) === 1 && tensor.shape.length <= 1 ? tensor.toNumbers()[0] : undefined;
}
