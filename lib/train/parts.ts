/** Batches of a data set as a step takes them. */
import { entered, type SampleFit } from '../graph/sampleFit.js';
import { cast } from '../ops/elementwise.js';
import { slice } from '../ops/layout.js';
import type { Tensor } from '../tensor.js';

/** A part of a step's samples: as many as are in memory at a time. */
export interface Part {
  inputs: Record<string, Tensor>;
  /** int32 (n) */
  labels: Tensor;
}

/**
 * Cuts a batch into `count` equal parts and brings them into the form of the graph's input; only ops. Whole batches keep their tensors.
 */
export function partsOf({ data, labels }: { data: Tensor; labels: Tensor }, count: number, fit: SampleFit): Part[] {
  const size = labels.shape[0] / count;
  return Array.from({ length: count }, (_, i) => {
    const cut = (x: Tensor) => (count === 1 ? x : slice(x, { starts: [i * size], ends: [(i + 1) * size], axes: [0], steps: [1] }));
    const samples = entered(fit, cut(data));
    const typed = samples.dtype === fit.type.dtype ? samples : cast(samples, { dtype: fit.type.dtype });
    return { inputs: { [fit.name]: typed }, labels: cut(labels) };
  });
}
