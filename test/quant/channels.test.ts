import test from 'ava';
import {
  batchNormStatistics,
  ChannelWatch,
  clippedMean,
  expectations,
  foldBatchNorm,
  Graph,
  normalShare,
  ops,
  type Statistics,
  Tensor,
  type Value,
} from 'lowbit';
import { weight } from '../graph/graphs.js';
import { randomNumbers } from '../ops/case.js';

const near = (got: number, want: number, bound: number) => Math.abs(got - want) <= bound;

test('the normal distribution', (t) => {
  const table = { 0: 0.5, 1: 0.8413447460685429, 1.96: 0.9750021048517795, 3: 0.9986501019683699, 6: 0.9999999990134123 };
  for (const [x, share] of Object.entries(table)) {
    t.true(near(normalShare(Number(x)), share, 1e-14));
    t.true(near(normalShare(-Number(x)), 1 - share, 1e-14));
  }
  t.is(normalShare(Infinity), 1);
  t.is(normalShare(-50), 0);
});

test('means behind ReLU and ReLU6, golden values', (t) => {
  t.true(near(clippedMean(0.3, 1.5, 0, Infinity), 0.760342, 5e-7));
  t.true(near(clippedMean(0.3, 1.5, 0, 6), 0.760316, 5e-7));
  t.true(near(clippedMean(3, 1.5, 0, Infinity), 3.012736, 5e-7));
  t.true(near(clippedMean(3, 1.5, 0, 6), 3, 5e-7));
  t.is(clippedMean(-2, 0, 0, 6), 0);
  t.is(clippedMean(7, 0, 0, 6), 6);
  t.true(near(clippedMean(2, 3, -Infinity, Infinity), 2, 1e-14));
});

test('a mean behind a clamp is that of many samples, for a negative γ too', (t) => {
  const count = 40_000;
  const [u, v] = [randomNumbers(count, 1e-9, 1, 3), randomNumbers(count, 0, 1, 4)];
  const normal = u.map((x, i) => Math.sqrt(-2 * Math.log(x)) * Math.cos(2 * Math.PI * v[i]));
  for (const [gamma, beta, low, high] of [
    [-1.5, 0.3, 0, 6],
    [-2, 1, 0, Infinity],
    [-0.7, -0.5, -1, 1],
    [3, 4, 0, 6],
  ]) {
    const graph = new Graph('g');
    const x = graph.input('x', { dtype: 'float32', shape: [1, 1] });
    const constants = [[gamma], [beta], [0], [1]].map((numbers) => graph.constant(Tensor.from(numbers)));
    const norm = graph.add(ops.batchNorm, [x, ...constants], { axis: -1, epsilon: 0 }, 'norm');
    graph.output('y', graph.add(ops.clip, [norm], { min: low, max: high }, 'cut'));
    const [mean] = expectations(graph, batchNormStatistics(graph)).get(graph.find('cut'))!;
    const samples = normal.map((z) => Math.min(Math.max(gamma * z + beta, low), high));
    // Five deviations of a mean of so many samples.
    const bound = (5 * Math.abs(gamma)) / Math.sqrt(count);
    t.true(near(samples.reduce((a, b) => a + b, 0) / count, mean, bound), `${gamma} ${beta}: ${mean}`);
  }
});

test('statistics of batch normalization keep the name of the layer that takes it in', (t) => {
  const graph = new Graph('g');
  const x = graph.input('x', { dtype: 'float32', shape: [1, 4, 4, 2] });
  const conv = graph.add(ops.conv2d, [x, weight(graph, 'w', [2, 1, 1, 2]), weight(graph, 'b', [2])], {}, 'conv');
  const constants = [
    [-2, 0.5],
    [0.25, -1],
    [0, 0],
    [1, 1],
  ].map((numbers) => graph.constant(Tensor.from(numbers)));
  graph.output('y', graph.add(ops.relu, [graph.add(ops.batchNorm, [conv, ...constants], { axis: 3 }, 'norm')]));
  const statistics = batchNormStatistics(graph);
  t.deepEqual([...statistics], [['norm', { mean: Float64Array.of(0.25, -1), deviation: Float64Array.of(2, 0.5) }]]);
  t.is(foldBatchNorm(graph).nodes[0].output.name, 'norm');
});

test('what is watched: mean, deviation, extremes, whatever the batches', (t) => {
  const numbers = randomNumbers(7 * 2 * 3, -2, 5, 6).map(Math.fround);
  const whole = new ChannelWatch();
  whole.observe(Tensor.from(numbers, [7, 2, 3]));
  const parts = new ChannelWatch();
  for (let i = 0; i < 7; i++) parts.observe(Tensor.from(numbers.slice(i * 6, i * 6 + 6), [1, 2, 3]));
  t.deepEqual(parts.statistics(), whole.statistics());
  const { mean, deviation } = whole.statistics();
  for (let c = 0; c < 3; c++) {
    const channel = numbers.filter((_, i) => i % 3 === c);
    const average = channel.reduce((a, b) => a + b, 0) / 14;
    t.true(near(mean[c], average, 1e-14));
    t.true(near(deviation[c], Math.sqrt(channel.reduce((a, b) => a + (b - average) ** 2, 0) / 14), 1e-13));
    t.deepEqual([whole.smallest[c], whole.largest[c]], [Math.min(...channel), Math.max(...channel)]);
  }
});

test('expectations of sums, joins and means follow; of other ops they are not known', (t) => {
  const graph = new Graph('g');
  const x = graph.input('x', { dtype: 'float32', shape: [1, 2, 2, 2] });
  const conv = (name: string): Value => graph.add(ops.conv2d, [x, weight(graph, 'w', [2, 1, 1, 2]), weight(graph, 'bias', [2])], {}, name);
  const [a, b] = [conv('a'), conv('b')];
  const sum = graph.add(ops.add, [a, b], {}, 'sum');
  const joined = graph.add(ops.concat, [a, sum], { axis: -1 }, 'joined');
  const mean = graph.add(ops.globalAveragePool, [joined], {}, 'mean');
  const rows = graph.add(ops.reshape, [mean], { shape: [1, 4] }, 'rows');
  const flat = graph.add(ops.reshape, [joined], { shape: [1, 16] }, 'flat');
  const after = graph.add(ops.relu, [sum], {}, 'after');
  graph.output('y', graph.add(ops.sigmoid, [rows]));
  graph.output('z', flat);
  graph.output('v', after);
  const statistics: Statistics = new Map([
    ['a', { mean: Float64Array.of(1, 2), deviation: Float64Array.of(1, 1) }],
    ['b', { mean: Float64Array.of(10, 20), deviation: Float64Array.of(1, 1) }],
  ]);
  const expected = expectations(graph, statistics);
  t.deepEqual([...expected.get(sum)!], [11, 22]);
  for (const value of [joined, mean, rows]) t.deepEqual([...expected.get(value)!], [1, 2, 11, 22]);
  t.deepEqual(
    [...expected.keys()].map(({ name }) => name),
    ['a', 'b', 'sum', 'joined', 'mean', 'rows'],
  );
});
