import test from 'ava';
import { Graph, ops, replaceRelu6, run, Tensor, type Value } from 'lowbit';
import { weight } from '../graph/graphs.js';

function linear(graph: Graph, x: Value, name: string): Value {
  return graph.add(ops.gemm, [x, weight(graph, 'w', [2, 2]), weight(graph, 'b', [2])], {}, name);
}

test('clips from 0 between two layers become relu, and no others', (t) => {
  const graph = new Graph('g');
  const clip = (x: Value, name: string, params = { min: 0, max: 6 }) => graph.add(ops.clip, [x], params, name);
  let x = clip(graph.input('x', { dtype: 'float32', shape: [1, 2] }), 'onInput');
  x = clip(linear(graph, x, 'a'), 'between');
  x = clip(linear(graph, x, 'b'), 'symmetric', { min: -6, max: 6 });
  x = clip(linear(graph, x, 'c'), 'readTwice');
  x = graph.add(ops.add, [linear(graph, x, 'd'), x]);
  x = clip(linear(graph, x, 'e'), 'ten', { min: 0, max: 10 });
  graph.output('y', clip(linear(graph, x, 'f'), 'last'));
  const { graph: open, replaced } = replaceRelu6(graph);
  t.deepEqual(replaced, ['between', 'ten']);
  t.deepEqual(
    open.nodes.filter(({ op }) => op === ops.relu).map(({ name }) => name),
    ['between', 'ten'],
  );
  const rows = Tensor.from([0.5, 0.25], [1, 2]);
  t.deepEqual(run(open, { x: rows }).y.toNumbers(), run(graph, { x: rows }).y.toNumbers(), 'small numbers do not notice');
});
