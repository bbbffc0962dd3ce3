import test from 'ava';
import {
  Graph,
  LowbitError,
  memory,
  ops,
  preferRow,
  type RecordedCall,
  referenceRows,
  run,
  runAsync,
  Tensor,
  threads,
  type Value,
} from 'lowbit';
import { faults, faultsLater } from '../faults.js';
import { randomImages, smallNet } from './graphs.js';

const numbers = (tensors: Record<string, Tensor>) => Object.fromEntries(Object.entries(tensors).map(([name, x]) => [name, x.toNumbers()]));
const dispose = (tensors: Record<string, Tensor>) => {
  for (const tensor of Object.values(tensors)) tensor.dispose();
};

test('a graph computes what its ops compute', (t) => {
  const graph = smallNet();
  const image = randomImages(2);
  const [w1, b1, w2, b2] = ['w1', 'b1', 'w2', 'b2'].map((name) => graph.constantOf(graph.find(name))!);
  const pooled = ops.maxPool2d(ops.relu(ops.conv2d(image, w1, b1, { pads: [1, 1, 1, 1] })), { kernel: [2, 2], strides: [2, 2] });
  t.deepEqual(run(graph, { image }).y.data(), ops.gemm(ops.reshape(pooled, { shape: [2, 36] }), w2, b2).data());
});

test('wrong inputs are named', (t) => {
  const graph = smallNet();
  const image = randomImages(1);
  const gone = randomImages(1);
  gone.dispose();
  faults(t, () => run(graph, {}), 'data', /net: input "image" is missing/);
  faults(t, () => run(graph, { image, imgae: image }), 'unknownOption', /unknown option "imgae", did you mean "image"/);
  faults(t, () => run(graph, { image: Tensor.from(new Uint8Array(108), [1, 6, 6, 3]) }), 'dtype', /net: image is uint8, expected float32/);
  faults(
    t,
    () => run(graph, { image: Tensor.from(new Float32Array(36), [1, 6, 6, 1]) }),
    'shape',
    /image is \[1, 6, 6, 1\], expected \[\?, 6, 6, 3\]/,
  );
  faults(t, () => run(graph, { image: gone }), 'disposed', /was used after dispose/);
});

test('a batch of no samples is one', (t) => {
  t.deepEqual(run(smallNet(), { image: Tensor.from([], [0, 6, 6, 3]) }).y.shape, [0, 5]);
});

test.serial('nothing is left behind, however a run ends', async (t) => {
  const graph = smallNet();
  const image = randomImages(1);
  const { tensors, bytes } = memory();
  const aborted = AbortSignal.abort();
  for (let i = 0; i < 1000; i++) {
    dispose(run(graph, { image }));
    t.throws(() => run(graph, { image }, { signal: aborted }));
    t.throws(() => run(graph, { image }, { onValue: (value) => value.name === 'pool' && fail() }));
    if (i % 10) continue;
    dispose(await runAsync(graph, { image }));
    await t.throwsAsync(runAsync(graph, { image }, { signal: aborted }));
  }
  t.deepEqual([memory().tensors, memory().bytes], [tensors, bytes]);
});

const fail = () => {
  throw new Error('stopped by the test');
};

test.serial('a value is freed after its last reader', (t) => {
  const graph = smallNet();
  const image = randomImages(1);
  const before = memory().tensors;
  const alive: number[] = [];
  run(graph, { image }, { onValue: () => alive.push(memory().tensors - before) });
  t.deepEqual(alive, [0, 1, 2, 2, 2, 2]);
});

test('onValue sees every input and output in order, while it is alive', (t) => {
  const seen: [string, number][] = [];
  run(smallNet(), { image: randomImages(3) }, { onValue: (value, tensor) => seen.push([value.name, tensor.toNumbers().length]) });
  t.deepEqual(seen, [
    ['image', 324],
    ['conv', 432],
    ['active', 432],
    ['pool', 108],
    ['flat', 108],
    ['linear', 15],
  ]);
});

test('the tape has every call, and its tensors stay', (t) => {
  const tape: RecordedCall[] = [];
  const image = randomImages(1);
  const before = memory().tensors;
  const { y } = run(smallNet(), { image }, { tape });
  t.deepEqual(
    tape.map(({ op }) => op.name),
    ['conv2d', 'relu', 'maxPool2d', 'reshape', 'gemm'],
  );
  t.is(tape[0].inputs[0], image);
  t.is(tape[4].output, y);
  t.deepEqual(tape[1].output.data(), ops.relu(tape[0].output).data());
  for (const { output } of tape) output.dispose();
  t.true(memory().tensors >= before);
});

test('a signal stops the run before the next node', (t) => {
  const controller = new AbortController();
  const seen: string[] = [];
  const onValue = (value: Value) => {
    seen.push(value.name);
    if (value.name === 'active') controller.abort();
  };
  faults(
    t,
    () => run(smallNet(), { image: randomImages(1) }, { signal: controller.signal, onValue }),
    'aborted',
    /running net was stopped/,
  );
  t.deepEqual(seen, ['image', 'conv', 'active']);
});

test('every row gives the same bytes, with any number of threads', (t) => {
  const graph = smallNet();
  const image = randomImages(5);
  const want = run(graph, { image }).y.data();
  for (const row of [referenceRows, preferRow('avx2'), preferRow('avx512'), () => 'no such row']) {
    t.deepEqual(run(graph, { image }, { row }).y.data(), want);
  }
  for (const count of [1, 2, 3]) {
    threads(count);
    t.deepEqual(run(graph, { image }).y.data(), want);
  }
});

test('runAsync gives what run gives while timers fire, many at a time', async (t) => {
  const graph = new Graph();
  const x = graph.input('x', { dtype: 'float32', shape: [Number.NaN, 300] });
  const w = graph.constant(Tensor.from(Array.from({ length: 90000 }, (_, i) => ((i * 7) % 13) / 90)), 'w');
  let y = x;
  for (let i = 0; i < 20; i++) y = graph.add(ops.tanh, [graph.add(ops.matmul, [y, graph.add(ops.reshape, [w], { shape: [300, 300] })])]);
  graph.output('y', y);
  const inputs = Array.from({ length: 4 }, (_, k) =>
    Tensor.from(
      Array.from({ length: 60000 }, (_, i) => ((i * (k + 3)) % 17) / 17),
      [200, 300],
    ),
  );
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const outputs = await Promise.all(inputs.map((input) => runAsync(graph, { x: input })));
  clearInterval(timer);
  t.true(ticks > 0, 'no timer fired while the graph ran');
  for (const [k, output] of outputs.entries()) t.deepEqual(output.y.data(), run(graph, { x: inputs[k] }).y.data());
});

test.serial('faults of a thread come back with their code, and free what was made', async (t) => {
  const graph = new Graph();
  const x = graph.input('x', { dtype: 'float32', shape: [3] });
  const index = graph.input('index', { dtype: 'int64', shape: [1] });
  graph.output('picked', graph.add(ops.gather, [graph.add(ops.relu, [x]), index]));
  const inputs = { x: Tensor.from([1, 2, 3]), index: Tensor.from([5], [1], 'int64') };
  const before = memory().tensors;
  await faultsLater(t, () => runAsync(graph, inputs), 'data', /gather: index 5/);
  faults(t, () => run(graph, inputs), 'data', /gather: index 5/);
  t.is(memory().tensors, before);
  t.true(inputs.x.toNumbers().length === 3);
});

test('every output is a tensor of its own', (t) => {
  const graph = new Graph();
  const x = graph.input('x', { dtype: 'float32', shape: [2] });
  const c = graph.constant(Tensor.from([5, 6]), 'c');
  const y = graph.add(ops.add, [x, c]);
  for (const [name, value] of Object.entries({ x, c, y, again: y, once: y })) graph.output(name, value);
  const input = Tensor.from([1, 2]);
  const first = run(graph, { x: input });
  t.deepEqual(numbers(first), { x: [1, 2], c: [5, 6], y: [6, 8], again: [6, 8], once: [6, 8] });
  t.is(new Set([...Object.values(first), input, graph.constantOf(c)]).size, 7);
  dispose(first);
  t.deepEqual(numbers(run(graph, { x: input })).c, [5, 6]);
  t.is(input.disposed, false);
});

const runtime: [what: string, build: (graph: Graph, x: Value, p: Value) => Value, p: Tensor, want: number[] | RegExp][] = [
  ['reshape', (g, x, shape) => g.add(ops.reshape, [x], { shape }), Tensor.from([3, 2], undefined, 'int64'), [3, 2]],
  ['reshape with -1', (g, x, shape) => g.add(ops.reshape, [x], { shape }), Tensor.from([-1, 1, 3], undefined, 'int64'), [2, 1, 3]],
  ['expand', (g, x, shape) => g.add(ops.expand, [x], { shape }), Tensor.from([2, 1, 1], undefined, 'int64'), [2, 2, 3]],
  ['slice', (g, x, ends) => g.add(ops.slice, [x], { starts: [0], ends }), Tensor.from([1], undefined, 'int64'), [1, 3]],
  ['one number', (g, x, max) => g.add(ops.clip, [x], { max }), Tensor.scalar(2), [2, 3]],
  [
    'a shape that does not fit',
    (g, x, shape) => g.add(ops.reshape, [x], { shape }),
    Tensor.from([4, 2], undefined, 'int64'),
    /as many elements as x/,
  ],
  ['a NaN', (g, x, max) => g.add(ops.clip, [x], { max }), Tensor.scalar(Number.NaN), /clip: parameter max is NaN/],
];

for (const [what, build, p, want] of runtime) {
  test(`parameters that are read when the graph runs: ${what}`, (t) => {
    const graph = new Graph();
    const x = graph.input('x', { dtype: 'float32', shape: [2, 3] });
    graph.output('y', build(graph, x, graph.input('p', { dtype: p.dtype, shape: p.shape })));
    const inputs = { x: Tensor.from([1, 2, 3, 4, 5, 6], [2, 3]), p };
    if (want instanceof RegExp) t.throws(() => run(graph, inputs), { instanceOf: LowbitError, message: want });
    else t.deepEqual(run(graph, inputs).y.shape, want);
  });
}
