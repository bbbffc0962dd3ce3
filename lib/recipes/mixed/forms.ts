/** Forms of a network that differ in the bits of their weights: made, written, measured. */
import { fail } from '../../error.js';
import type { Graph } from '../../graph/graph.js';
import { packWeights } from '../../passes/packWeights.js';
import type { Batches } from '../../quant/calibrate.js';
import type { WeightBits } from '../../quant/weightScheme.js';
import type { CalibratedNetwork } from '../calibrated.js';
import type { Judge, Score } from '../judge.js';
import { Measurements, networkPrint } from '../measurements.js';
import type { Quantized } from '../quantize.js';
import { productsOf, quantizeVariant } from '../variant.js';
import type { WeightOptions } from '../weightRounding.js';
import {
  type Assignment,
  byteCosts,
  type Costs,
  fileBytes,
  type LayerTimes,
  runTime,
  timeCosts,
  timesOf,
  uniform,
  type Written,
} from './budget.js';
import { type BitSearchOptions, where } from './options.js';

export class Forms {
  /** The layers whose bits are chosen. */
  readonly names: readonly string[];
  /** Is the limit one of time? Otherwise it is one of bytes. */
  readonly isOfTime: boolean;
  readonly #written: Written;
  readonly #isPacked: boolean;
  readonly #used: Measurements<number>;
  readonly #times: Measurements<LayerTimes>;
  readonly #scores: Measurements<Score>;
  /** The form that was made last, rounded to nearest. */
  #latest?: { key: string; quantized: Quantized };

  /** @param widths from the most bits to the fewest */
  constructor(
    readonly network: CalibratedNetwork,
    readonly judge: Judge,
    readonly batches: Batches,
    readonly widths: readonly WeightBits[],
    readonly options: BitSearchOptions,
  ) {
    this.names = productsOf(network).flatMap(({ name, fixedBits }) => (fixedBits === undefined ? [name] : []));
    if (!this.names.length) fail({ code: 'graph', problem: 'there are no weights whose bits could be chosen' });
    const { folder, storage, opset, weightRange, scales, maxMilliseconds } = options;
    this.isOfTime = maxMilliseconds !== undefined;
    this.#written = { storage, opset };
    this.#isPacked = (storage ?? (widths.some((bits) => bits < 3) ? 'packed' : 'int4')) === 'packed';
    const print = (more: object) => networkPrint(network, judge, { where, weightRange, scales, ...more });
    const isPacked = this.#isPacked;
    this.#used = Measurements.open(folder, this.isOfTime ? 'milliseconds.json' : 'bytes.json', print({ storage, opset, isPacked }));
    this.#times = Measurements.open(folder, 'times.json', print({ isPacked }));
    this.#scores = Measurements.open(folder, 'scores.json', print({}));
  }

  /** Bytes or milliseconds. */
  used(assignment: Assignment): Promise<number> {
    const { judge, options } = this;
    if (options.signal?.aborted) fail({ code: 'aborted', what: where });
    return this.#used.of(keyOf(assignment), async () => {
      const quantized = await this.nearest(assignment);
      return this.isOfTime ? runTime(this.stored(quantized.graph), judge.dataset, options.signal) : this.bytesOf(quantized);
    });
  }

  /** How good it is, rounded to nearest. */
  score(assignment: Assignment): Promise<Score> {
    return this.#scores.of(keyOf(assignment), async () => this.judge.score((await this.nearest(assignment)).graph));
  }

  async nearest(assignment: Assignment): Promise<Quantized> {
    const key = keyOf(assignment);
    if (this.#latest?.key !== key) this.#latest = { key, quantized: await this.make(assignment, {}) };
    return this.#latest.quantized;
  }

  /** Rounded as the options say. */
  learned(assignment: Assignment): Promise<Quantized> {
    const { rounding, adaround, leastSquares, onRounding } = this.options;
    return this.make(assignment, { rounding, adaround, leastSquares, onRounding });
  }

  /** Of the file. */
  bytesOf({ graph }: Quantized): number {
    return fileBytes(this.stored(graph), this.#written);
  }

  /** As it is written: packed, or not. */
  stored(graph: Graph): Graph {
    return this.#isPacked ? packWeights(graph) : graph;
  }

  /** What the layers take at each width. */
  async costs(): Promise<Costs> {
    const { names, widths } = this;
    if (!this.isOfTime) return this.byteCosts();
    const measure = async () => {
      const forms = new Map<WeightBits, Graph>();
      for (const bits of widths) forms.set(bits, this.stored((await this.nearest(uniform(names, bits))).graph));
      return timesOf(forms, this.judge.dataset, this.options.signal);
    };
    return timeCosts(names, await this.#times.of(widths.join(), measure));
  }

  private byteCosts(): Promise<Costs> {
    const { names, widths, network } = this;
    const uncorrected = { ...network, settings: { ...network.settings, correctBias: false as const } };
    const total = 1 + (widths.length - 1) * (names.length + 1);
    let done = 0;
    return byteCosts(names, widths, async (bits) => {
      this.options.onProgress?.('sizing layers', done, total);
      done++;
      return this.bytesOf(await this.make(bits, {}, uncorrected));
    });
  }

  private async make(bits: Assignment, rounding: WeightOptions, network = this.network): Promise<Quantized> {
    const { weightRange, scales, signal } = this.options;
    const options = { weightRange, scales, signal, ...rounding };
    return (await quantizeVariant(network, { float: [], bits }, this.batches, options)).quantized!;
  }
}

export const keyOf = (assignment: Assignment) => [...assignment.values()].join();
