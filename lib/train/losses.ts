/** What training makes small: a function of a network's first output and the labels. */
import { cast } from '../ops/elementwise.js';
import { gather } from '../ops/indexing.js';
import { reshape } from '../ops/layout.js';
import * as ops from '../ops/loss.js';
import { logSoftmax } from '../ops/norm.js';
import type { Tensor } from '../tensor.js';

/**
 * Computes the loss of a batch with ops, so that it can be differentiated: the same ones for every batch of an epoch, or `fit` is to be told
 * (`replay`).
 */
export interface Loss {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** What validation reports as the loss instead: the part that is asked of the network, not how it is taught. Default: the loss itself. */
  readonly validation?: Loss;
  /**
   * @param output the network's first output
   * @param target the labels, int32 (n)
   * @param outputs all outputs by name
   * @param inputs what the network was given, by name
   * @returns a float tensor of one element
   */
  (output: Tensor, target: Tensor, outputs: Readonly<Record<string, Tensor>>, inputs: Readonly<Record<string, Tensor>>): Tensor;
}

function loss(name: string, options: Record<string, unknown>, compute: (output: Tensor, target: Tensor) => Tensor): Loss {
  const named = Object.defineProperty((output: Tensor, target: Tensor) => compute(output, target), 'name', { value: name });
  return Object.assign(named, { options });
}

export interface CrossEntropyOptions {
  /** The share of the target that is spread over all classes, default 0. */
  labelSmoothing?: number;
}

/** The mean over the batch of −Σ target·log softmax(output) for outputs (n, classes). */
export function crossEntropy({ labelSmoothing = 0 }: CrossEntropyOptions = {}): Loss {
  return loss('crossEntropy', { labelSmoothing }, (output, labels) => ops.crossEntropy(output, labels, { labelSmoothing }));
}

/** The mean of (output − target)² for outputs (n, 1) or (n) and whole numbers as labels; for classes of labels see `crossEntropy`. */
export function meanSquaredError(): Loss {
  return loss('meanSquaredError', {}, (output, labels) => {
    const target = cast(labels, { dtype: 'float32' });
    return ops.meanSquaredError(reshape(output, { shape: target.shape }), target);
  });
}

/**
 * Against a table of target distributions: the mean over the batch of Σ target·(log target − log softmax(output)), the row of the table
 * by the label.
 * @param targets (labels, classes), rows that sum to 1
 */
export function klDivergence(targets: Tensor): Loss {
  return loss('klDivergence', { targets: targets.shape }, (output, labels) =>
    ops.klDivergence(logSoftmax(output), gather(targets.at(labels.device), labels)),
  );
}
