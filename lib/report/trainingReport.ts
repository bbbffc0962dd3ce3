/** A training run as a page to look at: its curves, its numbers, what it was told. */
import { type EpochReport, numberOf } from '../train/callback.js';
import { type Chart, chart } from './chart.js';
import { escaped, page } from './html.js';

/** What the page tells. */
export interface TrainingRecord {
  model: { name: string; parameters: number };
  samples: { train: number; validation: number };
  /** How many epochs were meant to be. */
  epochs: number;
  /** Those that were: at least one. */
  history: readonly EpochReport[];
  best: { epoch: number; metric: string; value: number };
  /** Why the run ended early. */
  stopped: string | null;
  versions: { lowbit: string; node: string };
  processor: string;
  threads: number;
  /** YAML. */
  config: string;
}

/** The page of a run, complete or under way, as HTML that needs nothing else. */
export function trainingReport(record: TrainingRecord): string {
  const { model, samples, epochs, history, stopped, versions, processor, threads, config } = record;
  const counted = samples.validation
    ? `${whole(samples.train)} samples, ${whole(samples.validation)} to validate`
    : `${whole(samples.train)} samples`;
  const told = [`${whole(model.parameters)} parameters`, counted, `${history.length} of ${epochs} epochs`, ...(stopped ? [stopped] : [])];
  const machine = `lowbit ${versions.lowbit}, Node ${versions.node}, ${processor}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
  const body = `<h1>${escaped(model.name)}</h1>
<p>${escaped(told.join(' · '))}</p>
${tiles(record)}
<div class="charts">
${charts(record).map(chart).join('\n')}
</div>
<details><summary>Epochs</summary><div class="wide">${table(record)}</div></details>
<details><summary>Configuration</summary><pre>${escaped(config)}</pre></details>
<footer>${escaped(machine)}</footer>`;
  return page(`${model.name}, trained`, body);
}

function tiles({ history, best, epochs }: TrainingRecord): string {
  const { training, validation } = history.at(-1)!;
  const seconds = history.reduce((sum, epoch) => sum + epoch.seconds, 0);
  const speeds = history.map(({ samplesPerSecond }) => samplesPerSecond).sort((a, b) => a - b);
  const tile = (name: string, value: string, note = '') => `<div><dt>${escaped(name)}</dt><dd>${value}<small>${note}</small></dd></div>`;
  const last = `epoch ${history.length} of ${epochs}`;
  return `<dl>
${tile(`Best ${best.metric}`, formatOf(best.metric)(best.value), `epoch ${best.epoch}`)}
${tile('Training loss', short(training.loss), last)}
${validation ? tile('Validation loss', short(validation.loss), last) : ''}
${tile('Time', duration(seconds), 'validation included')}
${tile('Speed', `${whole(speeds[speeds.length >> 1])}`, 'samples a second, the median epoch')}
</dl>`;
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

function table({ history, best }: TrainingRecord): string {
  const names = Object.keys(history[0].training).flatMap((name) =>
    history.some(({ validation }) => validation) ? [name, `validation ${name}`] : [name],
  );
  const head = ['epoch', ...names, 'learning rate', 'seconds'].map((name) => `<th>${escaped(name)}</th>`).join('');
  const rows = history.map((report) => {
    const numbers = names.map((name) => numberOf(report, name)).map((value, i) => (value === undefined ? '' : formatOf(names[i])(value)));
    const cells = [String(report.epoch), ...numbers, short(report.rate), report.seconds.toFixed(1)];
    return `<tr${report.epoch === best.epoch ? ' class="best"' : ''}>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
  });
  return `<table><tr>${head}</tr>\n${rows.join('\n')}</table>`;
}

const titled = (name: string) => name[0].toUpperCase() + name.slice(1);
const whole = (n: number) => Math.round(n).toLocaleString('en-US');
const short = (n: number) => (n !== 0 && Math.abs(n) < 1e-4 ? Number(n.toPrecision(3)).toExponential() : String(Number(n.toPrecision(3))));
const percent = (fraction: number) => `${Number((100 * fraction).toFixed(2))} %`;
const formatOf = (name: string) => (name.endsWith('accuracy') ? percent : short);

function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
