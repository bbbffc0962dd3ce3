/** Which samples calibrate, and which judge. */
import type { Dataset } from '../../data/dataset.js';
import { fail } from '../../error.js';
import type { AutoOptions } from './options.js';

export interface Samples {
  calibration: number;
  judged: Dataset;
  heldOut: boolean;
}

/** Which samples calibrate and which judge: others, where there are enough. */
export function samplesFor(
  dataset: Dataset,
  { calibration = 500, samples = 1000, evaluation }: Pick<AutoOptions, 'calibration' | 'samples' | 'evaluation'>,
): Samples {
  for (const [option, came] of Object.entries({ calibration, samples })) {
    const isCount = Number.isSafeInteger(came) && came >= 1;
    if (!isCount) fail({ code: 'option', where: 'autoQuantize', option, came, expected: 'a whole number from 1' });
  }
  if (evaluation) return { calibration: Math.min(calibration, dataset.length), judged: evaluation.spread(samples), heldOut: true };
  const count = Math.min(calibration, Math.max(1, Math.floor(dataset.length / 2)));
  const heldOut = count < dataset.length;
  return { calibration: count, judged: (heldOut ? dataset.rest(count) : dataset).spread(samples), heldOut };
}
