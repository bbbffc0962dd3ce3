import { type Counts, HistogramObserver, magnitudes } from './histogram.js';

/** Clips the largest magnitudes: what is kept are `percent` per cent of the numbers. */
export class Percentile extends HistogramObserver {
  constructor(readonly percent: number) {
    super();
  }

  protected override threshold(counts: Counts): number {
    const n = magnitudes(counts);
    const total = n.reduce((a, b) => a + b, 0);
    let sum = 0;
    const bin = n.findIndex((count) => {
      sum += count;
      return sum >= (total * this.percent) / 100;
    });
    return (bin + 1) * counts.width;
  }
}
