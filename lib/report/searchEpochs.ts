/** The epochs of a search: what its run says of each beside what its layers have come to. */
import type { SlbEpoch } from '../quant/slb/callback.js';
import { overall } from '../quant/slb/watch.js';
import { type EpochReport, numberOf } from '../train/callback.js';
import type { Turn } from './chart.js';

/** The parts of the page that epochs are made of. */
export interface SearchedRun {
  history: readonly EpochReport[];
  search: readonly SlbEpoch[];
}

export interface SearchedEpoch {
  report: EpochReport;
  /** Undefined where the search has told nothing of the epoch. */
  search?: SlbEpoch;
  /** Over the weights of all layers: their largest probability. */
  confidence?: number;
  /** That of the least sure of several layers. */
  leastSure?: number;
  /** Over the weights of all layers: those whose choice is another one than an epoch ago. In the first epoch there is none to compare with. */
  flipRate?: number;
}

export function epochsOf({ history, search }: SearchedRun): SearchedEpoch[] {
  const byNumber = new Map(search.map((epoch) => [epoch.epoch, epoch]));
  return history.map((report) => {
    const found = byNumber.get(report.epoch);
    if (!found) return { report };
    const confidences = found.layers.map(({ confidence }) => confidence);
    const { confidence, flipRate } = overall(found.layers);
    return {
      report,
      search: found,
      confidence,
      leastSure: confidences.length > 1 ? Math.min(...confidences) : undefined,
      flipRate: found === search[0] ? undefined : flipRate,
    };
  });
}

/** A number of decided weights: of the validation, which sees them alone. */
export const decidedNumber = ({ report }: SearchedEpoch, name: string) => numberOf(report, `validation ${name}`);

/** A number of expected weights: until they are decided. */
export const softNumber = ({ search }: SearchedEpoch, name: string) => search?.soft?.[name];

/** Whether weights are decided and still learn: the temperature is that of the gradient alone. */
export const isStraightThrough = ({ search }: SearchedEpoch) => search?.mode === 'straightThrough';

/** The index of the first epoch whose weights are decided, -1 where it is still to come. */
export const decisionOf = (epochs: readonly SearchedEpoch[]) => epochs.findIndex(({ search }) => search && search.mode !== 'soft');

/** Where the ramp begins and where weights are decided, as far as the search has come. */
export function turnsOf(epochs: readonly SearchedEpoch[]): Turn[] {
  const ramp = epochs.findIndex(
    ({ search }, i) => i > 0 && search?.mode === 'soft' && search.temperature > (epochs[i - 1].search?.temperature ?? Infinity),
  );
  const turns = [
    { name: 'ramp', epoch: ramp },
    { name: 'decided', epoch: decisionOf(epochs) },
  ];
  return turns.filter(({ epoch }) => epoch >= 0);
}
