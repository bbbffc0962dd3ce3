/** What can be said about AdaRound, and what is refused. */
import { checkOptions, fail } from '../../error.js';

export interface AdaroundOptions {
  /** Updates of each layer. Default 2000: as good as the 10 000 of the paper at a tenth of this rate. */
  iterations?: number;
  /** Learning rate of Adam. Default 0.01. */
  rate?: number;
  /** Rows of an update: output positions of a convolution, of any samples. Default 256. */
  batch?: number;
  /** Rows of a layer that are kept at most, chosen at random of all there are, and at most 128 MiB of them. Default 16 384. */
  rows?: number;
  /**
   * Weight of the regularizer, in units of what a step of one weight adds to the reconstruction loss: from about 1 on all weights are decided
   * in the end, however large activations are. (An absolute 0.01, as in the paper, is 90 of these for one layer and 0.01 for another.) 0 leaves
   * it out. Default 1.
   */
  lambda?: number;
  /** Exponent of the regularizer, from the end of the warm start to the end. Default [20, 2]. */
  beta?: readonly [start: number, end: number];
  /** Share of the iterations before the regularizer sets in. Default 0.2. */
  warmStart?: number;
  /** Decides which rows are taken and their order. Default 0. */
  seed?: number;
  /** Where each finished layer is written; layers that are there already are not computed again. Default: nowhere. */
  folder?: string;
}

export type AdaroundSettings = Required<Omit<AdaroundOptions, 'folder'>> & Pick<AdaroundOptions, 'folder'>;

const defaults: AdaroundSettings = {
  iterations: 2000,
  rate: 0.01,
  batch: 256,
  rows: 16_384,
  lambda: 1,
  beta: [20, 2],
  warmStart: 0.2,
  seed: 0,
  folder: undefined,
};

const where = 'adaround';

/** All options, checked, defaults filled in. */
export function adaroundSettings(options: AdaroundOptions): AdaroundSettings {
  checkOptions(where, options, Object.keys(defaults));
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const settings: AdaroundSettings = { ...defaults, ...given };
  const { iterations, rate, batch, rows, lambda, beta, warmStart, seed, folder } = settings;
  for (const [option, came] of Object.entries({ iterations, batch, rows })) {
    if (!(Number.isSafeInteger(came) && came >= 1)) refuse(option, came, 'a whole number from 1');
  }
  if (!(rate > 0 && Number.isFinite(rate))) refuse('rate', rate, 'a number above 0');
  if (!(lambda >= 0 && Number.isFinite(lambda))) refuse('lambda', lambda, 'a number from 0');
  if (!(Array.isArray(beta) && beta.length === 2 && beta.every((b) => b >= 1 && Number.isFinite(b)))) {
    refuse('beta', beta, 'two numbers from 1, at its start and its end');
  }
  if (!(warmStart >= 0 && warmStart < 1)) refuse('warmStart', warmStart, 'a share of the iterations, from 0 to below 1');
  if (!(Number.isSafeInteger(seed) && seed >= 0)) refuse('seed', seed, 'a whole number from 0');
  if (folder !== undefined && (typeof folder !== 'string' || folder === '')) refuse('folder', folder, 'a path');
  return settings;
}

const refuse = (option: string, came: unknown, expected: string): never => fail({ code: 'option', where, option, came, expected });

/** Refuses weights of 1 bit. */
export function refuseSigns(): never {
  const because = 'weights of 1 bit are signs, which have nothing to round';
  return fail({ code: 'option', where, option: 'rounding', came: 'adaround', expected: '"nearest"', because });
}
