import test from 'ava';
import {
  type FaultCode,
  Graph,
  insertQdq,
  lowerInteger,
  memory,
  type ObserverName,
  observerNames,
  ops,
  type QuantizeOptions,
  quantize,
  run,
  Tensor,
  threads,
  toOnnx,
  type Value,
  verify,
} from 'lowbit';
import { Dice } from '../dice.js';
import { faults, faultsLater } from '../faults.js';
import { smallNet, weight } from '../graph/graphs.js';
import { randomNumbers } from '../ops/case.js';
import { randomGraph, wholeNumbers } from '../passes/randomGraph.js';

const perImage = 108;

/** `count` samples of the small net in batches; image i is the same whatever its batch. */
const samples = (count: number, batch: number, change: (numbers: number[], first: number) => void = () => {}) =>
  async function* () {
    for (let first = 0; first < count; first += batch) {
      const n = Math.min(batch, count - first);
      const numbers = Array.from({ length: n }, (_, i) => randomNumbers(perImage, -1, 1, first + i + 1)).flat();
      change(numbers, first);
      yield { image: Tensor.from(numbers, [n, 6, 6, 3]) };
    }
  };

const bytes = (graph: Graph) => Buffer.from(toOnnx(graph));

test.serial('memory does not grow with the number of samples', async (t) => {
  const peak = async (count: number) => {
    const before = memory('resetPeak');
    const { graph } = await quantize(smallNet(), samples(count, 10), { observer: 'entropy' });
    const during = memory().peakBytes - before.bytes;
    for (const tensor of graph.constants.values()) tensor.dispose();
    return during;
  };
  await peak(20);
  const few = await peak(100);
  t.true((await peak(5000)) <= 1.1 * few + 4096);
});

for (const name of observerNames) {
  test(`${name}: batches of 1, 7 and 50 and any number of threads give the same bytes`, async (t) => {
    const options: QuantizeOptions = { observer: name, ...(name === 'percentile' && { percentile: 99 }) };
    const want = await quantize(smallNet(), samples(50, 50), options);
    for (const [batch, count] of [
      [1, 1],
      [7, 2],
      [50, 3],
    ]) {
      threads(count);
      const got = await quantize(smallNet(), samples(50, batch), options);
      t.deepEqual(got.ranges, want.ranges);
      t.true(bytes(got.graph).equals(bytes(want.graph)));
    }
  });
}

test('a quantized graph is close, lowers to integers, and says what was done', async (t) => {
  const { graph, layers, float, ranges } = await quantize(smallNet(), samples(100, 20));
  t.deepEqual(layers, [
    { name: 'conv', op: 'conv2d', parameters: 112 },
    { name: 'linear', op: 'gemm', parameters: 185 },
  ]);
  t.deepEqual(float, []);
  t.true(Object.keys(ranges).includes('image') && ranges.image.min >= -1 && ranges.image.max <= 1);
  const lowered = lowerInteger(graph);
  t.deepEqual(lowered.float, []);
  const image = Tensor.from(randomNumbers(5 * perImage, -1, 1, 3), [5, 6, 6, 3]);
  const [want, simulated, integer] = [smallNet(), graph, lowered.graph].map((each) => run(each, { image }).y.toNumbers());
  const span = Math.max(...want.map(Math.abs));
  for (const [i, value] of want.entries()) {
    t.true(Math.abs(simulated[i] - value) < 0.03 * span, `${simulated[i]} for ${value}`);
    t.true(Math.abs(integer[i] - simulated[i]) < 0.01 * span, `${integer[i]} for ${simulated[i]}`);
  }
});

const refused: [what: string, options: object, code: FaultCode, message: RegExp][] = [
  ['an unknown option', { observr: 'mse' }, 'unknownOption', /quantize: unknown option "observr", did you mean "observer"/],
  [
    'an unknown observer',
    { observer: 'mean' },
    'option',
    /observer is "mean", expected one of minmax, average, movingAverage, percentile, hist, entropy, mse/,
  ],
  ['codes of other types', { activations: 'int4' }, 'option', /activations is "int4", expected one of uint8, int8, uint16, int16/],
  ['a flag that is none', { symmetric: 'yes' }, 'option', /symmetric is "yes", expected true or false/],
  [
    'a percentile of nothing',
    { observer: 'percentile', percentile: 0 },
    'option',
    /percentile is 0, expected a number above 0, at most 100/,
  ],
  [
    'a percentile for another observer',
    { percentile: 99 },
    'option',
    /percentile is 99, expected to be left out because observer is "mse"/,
  ],
  ['exclusions that are no list', { exclude: 'conv' }, 'option', /exclude is "conv", expected a list of names/],
  [
    'a layer that is not there',
    { exclude: ['conb'] },
    'option',
    /exclude is "conb", expected the name of a layer \(did you mean "conv"\?\)/,
  ],
  ['a pattern that matches nothing', { exclude: ['/^zzz/'] }, 'option', /patterns \/like this\/ that match some/],
  ['a pattern that is none', { exclude: ['/(/'] }, 'option', /expected a regular expression/],
  ['an equalization that is none', { equalize: 1 }, 'option', /equalize is 1, expected true or false/],
  ['ReLU6 replaced for nothing', { replaceRelu6: true }, 'option', /expected to be left out because equalize is not set/],
  [
    'an unknown correction',
    { correctBias: 'mean' },
    'option',
    /correctBias is "mean", expected false or one of empirical, analytic, weights/,
  ],
  [
    'weights corrected by channel with one scale',
    { correctBias: 'weights', perTensor: true },
    'option',
    /expected "empirical" or "analytic" because perTensor gives the channels/,
  ],
  ['everything excluded', { exclude: ['/./'] }, 'graph', /nothing to quantize/],
];

for (const [what, options, code, message] of refused) {
  test(`refused: ${what}`, (t) => faultsLater(t, () => quantize(smallNet(), samples(1, 1), options), code, message));
}

/** conv → relu → depthwise → relu6 → linear, channels of very different ranges, biases that are high. */
function unevenNet(): Graph {
  const graph = new Graph('net');
  const image = graph.input('image', { dtype: 'float32', shape: [Number.NaN, 6, 6, 3] });
  const ranges = [0.02, 0.3, 1, 4];
  const rows = (count: number, factor: (i: number) => number, seed: number) =>
    randomNumbers(count, -1, 1, seed).map((x, i) => x * factor(i));
  const constant = (numbers: number[], shape: number[]) => graph.constant(Tensor.from(numbers, shape), 'w');
  const w1 = constant(
    rows(108, (i) => ranges[Math.floor(i / 27)], 2),
    [4, 3, 3, 3],
  );
  const one = graph.add(ops.conv2d, [image, w1, constant([0.1, 2, 0.1, 3], [4])], {}, 'one');
  const w2 = constant(
    rows(36, (i) => 1 / ranges[Math.floor(i / 9)], 3),
    [4, 3, 3, 1],
  );
  const two = graph.add(ops.conv2d, [graph.add(ops.relu, [one]), w2, weight(graph, 'b2', [4], 4)], { groups: 4 }, 'two');
  const flat = graph.add(ops.reshape, [graph.add(ops.clip, [two], { min: 0, max: 6 })], { shape: [0, -1] });
  graph.output('y', graph.add(ops.gemm, [flat, weight(graph, 'w3', [5, 16], 5), weight(graph, 'b3', [5], 6)], {}, 'three'));
  return graph;
}

test('equalization and correction lose less, and say what they did', async (t) => {
  const image = Tensor.from(randomNumbers(50 * perImage, -1, 1, 3), [50, 6, 6, 3]);
  const want = run(unevenNet(), { image }).y.toNumbers();
  const error = async (options: QuantizeOptions) => {
    let passes = 0;
    const counted = () => {
      passes++;
      return samples(60, 20)();
    };
    const steps: string[] = [];
    const onProgress = (_done: number, step: string) => steps.at(-1) !== step && steps.push(step);
    const made = await quantize(unevenNet(), counted, { observer: 'minmax', perTensor: true, ...options, onProgress });
    const y = run(lowerInteger(made.graph).graph, { image }).y.toNumbers();
    return { made, steps, passes, error: y.reduce((sum, x, i) => sum + (x - want[i]) ** 2, 0) };
  };
  const plain = await error({});
  t.deepEqual([plain.passes, plain.steps], [1, ['calibrating']]);
  for (const field of ['equalized', 'absorbed', 'corrected', 'replacedRelu6']) t.false(field in plain.made);
  const even = await error({ equalize: true });
  t.is(even.passes, 2);
  t.true(even.error < 0.1 * plain.error, `${even.error} and ${plain.error}`);
  t.deepEqual(
    even.made.equalized!.layers.map(({ name }) => name),
    ['one', 'two', 'three'],
  );
  for (const correctBias of ['empirical', 'analytic'] as const) {
    const corrected = await error({ correctBias });
    t.true(corrected.error < plain.error, `${correctBias}: ${corrected.error} and ${plain.error}`);
    t.deepEqual([corrected.made.corrected!.method, corrected.made.corrected!.layers.length], [correctBias, 3]);
    t.true(corrected.made.corrected!.layers.every(({ largest }) => largest >= 0));
  }
  const all = await error({ equalize: true, replaceRelu6: true, absorbBias: true, correctBias: 'empirical' });
  t.deepEqual([all.passes, all.steps], [3, ['measuring', 'calibrating', 'correcting']]);
  t.deepEqual([all.made.replacedRelu6!.length, all.made.absorbed!.skipped], [1, []]);
  t.true(all.made.absorbed!.layers.some(({ channels, largest }) => channels > 0 && largest > 0));
  const repaired = await error({ perTensor: false, correctBias: 'weights' });
  t.deepEqual([repaired.passes, repaired.made.corrected!.method, repaired.made.corrected!.layers.length], [1, 'weights', 3]);
});

test('nor do batches matter to what is equalized and corrected', async (t) => {
  const options: QuantizeOptions = { equalize: true, absorbBias: true, correctBias: 'empirical' };
  const [one, many] = await Promise.all([1, 50].map((batch) => quantize(unevenNet(), samples(50, batch), options)));
  t.true(bytes(one.graph).equals(bytes(many.graph)));
});

test('layers may stay float, by name and by pattern', async (t) => {
  for (const exclude of [['conv'], ['/^co/']]) {
    const { layers, float } = await quantize(smallNet(), samples(4, 4), { exclude });
    t.deepEqual(
      layers.map(({ name }) => name),
      ['linear'],
    );
    t.deepEqual(float, [{ name: 'conv', op: 'conv2d', reason: 'excluded by name' }]);
  }
});

test('a sum joins the input of the layer beside it', async (t) => {
  const graph = new Graph('g');
  const x = graph.input('x', { dtype: 'float32', shape: [1, 4, 4, 3] });
  const layer = (from: Value, seed: number) =>
    graph.add(ops.conv2d, [from, weight(graph, 'w', [3, 1, 1, 3], seed), weight(graph, 'b', [3], seed + 1)], {}, `conv${seed}`);
  graph.output('y', layer(graph.add(ops.add, [layer(x, 1), x], {}, 'sum'), 3));
  const { graph: quantized } = await quantize(graph, async function* () {
    yield { x: Tensor.from(randomNumbers(48, -1, 1), [1, 4, 4, 3]) };
  });
  t.deepEqual(lowerInteger(quantized).float, []);
});

test('what cannot be quantized', async (t) => {
  const { graph } = await quantize(smallNet(), samples(4, 4));
  await faultsLater(t, () => quantize(graph, samples(4, 4)), 'graph', /quantized already/);
  const plain = new Graph();
  plain.output('y', plain.add(ops.relu, [plain.input('image', { dtype: 'float32', shape: [Number.NaN, 6, 6, 3] })]));
  await faultsLater(t, () => quantize(plain, samples(4, 4)), 'graph', /nothing to quantize/);
  await faultsLater(t, () => quantize(smallNet(), samples(0, 1)), 'data', /there are no samples/);
});

for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
  for (const observer of observerNames as ObserverName[]) {
    test(`${bad} among the samples is named, ${observer}`, (t) => {
      const poisoned = samples(20, 5, (numbers, first) => {
        if (first === 10) numbers[7] = bad;
      });
      return faultsLater(t, () => quantize(smallNet(), poisoned, { observer }), 'data', /value "image" goes from .*(NaN|Infinity)/);
    });
  }
  test(`${bad} among the weights is named`, (t) => {
    const graph = smallNet();
    const [w, b] = ['w2', 'b2'].map((name) => graph.find(name));
    return Promise.all(
      [w, b].map((value) => {
        const spoiled = smallNet();
        const numbers = graph.constantOf(value)!.toNumbers();
        numbers[3] = bad;
        const old = spoiled.find(value.name);
        spoiled.constants.set(old, Tensor.from(numbers, graph.constantOf(value)!.shape));
        return faultsLater(t, () => quantize(spoiled, samples(4, 4)), 'data', new RegExp(`"${value.name}" holds (NaN|Infinity)`));
      }),
    );
  });
}

test('a signal stops it, progress counts samples', async (t) => {
  const controller = new AbortController();
  const seen: number[] = [];
  const onProgress = (count: number) => {
    seen.push(count);
    if (count >= 8) controller.abort();
  };
  await faultsLater(
    t,
    () => quantize(smallNet(), samples(20, 4), { onProgress, signal: controller.signal }),
    'aborted',
    /stopped by its signal/,
  );
  t.deepEqual(seen, [4, 8]);
});

test('layers that read what has no parameters are named', (t) => {
  faults(t, () => insertQdq(smallNet(), new Map(), new Set(['conv'])), 'graph', /"conv" reads "image", which has no scale/);
});

test('a bias that int32 would not hold makes the scale of its channel larger', async (t) => {
  const graph = new Graph();
  const x = graph.input('image', { dtype: 'float32', shape: [Number.NaN, 6, 6, 3] });
  const tiny = graph.constant(Tensor.from(randomNumbers(6, -1e-9, 1e-9), [2, 1, 1, 3]), 'w');
  graph.output('y', graph.add(ops.conv2d, [x, tiny, graph.constant(Tensor.from([1000, -0.5]), 'b')], {}, 'conv'));
  const { graph: quantized } = await quantize(graph, samples(4, 4));
  const image = Tensor.from(randomNumbers(perImage, -1, 1), [1, 6, 6, 3]);
  for (const each of [quantized, lowerInteger(quantized).graph]) {
    const y = run(each, { image }).y.toNumbers();
    t.true(
      y.every((value, i) => Math.abs(value - [1000, -0.5][i % 2]) < 1e-3),
      `${y.slice(0, 4)}`,
    );
  }
});

const count = Number(process.env.LOWBIT_GRAPHS ?? 60);

test(`${count} random graphs are quantized and lowered, or refused with a reason`, async (t) => {
  let quantized = 0;
  for (let seed = 1; seed <= count; seed++) {
    const dice = new Dice(seed);
    const graph = randomGraph(dice, 6);
    if (graph.nodes.some(({ op }) => op === ops.quantize)) continue;
    graph.outputs = graph.outputs.slice(0, 1);
    const last = graph.outputs[0].value;
    const head = graph.add(ops.reshape, [last], { shape: [1, -1] });
    const size = run(graph, { x: wholeNumbers(graph.inputs[0].type!.shape, dice) }).y.size;
    if (size === 0) continue;
    graph.outputs[0] = { name: 'y', value: graph.add(ops.gemm, [head, weight(graph, 'w', [2, size]), weight(graph, 'b', [2])]) };
    const batches = async function* () {
      yield { x: wholeNumbers(graph.inputs[0].type!.shape, dice) };
    };
    const result = await quantize(graph, batches);
    const { graph: lowered } = lowerInteger(result.graph);
    for (const each of [result.graph, lowered]) verify(each);
    const x = wholeNumbers(graph.inputs[0].type!.shape, dice);
    t.true(run(lowered, { x }).y.toNumbers().every(Number.isFinite));
    quantized++;
  }
  t.true(quantized > count / 2);
});
