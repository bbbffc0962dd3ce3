import test from 'ava';
import { memory, ops, print, run, scope, Tensor, trace } from 'lowbit';
import { faults } from '../faults.js';
import { randomImages } from './graphs.js';

const w = Tensor.from([1, -2, 3, 4, 5, -6], [2, 3]);
const b = Tensor.from([0.5, -0.5]);

const body = ({ x }: Record<string, Tensor>) => {
  const y = ops.gemm(x, w, b);
  const activated = y.item === undefined ? y : ops.relu(y);
  return { y: activated, sum: ops.reduceSum(ops.mul(activated, Tensor.scalar(2)), { axes: [1] }) };
};

test('a traced function is its op calls, and computes the same for any batch', (t) => {
  const graph = trace(body, { x: Tensor.from([1, 2, 3], [1, 3]) }, { name: 'two' });
  t.is(
    print(graph),
    [
      'graph two(x: float32[?, 3])',
      '  gemm = gemm(x, constant: float32[2, 3], constant_1: float32[2]): float32[?, 2]',
      '  relu = relu(gemm): float32[?, 2]',
      '  mul = mul(relu, constant_2: float32[]): float32[?, 2]',
      '  reduceSum = reduceSum(mul, axes=[1]): float32[?, 1]',
      '  return y = relu',
      '  return sum = reduceSum',
    ].join('\n'),
  );
  t.is(graph.constantOf(graph.find('constant')), w);
  const x = Tensor.from([1, 2, 3, -1, 0.25, 7], [2, 3]);
  const [got, want] = [run(graph, { x }), body({ x })];
  t.deepEqual([got.y.data(), got.sum.data()], [want.y.data(), want.sum.data()]);
});

test('shapes may stay fixed', (t) => {
  const graph = trace(({ x }) => ops.relu(x), { x: randomImages(2) }, { freeBatch: false });
  t.deepEqual(graph.inputs[0].type?.shape, [2, 6, 6, 3]);
  faults(t, () => run(graph, { x: randomImages(1) }), 'shape', /traced: x is \[1, 6, 6, 3\], expected \[2, 6, 6, 3\]/);
});

test('tracing leaves constants and nothing else', (t) => {
  const x = Tensor.from([1, 2], [1, 2]);
  const before = memory().tensors;
  const graph = scope(() => trace((inputs) => ops.add(ops.exp(inputs.x), Tensor.from([1, 2])), { x }));
  t.is(memory().tensors, before + 1);
  t.deepEqual(run(graph, { x }).output.data(), ops.add(ops.exp(x), Tensor.from([1, 2])).data());
});

test('an input may be an output, what no op made may not', (t) => {
  const x = Tensor.from([3], [1]);
  t.deepEqual(
    run(
      trace((inputs) => inputs.x, { x }),
      { x },
    ).output.toNumbers(),
    [3],
  );
  faults(t, () => trace(() => Tensor.scalar(1), { x }), 'graph', /output "output" of traced was not made by an op/);
});
