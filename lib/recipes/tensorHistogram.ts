/** How the numbers of a tensor lie, counted batch after batch without a run before to find their ends. */
import type { Histogram } from '../report/quantizationRecord.js';

/** While counting: so fine that the bins of the result have their counts to a few per cent. */
const fineBins = 4096;
const bins = 64;

/** Counts numbers in bins that join in pairs whenever a number comes that is beyond them. Numbers that are not finite are left out. */
export class TensorHistogram {
  #counts = new Float64Array(fineBins);
  /** Where the bins begin, and the width of one: 0 before there is a number. */
  #start = 0;
  #width = 0;
  #low = Number.POSITIVE_INFINITY;
  #high = Number.NEGATIVE_INFINITY;
  #all = 0;
  #outside = 0;

  /** @param range of which is counted how many numbers lie outside */
  constructor(readonly range = { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY }) {}

  add(numbers: ArrayLike<number>): void {
    this.stretch(numbers);
    const { min, max } = this.range;
    for (let i = 0; i < numbers.length; i++) {
      const x = numbers[i];
      if (!Number.isFinite(x)) continue;
      this.#counts[binOf(x, this.#start, this.#width, fineBins)]++;
      this.#all++;
      if (x < min || x > max) this.#outside++;
    }
  }

  /** The share of the numbers outside of the range. */
  get outside(): number {
    return this.#all ? this.#outside / this.#all : 0;
  }

  result(): Histogram {
    if (!this.#all) return { low: 0, high: 0, counts: new Array<number>(bins).fill(0) };
    const [low, high] = [this.#low, this.#high];
    const counts = new Array<number>(bins).fill(0);
    for (const [i, count] of this.#counts.entries()) {
      counts[binOf(this.#start + (i + 0.5) * this.#width, low, (high - low) / bins, bins)] += count;
    }
    return { low, high, counts };
  }

  /** Makes room from the least to the largest number. */
  private stretch(numbers: ArrayLike<number>): void {
    for (let i = 0; i < numbers.length; i++) {
      const x = numbers[i];
      if (!Number.isFinite(x)) continue;
      if (x < this.#low) this.#low = x;
      if (x > this.#high) this.#high = x;
    }
    if (this.#low > this.#high) return;
    if (this.#width === 0) {
      this.#start = this.#low;
      this.#width = (this.#high - this.#low || Math.abs(this.#low) || 1) / fineBins;
    }
    while (this.#low < this.#start) this.double(fineBins / 2);
    while (this.#high > this.#start + fineBins * this.#width) this.double(0);
  }

  /** @param at where the joined bins begin: room comes after them, or before */
  private double(at: number): void {
    const joined = new Float64Array(fineBins);
    for (const [i, count] of this.#counts.entries()) joined[at + (i >> 1)] += count;
    if (at) this.#start -= fineBins * this.#width;
    this.#counts = joined;
    this.#width *= 2;
  }
}

const binOf = (x: number, start: number, width: number, count: number) =>
  Math.min(count - 1, Math.max(0, Math.floor((x - start) / (width || 1))));
