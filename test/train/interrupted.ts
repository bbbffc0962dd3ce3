/** A run that another process kills: `node interrupted.js FOLDER`, goes on from the checkpoints in the folder and ends with one. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fit, train } from 'lowbit';
import { smallDigits, smallNetwork } from './networks.js';

const folder = process.argv[2];
const checkpoints = join(folder, 'checkpoints');

await fit(smallNetwork(), smallDigits(), {
  epochs: 80,
  batchSize: 16,
  optimizer: train.adamw({ rate: 0.01 }),
  schedule: train.warmUp(train.cosine(), { epochs: 1 }),
  augment: { crop: { padding: 2 }, cutout: 4 },
  validation: smallDigits(40, 2),
  clipNorm: 1,
  callbacks: [
    train.earlyStop({ metric: 'validation loss', patience: 100 }),
    train.csvLog(join(folder, 'log.csv')),
    train.checkpoints(checkpoints, { everySteps: 2, keep: 3 }),
    // Makes the run long enough to be killed.
    { name: 'slow', onStep: () => new Promise((resolve) => setTimeout(resolve, 10)) },
  ],
  resume: existsSync(checkpoints) && train.latestCheckpoint(checkpoints) ? checkpoints : undefined,
});
