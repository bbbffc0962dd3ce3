/** Mixed precision: how many bits the weights of each layer get, so that a network stays within a budget and loses least. */
import { fail } from '../../error.js';
import type { Graph } from '../../graph/graph.js';
import { packWeights } from '../../passes/packWeights.js';
import type { Batches } from '../../quant/calibrate.js';
import type { WeightBits } from '../../quant/weightScheme.js';
import type { SensitivityRecord } from '../../report/quantizationRecord.js';
import { isBetter } from '../auto/target.js';
import type { CalibratedNetwork } from '../calibrated.js';
import type { Judge, Score } from '../judge.js';
import { Measurements, networkPrint } from '../measurements.js';
import type { Quantized } from '../quantize.js';
import { sensitivity } from '../sensitivity.js';
import { productsOf, quantizeVariant } from '../variant.js';
import type { WeightOptions } from '../weightRounding.js';
import { type Budget, bytesBudget, fileBytes, type TimeTable, timeBudget, timeTable, type Written } from './budget.js';
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
  const widths = widthsOf(options);
  return new BitSearcher({ ...network, weights: undefined }, judge, batches, widths, options).search();
}

/** The bits of each layer, by name. */
type Assignment = ReadonlyMap<string, WeightBits>;

/** An assignment within the limit. */
interface Fitting {
  /** For each layer the number of its width. */
  choice: readonly number[];
  score: Score;
}

class BitSearcher {
  readonly #names: readonly string[];
  readonly #used: Measurements<number>;
  readonly #scores: Measurements<Score>;
  readonly #tried = new Set<string>();
  /** The network that was made last, rounded to nearest. */
  #latest?: { key: string; quantized: Quantized };

  /** @param widths from the most bits to the fewest */
  constructor(
    readonly network: CalibratedNetwork,
    readonly judge: Judge,
    readonly batches: Batches,
    readonly widths: readonly WeightBits[],
    readonly options: BitSearchOptions,
  ) {
    this.#names = productsOf(network).flatMap(({ name, fixedBits }) => (fixedBits === undefined ? [name] : []));
    if (!this.#names.length) fail({ code: 'graph', problem: 'there are no weights whose bits could be chosen' });
    const { folder, maxMilliseconds } = options;
    const isOfTime = maxMilliseconds !== undefined;
    this.#used = Measurements.open(folder, isOfTime ? 'milliseconds.json' : 'bytes.json', this.print({ ...this.written, isOfTime }));
    this.#scores = Measurements.open(folder, 'scores.json', this.print({}));
  }

  async search(): Promise<BitSearch> {
    const { weightRange, scales, folder, signal, onProgress } = this.options;
    const budget = await this.budget();
    const least = await this.use(this.uniform(this.widths.at(-1)!), budget);
    if (least > budget.limit) this.refuse(least);
    const records = await sensitivity(this.network, this.judge, this.batches, {
      ...{ bits: this.widths, weightRange, scales, folder, signal },
      onProgress: (done, total) => onProgress?.('measuring layers', done, total),
    });
    const items = this.items(records, budget);
    const best = await this.refined(await this.first(items, budget), items, budget);
    const noise = best.choice.reduce((sum, c, i) => sum + items[i][c].noise, 0);
    const found = await this.finished(best, budget);
    return { ...found, limit: budget.limit, predicted: -10 * Math.log10(noise), sensitivity: records };
  }

  private async budget(): Promise<Budget> {
    const { maxBytes, maxShare, maxMilliseconds, folder, signal } = this.options;
    const { dataset } = this.judge;
    const forms = new Map<WeightBits, Graph>();
    for (const bits of this.widths) forms.set(bits, this.stored((await this.nearest(this.uniform(bits))).graph));
    if (maxMilliseconds === undefined) {
      const [widest] = forms.values();
      return bytesBudget(forms, this.#names, maxBytes ?? Math.floor(maxShare! * fileBytes(widest, this.written)), this.written);
    }
    const tables = Measurements.open<TimeTable>(folder, 'times.json', this.print(this.written));
    const table = await tables.of(this.widths.join(), () => timeTable(forms, dataset, signal));
    return timeBudget(table, this.#names, maxMilliseconds, dataset, signal);
  }

  /** What each layer costs and adds, in the order of `widths`. */
  private items(records: readonly SensitivityRecord[], { costs }: Budget): Choice[][] {
    const noises = new Map(records.map(({ name, bits, sqnr }) => [`${name}@${bits}`, sqnr === null ? 0 : 10 ** (-sqnr / 10)]));
    return this.#names.map((name) =>
      this.widths.map((bits) => ({ cost: costs.get(bits)!.get(name)!, noise: noises.get(`${name}@${bits}`)! })),
    );
  }

  /** The best by computation that is within the limit as it is measured: what was estimated too low is taken off the next time. */
  private async first(items: readonly Choice[][], budget: Budget): Promise<Fitting> {
    const { limit, base } = budget;
    const fewest = items.map((choices) => choices.length - 1);
    for (let allowed = limit; ; ) {
      const choice = leastNoise(items, allowed - base) ?? fewest;
      const { used, score } = await this.judged(this.assignment(choice), budget);
      if (score) return { choice, score };
      allowed -= Math.max(used - limit, limit * 1e-4);
    }
  }

  private async refined(start: Fitting, items: readonly Choice[][], budget: Budget): Promise<Fitting> {
    const { refinements: most = 12, onProgress } = this.options;
    let best = start;
    let next = neighbours(items, best.choice, budget.limit - budget.base);
    for (let done = 0; done < most; ) {
      const { value: choice } = next.next();
      if (!choice) break;
      const assignment = this.assignment(choice);
      if (this.#tried.has(keyOf(assignment))) continue;
      onProgress?.('refining', done++, most);
      const { score } = await this.judged(assignment, budget);
      if (!score || !isBetter(score, best.score, this.judge.dataset.length)) continue;
      best = { choice, score };
      next = neighbours(items, choice, budget.limit - budget.base);
    }
    return best;
  }

  /** The network of an assignment; with AdaRound where that is asked for and better. */
  private async finished({ choice, score }: Fitting, budget: Budget): Promise<Pick<BitSearch, 'quantized' | 'bits' | 'score' | 'used'>> {
    const { rounding, adaround, onRounding } = this.options;
    const assignment = this.assignment(choice);
    const found = { bits: Object.fromEntries(assignment), used: await this.use(assignment, budget) };
    if (rounding === 'adaround') {
      const learned = await this.make(assignment, { rounding, adaround, onRounding });
      const itsScore = await this.judge.score(learned.graph);
      if (isBetter(itsScore, score, this.judge.dataset.length)) return { ...found, quantized: this.asWritten(learned), score: itsScore };
    }
    return { ...found, quantized: this.asWritten(await this.nearest(assignment)), score };
  }

  /** What a network takes, and how good it is where it may take that. */
  private async judged(assignment: Assignment, budget: Budget): Promise<{ used: number; score?: Score }> {
    const key = keyOf(assignment);
    const used = await this.use(assignment, budget);
    const fits = used <= budget.limit;
    const score = fits ? await this.#scores.of(key, async () => this.judge.score((await this.nearest(assignment)).graph)) : undefined;
    if (!this.#tried.has(key)) this.options.onTrial?.({ bits: Object.fromEntries(assignment), used, ...(score && { score }) });
    this.#tried.add(key);
    return { used, score };
  }

  private use(assignment: Assignment, budget: Budget): Promise<number> {
    if (this.options.signal?.aborted) fail({ code: 'aborted', what: where });
    return this.#used.of(keyOf(assignment), async () => budget.measure(this.stored((await this.nearest(assignment)).graph)));
  }

  private async nearest(assignment: Assignment): Promise<Quantized> {
    const key = keyOf(assignment);
    if (this.#latest?.key !== key) this.#latest = { key, quantized: await this.make(assignment, {}) };
    return this.#latest.quantized;
  }

  private async make(bits: Assignment, rounding: WeightOptions): Promise<Quantized> {
    const { weightRange, scales, signal } = this.options;
    const options = { weightRange, scales, signal, ...rounding };
    return (await quantizeVariant(this.network, { float: [], bits }, this.batches, options)).quantized!;
  }

  private asWritten = (quantized: Quantized): Quantized => ({ ...quantized, graph: this.stored(quantized.graph) });

  private stored(graph: Graph): Graph {
    const { storage = this.widths.some((bits) => bits < 3) ? 'packed' : undefined } = this.options;
    return storage === 'packed' ? packWeights(graph) : graph;
  }

  private get written(): Written {
    const { storage, opset } = this.options;
    return { storage, opset };
  }

  private uniform = (bits: WeightBits): Assignment => new Map(this.#names.map((name) => [name, bits]));

  private assignment = (choice: readonly number[]): Assignment => new Map(this.#names.map((name, i) => [name, this.widths[choice[i]]]));

  private print(more: object): string {
    const { weightRange, scales } = this.options;
    return networkPrint(this.network, this.judge, { where, weightRange, scales, ...more });
  }

  private refuse(least: number): never {
    const [[option, came]] = limitsOf(this.options);
    const text = option === 'maxMilliseconds' ? `${least.toFixed(3)} ms` : `${least} bytes`;
    const because = `the network takes ${text} with ${this.widths.at(-1)} bits in every layer`;
    return fail({ code: 'option', where, option, came, expected: 'a limit that can be met', because });
  }
}

const keyOf = (assignment: Assignment) => [...assignment.values()].join();
