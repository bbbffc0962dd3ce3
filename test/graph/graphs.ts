/** Small graphs that several tests start from. */
import { Graph, ops, type Shape, Tensor, type Value } from 'lowbit';
import { randomNumbers } from '../ops/case.js';

const size = (shape: Shape) => shape.reduce((a, b) => a * b, 1);

/** A constant of random numbers. */
export function weight(graph: Graph, name: string, shape: Shape, seed = 1, low = -1, high = 1): Value {
  return graph.constant(Tensor.from(randomNumbers(size(shape), low, high, seed), shape), name);
}

/** image (N, 6, 6, 3) → conv → relu → pool → flat (N, 36) → linear → y (N, 5); six constants. */
export function smallNet(): Graph {
  const graph = new Graph('net');
  const image = graph.input('image', { dtype: 'float32', shape: [Number.NaN, 6, 6, 3] }, ['N']);
  const conv = graph.add(
    ops.conv2d,
    [image, weight(graph, 'w1', [4, 3, 3, 3], 2), weight(graph, 'b1', [4], 3)],
    { pads: [1, 1, 1, 1] },
    'conv',
  );
  const active = graph.add(ops.relu, [conv], {}, 'active');
  const pool = graph.add(ops.maxPool2d, [active], { kernel: [2, 2], strides: [2, 2] }, 'pool');
  const flat = graph.add(ops.reshape, [pool], { shape: [0, -1] }, 'flat');
  const linear = graph.add(ops.gemm, [flat, weight(graph, 'w2', [5, 36], 4), weight(graph, 'b2', [5], 5)], {}, 'linear');
  graph.output('y', linear);
  return graph;
}

export function randomImages(count: number, seed = 7): Tensor {
  return Tensor.from(randomNumbers(count * 108, -1, 1, seed), [count, 6, 6, 3]);
}
