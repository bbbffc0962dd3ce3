import test from 'ava';
import { type Dataset, dataset, evaluate, Graph, ops, Tensor } from 'lowbit';
import { faultsLater } from '../faults.js';
import { calibrated, linear, smallNetwork, someDigits } from './models.js';

/** Samples of four numbers with labels. */
function rows(samples: readonly (readonly number[])[], labels?: readonly number[]): Dataset {
  return dataset({
    description: 'rows',
    length: samples.length,
    hasLabels: labels !== undefined,
    shape: [4],
    dtype: 'float32',
    gather: (numbers) => ({
      values: Float32Array.from([...numbers].flatMap((n) => samples[n])),
      labels: labels && Int32Array.from(numbers, (n) => labels[n]),
    }),
  });
}

// The identity: outputs are the inputs.
const unit = [0, 1, 2, 3].map((i) => [0, 1, 2, 3].map((j) => Number(i === j)));

test('the highest output wins, of equal ones the first', async (t) => {
  const samples = [
    [0, 3, 1, 2],
    [5, 5, 0, 0],
    [5, 5, 0, 0],
    [-1, -2, -3, -4],
  ];
  const found = await evaluate(linear(unit), rows(samples, [1, 0, 1, 3]), { batch: 3 });
  t.is(found.top1, 2 / 4);
  t.is(found.top5, 1); // of four classes
  t.is(found.samples, 4);
  t.is(found.mode, 'float');
  t.true(found.samplesPerSecond > 0);
});

test('five classes count for top-5', async (t) => {
  const seven = [...unit, ...unit].slice(0, 7);
  const found = await evaluate(
    linear(seven),
    rows(
      [
        [4, 3, 2, 1],
        [4, 3, 2, 1],
      ],
      [2, 3],
    ),
  );
  // the outputs are 4 3 2 1 4 3 2: class 2 comes fifth (after 0, 4, 1, 5), class 3 last
  t.is(found.top5, 0.5);
});

test('a fixed batch counts every sample once', async (t) => {
  const found = await evaluate(
    linear(unit, [2, 4]),
    rows(
      [
        [1, 0, 0, 0],
        [1, 0, 0, 0],
        [1, 0, 0, 0],
      ],
      [0, 0, 0],
    ),
  );
  t.is(found.samples, 3);
  t.is(found.top1, 1);
});

test('integer kernels and the simulation agree', async (t) => {
  const data = someDigits();
  const quantized = await calibrated(smallNetwork());
  const integer = await evaluate(quantized, data, { batch: 16 });
  const simulate = await evaluate(quantized, data, { mode: 'simulate' });
  t.is(integer.mode, 'integer');
  t.is(integer.top1, simulate.top1);
  t.is(integer.top5, simulate.top5);
});

test('a shape that depends on the data is computed all the same', async (t) => {
  // y = x, reshaped to (-1, 4) by numbers that come out of x
  const graph = new Graph('sized');
  const x = graph.input('x', { dtype: 'float32', shape: [Number.NaN, 4] });
  const largest = graph.add(ops.reduceMax, [graph.add(ops.slice, [x], { starts: [0], ends: [2], axes: [1] })], {
    axes: [0],
    keepDims: false,
  });
  const zero = graph.add(ops.mul, [largest, graph.constant(Tensor.from(new Float32Array([0, 0])))]);
  const sizes = graph.add(ops.add, [zero, graph.constant(Tensor.from(new Float32Array([-1, 4])))]);
  graph.output('y', graph.add(ops.reshape, [x], { shape: graph.add(ops.cast, [sizes], { dtype: 'int64' }) }));
  const samples = [
    [1, 0, 0, 0],
    [0, 2, 0, 0],
    [0, 0, 3, 0],
  ];
  const found = await evaluate(graph, rows(samples, [0, 1, 1]), { batch: 2 });
  t.deepEqual([found.samples, found.top1], [3, 2 / 3]);
});

test('an output that is not a row for each sample is refused', async (t) => {
  const graph = new Graph('turned');
  const x = graph.input('x', { dtype: 'float32', shape: [Number.NaN, 4] });
  graph.output('y', graph.add(ops.transpose, [x], { perm: [1, 0] }));
  const run = () => evaluate(graph, rows([[1, 2, 3, 4]], [0]));
  await faultsLater(t, run, 'data', /output is \[4, 1\] for 1 samples, expected a row for each/);
});

test('progress counts samples', async (t) => {
  const seen: [number, number][] = [];
  await evaluate(
    linear(unit),
    rows(
      [
        [1, 0, 0, 0],
        [1, 0, 0, 0],
        [1, 0, 0, 0],
      ],
      [0, 0, 0],
    ),
    { batch: 2, onProgress: (...now) => seen.push(now) },
  );
  t.deepEqual(seen, [
    [2, 3],
    [3, 3],
  ]);
});

test('what cannot be evaluated is refused', async (t) => {
  const one = [[1, 2, 3, 4]];
  await faultsLater(t, () => evaluate(linear(unit), rows(one)), 'data', /rows: its samples have no labels/);
  await faultsLater(t, () => evaluate(linear(unit), rows(one, [4])), 'data', /label of sample 0 is 4, but the model has 4 outputs/);
  await faultsLater(t, () => evaluate(linear(unit), rows(one, [-1])), 'data', /label of sample 0 is -1/);
  await faultsLater(t, () => evaluate(linear(unit), rows([...one, [0, Number.NaN, 0, 0]], [0, 0])), 'data', /output for sample 1 is NaN/);
  await faultsLater(t, () => evaluate(linear(unit), rows(one, [0]), { mode: 'integer' }), 'option', /linear has no quantized values/);
  await faultsLater(
    t,
    () => evaluate(linear(unit), rows(one, [0]), { mode: 'fast' as 'float' }),
    'option',
    /one of integer, simulate, float/,
  );
  await faultsLater(t, () => evaluate(linear(unit), rows(one, [0]), { bach: 3 } as object), 'unknownOption', /did you mean "batch"/);
});

test('it stops at its signal', async (t) => {
  const controller = new AbortController();
  const data = someDigits();
  const run = () =>
    evaluate(smallNetwork(), data, { batch: 1, signal: controller.signal, onProgress: (done) => done === 3 && controller.abort() });
  await faultsLater(t, run, 'aborted', /stopped/);
});
