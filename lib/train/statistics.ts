/** Statistics of batch normalizations: what a batch has, and the running ones that follow it. */
import type { Value } from '../graph/graph.js';
import { type RunOptions, run } from '../graph/run.js';
import { movingAverage } from '../ops/optimizer.js';
import { axisIndex, type Shape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import type { Trainable } from './trainable.js';

/** Mean and variance of a batch, (2, channels), and over how many elements a channel. */
export interface BatchStatistics {
  tensor: Tensor;
  count: number;
}

/** Runs the network as it learns: its outputs, and of each batch normalization the statistics of this batch. */
export function runForm(
  { form: { graph, statistics } }: Trainable,
  inputs: Readonly<Record<string, Tensor>>,
  options: Pick<RunOptions, 'tape'> = {},
): { outputs: Record<string, Tensor>; statistics: BatchStatistics[] } {
  const shapes = new Map<Value, Shape>();
  const outputs = run(graph, inputs, { ...options, onValue: (at, { shape }) => shapes.set(at, shape) });
  const of = statistics.map(({ output, of: value, axis }) => {
    const shape = shapes.get(value)!;
    return { tensor: outputs[output], count: sizeOf(shape) / shape[axisIndex(axis, shape.length)!] };
  });
  return { outputs, statistics: of };
}

/** average += momentum·(batch − average) for every statistic; the variance without its bias, as in PyTorch: n/(n − 1). */
export function followStatistics(
  { form: { statistics } }: Trainable,
  batch: readonly BatchStatistics[],
  control: Tensor,
  momentum: number,
): void {
  for (const [i, { mean, variance }] of statistics.entries()) {
    const { tensor, count } = batch[i];
    movingAverage(mean, tensor, control, { row: 0, momentum, factor: 1 });
    movingAverage(variance, tensor, control, { row: 1, momentum, factor: count > 1 ? count / (count - 1) : 1 });
  }
}
