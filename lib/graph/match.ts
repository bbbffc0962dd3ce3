/** What passes and plans look for in a graph. */
import { clip, dequantize, pad, relu, reshape, unpackLevels } from '../ops/index.js';
import { type Shape, sizeOf } from '../shape.js';
import { type Graph, isValue, type Node, type Uses, type Value } from './graph.js';

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

/** A weight (n, k) of which each output channel has a scale for every `group` inputs. */
export interface GroupedWeight {
  /** Of codes (n·k / group, group), a row a scale. */
  dequantize: Node;
  shape: Shape;
  group: number;
}

/** The codes behind a weight with scales for groups: a reshape of a dequantize of constants, a row for each group. */
export function groupedOf(graph: Graph, { producer: whole }: Value): GroupedWeight | undefined {
  const node = whole?.op === reshape ? whole.inputs[0].producer : undefined;
  if (!whole || node?.op !== dequantize || isValue(whole.params.shape)) return undefined;
  const [codes, scale, zeroPoint] = node.inputs.map((value) => graph.constantOf(value));
  const shape = whole.params.shape as Shape;
  if (codes?.shape.length !== 2 || !scale || !zeroPoint || shape.length !== 2) return undefined;
  const [rows, group] = codes.shape;
  const isByRow = node.params.axis === 0 && scale.size === rows && group > 0;
  return isByRow && shape[1] % group === 0 && sizeOf(shape) === codes.size ? { dequantize: node, shape, group } : undefined;
}

/** Who reads dequantized codes first: a layer, also behind the reshape of a weight with groups. */
export function readerOf(graph: Graph, uses: Uses, value: Value): Node | undefined {
  const [reader] = uses.of(value);
  return reader && groupedOf(graph, reader.output) ? uses.of(reader.output)[0] : reader;
}

function isNumber(graph: Graph, value: Value): boolean {
  const tensor = graph.constantOf(value);
  return tensor?.dtype === 'float32' && sizeOf(tensor.shape) === 1;
}
