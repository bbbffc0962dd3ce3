import type { Graph, Node, Uses, Value } from '../graph/graph.js';
import { rewrite } from '../graph/rewrite.js';
import { quantize, reshape, transpose } from '../ops/index.js';

/** Quantizes to codes on one scale before reshapes and transposes, not after: what makes the values can make codes, and fewer bytes are moved. */
export function quantizeBeforeMoves(graph: Graph): Graph {
  return rewrite(graph, (node, to) => {
    if (node.op !== quantize) return undefined;
    const [x, scale, zeroPoint] = node.inputs;
    const moves = movesBefore(x, to.uses);
    if (!moves.length || graph.constantOf(scale)?.size !== 1) return undefined;
    const codes = to.copy(node, [to.get(moves[0].inputs[0]), to.get(scale), to.get(zeroPoint)]);
    return moves.reduce((value, move) => to.copy(move, [value]), codes);
  });
}

/** The reshapes and transposes that end in a value and are read by nobody else, first to last. */
function movesBefore(value: Value, uses: Uses): Node[] {
  const move = value.producer;
  if (!move || (move.op !== reshape && move.op !== transpose) || !uses.only(value)) return [];
  return [...movesBefore(move.inputs[0], uses), move];
}
