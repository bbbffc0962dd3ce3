import { Worker } from 'node:worker_threads';
import test from 'ava';
import { compile, Graph, lowerInteger, memory, offThread, ops, rowsOf, run, Tensor, type TensorData, threads, trace } from 'lowbit';
import { faults, faultsLater } from '../faults.js';
import { randomImages, smallNet, weight } from '../graph/graphs.js';
import { bytesOf } from '../ops/case.js';

const dispose = (tensors: Record<string, Tensor>) => {
  for (const tensor of Object.values(tensors)) tensor.dispose();
};

/** What `run` gives, as bytes by output name. */
function plainly(graph: Graph, inputs: Record<string, Tensor>): Record<string, Buffer> {
  const outputs = run(lowerInteger(graph).graph, inputs);
  const bytes = Object.fromEntries(Object.entries(outputs).map(([name, x]) => [name, bytesOf(x.data())]));
  dispose(outputs);
  return bytes;
}

const inBytes = (outputs: Record<string, TensorData>) => Object.fromEntries(Object.entries(outputs).map(([name, x]) => [name, bytesOf(x)]));

test('a session gives the bytes of run, for every batch size, run after run', async (t) => {
  const graph = smallNet();
  using session = compile(graph);
  t.deepEqual(session.outputs, ['y']);
  for (const count of [1, 3, 1, 8, 5, 2, 7, 3, 1]) {
    const image = randomImages(count, count);
    const want = plainly(graph, { image });
    t.deepEqual(inBytes(session.runSync({ image })), want);
    t.deepEqual(inBytes(session.runSync({ image: image.data() })), want);
    t.deepEqual(inBytes(await session.run({ image: image.data() })), want);
    image.dispose();
  }
});

test('weights are packed once and shared by all batch sizes', (t) => {
  using session = compile(smallNet());
  t.is(session.memory.kept, 0);
  session.runSync({ image: new Float32Array(108) });
  const { kept, arena } = session.memory;
  t.true(arena > 0);
  t.is(kept > 0, rowsOf(ops.conv2d).length > 1, 'references keep nothing');
  session.runSync({ image: new Float32Array(5 * 108) });
  t.is(session.memory.kept, kept);
  t.true(session.memory.arena > arena);
});

test('calls that differ in a number alone keep weights of their own', (t) => {
  const graph = new Graph('twice');
  const x = graph.input('x', { dtype: 'uint8', shape: [3, 8] });
  const w = graph.constant(
    Tensor.from(
      Int8Array.from({ length: 40 }, (_, i) => (i % 9) - 4),
      [5, 8],
    ),
  );
  const [bias, scale] = [Tensor.from(new Int32Array(5)), Tensor.from(new Float32Array(5).fill(1))].map((tensor) => graph.constant(tensor));
  for (const aZero of [0, 100]) {
    graph.output(`y${aZero}`, graph.add(ops.qgemm, [x, w, bias, scale], { aZero, qmin: 0, qmax: 255, dtype: 'float32' }, 'same name'));
  }
  using session = compile(graph);
  const given = Tensor.from(
    Uint8Array.from({ length: 24 }, (_, i) => i * 10),
    [3, 8],
  );
  for (let i = 0; i < 2; i++) t.deepEqual(inBytes(session.runSync({ x: given })), plainly(graph, { x: given }));
});

test('few rows and many keep what they need of packed weights beside each other', (t) => {
  for (const bits of [1, 2, 4]) {
    const graph = new Graph('rows');
    const x = graph.input('x', { dtype: 'uint8', shape: [Number.NaN, 70] });
    const numbers = (length: number, value: (i: number) => number) => Array.from({ length }, (_, i) => value(i));
    const bytes = ops.packedRowBytes(70, bits);
    const inputs = [
      Tensor.from(
        numbers(37 * bytes, (i) => (i % bytes < (70 * bits) >> 3 ? (i * 37) % 256 : 0)),
        [37, bytes],
        'uint8',
      ),
      Tensor.from(
        numbers(37, (i) => i * i),
        [37],
        'int32',
      ),
      Tensor.from(
        numbers(37, (i) => i / 99),
        [37],
        'float32',
      ),
    ].map((tensor) => graph.constant(tensor));
    const params = { aZero: 77, qmin: 0, qmax: 255, dtype: 'float32', bits, grid: 'uniform' } as const;
    graph.output('y', graph.add(ops.lowbitGemm, [x, ...inputs], params));
    using session = compile(graph);
    for (const rows of [2, 30, 1, 30, 12, 13]) {
      const given = Tensor.from(
        Uint8Array.from({ length: rows * 70 }, (_, i) => i * 31 + rows),
        [rows, 70],
      );
      t.deepEqual(inBytes(session.runSync({ x: given })), plainly(graph, { x: given }));
    }
  }
});

// Vector rows decline zeros beside an image that are much wider than it.
test('images of a size that the row of the first does not take', (t) => {
  const graph = new Graph('sizes');
  const x = graph.input('x', { dtype: 'float32', shape: [1, Number.NaN, Number.NaN, 4] });
  const inputs = [x, weight(graph, 'w', [6, 1, 41, 4]), weight(graph, 'bias', [6])];
  graph.output('y', graph.add(ops.conv2d, inputs, { pads: [0, 40, 0, 40] }));
  using session = compile(graph);
  for (const size of [20, 1, 2, 20]) {
    const image = Tensor.from(
      Float32Array.from({ length: size * size * 4 }, (_, i) => Math.sin(i)),
      [1, size, size, 4],
    );
    t.deepEqual(inBytes(session.runSync({ x: image })), plainly(graph, { x: image }));
  }
});

test('arrays of the caller are filled', async (t) => {
  using session = compile(smallNet(), { shapes: { image: [2, 6, 6, 3] } });
  const image = randomImages(2);
  const y = new Float32Array(10);
  t.is(session.runSync({ image }, { outputs: { y } }).y, y);
  t.deepEqual(y, session.runSync({ image }).y);
  const shared = new Float32Array(new SharedArrayBuffer(40));
  await session.run({ image }, { outputs: { y: shared } });
  t.deepEqual([...shared], [...y]);
});

test('what does not fit is named', async (t) => {
  using session = compile(smallNet());
  const image = new Float32Array(108);
  faults(t, () => session.runSync({}), 'data', /net: input "image" is missing/);
  faults(t, () => session.runSync({ imgae: image }), 'unknownOption', /inputs of net: unknown option "imgae", did you mean "image"/);
  faults(t, () => session.runSync({ image: new Uint8Array(108) }), 'dtype', /image is Uint8Array, expected a tensor, or a Float32Array/);
  faults(t, () => session.runSync({ image: [1, 2] as never }), 'dtype', /image is Array/);
  faults(t, () => session.runSync({ image: new Float32Array(100) }), 'shape', /image is \[100\], expected a multiple of 108 elements/);
  faults(t, () => session.runSync({ image: Tensor.from(new Float32Array(12), [1, 2, 2, 3]) }), 'shape', /expected \[\?, 6, 6, 3\]/);
  faults(t, () => session.runSync({ image }, { outputs: { z: image } }), 'unknownOption', /outputs of net: unknown option "z"/);
  faults(t, () => session.runSync({ image }, { outputs: { y: image } }), 'shape', /the array for y is \[108\], expected 5 elements/);
  faults(t, () => session.runSync({ image }, { outputs: { y: new Int8Array(5) } }), 'dtype', /the array for y is Int8Array/);
  faults(t, () => session.runSync({ image }, { output: {} } as never), 'unknownOption', /did you mean "outputs"/);
  faults(
    t,
    () => compile(smallNet(), { shapes: { image: [1, 6, 6, 4] } }),
    'option',
    /shapes\.image is "\[1, 6, 6, 4\]", expected \[\?, 6, 6, 3\]/,
  );
  faults(t, () => compile(smallNet(), { shape: {} } as never), 'unknownOption', /did you mean "shapes"/);
  faults(t, () => session.profile({ image }, { runs: 0 }), 'option', /runs is 0/);
  await faultsLater(t, () => session.run({ image: new Float32Array(1) }), 'shape', /image is \[1\]/);
});

test('a shape that depends on the data is refused, and the node is named', (t) => {
  const graph = new Graph('sized');
  const x = graph.input('x', { dtype: 'float32', shape: [6] });
  const shape = graph.input('shape', { dtype: 'int64', shape: [2] });
  graph.output('y', graph.add(ops.reshape, [x], { shape }, 'as asked'));
  faults(t, () => compile(graph), 'unsupported', /node "as asked" \(reshape\): its shape depends on the data/);
});

test('inputs, constants and moved values can be outputs', (t) => {
  const graph = new Graph('edges');
  const x = graph.input('x', { dtype: 'float32', shape: [2, 3] });
  const flat = graph.add(ops.reshape, [x], { shape: [6] }, 'flat');
  const twice = graph.add(ops.add, [flat, flat], {}, 'twice');
  const back = graph.add(ops.reshape, [twice], { shape: [3, 2] }, 'back');
  for (const [name, value] of Object.entries({ x, flat, back, again: back, fixed: weight(graph, 'w', [4]) })) graph.output(name, value);
  using session = compile(graph);
  const given = Tensor.from([1, 2, 3, 4, 5, 6], [2, 3]);
  t.deepEqual(inBytes(session.runSync({ x: given })), plainly(graph, { x: given }));
});

test('a network of everything: residuals, joins, depthwise, codes and what stays float', (t) => {
  const graph = mixed();
  using session = compile(graph);
  for (const count of [1, 2, 3]) {
    threads(count);
    const image = randomImages(count + 1, count);
    const want = plainly(graph, { image });
    t.deepEqual(inBytes(session.runSync({ image })), want);
    const reference = run(lowerInteger(graph).graph, { image }, { row: () => 'reference' });
    for (const [name, x] of Object.entries(reference)) t.deepEqual(bytesOf(x.data()), want[name]);
    dispose(reference);
  }
});

test('a run can be stopped', async (t) => {
  const graph = new Graph('long');
  let value = graph.input('x', { dtype: 'float32', shape: [512, 512] });
  const w = weight(graph, 'w', [512, 512]);
  const bias = weight(graph, 'bias', [512]);
  for (let i = 0; i < 200; i++) value = graph.add(ops.gemm, [value, w, bias], {}, `layer ${i}`);
  graph.output('y', value);
  using session = compile(graph);
  const x = new Float32Array(512 * 512);
  const stop = new AbortController();
  const running = session.run({ x }, { signal: stop.signal });
  setTimeout(() => stop.abort(), 5);
  await faultsLater(t, () => running, 'aborted', /long was stopped by its signal/);
  await faultsLater(t, () => session.run({ x }, { signal: AbortSignal.abort() }), 'aborted', /long/);
  t.is(session.runSync({ x }).y.length, 512 * 512, 'the session goes on');
});

test('runs that overlap come one after another', async (t) => {
  const graph = smallNet();
  using session = compile(graph);
  const images = [1, 2, 3, 1, 2].map((count, seed) => randomImages(count, seed));
  const running = images.map((image) => session.run({ image }));
  const direct = session.runSync({ image: images[2] });
  t.deepEqual(inBytes(direct), plainly(graph, { image: images[2] }));
  for (const [i, outputs] of (await Promise.all(running)).entries()) t.deepEqual(inBytes(outputs), plainly(graph, { image: images[i] }));
});

test('a tensor that calls wait to write is written first', async (t) => {
  const graph = smallNet();
  using session = compile(graph);
  const image = randomImages(2);
  const outputs = await offThread(() => {
    const doubled = ops.add(image, image);
    return session.runSync({ image: doubled });
  });
  const doubled = ops.add(image, image);
  t.deepEqual(inBytes(outputs), plainly(graph, { image: doubled }));
});

test('faults of the data reach the caller', async (t) => {
  const graph = new Graph('lookup');
  const index = graph.input('index', { dtype: 'int32', shape: [2] });
  graph.output('y', graph.add(ops.gather, [weight(graph, 'table', [4, 2]), index], { axis: 0 }, 'lookup'));
  using session = compile(graph);
  faults(t, () => session.runSync({ index: Int32Array.of(0, 9) }), 'data', /gather/);
  await faultsLater(t, () => session.run({ index: Int32Array.of(0, 9) }), 'data', /gather/);
  t.is(session.runSync({ index: Int32Array.of(0, 3) }).y.length, 4);
});

test('times of the steps', (t) => {
  using session = compile(smallNet());
  const steps = session.profile({ image: new Float32Array(216) }, { runs: 3 });
  t.deepEqual(
    steps.map(({ name, op, shape }) => [name, op, shape.join()]),
    [
      ['conv', 'conv2dAddClip', '2,6,6,4'],
      ['pool', 'maxPool2d', '2,3,3,4'],
      ['linear', 'gemm', '2,5'],
    ],
  );
  for (const { milliseconds } of steps) t.true(milliseconds > 0 && milliseconds < 1000);
});

test('a session holds no memory when it is gone, not even one whose run goes on', async (t) => {
  const graph = smallNet();
  const before = memory().bytes;
  const session = compile(graph);
  const y = session.run({ image: new Float32Array(108) });
  session.dispose();
  session.dispose();
  t.is((await y).y.length, 5);
  faults(t, () => session.runSync({ image: new Float32Array(108) }), 'disposed', /the session of net/);
  faults(t, () => session.memory, 'disposed', /the session of net/);
  t.true(memory().bytes <= before);
});

test('a traced function becomes a session', (t) => {
  const example = Tensor.from(new Float32Array(3));
  using session = compile(trace(({ x }) => ops.relu(ops.neg(x)), { x: example }));
  t.deepEqual([...session.runSync({ x: Float32Array.of(1, -2, 0, 7, -9) }).output], [0, 2, -0, 0, 9]);
});

test('sessions in worker threads share the pool', async (t) => {
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.lowbit).then(async ({ compile, importOnnx, Graph, ops, Tensor }) => {
      const graph = new Graph('worker');
      const x = graph.input('x', { dtype: 'float32', shape: [64, 96] });
      const w = graph.constant(Tensor.from(Float32Array.from({ length: 96 * 96 }, (_, i) => Math.sin(i)), [96, 96]));
      const bias = graph.constant(Tensor.from(new Float32Array(96)));
      graph.output('y', graph.add(ops.gemm, [graph.add(ops.gemm, [x, w, bias]), w, bias]));
      const session = compile(graph);
      const input = Float32Array.from({ length: 64 * 96 }, (_, i) => Math.cos(i));
      let sum = '';
      for (let i = 0; i < 50; i++) {
        const { y } = i % 2 ? session.runSync({ x: input }) : await session.run({ x: input });
        sum = require('node:crypto').createHash('sha1').update(y).digest('hex');
      }
      parentPort.postMessage(sum);
    });`;
  const lowbit = import.meta.resolve('lowbit');
  const sums = await Promise.all(
    [1, 2, 3].map(
      () =>
        new Promise((resolve, reject) => {
          const worker = new Worker(code, { eval: true, workerData: { lowbit } });
          worker.once('message', resolve).once('error', reject);
        }),
    ),
  );
  t.is(new Set(sums).size, 1);
});

/** image → codes → conv → (depthwise + residual) joined with the first → resized as floats → codes → pooled → linear. */
function mixed(): Graph {
  const graph = new Graph('mixed');
  const image = graph.input('image', { dtype: 'float32', shape: [Number.NaN, 6, 6, 3] });
  const scalar = (value: number, name: string) => graph.constant(Tensor.scalar(value), name);
  const zero = graph.constant(Tensor.scalar(120, 'uint8'), 'zero');
  let made = 0;
  const coded = (x: typeof image, scale = 0.02) => {
    const s = scalar(scale, `scale ${made++}`);
    return graph.add(ops.dequantize, [graph.add(ops.quantize, [x, s, zero]), s, zero]);
  };
  const weights = (name: string, shape: number[], seed: number) => {
    const codes = graph.constant(
      Tensor.from(
        Int8Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => ((i * 37 + seed * 11) % 255) - 127),
        shape,
      ),
      name,
    );
    const scale = graph.constant(Tensor.from(Float32Array.from({ length: shape[0] }, (_, i) => 0.002 + 0.0003 * i)), `${name} scale`);
    return graph.add(ops.dequantize, [codes, scale, graph.constant(Tensor.from(new Int8Array(shape[0])))], { axis: 0 });
  };
  const bias = (name: string, size: number) => weight(graph, name, [size], size, -0.2, 0.2);
  const x = coded(image, 0.01);
  const first = coded(
    graph.add(ops.relu, [graph.add(ops.conv2d, [x, weights('w1', [8, 3, 3, 3], 1), bias('b1', 8)], { pads: [1, 1, 1, 1] })]),
  );
  const own = coded(
    graph.add(ops.conv2d, [first, weights('w2', [8, 3, 3, 1], 2), bias('b2', 8)], { pads: [1, 1, 1, 1], groups: 8 }, 'depthwise'),
  );
  const sum = coded(graph.add(ops.add, [own, first]));
  const both = coded(graph.add(ops.concat, [sum, first], { axis: 3 }));
  const index = graph.constant(
    Tensor.from(
      Int32Array.from({ length: 18 }, (_, i) => Math.min(5, i % 7)),
      [9, 2],
    ),
  );
  const taps = weight(graph, 'taps', [9, 2], 9);
  const large = graph.add(ops.resample, [both, index, taps], { axis: 1 }, 'resize');
  const pooled = coded(graph.add(ops.globalAveragePool, [coded(large)]));
  const flat = graph.add(ops.reshape, [pooled], { shape: [0, -1] });
  graph.output('y', graph.add(ops.gemm, [flat, weights('w3', [5, 16], 3), bias('b3', 5)]));
  graph.output('large', large);
  return graph;
}
