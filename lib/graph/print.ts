/** A graph as text: one line a node, in the order of execution. */
import { shapeText } from '../error.js';
import type { TensorType } from '../shape.js';
import { type Graph, isValue, type Node, type Value } from './graph.js';
import { Types } from './types.js';

/**
 * The graph as text, for people and for tests.
 * ```
 * graph net(input: float32[?, 3, 32, 32])
 *   conv1 = conv2d(input, conv1.w: float32[16, 3, 3, 3], conv1.b: float32[16], pads=[1, 1, 1, 1]): float32[?, 32, 32, 16]
 *   return logits = conv1
 * ```
 */
export function print(graph: Graph): string {
  const types = new Types(graph);
  const typed = (value: Value) => `${value.name}${typeText(types.get(value))}`;
  const operand = (value: Value) => (graph.constants.has(value) ? typed(value) : value.name);
  const line = (node: Node) => {
    const params = Object.entries(node.params)
      .filter(([name, param]) => isValue(param) || String(param) !== String(node.op.params[name]))
      .map(([name, param]) => `${name}=${isValue(param) ? param.name : Array.isArray(param) ? `[${param.join(', ')}]` : param}`);
    return `  ${node.output.name} = ${node.op.name}(${[...node.inputs.map(operand), ...params].join(', ')})${typeText(types.get(node.output))}`;
  };
  return [
    `graph ${graph.name}(${graph.inputs.map(typed).join(', ')})`,
    ...graph.nodes.map(line),
    ...graph.outputs.map(({ name, value }) => `  return ${name === value.name ? name : `${name} = ${value.name}`}`),
  ].join('\n');
}

const typeText = (type: TensorType | undefined) => (type ? `: ${type.dtype}${shapeText(type.shape)}` : '');
