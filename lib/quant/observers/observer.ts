/** Observers see a value batch by batch and say in the end which range its codes should cover. */
import type { Tensor } from '../../tensor.js';
import type { CodeType, Range } from '../scheme.js';

export interface Observer {
  /** Takes in one batch (float32, samples along axis 0). What is kept does not grow with the number of batches. */
  observe(batch: Tensor): void;
  /** The range for codes of this type, after everything was seen. */
  range(dtype: CodeType, symmetric: boolean): Range;
}
