/** Which values get codes. */
import test from 'ava';
import { Graph, lowerInteger, ops, quantizationPlan, quantize, Tensor, type Value } from 'lowbit';
import { weight } from '../graph/graphs.js';
import { randomNumbers } from '../ops/case.js';

type Build = (graph: Graph, x: Value) => Value;

/** x (n, 6) → linear → what is built → linear → y. */
function around(build: Build): Graph {
  const graph = new Graph('g');
  const x = graph.input('x', { dtype: 'float32', shape: [Number.NaN, 6] });
  const before = graph.add(ops.gemm, [x, weight(graph, 'w1', [6, 6], 1), weight(graph, 'b1', [6], 2)], {}, 'before');
  const made = build(graph, before);
  graph.output('y', graph.add(ops.gemm, [made, weight(graph, 'w2', [6, 6], 3), weight(graph, 'b2', [6], 4)], {}, 'after'));
  return graph;
}

const number = (graph: Graph, value: number) => graph.constant(Tensor.scalar(value));
const swish: Build = (graph, x) => graph.add(ops.mul, [x, graph.add(ops.sigmoid, [x], {}, 'gate')], {}, 'swish');
const hardSwish: Build = (graph, x) => {
  const clipped = graph.add(ops.clip, [graph.add(ops.add, [x, number(graph, 3)], {}, 'plus')], { min: 0, max: 6 }, 'clip');
  return graph.add(ops.mul, [graph.add(ops.div, [clipped, number(graph, 6)], {}, 'share'), x], {}, 'hardSwish');
};
const gelu: Build = (graph, x) => {
  const error = graph.add(ops.erf, [graph.add(ops.div, [x, number(graph, Math.SQRT2)], {}, 'scaled')], {}, 'erf');
  const twice = graph.add(ops.mul, [x, graph.add(ops.add, [error, number(graph, 1)], {}, 'raised')], {}, 'twice');
  return graph.add(ops.mul, [twice, number(graph, 0.5)], {}, 'gelu');
};

const valuesOf = (graph: Graph) => quantizationPlan(graph).values.map(({ name }) => name);
const nodesOf = (graph: Graph) => quantizationPlan(graph).nodes.map(({ name }) => name);

for (const [name, build] of Object.entries({ swish, hardSwish, gelu })) {
  test(`${name} of several steps has codes at its ends alone, and is one table`, async (t) => {
    const graph = around(build);
    t.deepEqual(valuesOf(graph), ['x', 'before', name]);
    t.deepEqual(nodesOf(graph), ['before', name, 'after']);
    const batches = async function* () {
      yield { x: Tensor.from(randomNumbers(60, -1, 1, 5), [10, 6]) };
    };
    const { graph: lowered } = lowerInteger((await quantize(graph, batches)).graph);
    t.deepEqual(
      lowered.nodes.map(({ op }) => op.name),
      ['quantize', 'qgemm', 'qlookup', 'qgemm'],
    );
  });
}

test('a function ends where somebody else reads it, and begins behind a clamp of a layer', (t) => {
  const shared = around((graph, x) => {
    const y = swish(graph, x);
    graph.output('gate', graph.find('gate'));
    return y;
  });
  t.deepEqual(valuesOf(shared), ['x', 'before', 'swish']);
  t.deepEqual(nodesOf(shared), ['before', 'gate', 'swish', 'after']);
  const joined = around((graph, x) => graph.add(ops.add, [swish(graph, x), graph.find('gate')], {}, 'sum'));
  t.deepEqual(valuesOf(joined), ['x', 'before', 'sum']); // x·s(x) + s(x) is one function as well
  const clamped = around((graph, x) => swish(graph, graph.add(ops.relu, [x], {}, 'relu')));
  t.deepEqual(valuesOf(clamped), ['x', 'relu', 'swish']);
  const chained = around((graph, x) => graph.add(ops.gemm, [swish(graph, x), graph.find('w1'), graph.find('b1')], {}, 'other'));
  t.deepEqual(valuesOf(chained), ['x', 'before', 'swish', 'other']);
});

test('a gate of another tensor is no function of one', (t) => {
  const gated = around((graph, x) => {
    const other = graph.add(ops.gemm, [x, graph.find('w1'), graph.find('b1')], {}, 'other');
    return graph.add(ops.mul, [x, graph.add(ops.sigmoid, [other], {}, 'gate')], {}, 'gated');
  });
  t.deepEqual(valuesOf(gated), ['x', 'before', 'other', 'gate', 'gated']);
});
