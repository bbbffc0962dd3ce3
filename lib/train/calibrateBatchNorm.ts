/** Statistics of batch normalizations from data, with the parameters as they are. */
import { noGrad } from '../autograd.js';
import { offThread } from '../calls.js';
import type { Dataset } from '../data/dataset.js';
import { type TrainingOptions, trainingBatches } from '../data/training.js';
import { run } from '../graph/run.js';
import { sampleFit } from '../graph/sampleFit.js';
import { movingAverage } from '../ops/optimizer.js';
import { axisIndex, sizeOf } from '../shape.js';
import { scope, Tensor } from '../tensor.js';
import { partsOf } from './parts.js';
import { lossInputs } from './step.js';
import type { Trainable } from './trainable.js';

export interface CalibrateOptions extends Pick<TrainingOptions, 'batchSize' | 'seed' | 'epoch' | 'augment'> {
  /** How many batches; default all of one pass. */
  batches?: number;
  signal?: AbortSignal;
}

/**
 * Sets the running statistics to the means over batches of the statistics that these have in the network as it learns, its parameters and
 * searched weights as they are: what they should be after parameters have changed at a stroke. Nothing else changes.
 */
export async function calibrateBatchNorm(model: Trainable, data: Dataset, options: CalibrateOptions = {}): Promise<void> {
  if (!model.form.statistics.length) return;
  const { batches = Infinity, seed = 0, ...order } = options;
  const enter = sampleFit(model.graph, data);
  let done = 0;
  for await (const batch of trainingBatches(data, { ...order, seed })) {
    const weight = 1 / (done + 1);
    await offThread(() => scope(() => follow(model, lossInputs(model, partsOf(batch, 1, enter)[0], seed, done), weight)));
    if (++done >= batches) break;
  }
}

/** average += weight·(batch − average) for every statistic; the variance without its bias, n / (n − 1), n elements a channel. */
export function follow(model: Trainable, inputs: Readonly<Record<string, Tensor>>, weight: number): void {
  const { graph, statistics } = model.form;
  const axes = new Map(statistics.map(({ of, axis }) => [of, axis]));
  const counts = new Map<unknown, number>();
  const outputs = noGrad(() =>
    run(graph, inputs, {
      onValue(value, { shape }) {
        const axis = axes.get(value);
        if (axis !== undefined) counts.set(value, sizeOf(shape) / shape[axisIndex(axis, shape.length)!]);
      },
    }),
  );
  const always = Tensor.from([1, 1]);
  for (const { output, of, mean, variance } of statistics) {
    const count = counts.get(of)!;
    movingAverage(mean, outputs[output], always, { row: 0, momentum: weight, factor: 1 });
    movingAverage(variance, outputs[output], always, { row: 1, momentum: weight, factor: count > 1 ? count / (count - 1) : 1 });
  }
}
