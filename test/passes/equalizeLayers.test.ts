import test from 'ava';
import { equalizeLayers, Graph, type NodeParams, ops, run, Tensor, type Value } from 'lowbit';
import { weight } from '../graph/graphs.js';
import { randomNumbers } from '../ops/case.js';

const close = (got: ArrayLike<number>, want: ArrayLike<number>, relative = 1e-6) =>
  got.length === want.length && Array.from(want).every((x, i) => Math.abs(got[i] - x) <= relative * Math.max(Math.abs(x), 1e-12));

/** A layer with these weights, biases of 1, 2, 3... */
function layer(graph: Graph, x: Value, shape: readonly number[], w: readonly number[], params: NodeParams = {}): Value {
  const name = `layer${graph.nodes.length}`;
  const bias = Array.from({ length: shape[0] }, (_, i) => i + 1);
  const inputs = [x, graph.constant(Tensor.from(w, shape), 'w'), graph.constant(Tensor.from(bias), 'b')];
  return graph.add(shape.length === 2 ? ops.gemm : ops.conv2d, inputs, params, name);
}

const start = (shape: readonly number[]): [Graph, Value] => {
  const graph = new Graph('g');
  return [graph, graph.input('x', { dtype: 'float32', shape })];
};

test('a pair gets the square root of both ranges; a channel without a range stays', (t) => {
  const [graph, x] = start([1, 2]);
  const first = layer(graph, x, [3, 2], [4, -1, 0.25, 0.1, 0, 0]);
  graph.output('y', layer(graph, graph.add(ops.relu, [first]), [2, 3], [1, 0.5, 3, -0.5, 0.25, 1]));
  const { graph: even, layers, sweeps } = equalizeLayers(graph);
  const root = Math.sqrt(0.125);
  t.true(close(layers[0].divisors, [2, Math.SQRT1_2, 1]));
  t.true(close(layers[0].before, [4, 0.25, 0]));
  t.true(close(layers[0].after, [2, root, 0]));
  const [w1, b1, w2, b2] = even.nodes
    .filter(({ op }) => op === ops.gemm)
    .flatMap(({ inputs }) => inputs.slice(1).map((value) => even.constantOf(value)!.toNumbers()));
  t.true(close(w1, [2, -0.5, root, 0.1 * Math.SQRT2, 0, 0]));
  t.true(close(b1, [0.5, 2 * Math.SQRT2, 3]));
  t.true(close(w2, [2, root, 3, -1, 0.25 * Math.SQRT1_2, 1]));
  t.deepEqual(b2, [1, 2]);
  t.is(sweeps, 2, 'the second finds nothing to do');
});

test('a triplet around a depthwise layer gets the cube root', (t) => {
  const [graph, x] = start([1, 1, 1, 1]);
  const middle = layer(graph, graph.add(ops.relu, [layer(graph, x, [1, 1, 1, 1], [4])]), [1, 1, 1, 1], [-1]);
  graph.output('y', layer(graph, graph.add(ops.leakyRelu, [middle]), [1, 1, 1, 1], [2]));
  const { layers } = equalizeLayers(graph);
  for (const { after } of layers) t.true(close(after, [2]));
  t.deepEqual(
    layers.map(({ divisors }) => [...divisors]),
    [[2], [1], [1]],
  );
});

/** Chains of random layers over an image of 4 channels. */
const chains: Record<string, (graph: Graph, x: Value) => Value> = {
  'depthwise, leaky, prelu, pools, flattened': (graph, x) => {
    const conv = (from: Value, shape: readonly number[], params: NodeParams = {}) =>
      layer(graph, from, shape, spread(shape, graph.nodes.length + 1), params);
    const one = graph.add(ops.relu, [conv(x, [6, 3, 3, 4], { pads: [1, 1, 1, 1] })]);
    const two = graph.add(ops.leakyRelu, [conv(one, [6, 3, 3, 1], { groups: 6, pads: [1, 1, 1, 1] })], { alpha: 0.1 });
    const three = graph.add(ops.prelu, [conv(two, [8, 1, 1, 6]), weight(graph, 'slope', [8], 9)]);
    const pooled = graph.add(ops.maxPool2d, [three], { kernel: [2, 2], strides: [2, 2] });
    const flat = graph.add(ops.reshape, [pooled], { shape: [2, 32] });
    return conv(graph.add(ops.relu, [conv(flat, [5, 32])]), [3, 5]);
  },
  'groups, a transposed convolution, a mean': (graph, x) => {
    const conv = (from: Value, shape: readonly number[], params: NodeParams = {}) =>
      layer(graph, from, shape, spread(shape, graph.nodes.length + 1), params);
    const one = graph.add(ops.relu, [conv(x, [6, 1, 1, 2], { groups: 2 })]);
    const two = graph.add(ops.relu, [conv(one, [4, 3, 3, 3], { groups: 2 })]);
    const w = graph.constant(Tensor.from(spread([6, 2, 2, 2], 77), [6, 2, 2, 2]));
    const three = graph.add(ops.convTranspose2d, [two, w, weight(graph, 'b', [6])], { strides: [2, 2], groups: 2 }, 'up');
    return conv(graph.add(ops.globalAveragePool, [graph.add(ops.relu, [three])]), [3, 1, 1, 6]);
  },
};

/** Random numbers, rows of very different ranges. */
function spread(shape: readonly number[], seed: number): number[] {
  const size = shape.reduce((a, b) => a * b, 1);
  const row = size / shape[0];
  return randomNumbers(size, -1, 1, seed).map((x, i) => x * 4 ** ((Math.floor(i / row) % 5) - 2));
}

for (const [name, build] of Object.entries(chains)) {
  test(`outputs stay and ranges become equal: ${name}`, (t) => {
    const [graph, x] = start([2, 4, 4, 4]);
    graph.output('y', build(graph, x));
    const { graph: even, layers, sweeps } = equalizeLayers(graph);
    t.true(sweeps > 1 && sweeps < 50);
    const image = Tensor.from(randomNumbers(128, -1, 1, 5), [2, 4, 4, 4]);
    const [want, got] = [graph, even].map((each) => run(each, { x: image }).y.toNumbers());
    const span = Math.max(...want.map(Math.abs));
    for (const [i, value] of want.entries()) t.true(Math.abs(got[i] - value) <= 1e-5 * span, `${got[i]} for ${value}`);
    t.is(layers.length, graph.nodes.filter(({ op }) => op.quantizes).length);
    // What a layer reads has the ranges of the layer before it.
    for (const [i, { after }] of layers.slice(0, -1).entries()) {
      const node = even.nodes.filter(({ op }) => op.quantizes)[i + 1];
      const inputs = inputRanges(even.constantOf(node.inputs[1])!, Number(node.params.groups ?? 1), after.length);
      for (const [c, range] of inputs.entries()) t.true(Math.abs(Math.log(after[c] / range)) < 1e-3, `${after[c]} and ${range}`);
    }
  });
}

function inputRanges(w: Tensor, groups: number, channels: number): number[] {
  const ranges = new Array<number>(channels).fill(0);
  const [width, row] = [w.shape.at(-1)!, w.size / w.shape[0]];
  for (const [i, x] of w.toNumbers().entries()) {
    const group = Math.floor((Math.floor(i / row) * groups) / w.shape[0]);
    const c = (group * width + (i % width)) % channels;
    ranges[c] = Math.max(ranges[c], Math.abs(x));
  }
  return ranges;
}

/** What stands between two layers and ends a chain. */
const ends: Record<string, (graph: Graph, y: Value) => Value> = {
  'a second reader': (graph, y) => graph.add(ops.mul, [graph.add(ops.relu, [y]), y]),
  'a graph output': (graph, y) => {
    graph.output('middle', y);
    return graph.add(ops.relu, [y]);
  },
  'an upper bound': (graph, y) => graph.add(ops.clip, [y], { min: 0, max: 6 }),
  'a sigmoid': (graph, y) => graph.add(ops.sigmoid, [y]),
  'a slope that is computed': (graph, y) => graph.add(ops.prelu, [y, graph.input('slope', { dtype: 'float32', shape: [2] })]),
  'rows of other lengths': (graph, y) => graph.add(ops.reshape, [y], { shape: [2, 1] }),
};

for (const [what, between] of Object.entries(ends)) {
  test(`not through ${what}`, (t) => {
    const [graph, x] = start([1, 2]);
    const y = between(graph, layer(graph, x, [2, 2], [4, 1, 1, 1]));
    const columns = what === 'rows of other lengths' ? 1 : 2;
    graph.output('y', layer(graph, y, [2, columns], new Array(2 * columns).fill(1)));
    const result = equalizeLayers(graph);
    t.deepEqual(result.layers, []);
    t.is(result.sweeps, 0);
  });
}

test('a weight that two layers share becomes two', (t) => {
  const [graph, x] = start([1, 2]);
  const [w, b] = [weight(graph, 'w', [2, 2]), weight(graph, 'b', [2])];
  const first = graph.add(ops.gemm, [x, w, b], {}, 'first');
  graph.output('y', graph.add(ops.gemm, [graph.add(ops.relu, [first]), w, b], {}, 'second'));
  const rows = Tensor.from([0.7, -0.4], [1, 2]);
  const [want, got] = [graph, equalizeLayers(graph).graph].map((each) => run(each, { x: rows }).y.toNumbers());
  t.true(close(got, want, 1e-5));
});

test('with what was seen, a clip stays: channels that reach it are not scaled, others no further than to it', (t) => {
  const [graph, x] = start([1, 1]);
  const first = layer(graph, x, [4, 1], [16, 0.01, 4, 0.01]);
  const second = layer(graph, graph.add(ops.clip, [first], { min: 0, max: 6 }), [1, 4], [1, 1, 1, 1]);
  graph.output('y', second);
  const seen = new Map([['layer0', { smallest: [-9, 0, -9, 0], largest: [7, 3, 5, -1] }]]);
  const { layers, graph: even } = equalizeLayers(graph, { seen });
  t.true(close(layers[0].divisors, [1, 0.5, 2, 0.1]));
  t.is(even.nodes[1].op, ops.clip);
  // Through a ReLU nothing becomes larger than the largest channel.
  const open = new Graph('g');
  const y = layer(open, open.input('x', { dtype: 'float32', shape: [1, 1] }), [2, 1], [0.01, 4]);
  open.output('y', layer(open, open.add(ops.relu, [y]), [1, 2], [1, 1]));
  const { layers: scaled } = equalizeLayers(open, { seen: new Map([['layer0', { smallest: [-9, -9], largest: [2, 8] }]]) });
  t.true(close(scaled[0].divisors, [0.25, 2]));
});
