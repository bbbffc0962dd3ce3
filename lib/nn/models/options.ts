/** What the models have in common. */
import { checkOptions } from '../../error.js';
import { checkSizes } from '../sizes.js';

export interface ModelOptions {
  /** How many numbers come out for a sample. */
  classes?: number;
  /** Models of one seed are equal to the byte, default 0. */
  seed?: number;
}

/**
 * Where image classifiers differ by their data: 'imagenet' is the published network for large images (224 × 224), 'cifar' shrinks less
 * at the start and suits small ones (32 × 32).
 */
export type Stem = 'imagenet' | 'cifar';

/** Refuses options the model does not have, and sizes that are none. */
export function checkModel(model: string, options: object, allowed: readonly string[], sizes: Readonly<Record<string, number>>): void {
  checkOptions(model, options, [...allowed, 'classes', 'seed']);
  checkSizes(model, sizes);
}
