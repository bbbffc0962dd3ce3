/** What passes and plans look for in a graph. */
import { clip, dequantize, pad, relu, unpackLevels } from '../ops/index.js';
import { sizeOf } from '../shape.js';
import { type Graph, isValue, type Node, type Value } from './graph.js';

/** Does the node only move or select elements of its first input (padding may add a number)? */
export const isMove = ({ op }: Node): boolean => Boolean(op.movesElements) || op === pad;

/** The bounds of a clamp, where they are known and in order. */
export function clampOf(node: Node): [number, number] | undefined {
  if (node.op === relu) return [0, Infinity];
  if (node.op !== clip) return undefined;
  const { min, max } = { ...clip.params, ...node.params };
  return typeof min === 'number' && typeof max === 'number' && min <= max ? [min, max] : undefined;
}

/** The inputs that vary, if each element of the output is a function of the elements at its place: of one tensor, two, or one and a number. */
export function elementwiseInputs(graph: Graph, node: Node): Value[] | undefined {
  if (Object.values(node.params).some(isValue)) return undefined;
  if (node.op.pointwise) return [node.inputs[0]];
  if (!node.op.broadcasts || node.inputs.length !== 2) return undefined;
  const varying = node.inputs.filter((value) => !isNumber(graph, value));
  return varying.length ? varying : undefined;
}

/** The input that varies, if the node is a function of each of its elements alone: of one tensor, or of one and a number. */
export function variableInput(graph: Graph, node: Node): Value | undefined {
  if (Object.values(node.params).some(isValue)) return undefined;
  if (node.op.pointwise) return node.inputs[0];
  if (!node.op.broadcasts || node.inputs.length !== 2) return undefined;
  const fixed = node.inputs.findIndex((value) => isNumber(graph, value));
  return fixed < 0 ? undefined : node.inputs[1 - fixed];
}

/** The integers behind a weight that is codes: a constant, or packed codes that are one, behind a dequantize of constant scales. */
export function codesOf(graph: Graph, { producer }: Value): Value | undefined {
  if (producer?.op !== dequantize) return undefined;
  const [codes, scale, zeroPoint] = producer.inputs;
  const stored = codes.producer?.op === unpackLevels ? codes.producer.inputs[0] : codes;
  return [stored, scale, zeroPoint].every((value) => graph.constants.has(value)) ? codes : undefined;
}

function isNumber(graph: Graph, value: Value): boolean {
  const tensor = graph.constantOf(value);
  return tensor?.dtype === 'float32' && sizeOf(tensor.shape) === 1;
}
