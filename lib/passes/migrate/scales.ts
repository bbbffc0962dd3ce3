/** What each channel between a norm and layers is divided by. */
import type { Graph, Node } from '../../graph/graph.js';
import { eachWeight, groupsOf } from '../../graph/layers.js';
import { largestCode, type WeightBits } from '../../quant/weightScheme.js';
import type { Shape } from '../../shape.js';

/** What was seen of each channel of a value. */
export interface SeenChannels {
  smallest: ArrayLike<number>;
  largest: ArrayLike<number>;
  mean: ArrayLike<number>;
  deviation: ArrayLike<number>;
}

/** A layer that reads the value, as far as the scales depend on it. */
export class Reader {
  readonly #shape: Shape;
  readonly #groups: number;
  readonly #w: Float32Array;
  /** max |w| of each input channel, over the taps and the output channels. */
  readonly ranges: Float64Array;
  /** Σ w² of each input channel. */
  readonly #energy: Float64Array;

  constructor(
    graph: Graph,
    layer: Node,
    readonly bits: WeightBits,
    readonly perTensor: boolean,
  ) {
    const weight = graph.constantOf(layer.inputs[1])!;
    this.#shape = weight.shape;
    this.#groups = groupsOf(layer);
    this.#w = weight.data() as Float32Array;
    this.ranges = new Float64Array(weight.shape.at(-1)! * this.#groups);
    this.#energy = new Float64Array(this.ranges.length);
    eachWeight(this.#shape, this.#groups, (index, _output, input) => {
      this.ranges[input] = Math.max(this.ranges[input], Math.abs(this.#w[index]));
      this.#energy[input] += this.#w[index] ** 2;
    });
  }

  /**
   * What rounding adds to the outputs, as a share of them: an error of a step Δ has the variance Δ²/12, errors and channels are taken for independent,
   *
   *     Σ_o Σ_j (Δx²·(w[o, j]·s[j])² + Δw[o]²·E[x[j]²] / s[j]²) / 12    over    Σ_o Σ_j w[o, j]²·E[x[j]²]
   */
  noise(scales: Float64Array, { smallest, largest, mean, deviation }: SeenChannels): number {
    const steps = this.#weightSteps(scales);
    const span = scales.reduce(([low, high], s, j) => [Math.min(low, smallest[j] / s), Math.max(high, largest[j] / s)], [0, 0]);
    const step = (span[1] - span[0]) / 255;
    const squares = scales.map((_, j) => mean[j] ** 2 + deviation[j] ** 2);
    const width = this.#shape.at(-1)!;
    const perInput = this.#w.length / this.ranges.length;
    const outputs = steps.length / this.#groups;
    let [added, signal] = [0, 0];
    for (let j = 0; j < scales.length; j++) {
      const group = Math.floor(j / width);
      const own = steps.subarray(group * outputs, (group + 1) * outputs).reduce((sum, weightStep) => sum + weightStep ** 2, 0);
      added += (step * scales[j]) ** 2 * this.#energy[j] + ((own * perInput) / outputs) * (squares[j] / scales[j] ** 2);
      signal += this.#energy[j] * squares[j];
    }
    return signal > 0 ? added / 12 / signal : 0;
  }

  /** The step of the codes of each output channel. */
  #weightSteps(scales: Float64Array): Float64Array {
    const steps = new Float64Array(this.#shape[0]);
    eachWeight(this.#shape, this.#groups, (index, output, input) => {
      steps[output] = Math.max(steps[output], (Math.abs(this.#w[index]) * scales[input]) / largestCode(this.bits));
    });
    return this.perTensor ? steps.fill(steps.reduce((a, b) => Math.max(a, b), 0)) : steps;
  }
}

/** Scales outside are no use to float32. */
const bounds = [2 ** -30, 2 ** 30] as const;

/**
 * s[j] = max|x[j]|^α / max|w[:, j]|^(1 − α), with which α = 1 leaves all of the unevenness to the weights and α = 0 all of it to the activations. A channel of
 * which one is zero keeps s = 1, as far as the other then does not reach beyond that of the other channels.
 * Source: Xiao et al., SmoothQuant: Accurate and Efficient Post-Training Quantization for Large Language Models, 2023.
 * @param x max |x| by channel
 * @param w max |w| by input channel, over all layers that read it
 */
export function migrationScales(x: Float64Array, w: Float64Array, alpha: number): Float64Array {
  const live = [...x.keys()].filter((j) => x[j] > 0 && w[j] > 0);
  const scales = new Float64Array(x.length).fill(1);
  for (const j of live) scales[j] = Math.min(Math.max(x[j] ** alpha / w[j] ** (1 - alpha), bounds[0]), bounds[1]);
  const widest = (reach: (j: number) => number) => live.reduce((most, j) => Math.max(most, reach(j)), 0);
  const [activations, weights] = [widest((j) => x[j] / scales[j]), widest((j) => w[j] * scales[j])];
  if (live.length === 0) return scales;
  return scales.map((s, j) => {
    if (w[j] === 0) return Math.max(s, x[j] / activations);
    return x[j] === 0 ? Math.min(s, weights / w[j]) : s;
  });
}

export interface Choice {
  alpha: number;
  scales: Float64Array;
  /** How many times less noise is expected in the worst reader. */
  gain: number;
}

/** With the first α that leaves the least noise in the worst reader. */
export function chosen(seen: SeenChannels, readers: readonly Reader[], alphas: readonly number[]): Choice {
  const x = Float64Array.from(seen.largest, (most, j) => Math.max(most, -seen.smallest[j]));
  const w = x.map((_, j) => readers.reduce((most, { ranges }) => Math.max(most, ranges[j]), 0));
  const worst = (scales: Float64Array) => readers.reduce((most, reader) => Math.max(most, reader.noise(scales, seen)), 0);
  const before = worst(new Float64Array(x.length).fill(1));
  const choices = alphas.map((alpha) => {
    const scales = migrationScales(x, w, alpha);
    return { alpha, scales, gain: before > 0 ? before / worst(scales) : 1 };
  });
  return choices.reduce((best, choice) => (choice.gain > best.gain ? choice : best));
}
