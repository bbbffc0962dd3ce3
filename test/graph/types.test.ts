import test from 'ava';
import { Graph, ops, type Shape, Tensor, type TensorType, Types, type Value } from 'lowbit';
import { faults } from '../faults.js';

const n = Number.NaN;
const float = (...shape: number[]): TensorType => ({ dtype: 'float32', shape });
const ints = (graph: Graph, ...list: number[]) => graph.constant(Tensor.from(list, undefined, 'int64'));

/** Chains over x, and what is known of their results without a run. */
const chains: [what: string, build: (graph: Graph, x: Value) => Value, shape: Shape | undefined, known?: readonly number[]][] = [
  ['a free dimension spreads', (g, x) => g.add(ops.transpose, [x], { perm: [2, 1, 0] }), [4, 3, n]],
  ['a shape is known as far as it is', (g, x) => g.add(ops.shape, [x]), [3], [n, 3, 4]],
  ['a part of it', (g, x) => g.add(ops.gather, [g.add(ops.shape, [x]), ints(g, 2, 1)]), [2], [4, 3]],
  [
    'one dimension of it as a number',
    (g, x) => g.add(ops.gather, [g.add(ops.shape, [x]), g.constant(Tensor.scalar(-1, 'int64'))]),
    [],
    [4],
  ],
  ['arithmetic on it', (g, x) => g.add(ops.mul, [g.add(ops.shape, [x]), ints(g, 2)]), [3], [n, 6, 8]],
  [
    'a reshape to a computed shape',
    (g, x) => {
      const rows = g.add(ops.slice, [g.add(ops.shape, [x])], { starts: [0], ends: [1] });
      return g.add(ops.reshape, [x], { shape: g.add(ops.concat, [rows, ints(g, -1)], { axis: 0 }) });
    },
    [n, n],
  ],
  ['a reshape to a shape of the input', (g, x) => g.add(ops.reshape, [x], { shape: g.find('target') }), undefined],
  ['what follows it', (g, x) => g.add(ops.relu, [g.add(ops.reshape, [x], { shape: g.find('target') })]), undefined],
  ['the shape of it', (g, x) => g.add(ops.shape, [g.add(ops.reshape, [x], { shape: g.find('target') })]), undefined],
  ['lists that are data are not followed', (g) => g.add(ops.add, [ints(g, ...Array(65).fill(1)), ints(g, 1)]), [65], undefined],
];

for (const [what, build, shape, known] of chains) {
  test(what, (t) => {
    const graph = new Graph();
    const x = graph.input('x', float(n, 3, 4));
    graph.input('target', { dtype: 'int64', shape: [2] });
    const y = build(graph, x);
    const types = new Types(graph);
    t.deepEqual(types.get(y)?.shape, shape);
    t.is(types.rank(y), shape?.length);
    t.deepEqual(types.known(y), known);
  });
}

test('sizes for free dimensions may be given', (t) => {
  const graph = new Graph();
  const x = graph.input('x', float(n, 3));
  const y = graph.add(ops.shape, [graph.add(ops.tile, [x], { repeats: [2, 1] })]);
  t.deepEqual(new Types(graph, { x: [5, 3] }).known(y), [10, 3]);
  t.deepEqual(new Types(graph, { constructor: [5, 3] } as never).known(y), [n, 3]);
});

test('an op that cannot take its operands is named', (t) => {
  const graph = new Graph();
  graph.add(ops.add, [graph.input('a', float(2)), graph.input('b', float(3))]);
  faults(t, () => new Types(graph), 'shape', /add: b is \[3\]/);
});
