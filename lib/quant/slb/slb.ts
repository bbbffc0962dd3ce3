/** SLB, searching for low-bit weights: the algorithm as one object. */
import type { Dataset } from '../../data/dataset.js';
import { fail } from '../../error.js';
import { Graph } from '../../graph/graph.js';
import type { SampleType } from '../../graph/sampleFit.js';
import { type Model, Trainable, trainableOf } from '../../train/trainable.js';
import { type Applied, applySearch } from './apply.js';
import { SlbCallback, type SlbCallbackOptions } from './callback.js';
import { type Converted, convertSearch } from './convert.js';
import { type SlbOptions, type SlbSettings, slbSettings } from './options.js';
import { type Stage, scheduleWarnings, stageOf } from './schedule.js';

/** A network in which weights are searched. */
export interface SearchedModel extends Trainable {
  readonly slb: Omit<Applied, 'graph'>;
}

export class Slb {
  readonly settings: SlbSettings;

  constructor(options: SlbOptions) {
    this.settings = slbSettings(options);
  }

  /**
   * A copy of the network whose weights are searched for: layers have logits in their place, activations get codes where bits are given.
   * `graph` of the result runs on decided weights, training runs on what the epoch's stage says.
   * @param model a graph, a module, or what `trainableOf` made of one (its selection of parameters is kept)
   * @param sample what the network will see; needed for modules
   * @throws LowbitError 'option' where an exclusion means no layer, 'graph' where no layer is left to search
   */
  apply(model: Model, sample?: Pick<SampleType, 'shape' | 'dtype'>): SearchedModel {
    const before = model instanceof Trainable ? model : trainableFor(model, sample);
    const { graph, ...applied } = applySearch(before.graph, this.settings);
    if (!applied.layers.length)
      fail({ code: 'graph', problem: applied.warnings.at(-1)!, todo: 'See exclude, quantizeFirst, quantizeLast and quantizeDownsample.' });
    const kept = [...before.parameters.keys()].filter((name) => !applied.replaced.includes(name));
    const searched = new Trainable(graph, { parameters: [...kept, ...applied.parameters] });
    const warnings = [...scheduleWarnings(this.settings), ...applied.warnings];
    return Object.assign(searched, { slb: { ...applied, warnings } });
  }

  /** What the weights are in an epoch, counted from 1, those of earlier runs included. */
  stage(epoch: number): Stage {
    return stageOf(this.settings, epoch);
  }

  /** The callback that drives the search; put it before those that save or log. */
  callbacks(model: Trainable, data: Dataset, options: SlbCallbackOptions = {}): [SlbCallback] {
    return [new SlbCallback(this.settings, model, data, options)];
  }

  /**
   * The decided network on packed codes, with its normalizations folded: the same numbers as `graph` of the searched model up to the rounding of
   * the folding, and of codes where activations have them.
   * @throws LowbitError 'graph' where nothing is searched, or activations have not seen enough batches
   */
  convert(model: Trainable): Converted {
    return convertSearch(model.graph, this.settings);
  }

  toString(): string {
    const lines = Object.entries(this.settings).map(([name, value]) => `  ${name}: ${text(value)}`);
    return `slb(\n${lines.join('\n')}\n)`;
  }
}

/** A value as it would be written in a program. */
function text(value: unknown): string {
  if (value instanceof RegExp || typeof value === 'function') return String(value);
  if (Array.isArray(value)) return `[${value.map(text).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([name, part]) => `${name}: ${text(part)}`);
  return `{ ${fields.join(', ')} }`;
}

function trainableFor(model: Model, sample: Pick<SampleType, 'shape' | 'dtype'> | undefined): Trainable {
  if (model instanceof Graph) return new Trainable(model, { inPlace: true });
  if (!sample)
    return fail({
      code: 'option',
      where: 'slb',
      option: 'sample',
      came: sample,
      expected: 'the shape of a sample: the network is a module',
    });
  return trainableOf(model, sample as SampleType);
}

/**
 * Searching for low-bit weights: each weight is a choice among 2^b values, trained as a probability that is sharpened until it is decided
 * (Yang et al., "Searching for Low-Bit Weights in Quantized Neural Networks", NeurIPS 2020), and packed into b bits by `convert`.
 *
 * ```ts
 * const search = slb({ weightBits: 2, epochs: 20 });
 * const network = search.apply(graph);
 * await fit(network, samples, { epochs: 20, callbacks: search.callbacks(network, samples) });
 * ```
 * @throws LowbitError 'option' or 'unknownOption' for mistakes in the options
 */
export const slb = (options: SlbOptions): Slb => new Slb(options);
