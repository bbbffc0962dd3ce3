/** The observers by name. */
import { Entropy } from './entropy.js';
import { Average, MinMax, MovingAverage } from './minMax.js';
import { MeanSquaredError } from './mse.js';
import type { Observer } from './observer.js';
import { Hist, Percentile } from './percentile.js';

export interface ObserverOptions {
  /** Per cent of the numbers that `percentile` (default 99.99) and `hist` (default 99.999) keep. */
  percentile?: number;
}

const makers = {
  minmax: () => new MinMax(),
  average: () => new Average(),
  movingAverage: () => new MovingAverage(),
  percentile: ({ percentile = 99.99 }: ObserverOptions) => new Percentile(percentile),
  hist: ({ percentile = 99.999 }: ObserverOptions) => new Hist(percentile),
  entropy: () => new Entropy(),
  mse: () => new MeanSquaredError(),
} satisfies Record<string, (options: ObserverOptions) => Observer>;

export type ObserverName = keyof typeof makers;
export const observerNames = Object.keys(makers) as ObserverName[];

/** Observers that keep a share of the numbers, which `percentile` says. */
export const keepsShare = (name: ObserverName) => name === 'percentile' || name === 'hist';

/** A fresh observer. */
export function observer(name: ObserverName, options: ObserverOptions): Observer {
  return makers[name](options);
}

export type { Observer };
