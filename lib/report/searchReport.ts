/** A search for low-bit weights as a page to look at: what it reached, how it came to its choices, layer by layer. */
import type { SlbEpoch } from '../quant/slb/callback.js';
import type { EpochReport } from '../train/callback.js';
import { chart } from './chart.js';
import { type Comparison, comparison, comparisonStyle, floatOf } from './comparison.js';
import { escaped, folded, footer, type Machine, page, table, tiles, verbatim } from './html.js';
import { layerStyle, layerTable, type SearchedLayer, valueStyle } from './layerTable.js';
import { formatOf, samplesText, short, shortPercent, whole } from './numbers.js';
import { searchCharts } from './searchCharts.js';
import { decidedNumber, decisionOf, epochsOf, type SearchedEpoch, softNumber, turnsOf } from './searchEpochs.js';
import { searchSummary } from './searchSummary.js';

/** What the page of a search shows. */
export interface SearchPage extends Machine {
  model: { name: string; parameters: number };
  samples: { train: number; validation: number };
  /** "W1 A8". */
  title: string;
  weightBits: number;
  activationBits: number | null;
  /** Values that weights may have, by code. */
  values: readonly number[];
  /** Epochs of the whole search. */
  epochs: number;
  /** Those that were, at least one; validated with decided weights. */
  history: readonly EpochReport[];
  /** The same epochs; their layers in the order of `layers`. */
  search: readonly SlbEpoch[];
  /** Layers in order; bytes once converted. */
  layers: readonly SearchedLayer[];
  float: readonly { name: string; op: string; reason: string }[];
  warnings: readonly string[];
  /** At the end: fp32 and the searches done so far. */
  table?: readonly Comparison[];
  stopped: string | null;
  /** The configuration with every default. */
  config: string;
  /** The algorithm with its options, as it prints itself. */
  algorithm: string;
}

/** The page of a search, complete or under way, as HTML that needs nothing else. */
export function searchReport(search: SearchPage): string {
  const { model, title, values, warnings, table: compared, config, algorithm } = search;
  const epochs = epochsOf(search);
  const metric = 'accuracy' in search.history[0].training ? 'accuracy' : 'loss';
  const floatAccuracy = metric === 'accuracy' ? floatOf(compared)?.accuracy : undefined;
  const body = `<h1>${escaped(model.name)} <span class="bits">${escaped(title)}</span></h1>
<p>${escaped(subtitle(search, epochs))}</p>
${warnings.map((warning) => `<p class="warning">${escaped(warning)}</p>`).join('\n')}
${tiles(searchSummary(epochs, metric, search.layers, floatAccuracy))}
${compared?.length ? comparison(compared, title) : ''}
<div class="charts">
${searchCharts(epochs, floatAccuracy).map(chart).join('\n')}
</div>
${layers(search, epochs)}
${folded('Epochs', epochTable(epochs))}
${folded('Options of the search', verbatim(algorithm))}
${folded('Configuration', verbatim(config))}
${footer(search)}`;
  return page(`${model.name}, ${title}`, body, style + comparisonStyle + layerStyle + valueStyle(values));
}

function subtitle(search: SearchPage, epochs: readonly SearchedEpoch[]): string {
  const { model, samples, weightBits, activationBits, stopped } = search;
  const decision = decisionOf(epochs);
  return [
    `${weightBits}-bit weights${activationBits === null ? '' : `, ${activationBits}-bit activations`}`,
    `${whole(model.parameters)} parameters`,
    samplesText(samples),
    `${epochs.length} of ${search.epochs} epochs`,
    decision < 0 ? 'weights are still open' : `weights decided from epoch ${epochs[decision].report.epoch} on`,
    ...(stopped ? [stopped] : []),
  ].join(' · ');
}

function layers({ layers, float, values }: SearchPage, epochs: readonly SearchedEpoch[]): string {
  const turns = turnsOf(epochs);
  const [first, last] = [epochs[0], epochs.at(-1)!].map(({ report }) => report.epoch);
  const lines = turns.map(
    ({ name, epoch }) => `${name === 'ramp' ? 'the ramp begins' : 'weights are decided'} at epoch ${epochs[epoch].report.epoch}`,
  );
  const told = [
    first === last
      ? `Strips show epoch ${first}.`
      : `Strips run from epoch ${first} to ${last}${lines.length ? `; lines: ${lines.join(', ')}` : ''}.`,
    'Confidence is the mean of the largest probabilities; changed are weights that chose another value than an epoch ago.',
    ...(epochs.some(({ search }) => search?.mode === 'straightThrough')
      ? [
          `Grey: weights are decided, the probabilities are those of their gradient${decisionOf(epochs) > 0 ? '; the number is the last before' : ''}.`,
        ]
      : []),
  ];
  const rest = float.map(({ name, op, reason }) => ({ cells: [name, op, reason] }));
  const marked = turns.map(({ epoch }) => epoch);
  return `<section><h2>Layers</h2><p>${escaped(told.join(' '))}</p>
${layerTable(layers, values, epochs, marked)}
${rest.length ? `<h2>Layers that stay float</h2><div class="texts">${table(['layer', 'op', 'because'], rest)}</div>` : ''}</section>`;
}

const modeNames = { soft: 'soft', hard: 'decided', straightThrough: 'straight through' };

function epochTable(epochs: readonly SearchedEpoch[]): string {
  const names = Object.keys(epochs[0].report.training);
  const columns: [string, (epoch: SearchedEpoch) => string | undefined][] = [
    ['epoch', ({ report }) => String(report.epoch)],
    ['weights', ({ search }) => search && modeNames[search.mode]],
    ['temperature', ({ search }) => search && short(search.temperature)],
    ...names.flatMap((name): typeof columns => {
      const text = (value: number | undefined) => (value === undefined ? undefined : formatOf(name)(value));
      return [
        [name, (epoch) => text(epoch.report.training[name])],
        [`soft ${name}`, (epoch) => text(softNumber(epoch, name))],
        [`decided ${name}`, (epoch) => text(decidedNumber(epoch, name))],
      ];
    }),
    ['confidence', ({ confidence }) => (confidence === undefined ? undefined : shortPercent(confidence))],
    ['changed', ({ flipRate }) => (flipRate === undefined ? undefined : shortPercent(flipRate))],
    ['learning rate', ({ report }) => short(report.rate)],
    ['seconds', ({ report }) => report.seconds.toFixed(1)],
  ];
  const kept = columns.filter(([, text]) => epochs.some((epoch) => text(epoch) !== undefined));
  const rows = epochs.map((epoch) => ({ cells: kept.map(([, text]) => text(epoch) ?? '') }));
  return table(
    kept.map(([name]) => name),
    rows,
  );
}

const style = `
section h2:not(:first-child) { margin-top: 24px; }
dl + section { margin: 0 0 16px; }
.warning { margin-top: 10px; padding: 8px 14px; border-left: 3px solid var(--s1); border-radius: 4px; background: var(--card); color: var(--ink); }
`;
