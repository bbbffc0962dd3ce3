/** What tensors of two models of one network are known by, so that those of one name are the same numbers up to rounding. */
import { type Graph, type Node, Uses, type Value } from '../graph/graph.js';
import { codesOf } from '../graph/match.js';
import { add } from '../ops/index.js';

/**
 * Outputs have their own name, other tensors that of the node that makes them: a layer keeps it when it takes in what follows it, while its value gets
 * the other's name. Of nodes that share a name, and of inputs, it is that of the value.
 */
export function tensorNames(graph: Graph): (value: Value) => string {
  const names = new Map<Value, string>();
  const uses = new Uses(graph);
  const seen = new Map<string, number>();
  for (const { name } of graph.nodes) seen.set(name, (seen.get(name) ?? 0) + 1);
  for (const node of graph.nodes) {
    const output = layerOutput(graph, node, uses);
    if (seen.get(node.name) === 1 && !names.has(node.output)) names.set(output, node.name);
    if (output !== node.output) names.set(node.output, `${node.name} without bias`);
  }
  for (const { name, value } of graph.outputs) names.set(value, name);
  return (value) => names.get(value) ?? value.name;
}

/** The output of a node; of a layer whose bias is added by the next node, as files have it that know no other way, that node's. */
export function layerOutput(graph: Graph, { op, output }: Node, uses: Uses): Value {
  const next = op.quantizes ? uses.only(output) : undefined;
  const isBias = (value: Value) => graph.constants.has(value) || codesOf(graph, value) !== undefined;
  return next?.op === add && next.inputs.some((value) => value !== output && isBias(value)) ? next.output : output;
}
