/** Loss and metrics on samples that are not learned from. */
import { offThread } from '../calls.js';
import type { Dataset } from '../data/dataset.js';
import { trainingBatches } from '../data/training.js';
import { fail } from '../error.js';
import { run } from '../graph/run.js';
import { sampleFit } from '../graph/sampleFit.js';
import { scope } from '../tensor.js';
import type { Means } from './callback.js';
import type { Loss } from './losses.js';
import type { Metric } from './metrics.js';
import { partsOf } from './parts.js';
import type { Trainable } from './trainable.js';

/** The means over the whole set, in its order: "loss" and the metrics. */
export async function validate(
  { model, loss, metrics }: { model: Trainable; loss: Loss; metrics: readonly Metric[] },
  set: Dataset,
  batchSize: number,
  signal?: AbortSignal,
): Promise<Means> {
  const { graph } = model;
  const fit = sampleFit(graph, set);
  const sums = new Map<string, number>();
  let samples = 0;
  for await (const batch of trainingBatches(set, { batchSize, shuffle: false, dropLast: false, device: model.device })) {
    if (signal?.aborted) fail({ code: 'aborted', what: `validating ${graph.name}` });
    const made = await offThread(() =>
      scope(() => {
        const [{ inputs, labels }] = partsOf(batch, 1, fit);
        const outputs = run(graph, inputs);
        const first = outputs[graph.outputs[0].name];
        const counted = metrics.map((metric) => [metric.name, metric.sum(first, labels)] as const);
        return new Map([['loss', (loss.validation ?? loss)(first, labels, outputs, inputs)], ...counted]);
      }),
    );
    for (const [name, tensor] of made) {
      const value = tensor.toNumbers()[0] * (name === 'loss' ? batch.count : 1);
      sums.set(name, (sums.get(name) ?? 0) + value);
      tensor.dispose();
    }
    samples += batch.count;
  }
  return Object.fromEntries([...sums].map(([name, sum]) => [name, sum / samples]));
}
