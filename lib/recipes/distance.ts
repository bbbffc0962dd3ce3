/** Sums over the pairs of numbers of two tensors, batch after batch. */
import type { Shape } from '../shape.js';

export class Distance {
  #count = 0;
  #noise = 0;
  #largest = 0;
  /** Σ a², Σ b², Σ a·b and Σ (b − a) of each channel. */
  readonly #signal: Float64Array;
  readonly #other: Float64Array;
  readonly #dot: Float64Array;
  readonly #shift: Float64Array;

  /** @param shape of one sample, channels last */
  constructor(readonly shape: Shape) {
    [this.#signal, this.#other, this.#dot, this.#shift] = [0, 0, 0, 0].map(() => new Float64Array(shape.at(-1) ?? 1));
  }

  /** @param part of the numbers that count, from the first on: a model of a fixed batch size fills it up with copies */
  add(a: Float64Array, b: Float64Array, part: number): void {
    const count = Math.round(a.length * part);
    const channels = this.#signal.length;
    for (let i = 0, c = 0; i < count; i++, c = c + 1 === channels ? 0 : c + 1) {
      const difference = b[i] - a[i];
      this.#signal[c] += a[i] * a[i];
      this.#other[c] += b[i] * b[i];
      this.#dot[c] += a[i] * b[i];
      this.#noise += difference * difference;
      this.#shift[c] += difference;
      if (!(Math.abs(difference) <= this.#largest)) this.#largest = Math.abs(difference); // NaN stays
    }
    this.#count += count;
  }

  result() {
    const noise = this.#noise;
    const [signal, other, dot] = [this.#signal, this.#other, this.#dot].map(sum);
    return {
      shape: this.shape,
      sqnr: decibels(signal, noise),
      scaledSqnr: noise === 0 ? Number.POSITIVE_INFINITY : decibels(signal, this.scaledNoise()),
      cosine: noise === 0 ? 1 : dot / Math.sqrt(signal * other),
      largest: this.#largest,
      shift: this.#count ? sum(this.#shift) / this.#count : 0,
      shifted:
        noise === 0 ? 0 : this.#shift.reduce((power, shift) => power + (shift * shift * this.#shift.length) / this.#count, 0) / noise,
    };
  }

  /** Of each channel Σ (b/g − a)² with the factor g = Σ a·b / Σ a² that suits it best; where they have little in common it counts as lost. */
  private scaledNoise(): number {
    const noise = this.#signal.map((signal, c) => {
      const [other, dot] = [this.#other[c], this.#dot[c]];
      if (signal === 0 || dot === 0) return signal || other;
      return Math.min(signal, Math.max(0, signal * ((signal * other) / (dot * dot) - 1)));
    });
    return sum(noise);
  }
}

const sum = (numbers: Float64Array) => numbers.reduce((a, b) => a + b, 0);

function decibels(signal: number, noise: number): number {
  if (noise === 0) return Number.POSITIVE_INFINITY;
  return signal === 0 ? Number.NaN : 10 * Math.log10(signal / noise);
}
