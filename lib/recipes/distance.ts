/** Sums over the pairs of numbers of two tensors, batch after batch. */
import type { Shape } from '../shape.js';

export class Distance {
  #count = 0;
  #signal = 0;
  #other = 0;
  #noise = 0;
  #dot = 0;
  #shift = 0;
  #largest = 0;

  /** @param shape of one sample */
  constructor(readonly shape: Shape) {}

  /** @param part of the numbers that count, from the first on: a model of a fixed batch size fills it up with copies */
  add(a: Float64Array, b: Float64Array, part: number): void {
    const count = Math.round(a.length * part);
    for (let i = 0; i < count; i++) {
      const difference = b[i] - a[i];
      this.#signal += a[i] * a[i];
      this.#other += b[i] * b[i];
      this.#dot += a[i] * b[i];
      this.#noise += difference * difference;
      this.#shift += difference;
      if (!(Math.abs(difference) <= this.#largest)) this.#largest = Math.abs(difference); // NaN stays
    }
    this.#count += count;
  }

  result() {
    const noiseless = this.#noise === 0;
    return {
      shape: this.shape,
      sqnr: noiseless ? Number.POSITIVE_INFINITY : this.#signal === 0 ? Number.NaN : 10 * Math.log10(this.#signal / this.#noise),
      cosine: noiseless ? 1 : this.#dot / Math.sqrt(this.#signal * this.#other),
      largest: this.#largest,
      shift: this.#count ? this.#shift / this.#count : 0,
    };
  }
}
