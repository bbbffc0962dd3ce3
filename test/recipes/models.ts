/** Small classifiers of the generated digits, made by hand. */
import {
  calibrationBatches,
  conv2d,
  digits,
  Graph,
  gemm,
  maxPool2d,
  type QuantizeOptions,
  quantize,
  relu,
  reshape,
  type Shape,
  Tensor,
  transpose,
  type Value,
} from 'lowbit';
import { randomNumbers } from '../ops/case.js';

const size = (shape: Shape) => shape.reduce((a, b) => a * b, 1);

export interface SmallModel {
  /** The batch dimension; free when left out. */
  batch?: number;
  /** Take (n, h, w, c) images. */
  channelsLast?: boolean;
}

/** conv → relu → max pool → dense: (n, 1, 28, 28) to (n, 10) with random weights. */
export function smallNetwork({ batch = Number.NaN, channelsLast = false }: SmallModel = {}): Graph {
  const graph = new Graph('small');
  const weight = (name: string, shape: Shape, seed: number): Value =>
    graph.constant(Tensor.from(randomNumbers(size(shape), -0.5, 0.5, seed), shape, 'float32'), name);
  const shape = channelsLast ? [batch, 28, 28, 1] : [batch, 1, 28, 28];
  const image = graph.input('image', { dtype: 'float32', shape });
  let x = channelsLast ? image : graph.add(transpose, [image], { perm: [0, 2, 3, 1] });
  x = graph.add(conv2d, [x, weight('conv.w', [6, 3, 3, 1], 1), weight('conv.b', [6], 2)], { strides: [2, 2] }, 'conv');
  x = graph.add(relu, [x], {}, 'relu');
  x = graph.add(maxPool2d, [x], { kernel: [2, 2], strides: [2, 2] }, 'pool');
  x = graph.add(transpose, [x], { perm: [0, 3, 1, 2] });
  x = graph.add(reshape, [x], { shape: [-1, 6 * 6 * 6] }, 'flatten');
  graph.output('logits', graph.add(gemm, [x, weight('fc.w', [10, 216], 3), weight('fc.b', [10], 4)], {}, 'fc'));
  return graph;
}

/** (n, 4) to (n, classes): the input times a matrix, to put exact numbers into tests. */
export function linear(rows: readonly (readonly number[])[], inputShape: Shape = [Number.NaN, 4]): Graph {
  const graph = new Graph('linear');
  const x = graph.input('x', { dtype: 'float32', shape: inputShape });
  const b = graph.constant(Tensor.from(rows.flat(), [rows.length, 4], 'float32'), 'w');
  const zero = graph.constant(Tensor.from(new Float32Array(rows.length)), 'bias');
  const flat = inputShape.length === 2 ? x : graph.add(reshape, [x], { shape: [-1, 4] });
  graph.output('y', graph.add(gemm, [flat, b, zero], {}, 'fc'));
  return graph;
}

export const someDigits = (count = 40) => digits({ count });

/** The QDQ graph of a model after calibration on a few digits. */
export async function calibrated(graph: Graph, options: QuantizeOptions = {}): Promise<Graph> {
  const { graph: quantized } = await quantize(graph, calibrationBatches(graph, someDigits(), 20, 8), options);
  return quantized;
}
