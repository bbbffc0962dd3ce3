/** Statistics of batch normalizations from samples, as after weights have changed at a stroke. */
import { fail } from '../error.js';
import type { Graph } from '../graph/graph.js';
import { rewrite } from '../graph/rewrite.js';
import { run } from '../graph/run.js';
import { removeDropout } from '../passes/removeDropout.js';
import { trainingForm } from '../passes/trainingForm.js';
import type { Batches, CalibrateOptions } from '../quant/calibrate.js';
import { axisIndex, sizeOf } from '../shape.js';
import { Tensor } from '../tensor.js';
import { free } from './prepare.js';

/**
 * The graph with other means and variances in its batch normalizations: those of the batches while each is normalized by its own, averaged
 * over the batches (the variance without its bias, n / (n − 1)). Nothing else changes. Unlike most that is done here, the result depends on the
 * size of the batches: take those of training.
 * @param batches inputs by name; called once
 * @param options `batches`: how many at most, default 100
 * @throws LowbitError "data" where there is no batch
 */
export async function reestimateBatchNorm(
  graph: Graph,
  batches: Batches,
  { batches: most = 100, onProgress, signal }: CalibrateOptions & { batches?: number } = {},
): Promise<Graph> {
  const form = trainingForm(removeDropout(graph));
  const sums = form.statistics.map(() => ({ mean: new Float64Array(), variance: new Float64Array() }));
  let count = 0;
  let samples = 0;
  for await (const inputs of batches()) {
    const elements = new Map<string, number>();
    const outputs = run(form.graph, inputs, {
      signal,
      onValue(value, { shape }) {
        for (const { of, axis, output } of form.statistics) {
          if (of === value) elements.set(output, sizeOf(shape) / shape[axisIndex(axis, shape.length)!]);
        }
      },
    });
    for (const [i, { output }] of form.statistics.entries()) {
      const numbers = outputs[output].toNumbers();
      const n = elements.get(output)!;
      const channels = numbers.length / 2;
      sums[i].mean = Float64Array.from({ length: channels }, (_, c) => (sums[i].mean[c] ?? 0) + numbers[c]);
      const unbiased = n > 1 ? n / (n - 1) : 1;
      sums[i].variance = Float64Array.from({ length: channels }, (_, c) => (sums[i].variance[c] ?? 0) + numbers[channels + c] * unbiased);
    }
    samples += Object.values(inputs)[0]?.shape[0] ?? 1;
    free(inputs);
    free(outputs);
    onProgress?.(samples);
    if (++count >= most) break;
  }
  if (!count) fail({ code: 'data', where: 'reestimateBatchNorm', problem: 'there are no samples' });
  const found = new Map(
    form.statistics.flatMap(({ mean, variance }, i) => [[mean, sums[i].mean] as const, [variance, sums[i].variance] as const]),
  );
  return rewrite(graph, (node, to) => {
    if (!node.inputs.some((value) => found.has(graph.constantOf(value)!))) return undefined;
    const inputs = node.inputs.map((value) => {
      const sum = found.get(graph.constantOf(value)!);
      return sum ? to.graph.constant(Tensor.from(Float32Array.from(sum, (total) => total / count)), value.name) : to.get(value);
    });
    return to.copy(node, inputs);
  });
}
