/** The curves of a search. */
import { type Chart, hasNumbers, type Line } from './chart.js';
import { formatOf, short, shortPercent, titled } from './numbers.js';
import { decidedNumber, isStraightThrough, type SearchedEpoch, softNumber, turnsOf } from './searchEpochs.js';

/** Past this ratio of the largest loss to the least, only a logarithmic axis shows both. */
const widestRatio = 20;

/** The best accuracies are seen apart where others are further below the best than twice this. */
const closeRange = 0.06;

/**
 * The numbers of the epochs, accuracy before loss, and what the search did, as far as there are numbers.
 * @param floatAccuracy of the network before the search
 */
export function searchCharts(epochs: readonly SearchedEpoch[], floatAccuracy?: number): Chart[] {
  const turns = turnsOf(epochs);
  const line = (name: string, value: (epoch: SearchedEpoch) => number | undefined): Line => ({ name, values: epochs.map(value) });
  /** Two lines: what holds for the weights, and what for the gradient of decided weights alone. */
  const split = (name: string, value: (epoch: SearchedEpoch) => number | undefined) => [
    line(name, (epoch) => (isStraightThrough(epoch) ? undefined : value(epoch))),
    line('of the gradient', (epoch) => (isStraightThrough(epoch) ? value(epoch) : undefined)),
  ];
  const [confidence, gradientConfidence] = split('all weights', (epoch) => epoch.confidence);
  const leastSure = line('least sure layer', (epoch) => (isStraightThrough(epoch) ? undefined : epoch.leastSure));
  const metrics = Object.keys(epochs[0].report.training).sort((a, b) => Number(a.endsWith('loss')) - Number(b.endsWith('loss')));
  const charts: Chart[] = [
    ...metrics.flatMap((name): Chart[] => {
      const lines = [
        line('training', ({ report }) => report.training[name]),
        line('soft', (epoch) => softNumber(epoch, name)),
        line('decided', (epoch) => decidedNumber(epoch, name)),
      ];
      const format = formatOf(name);
      if (name !== 'accuracy') {
        const log = name.endsWith('loss') && isWide(lines);
        return [{ title: titled(name), format, lines, fromZero: !log, log }];
      }
      const level = floatAccuracy === undefined ? undefined : { name: 'fp32', value: floatAccuracy };
      return [{ title: 'Accuracy', format, lines, level }, ...closeUp({ title: 'Accuracy, close up', format, lines, level })];
    }),
    { title: 'Temperature', format: short, lines: split('of the weights', ({ search }) => search?.temperature), log: true },
    { title: 'Confidence', format: shortPercent, lines: [confidence, leastSure, gradientConfidence] },
    {
      title: 'Weights that changed their choice',
      format: shortPercent,
      lines: [line('share', ({ flipRate }) => flipRate)],
      fromZero: true,
    },
  ];
  return charts.filter(hasNumbers).map((told) => ({ ...told, turns }));
}

const numbersOf = (lines: readonly Line[]) =>
  lines.flatMap(({ values }) => values.filter((value) => value !== undefined && Number.isFinite(value)) as number[]);

function isWide(lines: readonly Line[]): boolean {
  const numbers = numbersOf(lines);
  return Math.min(...numbers) > 0 && Math.max(...numbers) > widestRatio * Math.min(...numbers);
}

/** The chart from where each line stays near the best, if what is far below hides how the best differ. */
function closeUp(chart: Chart): Chart[] {
  const numbers = numbersOf(chart.lines);
  const best = Math.max(...numbers);
  if (Math.min(...numbers) > best - 2 * closeRange) return [];
  const isClose = (value: number | undefined) => value !== undefined && value >= best - closeRange;
  const lines = chart.lines.map(({ name, values }) => {
    const far = values.findLastIndex((value) => value !== undefined && !isClose(value));
    return { name, values: values.map((value, epoch) => (epoch > far ? value : undefined)) };
  });
  return [{ ...chart, lines, level: isClose(chart.level?.value) ? chart.level : undefined }];
}
