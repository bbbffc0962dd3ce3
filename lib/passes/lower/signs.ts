/** What is ±1 in a graph, for layers with weights of 1 bit. */
import type { Graph, Node, Value } from '../../graph/graph.js';
import * as ops from '../../ops/index.js';
import { sizeOf } from '../../shape.js';
import { packedBehind } from './codes.js';
import type { Lowering } from './lowering.js';
import { signsOfLayer } from './thresholds.js';

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
  const written = moves.length || !isOnlyMultiplied(value, to) ? undefined : signsOfLayer(source.x, source.zero, source.by, to);
  const signs = written ?? packed(value, moves, source, to);
  to.signs.set(value, signs);
  return signs;
}

function packed(value: Value, moves: readonly Node[], { x, zero }: Comparison, to: Lowering): Value {
  const moved = moves.reduce((before, node) => to.copy(node, [before]), to.get(x));
  return to.graph.add(ops.packSigns, [moved], { zero }, `${value.name}.signs`);
}

/** Do only layers of 1-bit weights read the value, and only it the comparison? */
function isOnlyMultiplied(value: Value, to: Lowering): boolean {
  const condition = value.producer?.inputs[0];
  return (
    condition !== undefined &&
    to.uses.only(condition) === value.producer &&
    !to.uses.isOutput(value) &&
    to.uses.of(value).every((reader) => reader.inputs[0] === value && hasSignWeight(reader))
  );
}

/** Does a layer read its weight from packed codes of 1 bit? */
function hasSignWeight({ op, inputs }: Node): boolean {
  const weight = op.quantizes && inputs[op.inputs.indexOf(op.quantizes.weight)];
  return packedBehind(weight?.producer?.inputs[0])?.packing.bits === 1;
}

interface Comparison {
  x: Value;
  zero: number;
  by: Node;
}

/**
 * x and zero of where(x ≥ zero, 1, −1), or with zero ≤ x. The op `sign` makes no signs: that of 0 is 0, a third value; and with x < zero a
 * NaN would be +1.
 */
function comparison(graph: Graph, { op, inputs: [condition, yes, no] }: Node): Comparison | undefined {
  if (op !== ops.where || numberOf(graph, yes) !== 1 || numberOf(graph, no) !== -1) return undefined;
  const compare = condition.producer;
  if (compare?.op !== ops.greaterOrEqual && compare?.op !== ops.lessOrEqual) return undefined;
  const [x, bound] = compare.op === ops.greaterOrEqual ? compare.inputs : [...compare.inputs].reverse();
  const zero = numberOf(graph, bound);
  return zero !== undefined && Number.isFinite(zero) ? { x, zero, by: compare } : undefined;
}

function numberOf(graph: Graph, value: Value): number | undefined {
  const tensor = graph.constantOf(value);
  return tensor?.dtype === 'float32' && sizeOf(tensor.shape) === 1 && tensor.shape.length <= 1 ? tensor.toNumbers()[0] : undefined;
}
