import { checkOptions, fail } from '../../error.js';
import type { Callback, TrainingRun } from '../callback.js';
import { pruneCheckpoints, writeCheckpoint } from '../checkpoint.js';

export interface CheckpointsOptions {
  /** Write after every so many epochs, default 1; 0 for none. */
  everyEpochs?: number;
  /** Write after every so many steps too; default none. */
  everySteps?: number;
  /** How many to keep, the newest; default 2. */
  keep?: number;
  /** Sees the path of each one written. */
  onWritten?: (path: string) => void;
}

/** Writes checkpoints into a folder; also when the run is stopped early, so that nothing is lost. */
export function checkpoints(folder: string, options: CheckpointsOptions = {}): Callback {
  checkOptions('checkpoints', options, ['everyEpochs', 'everySteps', 'keep', 'onWritten']);
  const { everyEpochs = 1, everySteps = 0, keep = 2, onWritten } = options;
  for (const [option, came, least] of [
    ['everyEpochs', everyEpochs, 0],
    ['everySteps', everySteps, 0],
    ['keep', keep, 1],
  ] as const) {
    if (!(Number.isSafeInteger(came) && came >= least)) {
      fail({ code: 'option', where: 'checkpoints', option, came, expected: `a whole number from ${least}` });
    }
  }
  let written = -1;
  const write = (run: TrainingRun) => {
    if (written === run.step) return;
    const path = writeCheckpoint(folder, run.capture());
    written = run.step;
    pruneCheckpoints(folder, keep);
    onWritten?.(path);
  };
  return {
    name: 'checkpoints',
    onStart(run) {
      written = run.step || -1; // the one it was resumed from
    },
    late: !everySteps,
    onStep(run, report) {
      // The last step of an epoch is written with the epoch's end: a checkpoint in its place would have to be replaced.
      if (everySteps && run.step % everySteps === 0 && report.stepInEpoch < run.stepsPerEpoch) run.afterwards(() => write(run));
    },
    onEpochEnd(run) {
      written = -1; // the epoch's end is more than its last step
      const due = everySteps && run.step % everySteps === 0;
      if (due || (everyEpochs && (run.epoch % everyEpochs === 0 || run.epoch === run.epochs))) run.afterwards(() => write(run));
    },
    onEnd: (run) => run.afterwards(() => write(run)),
  };
}
