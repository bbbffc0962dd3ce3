/** Mixed precision: how many bits the weights of each layer get, so that a network stays within a budget and loses least. */
import { fail } from '../../error.js';
import type { Batches } from '../../quant/calibrate.js';
import type { WeightBits } from '../../quant/weightScheme.js';
import type { SensitivityRecord } from '../../report/quantizationRecord.js';
import { isBetter } from '../auto/target.js';
import type { CalibratedNetwork } from '../calibrated.js';
import type { Judge, Score } from '../judge.js';
import type { Quantized } from '../quantize.js';
import { sensitivity } from '../sensitivity.js';
import { type Assignment, type Costs, uniform } from './budget.js';
import { Forms, keyOf } from './forms.js';
import { type Choice, leastNoise } from './knapsack.js';
import { neighbours } from './neighbours.js';
import { type BitSearchOptions, limitsOf, where, widthsOf } from './options.js';

export interface BitSearch {
  /** Its weights are packed where that is how they are to be written. */
  quantized: Quantized;
  bits: Readonly<Record<string, WeightBits>>;
  score: Score;
  /** Bytes or milliseconds, and how many there may be. */
  used: number;
  limit: number;
  /** Signal to noise of the outputs in decibels, as the noise of single layers adds up to it. */
  predicted: number;
  /** Each layer at each width. */
  sensitivity: SensitivityRecord[];
}

/**
 * Chooses the bits of each layer's weights. Each layer is quantized alone at each width (`sensitivity`); the noise that this makes of the
 * outputs, 10^(−sqnr / 10) of their power, is taken to add up over layers, and the sum is made as small as the limit allows (`leastNoise`).
 * The network found is measured and judged, and so are those that are next to it by that sum; the best is returned.
 *
 * Bytes are those of the file that `exportOnnx` writes. Where there may be codes of 1 or 2 bits, those below 8 bits are packed, which only this
 * package reads; otherwise they are INT4. Most layers run no faster with fewer bits, because a session keeps them decoded: a limit of time is
 * for linear layers on few rows.
 * @param batches called by AdaRound, and by the empirical correction for every network that is judged
 * @throws LowbitError 'option' where the limit cannot be met, with what can; 'unknownOption', 'aborted'; 'file' and 'format' for the folder
 */
export async function searchBits(
  network: CalibratedNetwork,
  judge: Judge,
  batches: Batches,
  options: BitSearchOptions = {},
): Promise<BitSearch> {
  const forms = new Forms({ ...network, weights: undefined }, judge, batches, widthsOf(options), options);
  return new BitSearcher(forms, options).search();
}

/** An assignment within the limit. */
interface Fitting {
  /** For each layer the number of its width. */
  choice: readonly number[];
  score: Score;
}

/** The knapsack. */
interface Problem {
  items: readonly Choice[][];
  limit: number;
  /** What the costs of all choices may come to. */
  room: number;
}

class BitSearcher {
  readonly #tried = new Set<string>();

  constructor(
    readonly forms: Forms,
    readonly options: BitSearchOptions,
  ) {}

  async search(): Promise<BitSearch> {
    const { forms, options } = this;
    const { network, judge, batches, widths: bits, names } = forms;
    const { weightRange, scales, folder, signal, onProgress } = options;
    const most = names.map(() => 0);
    const whole = await forms.used(this.assignment(most));
    const limit = options.maxBytes ?? options.maxMilliseconds ?? Math.floor(options.maxShare! * whole);
    const least = await forms.used(uniform(names, bits.at(-1)!));
    if (least > limit) this.refuse(least);
    const costs = await forms.costs();
    const records = await sensitivity(network, judge, batches, {
      ...{ bits, weightRange, scales, folder, signal },
      onProgress: (done, total) => onProgress?.('measuring layers', done, total),
    });
    const problem = { items: this.items(records, costs), limit, room: limit - whole - costs.fixed };
    const first = whole <= limit ? await this.fitting(most, limit) : await this.computed(problem);
    const best = await this.refined(first!, problem);
    const noise = best.choice.reduce((sum, c, i) => sum + problem.items[i][c].noise, 0);
    return { ...(await this.finished(best, limit)), limit, predicted: -10 * Math.log10(noise), sensitivity: records };
  }

  /** What each layer costs and adds, in the order of the widths. */
  private items(records: readonly SensitivityRecord[], { layers }: Costs): Choice[][] {
    const { names, widths } = this.forms;
    const noises = new Map(records.map(({ name, bits, sqnr }) => [`${name}@${bits}`, sqnr === null ? 0 : 10 ** (-sqnr / 10)]));
    return names.map((name) => widths.map((bits) => ({ cost: layers.get(bits)!.get(name)!, noise: noises.get(`${name}@${bits}`)! })));
  }

  /** The best by computation that is within the limit as it is measured: what was estimated too low is taken off the next time. */
  private async computed({ items, limit, room }: Problem): Promise<Fitting> {
    const fewest = items.map((choices) => choices.length - 1);
    for (let less = 0; ; ) {
      const choice = leastNoise(items, room - less) ?? fewest;
      const found = await this.fitting(choice, limit);
      if (found) return found;
      less += Math.max((await this.forms.used(this.assignment(choice))) - limit, limit * 1e-4);
    }
  }

  private async refined(start: Fitting, { items, limit, room }: Problem): Promise<Fitting> {
    const { refinements: most = 12, onProgress } = this.options;
    let best = start;
    let next = neighbours(items, best.choice, room);
    for (let done = 0; done < most; ) {
      const { value: choice } = next.next();
      if (!choice) break;
      if (this.#tried.has(keyOf(this.assignment(choice)))) continue;
      onProgress?.('refining', done, most);
      done++;
      const found = await this.fitting(choice, limit);
      if (!found || !this.isBetter(found.score, best.score)) continue;
      best = found;
      next = neighbours(items, choice, room);
    }
    return best;
  }

  /** What was chosen, with its score where it is within the limit. */
  private async fitting(choice: readonly number[], limit: number): Promise<Fitting | undefined> {
    const assignment = this.assignment(choice);
    const key = keyOf(assignment);
    const used = await this.forms.used(assignment);
    const score = used <= limit ? await this.forms.score(assignment) : undefined;
    if (!this.#tried.has(key)) this.options.onTrial?.({ bits: Object.fromEntries(assignment), used, ...(score && { score }) });
    this.#tried.add(key);
    return score && { choice, score };
  }

  /** The network of a choice; its rounding learned where that is asked for and better. */
  private async finished({ choice, score }: Fitting, limit: number): Promise<Pick<BitSearch, 'quantized' | 'bits' | 'score' | 'used'>> {
    const { forms } = this;
    const assignment = this.assignment(choice);
    const bits = Object.fromEntries(assignment);
    const used = await forms.used(assignment);
    const written = (quantized: Quantized): Quantized => ({ ...quantized, graph: forms.stored(quantized.graph) });
    const { rounding = 'nearest' } = this.options;
    if (rounding !== 'nearest') {
      const learned = await forms.learned(assignment);
      const itsUse = forms.isOfTime ? used : forms.bytesOf(learned);
      const itsScore = await forms.judge.score(learned.graph);
      if (itsUse <= limit && this.isBetter(itsScore, score)) return { quantized: written(learned), bits, score: itsScore, used: itsUse };
    }
    return { quantized: written(await forms.nearest(assignment)), bits, score, used };
  }

  private isBetter(a: Score, b: Score): boolean {
    return isBetter(a, b, this.forms.judge.dataset.length);
  }

  private assignment(choice: readonly number[]): Assignment {
    const { names, widths } = this.forms;
    return new Map(names.map((name, i) => [name, widths[choice[i]]]));
  }

  private refuse(least: number): never {
    const [[option, came]] = limitsOf(this.options);
    const text = this.forms.isOfTime ? `${least.toFixed(3)} ms` : `${least} bytes`;
    const because = `the network takes ${text} with ${this.forms.widths.at(-1)} bits in every layer`;
    return fail({ code: 'option', where, option, came, expected: 'a limit that can be met', because });
  }
}
