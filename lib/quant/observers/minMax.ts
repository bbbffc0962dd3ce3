/** The whole range that was seen, and its averages over samples. */
import { minMax } from '../../ops/index.js';
import { scope, type Tensor } from '../../tensor.js';
import type { Range } from '../scheme.js';
import type { Observer } from './observer.js';

/** Smallest and largest number of a batch; NaN where it holds NaN. */
export function extremesOf(batch: Tensor): [number, number] {
  const [min, max] = scope(() => minMax(batch).toNumbers());
  return [min, max];
}

/** The smallest and the largest number ever seen. */
export class MinMax implements Observer {
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  observe(batch: Tensor): void {
    const [min, max] = extremesOf(batch);
    this.#min = Math.min(this.#min, min);
    this.#max = Math.max(this.#max, max);
  }
  range(): Range {
    return { min: this.#min, max: this.#max };
  }
}

/** Smallest and largest number of each sample, one after the other. */
function extremesOfSamples(batch: Tensor): number[] {
  return batch.shape.length ? scope(() => minMax(batch, { perAxis: true, axis: 0 }).toNumbers()) : extremesOf(batch);
}

/** The mean over samples of their smallest numbers, and that of their largest. */
export class Average implements Observer {
  #samples = 0;
  #min = 0;
  #max = 0;

  observe(batch: Tensor): void {
    const extremes = extremesOfSamples(batch);
    for (let i = 0; i < extremes.length; i += 2) {
      this.#samples++;
      this.#min += extremes[i];
      this.#max += extremes[i + 1];
    }
  }
  range(): Range {
    return { min: this.#min / this.#samples, max: this.#max / this.#samples };
  }
}

/**
 * Moving average of the samples' extremes: state = 0.9·state + 1, sum = 0.9·sum + extreme, range = sum / state.
 * Taken sample by sample, so that the size of batches does not matter.
 */
export class MovingAverage implements Observer {
  static readonly decay = 0.9;
  #state = 0;
  #min = 0;
  #max = 0;

  observe(batch: Tensor): void {
    const extremes = extremesOfSamples(batch);
    for (let i = 0; i < extremes.length; i += 2) {
      this.#state = MovingAverage.decay * this.#state + 1;
      this.#min = MovingAverage.decay * this.#min + extremes[i];
      this.#max = MovingAverage.decay * this.#max + extremes[i + 1];
    }
  }
  range(): Range {
    return { min: this.#min / this.#state, max: this.#max / this.#state };
  }
}
