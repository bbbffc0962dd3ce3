/** Is this a graph that can run? */
import { fail } from '../error.js';
import { completeParams } from '../op.js';
import { type Graph, isValue, type Node, reads, type Value } from './graph.js';
import { Types } from './types.js';

/**
 * Throws a fault with code "graph" if the graph breaks a rule: every value is defined once and before it is read, the names of values
 * and those of outputs are unique, every node has its op's inputs and parameters, and the types that can be known fit.
 */
export function verify(graph: Graph): void {
  const defined = new Set<Value>();
  const names = new Set<string>();
  const define = (value: Value) => {
    if (defined.has(value)) broken(`value "${value.name}" is defined twice`);
    if (names.has(value.name)) broken(`two values are named "${value.name}"`);
    defined.add(value);
    names.add(value.name);
  };
  for (const value of graph.inputs) define(value);
  for (const [value, tensor] of graph.constants) {
    if (tensor.disposed) broken(`constant "${value.name}" was disposed of`);
    define(value);
  }
  for (const node of graph.nodes) {
    for (const value of reads(node)) {
      if (!defined.has(value)) broken(`node "${node.name}" (${node.op.name}) reads "${value.name}" before it is defined`);
    }
    checkNode(node);
    define(node.output);
  }
  const outputs = new Set<string>();
  for (const { name, value } of graph.outputs) {
    if (!defined.has(value)) broken(`output "${name}" is not defined`);
    if (outputs.has(name)) broken(`two outputs are named "${name}"`);
    outputs.add(name);
  }
  new Types(graph);
}

function checkNode(node: Node): void {
  if (node.output.producer !== node) broken(`value "${node.output.name}" does not know its node "${node.name}"`);
  if (!node.op.any && node.inputs.length !== node.op.inputs.length) {
    broken(`node "${node.name}" has ${node.inputs.length} inputs, ${node.op.name} takes ${node.op.inputs.length}`);
  }
  // A parameter that is a value counts as present: any number stands for it here.
  completeParams(node.op, Object.fromEntries(Object.entries(node.params).map(([name, param]) => [name, isValue(param) ? 0 : param])));
}

function broken(problem: string): never {
  fail({ code: 'graph', problem });
}
