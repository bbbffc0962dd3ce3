/** How searches are told: what is searched, its epochs, what came of it. */
import type { SlbEpoch } from '../quant/slb/callback.js';
import { overall } from '../quant/slb/watch.js';
import type { SearchesReport } from '../recipes/search.js';
import type { SearchPlan } from '../recipes/searchRun.js';
import { bytes, digits3, percent, table, whole } from './format.js';
import { networkTree } from './networkTree.js';

/** The algorithm with its options, the network as a tree, what to be warned of. */
export function planText({ model, title, algorithm, layers, activations, warnings }: SearchPlan): string {
  const counted = activations ? [`${whole(activations.count)} activations have codes of ${activations.bits} bits.`] : [];
  const parts = [`${title}: ${algorithm}`, [networkTree(model, layers), ...counted].join('\n'), ...warnings.map(warningText)];
  return `${parts.join('\n\n')}\n`;
}

export const warningText = (warning: string) => `warning: ${warning}`;

const modeTexts = { soft: 'weights soft', hard: 'weights decided', straightThrough: 'weights decided, still learning' };

/** "  weights soft  T 1.2  accuracy 86.10 %  confidence 81.20 %  changed 0.41 %"; the accuracy is that of the soft weights. */
export function searchEpochText({ epoch, mode, temperature, soft, layers }: SlbEpoch): string {
  const { confidence, flipRate } = overall(layers);
  const accuracy = soft ? [`accuracy ${percent(soft.accuracy)}`] : [];
  const sure = [`confidence ${percent(confidence)}`, ...(epoch > 1 ? [`changed ${percent(flipRate)}`] : [])];
  return [`  ${modeTexts[mode]}`, `T ${digits3(temperature)}`, ...accuracy, ...sure].join('  ');
}

/** fp32 and the searches beside each other, and what was measured how. */
export function comparisonText({ results, samples, times }: SearchesReport): string {
  const [float] = results;
  const differs = results.some(({ accuracy, trainedAccuracy }) => trainedAccuracy !== null && trainedAccuracy !== accuracy);
  const accuracyText = (accuracy: number | null) => (accuracy === null ? '-' : percent(accuracy));
  const rows = results.map((row, i) => {
    const { median, p90 } = times.latency[i];
    const accuracies = [row.accuracy, ...(differs ? [row.trainedAccuracy] : [])].map(accuracyText);
    const size = [bytes(row.bytes), digits3(float.bytes / row.bytes)];
    return [row.name, ...accuracies, ...size, digits3(median), digits3(p90), digits3(times.latency[0].median / median)];
  });
  const header = ['', 'accuracy', ...(differs ? ['in training'] : []), 'size', 'smaller', 'median ms', 'p90 ms', 'faster'];
  const { validation } = samples;
  const notes = [
    validation
      ? `Accuracy of ${whole(validation.count)} samples, as the packed network runs.`
      : 'Without validation samples there is no accuracy.',
    ...(differs ? ['In training weights are decided too, but nothing is packed or folded.'] : []),
    `Milliseconds for one sample on ${times.threads} thread${times.threads === 1 ? '' : 's'} of ${times.processor}.`,
  ];
  return `${table(header, rows)}\n\n${notes.join('\n')}`;
}
