import test from 'ava';
import { Graph, ops, prepareToQuantize, print, quantize, removeDropout, run, scope, Tensor } from 'lowbit';
import { weight } from '../graph/graphs.js';
import { randomNumbers } from '../ops/case.js';

const type = { dtype: 'float32', shape: [2, 6] } as const;

/** gemm, dropout, relu, dropout; the last one is an output, as is a dropout of the input. */
function network(): Graph {
  const graph = new Graph('g');
  const x = graph.input('x', type);
  const y = graph.add(ops.gemm, [x, weight(graph, 'w', [3, 6], 1), weight(graph, 'b', [3], 2)], {}, 'linear');
  const z = graph.add(ops.relu, [graph.add(ops.dropout, [y], { rate: 0.1 }, 'first')], {}, 'relu');
  graph.output('z', graph.add(ops.dropout, [z], { rate: 0.2 }, 'second'));
  graph.output('same', graph.add(ops.dropout, [x], {}, 'third'));
  return graph;
}

const input = () => Tensor.from(randomNumbers(12, -1, 1, 5), type.shape);

test('dropout is left out, also before outputs', (t) => {
  const before = network();
  const after = removeDropout(before);
  t.is(before.nodes.length, 5);
  t.deepEqual(
    after.nodes.map(({ op }) => op.name),
    ['gemm', 'relu'],
  );
  t.false(print(after).includes('dropout'));
  scope(() => {
    const [was, is] = [before, after].map((graph) => run(graph, { x: input() }));
    for (const name of ['z', 'same']) t.deepEqual(is[name].toNumbers(), was[name].toNumbers());
  });
});

test('a graph with dropout is quantized as one without', async (t) => {
  t.false(prepareToQuantize(network()).nodes.some(({ op }) => op === ops.dropout));
  const batches = async function* () {
    yield { x: input() };
  };
  const [withIt, without] = [await quantize(network(), batches), await quantize(removeDropout(network()), batches)];
  t.is(print(withIt.graph), print(without.graph));
});
