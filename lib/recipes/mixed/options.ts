/** What `searchBits` may be told. */
import { checkOptions, fail } from '../../error.js';
import { refuseSigns } from '../../quant/adaround/options.js';
import { checkWeightBits, type WeightBits } from '../../quant/weightScheme.js';
import type { Score } from '../judge.js';
import { checkWeightOptions, type WeightOptions } from '../weightRounding.js';
import type { Written } from './budget.js';

/** What the network may take: one of the three. */
export interface Limits {
  /** Of the file. */
  maxBytes?: number;
  /** Bytes of the file as a share of those with the most bits in every layer. */
  maxShare?: number;
  /** Of a run on one sample, on this machine as it is set up. */
  maxMilliseconds?: number;
}

export interface BitSearchOptions extends Omit<WeightOptions, 'weightBits'>, Written, Limits {
  /** Widths to choose from. Default 8, 4 and 2. */
  widths?: readonly WeightBits[];
  /** How many networks beside the one that is computed are judged: the next best by computation. Default 12. */
  refinements?: number;
  /** Where measurements are kept: what lies there already is not measured again. Times too, so that the result is the same again. */
  folder?: string;
  /** Called with each network that is tried. */
  onTrial?: (trial: BitTrial) => void;
  onProgress?: (what: string, done: number, total: number) => void;
  signal?: AbortSignal;
}

/** A network that was tried. */
export interface BitTrial {
  /** By the name of the layer. */
  bits: Readonly<Record<string, WeightBits>>;
  /** Bytes or milliseconds. */
  used: number;
  /** Missing where it takes too much. */
  score?: Score;
}

export const where = 'searchBits';

/**
 * The widths, from the most bits to the fewest.
 * @throws LowbitError 'option', 'unknownOption'
 */
export function widthsOf(options: BitSearchOptions): WeightBits[] {
  checkOptions(where, options, optionNames);
  const { widths = [8, 4, 2], refinements = 12, storage, weightRange, scales, rounding, adaround, leastSquares } = options;
  const refuse = (option: string, came: unknown, expected: string, because?: string) =>
    fail({ code: 'option', where, option, came, expected, because });
  checkWeightOptions({ weightRange, scales, rounding, adaround, leastSquares });
  const [limit, more] = limitsOf(options);
  if (!limit) refuse('maxBytes', undefined, 'a limit: maxBytes, maxShare or maxMilliseconds');
  if (more) refuse(...more, 'to be left out', `${limit[0]} is the limit`);
  if (!(limit[1] > 0)) refuse(...limit, 'a number above 0');
  for (const bits of widths) checkWeightBits(where, bits);
  const sorted = [...new Set(widths)].sort((a, b) => b - a);
  if (sorted.length < 2) refuse('widths', widths, 'at least two widths');
  if (rounding !== undefined && rounding !== 'nearest' && sorted.includes(1)) refuseSigns();
  const isOfTime = limit[0] === 'maxMilliseconds';
  if (storage === 'int8' && !isOfTime) refuse('storage', storage, '"int4" or "packed"', 'codes of fewer bits take as much there');
  if (!(Number.isSafeInteger(refinements) && refinements >= 0)) refuse('refinements', refinements, 'a whole number from 0');
  return sorted;
}

/** The limits that are given, by name. */
export const limitsOf = ({ maxBytes, maxShare, maxMilliseconds }: Limits) =>
  Object.entries({ maxBytes, maxShare, maxMilliseconds }).filter((entry): entry is [keyof Limits, number] => entry[1] !== undefined);

const optionNames = [
  ...['maxBytes', 'maxShare', 'maxMilliseconds', 'widths', 'refinements', 'storage', 'opset', 'folder', 'onTrial', 'onProgress', 'signal'],
  ...['weightRange', 'scales', 'rounding', 'adaround', 'leastSquares', 'onRounding'],
];
