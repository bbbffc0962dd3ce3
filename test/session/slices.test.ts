/** Batches that sessions compute in slices: what says that they may, and that no byte depends on it. */
import test from 'ava';
import {
  type AnyOp,
  allOps,
  compile,
  foldConstants,
  Graph,
  LowbitError,
  ops,
  run,
  type Shape,
  Tensor,
  type TensorData,
  type Value,
} from '../../lib/index.js';
import { batchOf, runsInSlices, sliceSize, withBatch } from '../../lib/session/slices.js';
import { bytesOf, type Case, randomNumbers } from '../ops/case.js';
import { cases } from '../ops/cases.js';

type Params = Graph['nodes'][number]['params'];

const typesOf = (graph: Graph) => graph.inputs.map(({ type }) => type!);

/** The graph for inputs of these shapes. */
function fitted(graph: Graph, shapes: readonly Shape[]): Graph {
  return foldConstants(graph, Object.fromEntries(graph.inputs.map(({ name }, i) => [name, shapes[i]])));
}

function sliceable(graph: Graph, shapes: readonly Shape[], size: number): boolean {
  const declared = typesOf(graph);
  return runsInSlices(fitted(graph, shapes), fitted(graph, withBatch(declared, shapes, size)), declared);
}

const rowsOf = (x: Tensor, first: number, count: number) => ops.slice(x, { starts: [first], ends: [first + count], axes: [0] });

for (const [name, list] of Object.entries(cases)) {
  const op = allOps.get(name)!;
  if (!op.byRows || name === 'reshape') continue; // a reshape is no call
  test(`${name}: rows are made of rows`, (t) => {
    let sliced = 0;
    for (const [i, entry] of list.entries()) {
      const inputs = entry.inputs().map((x) => Tensor.from(x.data(), x.shape, x.dtype));
      for (const varying of [
        (k: number) => k === 0,
        (k: number) => inputs[k].shape.length === inputs[0].shape.length,
        (k: number) => k > 0,
      ]) {
        const outcome = compareSlices(
          op,
          entry,
          inputs,
          inputs.map((_, k) => varying(k)),
        );
        if (outcome === 'differs') t.fail(`case ${entry.note ?? i} differs in slices`);
        if (outcome === 'equal') sliced++;
      }
      for (const tensor of inputs) tensor.dispose();
    }
    t.true(sliced > 0, 'no case could be sliced');
  });
}

function compareSlices(op: AnyOp, { params = {} }: Case, inputs: readonly Tensor[], varying: readonly boolean[]): string {
  const [batch] = inputs.find((_, i) => varying[i])?.shape ?? [];
  if (!(batch > 1)) return 'one row';
  const graph = new Graph(op.name);
  const values = inputs.map((x, i): Value => {
    if (!varying[i] || x.shape[0] !== batch) return graph.constant(x.copy());
    return graph.input(`x${i}`, { dtype: x.dtype, shape: x.shape.with(0, Number.NaN) });
  });
  graph.output('y', graph.add(op, values, params as Params));
  const given = Object.fromEntries(values.flatMap((value, i) => (value.type ? [[value.name, inputs[i]]] : [])));
  const shapes = Object.values(given).map(({ shape }) => shape);
  try {
    if (![1, batch - 1].every((size) => sliceable(graph, shapes, size))) return 'refused';
  } catch (error) {
    if (error instanceof LowbitError) return 'fits one size only';
    throw error;
  }
  const whole = run(graph, given).y;
  const parts = [0, 1].map((first) => {
    const size = first ? batch - 1 : 1;
    return run(graph, Object.fromEntries(Object.entries(given).map(([key, x]) => [key, rowsOf(x, first, size)]))).y;
  });
  const same = bytesOf(whole.data()).equals(Buffer.concat(parts.map((part) => bytesOf(part.data()))));
  for (const tensor of [whole, ...parts]) tensor.dispose();
  return same ? 'equal' : 'differs';
}

const float = (shape: Shape) => ({ dtype: 'float32' as const, shape });

function net(shape: Shape, body: (graph: Graph, x: Value) => Value): Graph {
  const graph = new Graph('net');
  graph.output('y', body(graph, graph.input('x', float([Number.NaN, ...shape]))));
  return graph;
}

test('a batch whose samples meet is not sliced', (t) => {
  const constant = (graph: Graph, shape: Shape) =>
    graph.constant(
      Tensor.from(
        new Float32Array(
          randomNumbers(
            shape.reduce((a, b) => a * b, 1),
            -1,
            1,
            5,
          ),
        ),
        shape,
      ),
    );
  const meet: Record<string, Graph> = {
    'softmax over the batch': net([4], (g, x) => g.add(ops.softmax, [x], { axis: 0 })),
    'a sum over the batch': net([4], (g, x) => g.add(ops.reduceSum, [x], { axes: [0], keepDims: true })),
    'samples after one another': net([4], (g, x) => g.add(ops.reshape, [x], { shape: [1, -1] })),
    'two samples in a row': net([4], (g, x) => g.add(ops.reshape, [x], { shape: [-1, 8] })),
    'products of samples': net([4], (g, x) => g.add(ops.matmul, [x, g.add(ops.transpose, [x], { perm: [1, 0] })])),
    'a turned batch': net([6], (g, x) => g.add(ops.transpose, [x], { perm: [1, 0] })),
    'samples beside each other': net([4], (g, x) => g.add(ops.concat, [x, x], { axis: 0 })),
    'all but the first': net([4], (g, x) => g.add(ops.slice, [x], { starts: [1], ends: [1000], axes: [0] })),
    'weights from the batch': net([6], (g, x) => g.add(ops.matmul, [constant(g, [6, 6]), g.add(ops.transpose, [x], { perm: [1, 0] })])),
    'a row against the batch': net([6], (g, x) => g.add(ops.add, [x, g.add(ops.reshape, [x], { shape: [-1, 1, 6] })])),
    'an output without the batch': net([4], (g, x) => {
      g.output('z', g.add(ops.neg, [constant(g, [1, 4])]));
      return g.add(ops.neg, [x]);
    }),
    'the size of the batch': net([4], (g, x) => {
      const size = g.add(ops.slice, [g.add(ops.shape, [x])], { starts: [0], ends: [1] });
      return g.add(ops.div, [x, g.add(ops.cast, [size], { dtype: 'float32' })]);
    }),
  };
  for (const [name, graph] of Object.entries(meet)) t.false(sliceable(graph, [[6, graph.inputs[0].type!.shape[1]]], 2), name);
  t.true(
    sliceable(
      net([4], (g, x) => g.add(ops.softmax, [x], { axis: 1 })),
      [[6, 4]],
      2,
    ),
  );
});

test('a graph that takes one size of batch only is not sliced', (t) => {
  const graph = net([512, 512, 4], (g, x) => g.add(ops.reshape, [g.add(ops.relu, [x])], { shape: [5, -1] }));
  using session = compile(graph);
  const x = Tensor.from(new Float32Array(5 << 20).fill(-1), [5, 512, 512, 4]);
  t.deepEqual(new Set<number | bigint>(session.runSync({ x }).y), new Set([0]));
});

test('samples come from the inputs with a free first dimension, if they agree', (t) => {
  const declared = [float([Number.NaN, 3]), float([2, 3]), float([Number.NaN, 5])];
  t.is(
    batchOf(declared, [
      [7, 3],
      [2, 3],
      [7, 5],
    ]),
    7,
  );
  t.is(
    batchOf(declared, [
      [7, 3],
      [2, 3],
      [8, 5],
    ]),
    undefined,
  );
  t.is(batchOf([float([2, 3])], [[2, 3]]), undefined);
  t.deepEqual(
    withBatch(
      declared,
      [
        [7, 3],
        [2, 3],
        [7, 5],
      ],
      4,
    ),
    [
      [4, 3],
      [2, 3],
      [4, 5],
    ],
  );
});

const pooled = () =>
  net([256, 256, 8], (g, x) =>
    g.add(ops.globalAveragePool, [g.add(ops.maxPool2d, [g.add(ops.relu, [x])], { kernel: [2, 2], strides: [2, 2] })]),
  );

test('a large batch runs in slices of nearly one size', (t) => {
  const size = (batch: number) => sliceSize(fitted(pooled(), [[batch, 256, 256, 8]]), batch);
  t.is(size(1), 1);
  t.is(size(9), 1); // 4 MB for a sample and its result
  const small = net([64], (g, x) => g.add(ops.softmax, [x]));
  t.is(sliceSize(fitted(small, [[100, 64]]), 100), 100);
});

test('weights are not read again for every sample', (t) => {
  const graph = net([1 << 20], (g, x) => {
    const layer = g.constant(Tensor.from(new Float32Array(4 << 20), [4, 1 << 20]));
    return g.add(ops.gemm, [x, layer, g.constant(Tensor.from(new Float32Array(4)))]);
  });
  t.is(sliceSize(fitted(graph, [[16, 1 << 20]]), 16), 16);
});

test('a session gives the bytes of the whole batch, whatever its size', async (t) => {
  const graph = pooled();
  using session = compile(graph);
  for (const batch of [1, 3, 4, 5]) {
    const x = Tensor.from(new Float32Array(randomNumbers(batch * 256 * 256 * 8, -1, 1, batch)), [batch, 256, 256, 8]);
    const want = run(graph, { x }).y;
    const before = session.memory.arena;
    for (const given of [x, x.data() as TensorData]) {
      t.true(bytesOf(session.runSync({ x: given }).y).equals(bytesOf(want.data())), `batch ${batch}`);
    }
    t.true(bytesOf((await session.run({ x })).y).equals(bytesOf(want.data())), `batch ${batch}, off the loop`);
    t.true(session.memory.arena - before < 9 << 20, 'one slice is in memory');
    const steps = session.profile({ x }, { runs: 1 });
    t.deepEqual(
      steps[0].shape,
      [batch, 128, 128, 8].with(1, steps[0].op === 'maxPool2d' ? 128 : 256).with(2, steps[0].op === 'maxPool2d' ? 128 : 256),
    );
    for (const tensor of [x, want]) tensor.dispose();
  }
});
