/** What training makes small: a function of a network's first output and the labels. */
import { crossEntropy as crossEntropyOp, meanSquaredError as meanSquaredErrorOp } from '../ops/loss.js';
import type { Tensor } from '../tensor.js';

/** Computes the loss of a batch with ops, so that it can be differentiated. */
export interface Loss {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  /**
   * @param output the network's first output
   * @param target the labels, int32 (n)
   * @param outputs all outputs by name
   * @returns a float tensor of one element
   */
  (output: Tensor, target: Tensor, outputs: Readonly<Record<string, Tensor>>): Tensor;
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
  return loss('crossEntropy', { labelSmoothing }, (output, labels) => crossEntropyOp(output, labels, { labelSmoothing }));
}
