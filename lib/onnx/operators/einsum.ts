/** Einsum: products of tensors whose axes are named by letters, summed over the letters that the result leaves out. */
import type { Value } from '../../graph/graph.js';
import * as ops from '../../ops/index.js';
import type { ImportNode } from '../importNode.js';
import type { Operator } from '../operator.js';

/** A tensor with a label for each axis: a letter, or for the axes of an ellipsis ".0" for the last one, ".1" for that before it. */
interface Term {
  value: Value;
  labels: readonly string[];
}

type Has = (label: string) => boolean;

// Operands meet one after the other; a letter is summed as soon as nobody further on has it.
const einsum: Operator = {
  type: 'Einsum',
  import(node) {
    const inputs = node.inputs();
    const equation = node.string('equation', '').replaceAll(/\s/g, '');
    const [left, right, ...more] = equation.split('->');
    const texts = left.split(',');
    if (more.length || texts.length !== inputs.length) node.refuse(`equation "${equation}" does not fit ${inputs.length} inputs`);
    const terms = inputs.map((value, i) => diagonal(node, { value, labels: labelsOf(node, texts[i], node.rank(value)) }));
    const result = right === undefined ? impliedResult(left, terms) : resultOf(node, right, terms);
    const [first, ...others] = terms;
    const asked = (from: number, label: string) => result.includes(label) || terms.slice(from).some(({ labels }) => labels.includes(label));
    const all = others.reduce<Term>(
      (done, term, i) => product(node, done, term, (label) => asked(i + 2, label)),
      summed(node, first, (label) => asked(1, label)),
    );
    return arranged(node, all, result);
  },
};

// ---- the equation ------------------------------------------------------------------------------------------------------------------

const dots = '...';

function labelsOf(node: ImportNode, text: string, rank: number): string[] {
  const parts = /^([A-Za-z]*)(\.\.\.)?([A-Za-z]*)$/.exec(text) ?? node.refuse(`"${text}" is no list of letters`);
  const [before, after] = [[...parts[1]], [...parts[3]]];
  const open = rank - before.length - after.length;
  if (open < 0 || (open > 0 && !parts[2])) node.refuse(`"${text}" does not name the axes of an input of ${rank} dimensions`);
  return [...before, ...ellipsis(open), ...after];
}

const ellipsis = (count: number) => Array.from({ length: count }, (_, i) => `.${count - 1 - i}`);
const widest = (terms: readonly Term[]) => Math.max(...terms.map(({ labels }) => labels.filter((label) => label.startsWith('.')).length));

function resultOf(node: ImportNode, text: string, terms: readonly Term[]): string[] {
  const open = widest(terms);
  if (open && !text.includes(dots)) node.refuse('the axes of its ellipsis are missing in the result');
  const letters = text.replace(dots, '').length;
  const result = labelsOf(node, text, letters + (text.includes(dots) ? open : 0));
  const wrong = result.find((label, i) => result.indexOf(label) < i || !terms.some(({ labels }) => labels.includes(label)));
  if (wrong) node.refuse(`letter "${wrong}" of the result has to be there once, and in an input`);
  return result;
}

// Without a result: the axes of the ellipsis, then the letters that are there once, in the order of the alphabet.
function impliedResult(left: string, terms: readonly Term[]): string[] {
  const letters = [...left].filter((letter) => /[A-Za-z]/.test(letter));
  return [...ellipsis(widest(terms)), ...letters.filter((l) => letters.indexOf(l) === letters.lastIndexOf(l)).sort()];
}

// ---- its parts ---------------------------------------------------------------------------------------------------------------------

// A letter twice in one operand is a diagonal: every (n + 1)-th element of both axes as one.
function diagonal(node: ImportNode, { value, labels }: Term): Term {
  const second = labels.findIndex((label, i) => labels.indexOf(label) < i);
  if (second < 0) return { value, labels };
  const first = labels.indexOf(labels[second]);
  const shape = node.shape(value)!;
  const n = shape[first];
  if (n !== shape[second]) node.refuse(`axes ${first} and ${second} have one letter, they have to be known and equal`);
  const rest = labels.flatMap((_, axis) => (axis === first || axis === second ? [] : [axis]));
  const last = node.add(ops.transpose, [value], { perm: [...rest, first, second] });
  const flat = node.reshaped(last, [...rest.map((axis) => ({ of: value, axis })), n * n]);
  const line = node.add(ops.slice, [flat], { starts: [0], ends: [n * n], axes: [-1], steps: [n + 1] });
  return diagonal(node, { value: line, labels: [...rest.map((axis) => labels[axis]), labels[second]] });
}

function summed(node: ImportNode, { value, labels }: Term, asked: Has): Term {
  const axes = labels.flatMap((label, axis) => (asked(label) ? [] : [axis]));
  if (!axes.length) return { value, labels };
  return { value: node.add(ops.reduceSum, [value], { axes, keepDims: false }), labels: labels.filter(asked) };
}

function arranged(node: ImportNode, { value, labels }: Term, order: readonly string[]): Value {
  if (labels.join() === order.join()) return value;
  return node.add(ops.transpose, [value], { perm: order.map((label) => labels.indexOf(label)) });
}

// The product of two operands, summed over the labels of both that nobody asks for.
function product(node: ImportNode, left: Term, right: Term, asked: Has): Term {
  const a = summed(node, left, (label) => asked(label) || right.labels.includes(label));
  const b = summed(node, right, (label) => asked(label) || left.labels.includes(label));
  const shared = a.labels.filter((label) => b.labels.includes(label));
  const [batch, gone] = [shared.filter(asked), shared.filter((label) => !asked(label))];
  const rows = a.labels.filter((label) => !shared.includes(label));
  const columns = b.labels.filter((label) => !shared.includes(label));
  const labels = [...batch, ...rows, ...columns];
  if (!gone.length) return { value: node.add(ops.mul, [spread(node, a, labels), spread(node, b, labels)]), labels };
  const matrices = node.add(ops.matmul, [grouped(node, a, batch, rows, gone), grouped(node, b, batch, gone, columns)]);
  if (rows.length === 1 && columns.length === 1) return { value: matrices, labels };
  const size =
    ({ value, labels: own }: Term) =>
    (label: string) => ({ of: value, axis: own.indexOf(label) });
  const value = node.reshaped(matrices, [
    ...batch.map((_, axis) => ({ of: matrices, axis })),
    ...rows.map(size(a)),
    ...columns.map(size(b)),
  ]);
  return { value, labels };
}

// With a dimension of 1 for each label that it does not have.
function spread(node: ImportNode, term: Term, labels: readonly string[]): Value {
  const own = labels.filter((label) => term.labels.includes(label));
  const value = arranged(node, term, own);
  if (own.length === labels.length) return value;
  return node.reshaped(
    value,
    labels.map((label) => (own.includes(label) ? { of: value, axis: own.indexOf(label) } : 1)),
  );
}

// Matrices: the labels of the rows as one axis, and those of the columns.
function grouped(node: ImportNode, term: Term, batch: readonly string[], rows: readonly string[], columns: readonly string[]): Value {
  const value = arranged(node, term, [...batch, ...rows, ...columns]);
  if (rows.length === 1 && columns.length === 1) return value;
  const joined = (group: readonly string[]) => {
    const axes = group.map((label) => batch.length + [...rows, ...columns].indexOf(label));
    if (axes.length === 1) return { of: value, axis: axes[0] };
    const n = axes.reduce((total, axis) => total * node.shape(value)![axis], 1);
    return Number.isNaN(n) ? node.refuse(`the dimensions of "${group.join('')}" have to be known`) : n;
  };
  return node.reshaped(value, [...batch.map((_, axis) => ({ of: value, axis })), joined(rows), joined(columns)]);
}

export const summations: readonly Operator[] = [einsum];
