import { roundHalfEven } from '../../rounding.js';
import { integerRange } from '../../shape.js';
import type { CodeType } from '../scheme.js';
import { type Counts, HistogramObserver } from './histogram.js';

/** Clips where the mean squared error between the numbers and their codes is smallest. */
export class MeanSquaredError extends HistogramObserver {
  // Thresholds tried, evenly spaced up to the largest magnitude.
  static readonly candidates = 200;

  protected override threshold(counts: Counts, dtype: CodeType, symmetric: boolean): number {
    const { above, below, width } = counts;
    const oneSided = !symmetric && below.every((n) => n === 0);
    const [low, high] = integerRange(dtype);
    // Codes of one sign: all steps over [0, t], or half of them over each half of [-t, t].
    const steps = (high - low) / (oneSided ? 1 : 2);
    let best = above.length;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 1; i <= MeanSquaredError.candidates; i++) {
      const keep = Math.round((above.length * i) / MeanSquaredError.candidates);
      if (keep < 8) continue;
      const step = (keep * width) / steps;
      const error = squaredError(above, width, keep, step) + squaredError(below, width, keep, step);
      if (error <= least) {
        least = error;
        best = keep;
      }
    }
    return best * width;
  }
}

function squaredError(n: Float64Array, width: number, keep: number, step: number): number {
  let sum = 0;
  for (let i = 0; i < n.length; i++) {
    if (n[i] === 0) continue;
    const x = (i + 0.5) * width;
    const y = i < keep ? roundHalfEven(x / step) * step : keep * width;
    sum += n[i] * (x - y) ** 2;
  }
  return sum;
}
