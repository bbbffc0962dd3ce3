/** Partial quantization: the layers that cost most stay float, as few of them as it takes. */
import { checkOptions, fail } from '../error.js';
import type { Batches } from '../quant/calibrate.js';
import type { CalibratedNetwork } from './calibrated.js';
import type { Judge, Score } from './judge.js';
import { Measurements, networkPrint } from './measurements.js';
import { productsOf, quantizeVariant, type Variant } from './variant.js';
import { bitsOfLayers, checkWeightOptions, type WeightOptions, weightOptions } from './weightRounding.js';

/** A network that was judged. */
export interface PartialTrial {
  /** Names of the layers that were float in it. */
  float: readonly string[];
  score: Score;
  enough: boolean;
}

export interface PartialOptions extends WeightOptions {
  /** How many layers may be left float. Default all. */
  most?: number;
  /** Called behind each trial. */
  onTrial?: (trial: PartialTrial) => void;
  /** Where scores are kept: what lies there already is not measured again. */
  folder?: string;
  signal?: AbortSignal;
}

export interface PartialQuantization extends Variant {
  /** In the order of the ranking. Where it is all of them, nothing is quantized, and the graph is the float one. */
  leftFloat: string[];
  score: Score;
  /** Whether the score is enough; if not, the graph is the one with `most` layers float. */
  met: boolean;
}

const where = 'partialQuantization';

/**
 * Leaves layers float from the most sensitive on until the score is enough: 1, 2, 4, 8 … of them, then as few as bisecting finds. Then each is
 * quantized again where the score is still enough without it, the least sensitive first. So k of n layers take about 2·log₂ k + k trials, and
 * quantizing any single layer of those that are left would miss the target.
 * @param ranking names of layers, the most sensitive first, as `sensitivity` sorts them; further layers are always quantized
 * @param batches called by AdaRound and by the empirical correction, in each trial
 * @throws LowbitError 'option', 'unknownOption', 'aborted'; 'file' and 'format' for the folder
 */
export async function partialQuantization(
  network: CalibratedNetwork,
  ranking: readonly string[],
  judge: Judge,
  isEnough: (score: Score) => boolean,
  batches: Batches,
  options: PartialOptions = {},
): Promise<PartialQuantization> {
  const { most = ranking.length, onTrial, folder, signal, ...weights } = options;
  checkPartial(network, ranking, options);
  const bits = bitsOfLayers(network.graph, network.layers, weights.weightBits);
  const { weightGroup, weightRange, scales, rounding } = weights;
  const decisive = { bits: [...bits], weightGroup, weightRange, scales, rounding };
  const file = Measurements.open<Score>(folder, 'partial.json', networkPrint(network, judge, decisive));
  const make = (float: readonly string[]) => quantizeVariant(network, { float, bits }, batches, { ...weights, signal });
  const tried = new Map<string, Score>();
  let made: { key: string; variant: Variant } | undefined; // the latest that was enough

  const scoreOf = async (float: readonly string[]): Promise<Score> => {
    const key = JSON.stringify(float);
    const known = tried.get(key);
    if (known) return known;
    if (signal?.aborted) fail({ code: 'aborted', what: where });
    const score = await file.of(key, async () => {
      const variant = await make(float);
      const measured = await judge.score(variant.graph);
      if (isEnough(measured)) made = { key, variant };
      return measured;
    });
    tried.set(key, score);
    onTrial?.({ float, score, enough: isEnough(score) });
    return score;
  };
  const isMet = async (float: readonly string[]) => isEnough(await scoreOf(float));

  const count = await leastEnough(most, (k) => isMet(ranking.slice(0, k)));
  let leftFloat = ranking.slice(0, count ?? most);
  if (count !== undefined) {
    for (const name of leftFloat.toReversed()) {
      const fewer = leftFloat.filter((other) => other !== name);
      if (await isMet(fewer)) leftFloat = fewer;
    }
  }
  const variant = made?.key === JSON.stringify(leftFloat) ? made.variant : await make(leftFloat);
  return { ...variant, leftFloat, score: await scoreOf(leftFloat), met: count !== undefined };
}

function checkPartial(network: CalibratedNetwork, ranking: readonly string[], options: PartialOptions): void {
  const { most = ranking.length } = options;
  checkOptions(where, options, ['most', 'onTrial', 'folder', 'signal', ...weightOptions]);
  checkWeightOptions(options);
  const refuse = (option: string, came: unknown, expected: string, because?: string) =>
    fail({ code: 'option', where, option, came, expected, because });
  if (options.adaround?.folder !== undefined)
    refuse('adaround.folder', options.adaround.folder, 'to be left out', 'each trial rounds anew');
  const known = new Set(productsOf(network).map(({ name }) => name));
  const other = ranking.find((name) => !known.has(name));
  if (other !== undefined) refuse('ranking', other, `names of layers that are quantized: ${[...known].join(', ')}`);
  if (new Set(ranking).size < ranking.length || !ranking.length) refuse('ranking', ranking, 'at least one layer, each once');
  if (!(Number.isSafeInteger(most) && most >= 1 && most <= ranking.length)) refuse('most', most, `1 to ${ranking.length}`);
}

/**
 * The least k of 1..most that is enough, if all beyond it are; undefined where `most` is not. Tries 1, 2, 4 … and bisects: in any case k is
 * enough and k − 1, where that is not 0, is not.
 */
export async function leastEnough(most: number, isEnough: (k: number) => Promise<boolean>): Promise<number | undefined> {
  let [low, high] = [0, 1];
  while (!(await isEnough(high))) {
    if (high === most) return undefined;
    [low, high] = [high, Math.min(2 * high, most)];
  }
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (await isEnough(middle)) high = middle;
    else low = middle;
  }
  return high;
}
