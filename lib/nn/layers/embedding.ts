import { checkOptions } from '../../error.js';
import { gather } from '../../ops/indexing.js';
import type { Tensor } from '../../tensor.js';
import { Module, parameter, written } from '../module.js';
import { commonRandom, type Initial, normalInitial, type WeightOptions } from '../random.js';
import { checkSizes } from '../sizes.js';

/** A row of a table for each index: int32 or int64 indices (...) to (..., width). */
export class Embedding extends Module {
  /** (count, width), normal with mean 0 and deviation 1 unless `initial` says otherwise. */
  readonly weight: Tensor;

  constructor(count: number, width: number, options: Omit<WeightOptions, 'bias'> = {}) {
    super(written(count, width, options));
    checkOptions('Embedding', options, ['initial', 'random']);
    checkSizes('Embedding', { count, width });
    const initial: Initial = options.initial ?? normalInitial(1);
    this.weight = parameter(initial(options.random ?? commonRandom, [count, width], { in: count, out: width }));
  }

  forward(indices: Tensor): Tensor {
    return gather(this.weight, indices);
  }
}
