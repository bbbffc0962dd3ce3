import test from 'ava';
import {
  ChannelWatch,
  calibrate,
  Graph,
  lowerInteger,
  migrateScales,
  migrations,
  ops,
  quantize,
  run,
  type SeenChannels,
  Tensor,
  type Value,
} from 'lowbit';
import { faults, faultsLater } from '../faults.js';
import { weight } from '../graph/graphs.js';
import { sequences, type TransformerOptions, transformer } from '../graph/transformer.js';
import { randomNumbers } from '../ops/case.js';

const batches = async function* () {
  yield { x: sequences(40) };
};

/** What the channels of all values show that may be divided. */
async function seenBy(graph: Graph): Promise<Map<string, SeenChannels>> {
  const watches = new Map(migrations(graph).map(({ value }) => [value, new ChannelWatch()]));
  await calibrate(graph, batches, watches);
  return new Map(
    [...watches].map(([{ name }, watch]) => [name, { smallest: watch.smallest, largest: watch.largest, ...watch.statistics() }]),
  );
}

const outputs = (graph: Graph, x = sequences(60, 9)) => run(graph, { x }).y.toNumbers();
const power = (numbers: readonly number[]) => numbers.reduce((sum, x) => sum + x * x, 0);
const decibels = (want: readonly number[], got: readonly number[]) => 10 * Math.log10(power(want) / power(want.map((x, i) => x - got[i])));

/** x (1, 2, 3) → layer norm → two layers. */
function smallNet(): Graph {
  const graph = new Graph('g');
  const x = graph.input('x', { dtype: 'float32', shape: [1, 2, 3] });
  const vector = (name: string, numbers: readonly number[]) => graph.constant(Tensor.from(numbers), name);
  const norm = graph.add(ops.layerNorm, [x, vector('gamma', [1, 20, 3]), vector('beta', [0, 5, -1])], {}, 'norm');
  const layer = (name: string, w: readonly number[]) =>
    graph.add(ops.gemm, [norm, graph.constant(Tensor.from(w, [2, 3]), `${name}.w`), vector(`${name}.b`, [1, 2])], {}, name);
  graph.output('y', graph.add(ops.add, [layer('one', [1, 0.1, -2, 0.5, -0.2, 1]), layer('two', [-4, 0.3, 0, 2, 0.05, 1])]));
  return graph;
}

const seen = (largest: readonly number[]): Map<string, SeenChannels> =>
  new Map([['norm', { largest, smallest: [-2, -1, -4], mean: [0, 1, 0], deviation: [1, 2, 1] }]]);

test('s = max|x|^α / max|w|^(1 − α), over the readers together; the norm is divided by it, the weights are multiplied', (t) => {
  const { graph, values } = migrateScales(smallNet(), seen([1, 25, 3]), { alpha: 0.3 });
  const [x, w] = [
    [2, 25, 4],
    [4, 0.3, 2],
  ];
  const s = x.map((most, j) => Math.exp(0.3 * Math.log(most) - 0.7 * Math.log(w[j])));
  const close = (name: string, want: readonly number[]) => {
    const got = graph.constantOf(graph.find(name))!.toNumbers();
    t.true(
      got.length === want.length && want.every((x, i) => Math.abs(got[i] - x) <= 2 ** -22 * Math.abs(x)),
      `${name}: ${got} for ${want}`,
    );
  };
  close('gamma', [1 / s[0], 20 / s[1], 3 / s[2]]);
  close('beta', [0, 5 / s[1], -1 / s[2]]);
  close('one.w', [s[0], 0.1 * s[1], -2 * s[2], 0.5 * s[0], -0.2 * s[1], s[2]]);
  close('two.w', [-4 * s[0], 0.3 * s[1], 0, 2 * s[0], 0.05 * s[1], s[2]]);
  t.deepEqual(
    values.map(({ name, layers, alpha }) => [name, layers, alpha]),
    [['norm', ['one', 'two'], 0.3]],
  );
});

test('channels of zeros are left alone, and do not reach beyond the others', (t) => {
  const graph = smallNet();
  const zeros = { largest: [0, 25, 3], smallest: [0, -1, -4], mean: [0, 0, 0], deviation: [0, 1, 1] };
  const { values } = migrateScales(graph, new Map([['norm', zeros]]), { alpha: 0.5 });
  const [, second, third] = [0, 25 / 0.3, 4 / 2].map(Math.sqrt);
  // Its weights reach 4, those of the others √(25 · 0.3) and √8 = 2.83.
  const want = [Math.sqrt(8) / 4, second, third];
  t.true(
    values[0].scales.every((s, j) => Math.abs(s - want[j]) < 1e-6 * want[j]),
    `${values[0].scales}`,
  );
});

const networks: Record<string, TransformerOptions> = {
  'norms before the layers': {},
  'norms behind the sums': { postNorm: true },
  'one head': { heads: 1 },
  'four heads': { heads: 4, postNorm: true },
};

for (const [what, options] of Object.entries(networks)) {
  for (const alpha of [0.5, 1, undefined]) {
    test(`the outputs stay what they are: ${what}, alpha ${alpha ?? 'chosen'}`, async (t) => {
      const graph = transformer(options);
      const { graph: smooth, values } = migrateScales(graph, await seenBy(graph), { alpha });
      t.true(values.some(({ layers }) => layers.length === 3) && values.some(({ name }) => name.endsWith('joined')), 'q, k and v; o');
      const [want, got] = [graph, smooth].map((each) => outputs(each));
      const largest = Math.max(...want.map(Math.abs));
      for (const [i, y] of want.entries()) t.true(Math.abs(got[i] - y) <= 1e-5 * largest, `${got[i]} for ${y}`);
      t.is(
        smooth.nodes.length - graph.nodes.length,
        options.postNorm ? values.filter(({ name }) => name.endsWith('norm') || name === 'first').length : 0,
      );
    });
  }
}

/** Answers of a row of five numbers that are the same. */
function sameAnswers(want: readonly number[], got: readonly number[]): number {
  const answer = (y: readonly number[], row: number) =>
    y.slice(5 * row, 5 * row + 5).reduce((best, x, i, all) => (x > all[best] ? i : best), 0);
  const rows = Array.from({ length: want.length / 5 }, (_, row) => answer(want, row) === answer(got, row));
  return rows.filter(Boolean).length / rows.length;
}

for (const postNorm of [false, true]) {
  test(`a network that plain codes of 8 bits ruin keeps its answers: norms ${postNorm ? 'behind' : 'before'}`, async (t) => {
    const graph = transformer({ postNorm, reach: 200 });
    const want = outputs(graph);
    const measured = async (smooth: boolean | number) => {
      const { graph: quantized, smoothed } = await quantize(graph, batches, { smooth, observer: 'minmax' });
      const got = outputs(lowerInteger(quantized).graph);
      return { smoothed, noise: decibels(want, got), same: sameAnswers(want, got) };
    };
    const plain = await measured(false);
    t.true(plain.noise < 10 && plain.same < 0.7, `${plain.noise} dB, ${plain.same}`);
    t.is(plain.smoothed, undefined);
    for (const smooth of [0.5, true]) {
      const { smoothed, noise, same } = await measured(smooth);
      t.true(noise > plain.noise + 20 && same > 0.95, `${noise} dB, ${same}`);
      t.true(smoothed!.every(({ gain }) => smooth !== true || gain > 1));
    }
  });
}

/** x → `made` → a layer of four inputs, and what else reads the value. */
function netOf(made: (graph: Graph, x: Value) => Value, others: (graph: Graph, value: Value) => void = () => {}): Graph {
  const graph = new Graph('g');
  const value = made(graph, graph.input('x', { dtype: 'float32', shape: [2, 3, 4] }));
  others(graph, value);
  graph.output('y', graph.add(ops.gemm, [value, weight(graph, 'w', [2, 4]), weight(graph, 'b', [2])], {}, 'layer'));
  return graph;
}
const norm = (graph: Graph, x: Value) => graph.add(ops.layerNorm, [x, weight(graph, 'gamma', [4]), weight(graph, 'beta', [4])], {}, 'norm');

const takers: Record<string, [makes: (graph: Graph, x: Value) => Value, sharedWith?: (graph: Graph, value: Value) => void]> = {
  'a batch normalization spelled out': [
    (graph, x) => graph.add(ops.add, [graph.add(ops.mul, [x, weight(graph, 's', [4])]), weight(graph, 't', [4])]),
  ],
  'a product with one number': [(graph, x) => graph.add(ops.mul, [x, weight(graph, 's', [])])],
  'a layer before a ReLU': [
    (graph, x) => graph.add(ops.relu, [graph.add(ops.gemm, [x, weight(graph, 'w0', [4, 4], 3), weight(graph, 'b0', [4], 4)], {}, 'first')]),
  ],
  'a norm before a mean': [(graph, x) => graph.add(ops.reduceMean, [norm(graph, x)], { axes: [1] })],
  'a norm that the caller wants too': [norm, (graph, value) => graph.output('norm', value)],
};

for (const [what, [makes, others]] of Object.entries(takers)) {
  test(`exact through ${what}`, (t) => {
    const graph = netOf(makes, others);
    const { value } = migrations(graph).at(-1)!;
    const channels = { largest: [1, 10, 0.1, 2], smallest: [-3, -1, -1, -1], mean: [0, 1, 0, 0], deviation: [1, 3, 0.1, 1] };
    const { graph: smooth, divisors } = migrateScales(graph, new Map([[value.name, channels]]), { alpha: 0.7 });
    t.is(divisors.size, what.startsWith('a layer') ? 1 : 0);
    const x = Tensor.from(randomNumbers(24, -1, 1, 3), [2, 3, 4]);
    const [want, got] = [graph, smooth].map((each) => Object.values(run(each, { x })).flatMap((y) => y.toNumbers()));
    t.false(graph.constantOf(graph.find('w')) === smooth.constantOf(smooth.find('w')));
    for (const [i, y] of want.entries()) t.true(Math.abs(got[i] - y) <= 1e-5, `${got[i]} for ${y}`);
  });
}

const refusing: Record<string, [makes: (graph: Graph, x: Value) => Value, sharedWith?: (graph: Graph, value: Value) => void]> = {
  'a function': [(graph, x) => graph.add(ops.gelu, [norm(graph, x)])],
  'a bound': [(graph, x) => graph.add(ops.clip, [norm(graph, x)], { min: 0, max: 6 })],
  'a sum of two values': [(graph, x) => graph.add(ops.add, [norm(graph, x), x])],
  'a norm over more than the channels that somebody reads before the mean': [
    (graph, x) => {
      const value = norm(graph, x);
      graph.output('norm', value);
      return graph.add(ops.reduceMean, [value], { axes: [1] });
    },
  ],
  'a mean of channels': [(graph, x) => graph.add(ops.mul, [graph.add(ops.reduceMean, [norm(graph, x)], { axes: [2] }), x])],
  'a layer that the caller wants too': [
    (graph, x) => graph.add(ops.gemm, [x, weight(graph, 'w0', [4, 4]), weight(graph, 'b0', [4])], {}, 'first'),
    (graph, value) => graph.output('first', value),
  ],
};

for (const [what, [makes, others]] of Object.entries(refusing)) {
  test(`nothing moves through ${what}`, (t) => {
    const moved = migrations(netOf(makes, others)).filter(({ value }) => value.producer);
    t.deepEqual(moved, []);
  });
}

test('where nothing is gained nothing moves, and mistakes are told', async (t) => {
  const even = { largest: [1, 1, 1], smallest: [-1, -1, -1], mean: [0, 0, 0], deviation: [0.5, 0.5, 0.5] };
  const graph = new Graph('g');
  const x = graph.input('x', { dtype: 'float32', shape: [1, 3] });
  const ones = (name: string, shape: readonly number[]) =>
    graph.constant(Tensor.from(new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1), shape), name);
  const value = graph.add(ops.layerNorm, [x, ones('gamma', [3]), ones('beta', [3])], {}, 'norm');
  graph.output('y', graph.add(ops.gemm, [value, ones('w', [2, 3]), ones('b', [2])], {}, 'layer'));
  t.deepEqual(migrateScales(graph, new Map([['norm', even]])).values, []);
  t.deepEqual(migrateScales(graph, new Map()).values, []);
  faults(t, () => migrateScales(graph, new Map(), { alpha: 1.5 }), 'option', /alpha is 1.5, expected a number from 0 to 1/);
  faults(
    t,
    () => migrateScales(graph, new Map([['norm', { ...even, largest: [1] }]])),
    'graph',
    /"norm" was seen with 1 channels, it has 3/,
  );
  await faultsLater(
    t,
    () => quantize(graph, batches, { smooth: 2 }),
    'option',
    /smooth is 2, expected true, false or a number from 0 to 1/,
  );
});

test('what an input of the graph lacks in channels of one range is made up by a product before its codes', async (t) => {
  const graph = new Graph('features');
  const x = graph.input('x', { dtype: 'float32', shape: [Number.NaN, 4] });
  const reach = [1000, 1, 1, 1];
  const w = randomNumbers(12, -1, 1, 3).map((number, i) => number / reach[i % 4]);
  const bias = graph.constant(Tensor.from([0.1, 0, -0.1]), 'bias');
  graph.output('y', graph.add(ops.gemm, [x, graph.constant(Tensor.from(w, [3, 4]), 'w'), bias], {}, 'layer'));
  const rows = (seed: number) =>
    Tensor.from(
      randomNumbers(400, -1, 1, seed).map((number, i) => number * reach[i % 4]),
      [100, 4],
    );
  const samples = async function* () {
    yield { x: rows(5) };
  };
  const want = run(graph, { x: rows(6) }).y.toNumbers();
  const of = async (smooth: boolean) => {
    const { graph: quantized, smoothed } = await quantize(graph, samples, { smooth });
    return { got: run(lowerInteger(quantized).graph, { x: rows(6) }).y.toNumbers(), smoothed };
  };
  const [plain, smooth] = [await of(false), await of(true)];
  t.deepEqual(
    smooth.smoothed?.map(({ name, layers }) => ({ name, layers })),
    [{ name: 'x', layers: ['layer'] }],
  );
  t.true(decibels(want, plain.got) < 10, `${decibels(want, plain.got)} dB`);
  t.true(decibels(want, smooth.got) > 35, `${decibels(want, smooth.got)} dB`);
});
