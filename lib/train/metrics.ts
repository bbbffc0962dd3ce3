/** What is counted while a network learns and when it is validated. */
import { cast, equal } from '../ops/elementwise.js';
import { argMax, reduceSum } from '../ops/reduce.js';
import type { Tensor } from '../tensor.js';

/** A number for a batch whose sum over the batches, divided by the samples, is the number for an epoch. */
export interface Metric {
  readonly name: string;
  /** Whether more is better. */
  readonly higherIsBetter: boolean;
  /** The sum over the samples of a batch, a float tensor of one element; made of ops. */
  sum(output: Tensor, target: Tensor): Tensor;
}

/** The fraction of samples whose label has the highest output; of equal outputs the first one is the highest. */
export const accuracy: Metric = {
  name: 'accuracy',
  higherIsBetter: true,
  sum(output, target) {
    const best = cast(argMax(output, { axis: -1, keepDims: false }), { dtype: target.dtype });
    return reduceSum(cast(equal(best, target), { dtype: 'float32' }), { axes: [0], keepDims: false });
  },
};
