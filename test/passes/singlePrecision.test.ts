import test from 'ava';
import { type Dtype, Graph, ops, prepareToQuantize, quantize, run, scope, singlePrecision, Tensor } from 'lowbit';
import { randomNumbers } from '../ops/case.js';

const shape = [4, 6];

/** A layer whose weight and sums are of this type, behind a cast and before one: as converters to half precision write it. */
function network(dtype: Dtype): Graph {
  const graph = new Graph('g');
  const constant = (name: string, size: number[], seed: number) => {
    const numbers = randomNumbers(
      size.reduce((a, b) => a * b, 1),
      -0.5,
      0.5,
      seed,
    );
    return graph.constant(ops.cast(Tensor.from(numbers, size), { dtype }), name);
  };
  const real = (name: string, size: number[], seed: number) => graph.add(ops.cast, [constant(name, size, seed)], { dtype: 'float32' });
  const x = graph.input('x', { dtype, shape });
  const single = graph.add(ops.cast, [x], { dtype: 'float32' });
  const product = graph.add(ops.gemm, [single, real('w', [3, 6], 1), real('b', [3], 2)], {}, 'layer');
  const y = graph.add(ops.add, [graph.add(ops.cast, [product], { dtype }), constant('c', [3], 3)], {}, 'sum');
  graph.output('y', graph.add(ops.relu, [y], {}, 'relu'));
  return graph;
}

const input = (dtype: Dtype) => ops.cast(Tensor.from(randomNumbers(24, -1, 1, 5), shape), { dtype });

for (const dtype of ['float16', 'bfloat16', 'float64'] as const) {
  test(`${dtype} is computed in float32 between inputs and outputs`, (t) => {
    const before = network(dtype);
    const after = singlePrecision(before);
    const layer = after.nodes.findIndex(({ name }) => name === 'layer');
    t.deepEqual(
      after.nodes.slice(layer).map(({ op }) => op.name),
      ['gemm', 'add', 'relu', 'cast'],
    );
    scope(() => {
      const [was, is] = [before, after].map((graph) => run(graph, { x: input(dtype) }).y);
      t.is(is.dtype, dtype);
      // Half an ulp of the sum and one of the result were rounded away before; numbers are below 4.
      const ulp = { float16: 2 ** -9, bfloat16: 2 ** -6, float64: 2 ** -20 }[dtype];
      for (const [i, number] of is.toNumbers().entries()) t.true(Math.abs(number - was.toNumbers()[i]) <= 2 * ulp);
    });
  });

  test(`a model of ${dtype} is quantized`, async (t) => {
    t.deepEqual(
      prepareToQuantize(network(dtype)).nodes.map(({ op }) => op.name),
      ['cast', 'gemm', 'relu', 'cast'], // the sum is in the bias,
    );
    const batches = async function* () {
      yield { x: input(dtype) };
    };
    t.deepEqual(
      (await quantize(network(dtype), batches)).layers.map(({ name }) => name),
      ['layer'],
    );
  });
}

test('a float32 network stays as it is', (t) => {
  const names = (graph: Graph) => graph.nodes.map(({ op, output }) => `${op.name} ${output.name}`);
  const graph = new Graph('g');
  const x = graph.input('x', { dtype: 'float32', shape });
  const whole = graph.add(ops.cast, [graph.add(ops.cast, [x], { dtype: 'int32' }, 'whole')], { dtype: 'float32' }, 'real');
  graph.output('y', graph.add(ops.relu, [whole], {}, 'relu'));
  graph.rename(whole, 'a value that has not the name of its node');
  t.deepEqual(names(singlePrecision(graph)), names(graph));
});
