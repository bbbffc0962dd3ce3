import test from 'ava';
import { batchNormToConv, Graph, lowerInteger, ops, print, quantize, run, Tensor, type Value } from 'lowbit';
import { weight } from '../graph/graphs.js';
import { randomNumbers } from '../ops/case.js';

const image = { dtype: 'float32', shape: [2, 5, 5, 4] } as const;
const input = () => Tensor.from(randomNumbers(200, -1, 1, 5), image.shape);

function normalized(graph: Graph, x: Value, axis: number, channels: number): Value {
  const statistics = ['gamma', 'beta', 'mean'].map((name, i) => weight(graph, name, [channels], 11 + i));
  return graph.add(ops.batchNorm, [x, ...statistics, weight(graph, 'variance', [channels], 14, 0.1, 2)], { axis }, 'norm');
}

test('a batch normalization that nothing can take in becomes a depthwise convolution', (t) => {
  const graph = new Graph('g');
  graph.output('y', normalized(graph, graph.input('x', image), -1, 4));
  const rewritten = batchNormToConv(graph);
  t.is(
    print(rewritten),
    [
      'graph g(x: float32[2, 5, 5, 4])',
      '  norm = conv2d(x, norm.weight: float32[4, 1, 1, 1], norm.bias: float32[4], groups=4): float32[2, 5, 5, 4]',
      '  return y = norm',
    ].join('\n'),
  );
  const [want, got] = [graph, rewritten].map((g) => run(g, { x: input() }).y.toNumbers());
  // Factor and shift are rounded once, the product and the sum once each; values stay below 16.
  for (const [i, value] of got.entries()) t.true(Math.abs(value - want[i]) <= 16 * 4 * 2 ** -24, `${i}`);
});

for (const [what, axis, channels] of [['rows', 1, 5]] as const) {
  test(`one over ${what} stays`, (t) => {
    const graph = new Graph('g');
    graph.output('y', normalized(graph, graph.input('x', image), axis, channels));
    t.is(print(batchNormToConv(graph)), print(graph));
  });
}

test('a network that normalizes before it convolves runs on integers as a whole', async (t) => {
  const graph = new Graph('g');
  const x = graph.add(ops.relu, [normalized(graph, graph.input('x', image), -1, 4)], {}, 'relu');
  const w = weight(graph, 'w', [3, 3, 3, 4], 21);
  graph.output('y', graph.add(ops.conv2d, [x, w, weight(graph, 'b', [3], 22)], {}, 'conv'));
  const { graph: quantized } = await quantize(graph, async function* () {
    yield { x: input() };
  });
  t.deepEqual(lowerInteger(quantized).float, []);
});
