/**
 * A histogram that grows without ever splitting a bin: widths are powers of two, so when a larger number comes, neighbours are merged
 * and the result is the one that a histogram over all data at once would have. Order and size of batches leave no trace.
 */
import { histogram } from '../../ops/index.js';
import { scope, type Tensor } from '../../tensor.js';
import type { CodeType, Range } from '../scheme.js';
import { extremesOf } from './minMax.js';
import type { Observer } from './observer.js';

/** Bins on each side of zero; half of them at least are in use on the longer side. */
const bins = 4096;
const leastExponent = -126;

export abstract class HistogramObserver implements Observer {
  #exponent = leastExponent;
  #counts = new Float64Array(2 * bins);
  #min = 0;
  #max = 0;

  observe(batch: Tensor): void {
    const [min, max] = extremesOf(batch);
    this.#min = Math.min(this.#min, min);
    this.#max = Math.max(this.#max, max);
    if (!this.isFinite()) return; // no bin is that far out; the range says so
    this.grow(Math.max(max, -min));
    const seen = scope(() => histogram(batch, { exponent: this.#exponent, bins }).data()) as Int32Array;
    for (let i = 0; i < seen.length; i++) this.#counts[i] += seen[i];
  }

  range(dtype: CodeType, symmetric: boolean): Range {
    if (!this.isFinite()) return { min: this.#min, max: this.#max };
    const width = 2 ** this.#exponent;
    const used = Math.min(bins, Math.floor(Math.max(this.#max, -this.#min) / width) + 1);
    const above = this.#counts.slice(0, used);
    const below = this.#counts.slice(bins, bins + used);
    const threshold = this.threshold({ above, below, width }, dtype, symmetric);
    return { min: Math.max(this.#min, -threshold), max: Math.min(this.#max, threshold) };
  }

  /** The magnitude at which to clip. */
  protected abstract threshold(counts: Counts, dtype: CodeType, symmetric: boolean): number;

  private isFinite(): boolean {
    return Number.isFinite(this.#max - this.#min);
  }

  // Bins are as fine as they can be with the largest magnitude in the last one.
  private grow(magnitude: number): void {
    const need = magnitude > 0 ? Math.max(leastExponent, Math.floor(Math.log2(magnitude)) + 1 - Math.log2(bins)) : leastExponent;
    const exponent = 2 ** need * bins > magnitude ? need : need + 1;
    for (; this.#exponent < exponent; this.#exponent++) if (!this.mergeOrJump(exponent)) return;
  }

  private mergeOrJump(exponent: number): boolean {
    if (this.#counts.every((n) => n === 0)) {
      this.#exponent = exponent;
      return false;
    }
    const merged = new Float64Array(2 * bins);
    for (let side = 0; side < 2; side++) {
      for (let i = 0; i < bins; i++) merged[side * bins + (i >> 1)] += this.#counts[side * bins + i];
    }
    this.#counts = merged;
    return true;
  }
}

/** Counts of magnitudes in bins of equal width from 0 on: numbers above zero and below it. */
export interface Counts {
  above: Float64Array;
  below: Float64Array;
  width: number;
}

export const magnitudes = ({ above, below }: Counts) => above.map((n, i) => n + below[i]);
