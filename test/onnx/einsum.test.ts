/** Einsum against the sum as it is defined, a loop over all letters. */
import test from 'ava';
import { type Shape, Tensor } from 'lowbit';
import { faults } from '../faults.js';
import { randomInts } from '../ops/case.js';
import { runNode, string } from './node.js';

const einsum = (equation: string, inputs: readonly Tensor[]) =>
  runNode('Einsum', inputs, { attributes: { equation: string(equation) }, constants: [] })[0];

const sizes: Record<string, number> = { i: 2, j: 3, k: 4, l: 5, B: 2, z: 1 };
const shapeOf = (term: string): Shape => [...term].map((letter) => sizes[letter]);

/** Adds up the products over every choice of the letters. */
function summed(terms: readonly string[], result: string, values: readonly number[][]): number[] {
  const letters = [...new Set(terms.join(''))];
  const out = Array<number>(shapeOf(result).reduce((a, b) => a * b, 1)).fill(0);
  const place = (term: string, at: Record<string, number>) => [...term].reduce((i, letter) => i * sizes[letter] + at[letter], 0);
  const visit = (d: number, at: Record<string, number>): void => {
    if (d === letters.length) out[place(result, at)] += terms.reduce((product, term, i) => product * values[i][place(term, at)], 1);
    else for (let i = 0; i < sizes[letters[d]]; i++) visit(d + 1, { ...at, [letters[d]]: i });
  };
  visit(0, {});
  return out;
}

const equations = [
  ...['ij->ji', 'ij->i', 'ij->', 'ijk->kj', 'ii->i', 'ii->', 'jij->ij', 'iii->i', '->'],
  ...['ij,jk->ik', 'ij,jk->ki', 'ij,kj->ki', 'ij,ij->ij', 'ij,ij->', 'i,j->ij', 'ij,k->kji', 'ij,kl->lj', ',ij->ji'],
  ...['Bij,Bjk->Bik', 'Bijk,Bkl->Bijl', 'Bijkl,Bilkj->B', 'ijk,jkl->li', 'iij,jk->ik', 'iB,Bj->ij', 'zi,zj->ij'],
  ...['i,i,i->i', 'ij,jk,kl->il', 'ij,jk,kl->', 'ij,kl,jk->li'],
];

test('equations of letters', (t) => {
  for (const equation of equations) {
    const [left, result] = equation.split('->');
    const terms = left.split(',');
    const inputs = terms.map((term, i) => randomInts(shapeOf(term), 'float32', -4, 4, i + 1));
    const y = einsum(equation, inputs);
    t.deepEqual(y.shape, shapeOf(result), equation);
    const want = summed(
      terms,
      result,
      inputs.map((x) => x.toNumbers()),
    );
    t.deepEqual(
      y.toNumbers().map((value) => value + 0),
      want.map((value) => value + 0),
      equation,
    );
  }
});

test('without a result its letters are those that are there once, in order', (t) => {
  const [a, b] = [randomInts([3, 2], 'int64', -4, 4), randomInts([3, 4], 'int64', -4, 4, 2)];
  for (const [short, long] of ['ji,jB=ji,jB->Bi', 'ba=ba->ab'].map((pair) => pair.split('='))) {
    const inputs = short.includes(',') ? [a, b] : [a];
    const [y, want] = [einsum(short, inputs), einsum(long, inputs)];
    t.deepEqual([y.dtype, y.shape, y.toNumbers()], ['int64', want.shape, want.toNumbers()]);
  }
});

test('the axes of an ellipsis broadcast from the back', (t) => {
  const [a, b] = [randomInts([4, 1, 2, 3], 'float32', -4, 4), randomInts([5, 3, 2], 'float32', -4, 4, 2)];
  const want = runNode('MatMul', [a, b])[0];
  for (const equation of ['...ij,...jk->...ik', '... i j, ... j k']) {
    const y = einsum(equation, [a, b]);
    t.deepEqual([y.shape, y.toNumbers()], [[4, 5, 2, 2], want.toNumbers()]);
  }
  const turned = einsum('i...->...i', [randomInts([2, 3, 4], 'float32', -4, 4)]);
  t.deepEqual(turned.shape, [3, 4, 2]);
  t.deepEqual(einsum('i...,i->i...', [Tensor.from([1, 2, 3, 4], [2, 2]), Tensor.from([1, 10])]).toNumbers(), [1, 2, 30, 40]);
});

test('dimensions of 0', (t) => {
  const y = einsum('ij,jk->ik', [Tensor.from([], [2, 0]), Tensor.from([], [0, 3])]);
  t.deepEqual([y.shape, y.toNumbers()], [[2, 3], Array(6).fill(0)]);
  t.deepEqual(einsum('ii->i', [Tensor.from([], [0, 0])]).shape, [0]);
  t.deepEqual(einsum('ijk,jkl->il', [Tensor.from([], [0, 2, 3]), randomInts([2, 3, 4], 'float32', 0, 1)]).shape, [0, 4]);
});

test('equations that do not fit are refused', (t) => {
  const [x, y] = [randomInts([2, 3], 'float32', 0, 1), randomInts([3], 'float32', 0, 1)];
  const refused = (equation: string, inputs: Tensor[], message: RegExp) =>
    faults(t, () => einsum(equation, inputs), 'unsupported', message);
  refused('ij,j->i', [x], /equation "ij,j->i" does not fit 1 inputs/);
  refused('ij->i->j', [x], /does not fit/);
  refused('i1->i', [x], /"i1" is no list of letters/);
  refused('ijk->i', [x], /"ijk" does not name the axes of an input of 2 dimensions/);
  refused('i->i', [x], /does not name the axes/);
  refused('ij->ik', [x], /letter "k" of the result has to be there once, and in an input/);
  refused('ij->ii', [x], /letter "i" of the result/);
  refused('...j->j', [x], /the axes of its ellipsis are missing in the result/);
  refused('ii->i', [x], /axes 0 and 1 have one letter, they have to be known and equal/);
  refused('ij,i->j', [x, y], /matmul: b is/);
});
