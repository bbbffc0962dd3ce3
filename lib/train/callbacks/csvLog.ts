import { writeAtomically } from '../../file.js';
import type { Callback, EpochReport } from '../callback.js';

/** Further columns of an epoch, the same ones for every epoch; what an epoch has no number for is left empty. */
export type Columns = (report: EpochReport) => Readonly<Record<string, number | string | undefined>>;

/**
 * Writes a line an epoch into a CSV file: epoch, step, rate, training and validation numbers, further columns, and the times in the last
 * two. The file is written as a whole each time, so that a resumed run continues the log of the epochs it stands on.
 */
export function csvLog(path: string, further: Columns = () => ({})): Callback {
  return {
    name: 'csvLog',
    onEpochEnd({ history }) {
      writeAtomically(path, Buffer.from(csv(history, further)));
    },
  };
}

function csv(history: readonly EpochReport[], further: Columns): string {
  const rows = history.map((report) => rowOf(report, further(report)));
  const columns = Object.keys(rows[0] ?? {});
  return `${[columns, ...rows.map((row) => Object.values(row))].map((cells) => cells.join(',')).join('\n')}\n`;
}

function rowOf({ epoch, step, rate, training, validation = {}, seconds, samplesPerSecond }: EpochReport, further: ReturnType<Columns>) {
  return {
    epoch,
    step,
    rate,
    ...training,
    ...Object.fromEntries(Object.entries(validation).map(([name, value]) => [`validation ${name}`, value])),
    ...further,
    seconds: seconds.toFixed(1),
    'samples/s': samplesPerSecond.toFixed(0),
  };
}
