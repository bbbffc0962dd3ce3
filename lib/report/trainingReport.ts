/** A training run as a page to look at: its curves, its numbers, what it was told. */
import { type EpochReport, numberOf } from '../train/callback.js';
import { type Chart, chart } from './chart.js';
import { escaped, folded, footer, type Machine, page, type Tile, table, tiles, verbatim } from './html.js';
import { duration, formatOf, samplesText, short, titled, whole } from './numbers.js';

/** What the page tells. */
export interface TrainingRecord extends Machine {
  model: { name: string; parameters: number };
  samples: { train: number; validation: number };
  /** How many epochs were meant to be. */
  epochs: number;
  /** Those that were: at least one. */
  history: readonly EpochReport[];
  best: { epoch: number; metric: string; value: number };
  /** Why the run ended early. */
  stopped: string | null;
  /** YAML. */
  config: string;
}

/** The page of a run, complete or under way, as HTML that needs nothing else. */
export function trainingReport(record: TrainingRecord): string {
  const { model, samples, epochs, history, stopped, config } = record;
  const done = `${history.length} of ${epochs} epochs`;
  const told = [`${whole(model.parameters)} parameters`, samplesText(samples), done, ...(stopped ? [stopped] : [])];
  const body = `<h1>${escaped(model.name)}</h1>
<p>${escaped(told.join(' · '))}</p>
${tiles(summary(record))}
<div class="charts">
${charts(record).map(chart).join('\n')}
</div>
${folded('Epochs', epochTable(record))}
${folded('Configuration', verbatim(config))}
${footer(record)}`;
  return page(`${model.name}, trained`, body);
}

function summary({ history, best, epochs }: TrainingRecord): Tile[] {
  const { training, validation } = history.at(-1)!;
  const seconds = history.reduce((sum, epoch) => sum + epoch.seconds, 0);
  const speeds = history.map(({ samplesPerSecond }) => samplesPerSecond).sort((a, b) => a - b);
  const last = `epoch ${history.length} of ${epochs}`;
  return [
    { name: `Best ${best.metric}`, value: formatOf(best.metric)(best.value), note: `epoch ${best.epoch}` },
    { name: 'Training loss', value: short(training.loss), note: last },
    ...(validation ? [{ name: 'Validation loss', value: short(validation.loss), note: last }] : []),
    { name: 'Time', value: duration(seconds), note: 'validation included' },
    { name: 'Speed', value: whole(speeds[speeds.length >> 1]), note: 'samples a second, the median epoch' },
  ];
}

/** A chart a number of the epochs, one of the learning rate, and one of the speed. */
function charts({ history, best }: TrainingRecord): Chart[] {
  const names = Object.keys(history[0].training);
  const validated = history.some(({ validation }) => validation);
  const numbers = names.map((name): Chart => {
    const training = { name: 'training', values: history.map((epoch) => numberOf(epoch, name)) };
    const validation = { name: 'validation', values: history.map((epoch) => numberOf(epoch, `validation ${name}`)) };
    const isBest = best.metric.replace(/^validation /, '') === name;
    const mark = isBest ? history.findIndex(({ epoch }) => epoch === best.epoch) : undefined;
    const lines = validated ? [training, validation] : [training];
    return { title: titled(name), format: formatOf(name), lines, fromZero: name.endsWith('loss'), mark };
  });
  const rate = { name: 'learning rate', values: history.map((epoch) => epoch.rate) };
  const speed = { name: 'samples a second', values: history.map((epoch) => epoch.samplesPerSecond) };
  const one = (title: string, format: Chart['format'], line: Chart['lines'][number]): Chart => ({
    title,
    format,
    lines: [line],
    fromZero: true,
  });
  return [...numbers, one('Learning rate', short, rate), one('Samples a second', whole, speed)];
}

function epochTable({ history, best }: TrainingRecord): string {
  const names = Object.keys(history[0].training).flatMap((name) =>
    history.some(({ validation }) => validation) ? [name, `validation ${name}`] : [name],
  );
  const rows = history.map((report) => {
    const numbers = names.map((name) => numberOf(report, name)).map((value, i) => (value === undefined ? '' : formatOf(names[i])(value)));
    const cells = [String(report.epoch), ...numbers, short(report.rate), report.seconds.toFixed(1)];
    return { cells, isBest: report.epoch === best.epoch };
  });
  return table(['epoch', ...names, 'learning rate', 'seconds'], rows);
}
