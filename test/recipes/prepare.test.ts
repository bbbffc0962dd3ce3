import test from 'ava';
import { type Batch, calibrationBatches, type Dtype, digits, feed, Graph, relu, type Shape, Tensor } from 'lowbit';
import { faults } from '../faults.js';

/** A graph that only has this input. */
function taking(shape: Shape, dtype: Dtype = 'float32'): Graph {
  const graph = new Graph('net');
  graph.output('y', graph.add(relu, [graph.input('x', { dtype, shape })]));
  return graph;
}

const free = Number.NaN;
const set = (shape: Shape) => ({ description: 'a set', shape });

function batchOf(shape: Shape, count: number): Batch {
  const size = shape.reduce((a, b) => a * b, 1);
  return {
    data: Float32Array.from({ length: count * size }, (_, i) => i),
    count,
    first: 10,
    labels: Int32Array.from({ length: count }, (_, i) => i),
  };
}

const fed = (graph: Graph, shape: Shape, count: number) =>
  [...feed(graph, set(shape))(batchOf(shape, count))].map(({ inputs, ...piece }) => ({
    ...piece,
    labels: [...piece.labels!],
    shape: inputs.x.shape,
    numbers: inputs.x.toNumbers(),
  }));

test('a free batch takes all samples as they are', (t) => {
  const [piece, ...rest] = fed(taking([free, 2, 1, 3]), [2, 1, 3], 2);
  t.is(rest.length, 0);
  t.deepEqual(piece, { shape: [2, 2, 1, 3], numbers: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], count: 2, labels: [0, 1], first: 10 });
});

test('a fixed batch is cut, the last piece filled up with its last sample', (t) => {
  const found = fed(taking([2, 2]), [2], 3);
  t.deepEqual(found, [
    { shape: [2, 2], numbers: [0, 1, 2, 3], count: 2, labels: [0, 1], first: 10 },
    { shape: [2, 2], numbers: [4, 5, 4, 5], count: 1, labels: [2], first: 12 },
  ]);
});

test('channels move to the end where the model wants them there', (t) => {
  const [piece] = fed(taking([free, 1, 3, 2]), [2, 1, 3], 2);
  t.deepEqual(piece.shape, [2, 1, 3, 2]);
  t.deepEqual(piece.numbers, [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]);
});

const fits: [Shape, Shape, Shape][] = [
  [
    [1, 2, 3],
    [free, 2, 3, 1],
    [1, 2, 3, 1],
  ],
  [[6], [free, 1, 2, 3], [1, 1, 2, 3]],
  [
    [1, 2, 3],
    [free, 6],
    [1, 6],
  ],
  [
    [1, 2, 3],
    [free, 2, 3],
    [1, 2, 3],
  ],
  [
    [3, 5, 7],
    [free, 3, free, free],
    [1, 3, 5, 7],
  ],
  [
    [3, 5, 7],
    [free, free, free, 3],
    [1, 5, 7, 3],
  ],
  [
    [3, 2, 2],
    [free, free],
    [1, 12],
  ],
];
for (const [sample, wanted, got] of fits) {
  test(`a sample of [${sample}] enters [${wanted}] as [${got}]`, (t) => {
    const [piece] = fed(taking(wanted), sample, 1);
    t.deepEqual(piece.shape, got);
  });
}

test('what does not fit is refused', (t) => {
  faults(t, () => feed(taking([free, 3, 4, 4]), set([3, 5, 5])), 'data', /a set: samples of shape \[3, 5, 5\] do not fit input "x"/);
  faults(t, () => feed(taking([free, 2, 8]), set([2, 2, 4])), 'data', /do not fit/);
  faults(t, () => feed(taking([free, 2], 'boolean'), set([2])), 'data', /takes boolean, a data set gives real numbers/);
  faults(t, () => feed(taking([]), set([2])), 'data', /no batch dimension/);
  const two = taking([free, 2]);
  two.input('z', { dtype: 'float32', shape: [1] });
  faults(t, () => feed(two, set([2])), 'data', /2 inputs \("x", "z"\)/);
});

test('half floats are made where the model takes them', (t) => {
  const [piece] = fed(taking([free, 2], 'float16'), [2], 1);
  t.deepEqual(piece.numbers, [0, 1]);
});

test('whole numbers enter a model of integers, as far as its type holds them', (t) => {
  for (const dtype of ['uint8', 'int32', 'int64'] as const) {
    const [piece] = fed(taking([free, 2], dtype), [2], 1);
    t.deepEqual(piece.numbers, [0, 1]);
  }
  const given = (...numbers: number[]) => [
    ...feed(taking([free, 2], 'uint8'), set([2]))({ ...batchOf([2], 1), data: Float32Array.from(numbers) }),
  ];
  faults(t, () => given(1, 0.5), 'data', /a set: it has 0.5, input "x" takes uint8/);
  faults(t, () => given(256, 0), 'data', /it has 256, input "x" takes uint8/);
});

test('calibration spreads over the set', async (t) => {
  const graph = taking([free, 1, 28, 28]);
  const found: Tensor[] = [];
  const sizes: number[] = [];
  for await (const { x } of calibrationBatches(graph, digits({ count: 30 }), 12, 5)()) {
    sizes.push(x.shape[0]);
    found.push(Tensor.from(x.data(), x.shape));
  }
  t.deepEqual(sizes, [5, 5, 2]);
  // the last of 12 parts is 27 28 29, and 0.798 of the way is number 29
  for await (const { data } of digits({ count: 30 }).batches(30)) t.deepEqual(found[2].data().slice(784), data.slice(29 * 784));
});
