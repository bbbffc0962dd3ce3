/** How training is told while it runs. */
import type { EpochReport, Means } from '../train/callback.js';
import type { TrainingProgress } from '../train/callbacks/progress.js';
import { digits3, percent, whole } from './format.js';
import { durationText } from './progress.js';

/** "epoch 3/90  step 120/390  loss 1.23  accuracy 45.67 %  1,234/s  3 min left" */
export function progressText({ epoch, epochs, stepInEpoch, stepsPerEpoch, mean, samplesPerSecond, secondsLeft }: TrainingProgress): string {
  const place = [`epoch ${epoch}/${epochs}`, `step ${stepInEpoch}/${stepsPerEpoch}`];
  return [...place, ...meansText(mean), `${whole(samplesPerSecond)}/s`, `${durationText(secondsLeft)} left`].join('  ');
}

/** "epoch 3/90  loss 1.23  accuracy 45.67 %  (validation 1.31, 43.21 %)" */
export function epochText({ epoch, training, validation }: EpochReport, epochs: number): string {
  const validated = Object.entries(validation ?? {}).map(([name, value]) => meanText(name, value));
  return [`epoch ${epoch}/${epochs}`, ...meansText(training), ...(validation ? [`(validation ${validated.join(', ')})`] : [])].join('  ');
}

const meansText = (means: Means) => Object.entries(means).map(([name, value]) => `${name} ${meanText(name, value)}`);

export const meanText = (name: string, value: number) => (name.endsWith('accuracy') ? percent(value) : digits3(value));
