/** The observers by name. */
import { Entropy } from './entropy.js';
import { MinMax, MovingAverage } from './minMax.js';
import { MeanSquaredError } from './mse.js';
import type { Observer } from './observer.js';
import { Percentile } from './percentile.js';

export interface ObserverOptions {
  /** Per cent of the numbers that `percentile` keeps. */
  percentile: number;
}

const makers = {
  minmax: () => new MinMax(),
  average: () => new MovingAverage(),
  percentile: ({ percentile }: ObserverOptions) => new Percentile(percentile),
  entropy: () => new Entropy(),
  mse: () => new MeanSquaredError(),
} satisfies Record<string, (options: ObserverOptions) => Observer>;

export type ObserverName = keyof typeof makers;
export const observerNames = Object.keys(makers) as ObserverName[];

/** A fresh observer. */
export function observer(name: ObserverName, options: ObserverOptions): Observer {
  return makers[name](options);
}

export type { Observer };
