/** Operators that computed something else in older opsets: a node that may rely on it is refused. */
import type { ImportNode } from './importNode.js';

const pairs = ['Add', 'Sub', 'Mul', 'Div', 'Pow', 'And', 'Or', 'Xor', 'Equal', 'Less', 'Greater'];

interface Change {
  /** The operators that changed, and the opset they did it in. */
  types: readonly string[];
  in: number;
  /** Does this node show the older meaning? */
  shows(node: ImportNode): boolean;
  meaning: string;
}

const changes: readonly Change[] = [
  { types: pairs, in: 7, shows: (node) => node.has('axis'), meaning: 'its second operand stands along an axis' },
  { types: ['Dropout', 'BatchNormalization'], in: 7, shows: (node) => !node.flag('is_test'), meaning: 'it is in training mode' },
  { types: ['BatchNormalization'], in: 9, shows: (node) => !node.flag('spatial', true), meaning: 'it has statistics for each pixel' },
  { types: ['PRelu'], in: 7, shows: (node) => node.shape(node.input(1))?.join() !== '1', meaning: 'its slopes stand along the channels' },
  { types: ['Selu'], in: 6, shows: (node) => !node.has('alpha') || !node.has('gamma'), meaning: 'its constants have fewer digits' },
  { types: ['Split'], in: 2, shows: (node) => node.inputCount > 1, meaning: 'its sizes are an input' },
];

/** What the node's operator meant before its opset changed that, if the node shows it. */
export function olderMeaning(node: ImportNode): string | undefined {
  return changes.find((change) => node.opset < change.in && change.types.includes(node.type) && change.shows(node))?.meaning;
}
