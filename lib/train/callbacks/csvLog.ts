import { writeAtomically } from '../../file.js';
import type { Callback, EpochReport } from '../callback.js';

/**
 * Writes a line an epoch into a CSV file: epoch, step, rate, training and validation numbers, and the times in the last two columns. The
 * file is written as a whole each time, so that a resumed run continues the log of the epochs it stands on.
 */
export function csvLog(path: string): Callback {
  return {
    name: 'csvLog',
    onEpochEnd({ history }) {
      writeAtomically(path, Buffer.from(csv(history)));
    },
  };
}

function csv(history: readonly EpochReport[]): string {
  const rows = history.map(({ epoch, step, rate, training, validation = {}, seconds, samplesPerSecond }) => ({
    epoch,
    step,
    rate,
    ...training,
    ...Object.fromEntries(Object.entries(validation).map(([name, value]) => [`validation ${name}`, value])),
    seconds: seconds.toFixed(1),
    'samples/s': samplesPerSecond.toFixed(0),
  }));
  const columns = Object.keys(rows[0] ?? {});
  return `${[columns, ...rows.map((row) => Object.values(row))].map((cells) => cells.join(',')).join('\n')}\n`;
}
