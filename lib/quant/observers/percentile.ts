/** Observers that clip a given share of the numbers. */
import { type Counts, HistogramObserver, magnitudes } from './histogram.js';

/** The first bin with which at least `percent` per cent of the magnitudes are counted. */
export function percentileBin(counts: Counts, percent: number): number {
  const n = magnitudes(counts);
  const wanted = (n.reduce((a, b) => a + b, 0) * percent) / 100;
  let sum = 0;
  return n.findIndex((count) => {
    sum += count;
    return sum >= wanted;
  });
}

/** Clips at the left edge of that bin: of what it holds nothing is covered; 100 per cent are the whole range. */
export class Percentile extends HistogramObserver {
  constructor(readonly percent: number) {
    super();
  }

  protected override threshold(counts: Counts): number {
    if (this.percent === 100) return counts.above.length * counts.width;
    // Where most numbers are 0, the range would be nothing: it keeps one bin.
    return Math.max(percentileBin(counts, this.percent), 1) * counts.width;
  }
}

/** Clips in the middle of that bin. */
export class Hist extends HistogramObserver {
  constructor(readonly percent: number) {
    super();
  }

  protected override threshold(counts: Counts): number {
    return (percentileBin(counts, this.percent) + 0.5) * counts.width;
  }
}
