import test from 'ava';
import { absorbBias, Graph, type NodeParams, ops, run, type Statistics, Tensor, type Value } from 'lowbit';
import { faults } from '../faults.js';
import { weight } from '../graph/graphs.js';
import { randomNumbers } from '../ops/case.js';

/** image (1, 5, 5, 3) → conv of 4 channels with a bias of 10 → `between` → a second layer. */
function net(between: (graph: Graph, y: Value) => Value, second: (graph: Graph, y: Value) => Value): Graph {
  const graph = new Graph('g');
  const x = graph.input('x', { dtype: 'float32', shape: [1, 5, 5, 3] });
  const bias = graph.constant(Tensor.from([10, 10, 10, 10]), 'high');
  const first = graph.add(ops.conv2d, [x, weight(graph, 'w1', [4, 1, 1, 3], 3), bias], {}, 'first');
  graph.output('y', second(graph, between(graph, first)));
  return graph;
}

const conv =
  (shape: readonly number[], params: NodeParams = {}) =>
  (graph: Graph, y: Value) =>
    graph.add(ops.conv2d, [y, weight(graph, 'w2', shape, 4), weight(graph, 'b2', [shape[0]], 5)], params, 'second');
const relu = (graph: Graph, y: Value) => graph.add(ops.relu, [y]);

/** |y − 10| ≤ 3 for images in ±1, so c = 10 − 3 is exact: with means of 10 and deviations of 1, one of which is wider. */
const statistics = (): Statistics =>
  new Map([['first', { mean: Float64Array.of(10, 10, 10, 2), deviation: Float64Array.of(1, 1.5, 1, 1) }]]);

const seconds: Record<string, [(graph: Graph, y: Value) => Value, (graph: Graph, y: Value) => Value]> = {
  'a convolution': [relu, conv([2, 3, 3, 4])],
  'a depthwise layer': [relu, conv([4, 2, 2, 1], { groups: 4 })],
  groups: [relu, conv([6, 1, 1, 2], { groups: 2 })],
  'a linear layer behind a mean': [
    (graph, y) => graph.add(ops.reshape, [graph.add(ops.globalAveragePool, [relu(graph, y)])], { shape: [1, 4] }),
    (graph, y) => graph.add(ops.gemm, [y, weight(graph, 'w2', [3, 4], 4), weight(graph, 'b2', [3], 5)], {}, 'second'),
  ],
  'a linear layer of flattened images': [
    (graph, y) => graph.add(ops.reshape, [relu(graph, y)], { shape: [1, 100] }),
    (graph, y) => graph.add(ops.gemm, [y, weight(graph, 'w2', [3, 100], 4), weight(graph, 'b2', [3], 5)], {}, 'second'),
  ],
};

for (const [what, [between, second]] of Object.entries(seconds)) {
  test(`exact where activations stay above c: ${what}`, (t) => {
    const graph = net(between, second);
    const { graph: low, layers, skipped } = absorbBias(graph, statistics());
    t.deepEqual(
      layers.map(({ name, absorbed }) => [name, ...absorbed]),
      [['first', 7, 5.5, 7, 0]],
    );
    t.deepEqual(skipped, []);
    const first = low.nodes[0];
    t.deepEqual(low.constantOf(first.inputs[2])!.toNumbers(), [3, 4.5, 3, 10]);
    const x = Tensor.from(randomNumbers(75, -1, 1, 8), [1, 5, 5, 3]);
    const [want, got] = [graph, low].map((each) => run(each, { x }).y.toNumbers());
    // Sums of at most 100 products up to 13, each rounded to 2^-24 on both sides.
    for (const [i, value] of want.entries()) t.true(Math.abs(got[i] - value) <= 100 * 13 * 2 ** -23, `${got[i]} for ${value}`);
  });
}

test('at a border of zeros it is off by the taps outside', (t) => {
  const graph = net(relu, conv([2, 3, 3, 4], { pads: [1, 1, 1, 1] }));
  const { graph: low } = absorbBias(graph, statistics());
  const x = Tensor.from(randomNumbers(75, -1, 1, 8), [1, 5, 5, 3]);
  const [want, got] = [graph, low].map((each) => run(each, { x }).y.toNumbers());
  const pixel = (numbers: number[], row: number, column: number) => numbers[(row * 5 + column) * 2];
  t.true(Math.abs(pixel(got, 2, 2) - pixel(want, 2, 2)) < 1e-3);
  const w = graph.constantOf(graph.find('w2'))!.toNumbers();
  const c = [7, 5.5, 7, 0];
  const above = [0, 1, 2].flatMap((column) => c.map((high, i) => high * w[column * 4 + i])).reduce((a, b) => a + b, 0);
  t.true(Math.abs(pixel(got, 0, 2) - pixel(want, 0, 2) - above) < 1e-3);
});

const untouched: Record<string, [(graph: Graph, y: Value) => Value, (graph: Graph, y: Value) => Value]> = {
  'an upper bound': [(graph, y) => graph.add(ops.clip, [y], { min: 0, max: 6 }), conv([2, 1, 1, 4])],
  'no ReLU': [(_graph, y) => y, conv([2, 1, 1, 4])],
  'a leaky ReLU': [(graph, y) => graph.add(ops.leakyRelu, [y]), conv([2, 1, 1, 4])],
  'a ReLU behind the mean': [(graph, y) => relu(graph, graph.add(ops.globalAveragePool, [y])), conv([2, 1, 1, 4])],
  'a transposed convolution': [
    relu,
    (graph, y) => graph.add(ops.convTranspose2d, [y, weight(graph, 'w2', [2, 2, 2, 4], 4), weight(graph, 'b2', [2])], {}, 'second'),
  ],
};

for (const [what, [between, second]] of Object.entries(untouched)) {
  test(`nothing is absorbed through ${what}`, (t) => {
    t.deepEqual(absorbBias(net(between, second), statistics()).layers, []);
  });
}

test('layers without statistics are named, statistics of other layers refused', (t) => {
  const graph = net(relu, conv([2, 1, 1, 4]));
  t.deepEqual(absorbBias(graph, new Map()).skipped, ['first']);
  const wrong: Statistics = new Map([['first', { mean: new Float64Array(3), deviation: new Float64Array(3) }]]);
  faults(t, () => absorbBias(graph, wrong), 'graph', /statistics of "first" are of 3 channels, it has 4/);
});
