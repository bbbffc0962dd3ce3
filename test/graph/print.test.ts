import test from 'ava';
import { Graph, ops, print, Tensor } from 'lowbit';
import { smallNet } from './graphs.js';

test('a graph is a line a node', (t) => {
  t.is(
    print(smallNet()),
    [
      'graph net(image: float32[?, 6, 6, 3])',
      '  conv = conv2d(image, w1: float32[4, 3, 3, 3], b1: float32[4], pads=[1, 1, 1, 1]): float32[?, 6, 6, 4]',
      '  active = relu(conv): float32[?, 6, 6, 4]',
      '  pool = maxPool2d(active, kernel=[2, 2], strides=[2, 2]): float32[?, 3, 3, 4]',
      '  flat = reshape(pool, shape=[0, -1]): float32[?, 36]',
      '  linear = gemm(flat, w2: float32[5, 36], b2: float32[5]): float32[?, 5]',
      '  return y = linear',
    ].join('\n'),
  );
});

test('what is unknown has no type, parameters that are values have their name, defaults are left out', (t) => {
  const graph = new Graph('g');
  const x = graph.input('x', { dtype: 'float32', shape: [6] });
  const shape = graph.input('shape', { dtype: 'int64', shape: [2] });
  const y = graph.add(ops.reshape, [x], { shape, allowZero: false }, 'y');
  graph.output('y', graph.add(ops.mul, [y, graph.constant(Tensor.scalar(2), 'two')], {}, 'y'));
  graph.output('x', x);
  t.is(
    print(graph),
    [
      'graph g(x: float32[6], shape: int64[2])',
      '  y = reshape(x, shape=shape)',
      '  y_1 = mul(y, two: float32[])',
      '  return y = y_1',
      '  return x',
    ].join('\n'),
  );
});
