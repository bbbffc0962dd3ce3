import { integerRange } from '../../shape.js';
import type { CodeType } from '../scheme.js';
import { type Counts, HistogramObserver, magnitudes } from './histogram.js';

/** Clips where the distribution of codes is closest to that of the numbers (Kullback-Leibler divergence). */
export class Entropy extends HistogramObserver {
  protected override threshold(counts: Counts, dtype: CodeType, symmetric: boolean): number {
    const oneSided = !symmetric && counts.below.every((n) => n === 0);
    const [low, high] = integerRange(dtype);
    const levels = (high - low + 1) / (oneSided ? 1 : 2);
    return divergenceThreshold(halved(magnitudes(counts)), levels) * 2 * counts.width;
  }
}

// Pairs of bins: 1024 to 2048 of them are enough here, and the search is quadratic.
function halved(n: Float64Array): Float64Array {
  return Float64Array.from({ length: Math.ceil(n.length / 2) }, (_, i) => n[2 * i] + (n[2 * i + 1] ?? 0));
}

/** The fewest bins that are tried. */
const fewest = 128;

/**
 * The number of bins to keep. For every i from 128 on: P is the first i bins with the tail added to the last one; Q is the first i bins in
 * `levels` groups (bin j in group ⌊j·levels / i⌋), each group's mass (without the tail) spread over its non-empty bins. Both are divided by
 * their sums; the last i with the smallest KL(P‖Q) wins. Bin 0 counts as bin 1, so that exact zeros (ReLU) do not decide.
 *
 * This is the form of TensorRT's and pytorch-quantization's calibrators. They have 2048 bins up to the largest magnitude of the first batch;
 * here they reach the power of two above the largest of all, so that 1025 to 2048 are in use and batches leave no trace.
 */
export function divergenceThreshold(histogram: Float64Array, levels: number): number {
  const h = histogram.slice();
  if (h.length > 1) h[0] = h[1];
  if (h.length <= Math.max(fewest, levels)) return h.length; // with a level a bin, the divergence of all is 0
  const total = h.reduce((a, b) => a + b, 0);
  let best = h.length;
  let least = Number.POSITIVE_INFINITY;
  let inside = h.subarray(0, fewest).reduce((a, b) => a + b, 0);
  for (let i = fewest; i <= h.length; i++) {
    if (i > fewest) inside += h[i - 1];
    const divergence = klDivergence(h, i, levels, total - inside, inside, total);
    if (divergence <= least) {
      least = divergence;
      best = i;
    }
  }
  return best;
}

function klDivergence(h: Float64Array, i: number, levels: number, tail: number, inside: number, total: number): number {
  let sum = 0;
  let bin = 0;
  for (let level = 0; level < levels; level++) {
    // The bins j with floor(j·levels / i) = level.
    const end = Math.ceil(((level + 1) * i) / levels);
    let mass = 0;
    let filled = 0;
    for (let j = bin; j < end; j++) {
      mass += h[j];
      if (h[j] > 0) filled++;
    }
    const q = mass / filled / inside;
    for (let j = bin; j < end; j++) {
      const p = (j === i - 1 ? h[j] + tail : h[j]) / total;
      if (p === 0) continue;
      if (h[j] === 0) return Number.POSITIVE_INFINITY;
      sum += p * Math.log(p / q);
    }
    bin = end;
  }
  return sum;
}
