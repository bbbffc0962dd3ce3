/** Statistics of batch normalizations from data, with the parameters as they are. */
import { noGrad } from '../autograd.js';
import { offThread } from '../calls.js';
import type { Dataset } from '../data/dataset.js';
import { type TrainingOptions, trainingBatches } from '../data/training.js';
import { sampleFit } from '../graph/sampleFit.js';
import { scope, Tensor } from '../tensor.js';
import { partsOf } from './parts.js';
import { followStatistics, runForm } from './statistics.js';
import { drawOf, lossInputs } from './step.js';
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
  for await (const batch of trainingBatches(data, { ...order, seed, device: model.device })) {
    const weight = 1 / (done + 1);
    await offThread(() => scope(() => followBatch(model, lossInputs(model, partsOf(batch, 1, enter)[0], drawOf(seed, done)), weight)));
    if (++done >= batches) break;
  }
}

/** The running statistics follow those of a batch as the network is now. */
export function followBatch(model: Trainable, inputs: Readonly<Record<string, Tensor>>, momentum: number): void {
  const { statistics } = noGrad(() => runForm(model, inputs));
  followStatistics(model, statistics, Tensor.from([1, 1, 1], [3], 'float32', model.device), momentum);
}
