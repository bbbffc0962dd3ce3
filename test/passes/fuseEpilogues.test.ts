import test from 'ava';
import { compile, fuseEpilogues, Graph, ops, run, Tensor, type Value } from 'lowbit';
import { weight } from '../graph/graphs.js';
import { bytesOf, randomNumbers } from '../ops/case.js';

const pixels = { dtype: 'float32', shape: [2, 3, 5, 6] } as const;

/** Layers that keep the shape of x. */
const layers: Record<string, (graph: Graph, x: Value, name?: string) => Value> = {
  conv2d: (g, x, name) => g.add(ops.conv2d, [x, weight(g, 'w', [6, 3, 3, 6]), weight(g, 'b', [6])], { pads: [1, 1, 1, 1] }, name),
  depthwise: (g, x, name) =>
    g.add(ops.conv2d, [x, weight(g, 'w', [6, 3, 3, 1]), weight(g, 'b', [6])], { pads: [1, 1, 1, 1], groups: 6 }, name),
  gemm: (g, x, name) => g.add(ops.gemm, [x, weight(g, 'w', [6, 6]), weight(g, 'b', [6])], {}, name),
};

/** What is added, and whether the layer can take it. */
const sums: Record<string, { add: (graph: Graph, sum: Value, x: Value) => Value; fuses: boolean }> = {
  nothing: { add: (_, sum) => sum, fuses: true },
  residual: { add: (g, sum, x) => g.add(ops.add, [sum, x]), fuses: true },
  'residual first': { add: (g, sum, x) => g.add(ops.add, [x, sum]), fuses: true },
  channels: { add: (g, sum) => g.add(ops.add, [sum, weight(g, 'channels', [6], 5)]), fuses: true },
  number: { add: (g, sum) => g.add(ops.add, [sum, g.constant(Tensor.scalar(0.5), 'half')]), fuses: false },
  column: { add: (g, sum) => g.add(ops.add, [sum, weight(g, 'column', [5, 1], 5)]), fuses: false },
  'of more': { add: (g, sum) => g.add(ops.add, [sum, weight(g, 'more', [1, 2, 3, 5, 6], 5)]), fuses: false },
};

const clamps: Record<string, { clamp: (graph: Graph, x: Value) => Value; fuses: boolean }> = {
  none: { clamp: (_, x) => x, fuses: true },
  relu: { clamp: (g, x) => g.add(ops.relu, [x]), fuses: true },
  clip: { clamp: (g, x) => g.add(ops.clip, [x], { min: -0.25, max: 0.5 }), fuses: true },
  'clip of nothing': { clamp: (g, x) => g.add(ops.clip, [x]), fuses: true },
  'clip the wrong way': { clamp: (g, x) => g.add(ops.clip, [x], { min: 1, max: -1 }), fuses: false },
};

// Sums with NaN, infinities and zeros of both signs among others.
const image = () => {
  const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0, 1e30];
  return Tensor.from(
    randomNumbers(180, -1, 1, 4).map((x, i) => (i < 90 && i % 5 === 0 ? odd[(i / 5) % 6] : i >= 120 ? -0 : x)),
    pixels.shape,
  );
};

const opsOf = (graph: Graph) => graph.nodes.map(({ op }) => op.name);

for (const [layerName, layer] of Object.entries(layers)) {
  test(`${layerName}, then a sum, then a clamp: one step, the same bytes`, (t) => {
    const x = image();
    for (const [sumName, { add, fuses }] of Object.entries(sums)) {
      for (const [clampName, { clamp, fuses: clampFuses }] of Object.entries(clamps)) {
        const graph = new Graph('net');
        const input = graph.input('x', pixels);
        graph.output('y', clamp(graph, add(graph, layer(graph, input), input)));
        const fused = fuseEpilogues(graph);
        const steps = graph.nodes.length === 1 || (fuses && clampFuses) ? 1 : fuses && sumName !== 'nothing' ? 2 : graph.nodes.length;
        t.is(fused.nodes.length, steps, `${sumName}, ${clampName}: ${opsOf(fused)}`);
        const { y: want } = run(graph, { x });
        for (const got of [run(fused, { x }).y, run(fused, { x }, { row: () => 'reference' }).y]) {
          t.deepEqual(bytesOf(got.data()), bytesOf(want.data()), `${sumName}, ${clampName}`);
        }
        using session = compile(graph);
        session.runSync({ x: new Float32Array(180) }); // nothing of this sum may be kept
        t.deepEqual(bytesOf(session.runSync({ x }).y), bytesOf(want.data()), `${sumName}, ${clampName} in a session`);
      }
    }
  });
}

test('what somebody else reads, and what follows a clamp, stays', (t) => {
  const graph = new Graph('net');
  const x = graph.input('x', pixels);
  const first = layers.conv2d(graph, x, 'first');
  const active = graph.add(ops.relu, [first]);
  graph.output('first', first);
  const second = layers.conv2d(graph, active, 'second');
  const twice = graph.add(ops.add, [second, second]);
  const third = graph.add(ops.relu, [layers.gemm(graph, twice, 'third')]);
  graph.output('y', graph.add(ops.clip, [graph.add(ops.add, [third, x])], { max: 2 }));
  t.deepEqual(opsOf(fuseEpilogues(graph)), ['conv2d', 'relu', 'conv2d', 'add', 'gemmAddClip', 'add', 'clip']);
});

test('of two layers that are added one takes the other', (t) => {
  const graph = new Graph('net');
  const x = graph.input('x', pixels);
  const sum = graph.add(ops.add, [layers.conv2d(graph, x, 'left'), layers.conv2d(graph, x, 'right')]);
  graph.output('y', graph.add(ops.relu, [sum]));
  const fused = fuseEpilogues(graph);
  t.deepEqual(
    fused.nodes.map(({ name, op }) => [name, op.name]),
    [
      ['right', 'conv2d'],
      ['left', 'conv2dAddClip'],
    ],
  );
  const image = Tensor.from(randomNumbers(180, -1, 1, 4), pixels.shape);
  t.deepEqual(bytesOf(run(fused, { x: image }).y.data()), bytesOf(run(graph, { x: image }).y.data()));
});
