import type { Graph, Node, Uses, Value } from '../graph/graph.js';
import { rewrite } from '../graph/rewrite.js';
import { dequantize, quantize, reshape, transpose } from '../ops/index.js';

/** Quantizes to codes on one scale before reshapes and transposes, not after: what makes the values can make codes, and fewer bytes are moved. */
export function quantizeBeforeMoves(graph: Graph): Graph {
  return rewrite(graph, (node, to) => {
    if (node.op !== quantize) return undefined;
    const [x, scale, zeroPoint] = node.inputs;
    const moves = movesBefore(x, to.uses);
    const [first] = moves[0]?.inputs ?? [];
    // What was codes before already moves as codes.
    if (!first || first.producer?.op === dequantize || graph.constantOf(scale)?.size !== 1) return undefined;
    // The last move takes the name of the codes: verify looks tensors up by it.
    const codes = to.graph.add(quantize, [to.get(first), to.get(scale), to.get(zeroPoint)], to.params(node), `${first.name}.codes`);
    return moves.reduce((value, move) => to.copy(move, [value]), codes);
  });
}

/** The reshapes and transposes that end in a value and are read by nobody else, first to last. */
function movesBefore(value: Value, uses: Uses): Node[] {
  const move = value.producer;
  if (!move || (move.op !== reshape && move.op !== transpose) || !uses.only(value)) return [];
  return [...movesBefore(move.inputs[0], uses), move];
}
