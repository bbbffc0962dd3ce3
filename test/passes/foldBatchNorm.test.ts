import test from 'ava';
import { foldBatchNorm, Graph, type NodeParams, ops, print, run, Tensor, type Value } from 'lowbit';
import { weight } from '../graph/graphs.js';
import { randomNumbers } from '../ops/case.js';

const image = { dtype: 'float32', shape: [2, 5, 5, 4] } as const;

function batchNorm(graph: Graph, x: Value, channels: number, params: NodeParams = {}): Value {
  const statistics = [weight(graph, 'gamma', [channels], 11), weight(graph, 'beta', [channels], 12), weight(graph, 'mean', [channels], 13)];
  return graph.add(ops.batchNorm, [x, ...statistics, weight(graph, 'variance', [channels], 14, 0.1, 2)], params, 'norm');
}

/** A layer over x, and how many channels it makes. */
type Layer = (graph: Graph, x: Value) => [Value, number];

const conv =
  (params: NodeParams, shape: readonly number[]): Layer =>
  (graph, x) => [graph.add(ops.conv2d, [x, weight(graph, 'w', shape, 21), weight(graph, 'b', [shape[0]], 22)], params, 'conv'), shape[0]];

const layers: Record<string, Layer> = {
  convolution: conv({ pads: [1, 1, 1, 1] }, [3, 3, 3, 4]),
  grouped: conv({ groups: 2 }, [6, 2, 2, 2]),
  depthwise: conv({ groups: 4, strides: [2, 2] }, [4, 3, 3, 1]),
  transposed: (graph, x) => [
    graph.add(
      ops.convTranspose2d,
      [x, weight(graph, 'w', [6, 2, 2, 2], 21), weight(graph, 'b', [6], 22)],
      { strides: [2, 2], groups: 2 },
      'conv',
    ),
    6,
  ],
  linear: (graph, x) => {
    const rows = graph.add(ops.reshape, [x], { shape: [2, 100] }, 'rows');
    return [graph.add(ops.gemm, [rows, weight(graph, 'w', [3, 100], 21), weight(graph, 'b', [3], 22)], {}, 'linear'), 3];
  },
};

/** What follows a layer and goes into it. */
const followers: Record<string, (graph: Graph, y: Value, channels: number) => Value> = {
  'batch normalization': (graph, y, n) => batchNorm(graph, y, n, { axis: -1 }),
  'a large epsilon': (graph, y, n) => batchNorm(graph, y, n, { axis: -1, epsilon: 0.5 }),
  'scale and shift': (graph, y, n) => {
    const scaled = graph.add(ops.mul, [weight(graph, 's', [n], 31), y], {}, 'scaled');
    return graph.add(
      ops.sub,
      [graph.add(ops.add, [scaled, weight(graph, 't', [1, n], 32)], {}, 'moved'), weight(graph, 'u', [n], 33)],
      {},
      'norm',
    );
  },
};

const input = () => Tensor.from(randomNumbers(200, -1, 1, 5), image.shape);

for (const [layerName, layer] of Object.entries(layers)) {
  for (const [followerName, follower] of Object.entries(followers)) {
    test(`${followerName} goes into a ${layerName} layer`, (t) => {
      const graph = new Graph('g');
      const [y, channels] = layer(graph, graph.input('x', image));
      graph.output('y', follower(graph, y, channels));
      const folded = foldBatchNorm(graph);
      t.deepEqual(
        folded.nodes.map(({ op }) => op.name).filter((name) => name !== 'reshape'),
        [y.producer!.op.name],
      );
      t.is(folded.nodes.at(-1)!.output.name, 'norm');
      const [got, want] = [folded, graph].map((each) => run(each, { x: input() }).y.toNumbers());
      // Weights are rounded once more, 2^-24 each, over 100 products at most, and factors reach 4.
      const bound = 4 * 102 * 2 ** -23;
      for (const [i, value] of want.entries())
        t.true(Math.abs(got[i] - value) <= bound * Math.max(1, Math.abs(value)), `${got[i]} for ${value}`);
    });
  }
}

test('the text before and after', (t) => {
  const graph = new Graph('g');
  const [y, n] = layers.convolution(graph, graph.input('x', image));
  graph.output('y', graph.add(ops.relu, [batchNorm(graph, y, n, { axis: 3 })], {}, 'active'));
  const before = [
    'graph g(x: float32[2, 5, 5, 4])',
    '  conv = conv2d(x, w: float32[3, 3, 3, 4], b: float32[3], pads=[1, 1, 1, 1]): float32[2, 5, 5, 3]',
    '  norm = batchNorm(conv, gamma: float32[3], beta: float32[3], mean: float32[3], variance: float32[3], axis=3): float32[2, 5, 5, 3]',
    '  active = relu(norm): float32[2, 5, 5, 3]',
    '  return y = active',
  ];
  t.is(print(graph), before.join('\n'));
  const after = [before[0], before[1].replace('conv =', 'norm ='), ...before.slice(3)];
  t.is(print(foldBatchNorm(graph)), after.join('\n'));
  t.is(print(graph), before.join('\n'), 'the graph that was given stays');
});

/** Where folding would change the numbers. */
const refused: Record<string, (graph: Graph, x: Value) => Value> = {
  'the layer is read twice': (graph, x) => {
    const [y] = layers.convolution(graph, x);
    return graph.add(ops.add, [batchNorm(graph, y, 3, { axis: -1 }), y]);
  },
  'the layer is an output': (graph, x) => {
    const [y] = layers.convolution(graph, x);
    graph.output('conv', y);
    return batchNorm(graph, y, 3, { axis: -1 });
  },
  'another axis': (graph, x) => batchNorm(graph, conv({ pads: [1, 1, 1, 1] }, [5, 3, 3, 4])(graph, x)[0], 5, { axis: 1 }),
  'rows of another axis': (graph, x) => batchNorm(graph, conv({ pads: [1, 1, 1, 1] }, [5, 3, 3, 4])(graph, x)[0], 5, { axis: 2 }),
  'weights that are computed': (graph, x) => {
    const w = graph.add(ops.tanh, [graph.input('v', { dtype: 'float32', shape: [3, 1, 1, 4] })]);
    return batchNorm(graph, graph.add(ops.conv2d, [x, w, weight(graph, 'b', [3])]), 3, { axis: -1 });
  },
  'something between': (graph, x) => batchNorm(graph, graph.add(ops.relu, [layers.convolution(graph, x)[0]]), 3, { axis: -1 }),
  'one constant minus the layer': (graph, x) => graph.add(ops.sub, [weight(graph, 'c', [3]), layers.convolution(graph, x)[0]]),
  'a constant that varies along rows': (graph, x) => graph.add(ops.mul, [layers.convolution(graph, x)[0], weight(graph, 'c', [5, 1])]),
  'a constant that makes the output larger': (graph, x) => {
    const [y] = conv({ strides: [5, 5] }, [1, 5, 5, 4])(graph, x);
    return graph.add(ops.mul, [y, weight(graph, 'c', [3, 1, 1, 1, 1])]);
  },
};

for (const [why, build] of Object.entries(refused)) {
  test(`not folded: ${why}`, (t) => {
    const graph = new Graph('g');
    graph.output('y', build(graph, graph.input('x', image)));
    const folded = foldBatchNorm(graph);
    t.deepEqual(
      folded.nodes.map(({ op }) => op.name),
      graph.nodes.map(({ op }) => op.name),
    );
    t.is(print(folded), print(graph));
  });
}

test('an output of more dimensions stays one', (t) => {
  const graph = new Graph('g');
  const [y] = layers.convolution(graph, graph.input('x', image));
  graph.output('y', graph.add(ops.add, [y, weight(graph, 'c', [1, 1, 1, 1, 3])]));
  const x = input();
  t.deepEqual(run(foldBatchNorm(graph), { x }).y.shape, run(graph, { x }).y.shape);
});
