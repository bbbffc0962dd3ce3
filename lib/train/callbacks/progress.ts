import type { Callback, Means, TrainingRun } from '../callback.js';

/** How far a run is. */
export interface TrainingProgress {
  epoch: number;
  epochs: number;
  stepInEpoch: number;
  stepsPerEpoch: number;
  /** Of the epoch so far. */
  mean: Means;
  /** The learning rate. */
  rate: number;
  samplesPerSecond: number;
  /** Estimated from the time since the run began or was resumed. */
  secondsLeft: number;
}

/**
 * Reports how far the run is, at most once in a while and at the end of every epoch.
 * @param show gets the numbers; nothing is printed here
 * @param milliseconds the shortest time between two reports
 */
export function progress(show: (progress: TrainingProgress) => void, milliseconds = 200): Callback {
  let start = 0;
  let firstStep = 0;
  let samples = 0;
  let shown = 0;
  return {
    name: 'progress',
    onStart(run) {
      start = performance.now();
      firstStep = run.step;
      samples = 0;
    },
    late: true,
    onStep(run, { step, stepInEpoch, mean, rate, samples: count }) {
      samples += count;
      const now = performance.now();
      const last = stepInEpoch === run.stepsPerEpoch;
      if (!last && now - shown < milliseconds) return;
      shown = now;
      const seconds = (now - start) / 1000;
      const { epoch, epochs, stepsPerEpoch } = run;
      const secondsLeft = (stepsLeft(run, stepInEpoch) * seconds) / (step - firstStep);
      show({ epoch, epochs, stepInEpoch, stepsPerEpoch, mean, rate, samplesPerSecond: samples / seconds, secondsLeft });
    },
  };
}

const stepsLeft = ({ epoch, epochs, stepsPerEpoch }: TrainingRun, stepInEpoch: number) =>
  (epochs - epoch + 1) * stepsPerEpoch - stepInEpoch;
