/** A search in a few numbers. */
import type { Tile } from './html.js';
import type { SearchedLayer } from './layerTable.js';
import { bytes, duration, formatOf, shortPercent } from './numbers.js';
import { decidedNumber, decisionOf, type SearchedEpoch, softNumber } from './searchEpochs.js';

/**
 * What it reached, soft and decided, beside the float network; what the weights take; how sure they were.
 * @param metric the number of epochs to judge by: "accuracy" or "loss"
 * @param floatAccuracy of the network before the search
 */
export function searchSummary(
  epochs: readonly SearchedEpoch[],
  metric: string,
  layers: readonly SearchedLayer[],
  floatAccuracy?: number,
): Tile[] {
  const decided = reached(epochs, metric, decidedNumber);
  const soft = reached(epochs, metric, softNumber);
  const trained = reached(epochs, metric, ({ report }) => report.training[metric]);
  const seconds = epochs.reduce((sum, { report }) => sum + report.seconds, 0);
  return [
    ...(decided ? [bestTile(`Best decided ${metric}`, metric, decided)] : []),
    ...(soft ? [bestTile(`Best soft ${metric}`, metric, soft)] : []),
    ...(!decided && trained ? [bestTile(`Best training ${metric}`, metric, trained)] : []),
    ...(floatAccuracy === undefined ? [] : [floatTile(floatAccuracy, decided?.best.value)]),
    sizeTile(layers),
    ...confidenceTile(epochs),
    { name: 'Time', value: duration(seconds), note: 'validation included' },
  ];
}

interface Reached {
  epoch: number;
  value: number;
}

/** The best and the last of the epochs that have a number. */
function reached(
  epochs: readonly SearchedEpoch[],
  metric: string,
  numberOf: (epoch: SearchedEpoch, metric: string) => number | undefined,
): { best: Reached; last: Reached } | undefined {
  const known = epochs.flatMap((epoch): Reached[] => {
    const value = numberOf(epoch, metric);
    return value === undefined ? [] : [{ epoch: epoch.report.epoch, value }];
  });
  const isBetter = (a: Reached, b: Reached) => (metric === 'loss' ? a.value < b.value : a.value > b.value);
  return known.length ? { best: known.reduce((a, b) => (isBetter(b, a) ? b : a)), last: known.at(-1)! } : undefined;
}

function bestTile(name: string, metric: string, { best, last }: { best: Reached; last: Reached }): Tile {
  const format = formatOf(metric);
  const rest = best.epoch === last.epoch ? ', the last' : `; last ${format(last.value)}, epoch ${last.epoch}`;
  return { name, value: format(best.value), note: `epoch ${best.epoch}${rest}` };
}

function floatTile(accuracy: number, best: number | undefined): Tile {
  const points = best === undefined ? undefined : 100 * (best - accuracy);
  const note = points === undefined ? '' : `the best is ${Math.abs(points).toFixed(2)} points ${points < 0 ? 'below' : 'above'}`;
  return { name: 'fp32 accuracy', value: shortPercent(accuracy), note };
}

function sizeTile(layers: readonly SearchedLayer[]): Tile {
  const name = 'Searched weights';
  const before = layers.reduce((sum, { floatBytes }) => sum + floatBytes, 0);
  if (layers.some((layer) => layer.bytes === undefined)) return { name, value: bytes(before), note: 'as float: not packed yet' };
  const after = layers.reduce((sum, layer) => sum + layer.bytes!, 0);
  return { name, value: bytes(after), note: `of ${bytes(before)}${after ? `, ${(before / after).toFixed(1)} times smaller` : ''}` };
}

/** How sure the weights were before they were decided. */
function confidenceTile(epochs: readonly SearchedEpoch[]): Tile[] {
  const soft = epochs.findLast(({ search, confidence }) => search?.mode === 'soft' && confidence !== undefined);
  if (!soft) return [];
  const note = `epoch ${soft.report.epoch}${decisionOf(epochs) < 0 ? '' : ', the last before the decision'}`;
  return [{ name: 'Confidence', value: shortPercent(soft.confidence!), note }];
}
