import test from 'ava';
import { Graph, lowerInteger, ops, run, Tensor, type Value, verify } from 'lowbit';
import { bytesOf, random } from '../ops/case.js';
import { randomLevels } from '../ops/lowbit.js';

type Steps = (graph: Graph, x: Value) => Value;

const channels = 9;
const columns = 70;
const row = (...values: number[]) => Tensor.from(Float32Array.from({ length: channels }, (_, c) => values[c % values.length]));
const by =
  (op: typeof ops.add, ...values: number[]): Steps =>
  (graph, x) =>
    graph.add(op, [x, graph.constant(row(...values))]);
const after =
  (...all: Steps[]): Steps =>
  (graph, x) =>
    all.reduce((value, step) => step(graph, value), x);
const from =
  (op: typeof ops.add, ...values: number[]): Steps =>
  (graph, x) =>
    graph.add(op, [graph.constant(row(...values)), x]);

/** Weights of 1 bit with the scale 0.3: products of which are rounded. */
function packedWeight(graph: Graph, levels: Tensor): Value {
  const of = { bits: 1, grid: 'uniform' } as const;
  const unpacked = graph.add(ops.unpackLevels, [graph.constant(ops.packLevels(levels, of))], { ...of, shape: levels.shape });
  return graph.add(ops.dequantize, [unpacked, graph.constant(Tensor.scalar(0.3)), graph.constant(Tensor.scalar(0, 'int8'))]);
}

function signOf(graph: Graph, x: Value, zero = 0): Value {
  const [bound, one, minus] = [zero, 1, -1].map((v) => graph.constant(Tensor.scalar(v)));
  return graph.add(ops.where, [graph.add(ops.greaterOrEqual, [x, bound]), one, minus]);
}

/** sign → gemm or conv2d → steps → sign → gemm; `open` has the numbers before the second sign as an output too. */
function network(steps: Steps, { open = false, image = false, zero = 0 } = {}): Graph {
  const graph = new Graph('g');
  const x = graph.input('x', { dtype: 'float32', shape: image ? [1, 6, 7, columns] : [columns + 1, columns] });
  const levels = image
    ? randomLevels([channels, 3, 3, columns], 1, 'uniform')
    : Tensor.from(new Int8Array(channels * columns).fill(1), [channels, columns]);
  const inputs = [signOf(graph, x), packedWeight(graph, levels)];
  const bias = graph.constant(row(0, 0.3, -3, 100, -100));
  const sums = graph.add(image ? ops.conv2d : ops.gemm, [...inputs, bias], image ? { pads: [1, 1, 1, 1] } : {}, 'layer');
  const real = steps(graph, sums);
  const last = [
    signOf(graph, real, zero),
    packedWeight(graph, randomLevels([33, channels], 1, 'uniform')),
    graph.constant(random([33], -1, 1, 5)),
  ];
  graph.output('y', graph.add(ops.gemm, last));
  if (open) graph.output('open', real);
  return graph;
}

const opsOf = (graph: Graph) => graph.nodes.map(({ op }) => op.name);

// Row r has r ones: together all sums that there are.
const allSums = () =>
  Tensor.from(
    Float32Array.from({ length: (columns + 1) * columns }, (_, i) => (i % columns < Math.floor(i / columns) ? 1 : -1)),
    [columns + 1, columns],
  );

const chains: Record<string, Steps> = {
  'nothing but a bias': (_, x) => x,
  'a scale that falls, rises, and is zero': by(ops.mul, -0.7, 1.1, 0, -0),
  'sums that are exactly zero': after(by(ops.div, 0.3), by(ops.sub, 4, -4, 0, 70, -70)),
  'what is rounded to zero': by(ops.mul, 1e-45, -1e-45),
  'constants first': after(from(ops.mul, -2, 3), from(ops.sub, 1.5, -1.5)),
  'batch normalization': (graph, x) =>
    graph.add(ops.batchNorm, [x, ...[row(1, -1, 0.01), row(0.1, -0.2, 0), row(3, -2, 1.7), row(1, 4, 9)].map((v) => graph.constant(v))]),
  clamps: (graph, x) => by(ops.add, -2, 0)(graph, graph.add(ops.clip, [by(ops.mul, -1, 1)(graph, x)], { min: -1, max: 2 })),
  'a clamp that nothing passes': (graph, x) => graph.add(ops.relu, [x]),
};

for (const [name, steps] of Object.entries(chains)) {
  test(`layers of signs write signs: ${name}`, (t) => {
    for (const zero of [0, 0.25, -1]) {
      const fused = lowerInteger(network(steps, { zero })).graph;
      const apart = lowerInteger(network(steps, { zero, open: true })).graph;
      verify(fused);
      t.deepEqual(opsOf(fused), ['packSigns', 'binaryGemm', 'binaryGemm']);
      t.is(opsOf(apart).filter((op) => op === 'packSigns').length, 2);
      t.deepEqual(bytesOf(run(fused, { x: allSums() }).y.data()), bytesOf(run(apart, { x: allSums() }).y.data()));
    }
    const x = random([1, 6, 7, columns], -1, 1, 2);
    const [fused, apart] = [false, true].map((open) => lowerInteger(network(steps, { image: true, open })).graph);
    t.deepEqual(opsOf(fused), ['packSigns', 'binaryConv2d', 'binaryGemm']);
    t.deepEqual(bytesOf(run(fused, { x }).y.data()), bytesOf(run(apart, { x }).y.data()));
  });
}

const others: Record<string, Steps> = {
  'not a number at the ends': after(by(ops.mul, 3e38), by(ops.mul, 0)),
  'a number by sums': from(ops.div as typeof ops.add, 1),
  'a number for each row': (graph, x) => graph.add(ops.add, [x, graph.constant(random([columns + 1, 1], -1, 1, 3))]),
  'what is not monotone': (graph, x) => graph.add(ops.abs, [x]),
  'numbers that are read twice': (graph, x) => graph.add(ops.add, [x, graph.add(ops.relu, [x])]),
};

for (const [name, steps] of Object.entries(others)) {
  test(`numbers stay between layers of signs: ${name}`, (t) => {
    const graph = network(steps);
    const { graph: lowered } = lowerInteger(graph);
    t.is(opsOf(lowered).filter((op) => op === 'packSigns').length, 2);
    t.deepEqual(
      bytesOf(run(lowered, { x: allSums() }).y.data()),
      bytesOf(run(lowerInteger(network(steps, { open: true })).graph, { x: allSums() }).y.data()),
    );
  });
}
