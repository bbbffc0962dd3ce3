import { checkOptions } from '../error.js';
import type { Graph, Node } from '../graph/graph.js';
import { eachWeight, groupsOf, isDepthwise, type LayerPair, layerPairs } from '../graph/layers.js';
import { clampOf } from '../graph/match.js';
import { rewrite } from '../graph/rewrite.js';
import { clip } from '../ops/index.js';
import { Tensor } from '../tensor.js';

export interface EqualizeOptions {
  /** Sweeps over all pairs at most. Default 50. */
  sweeps?: number;
  /** It ends when no factor of a sweep is further from 1: |ln s|. Default 1e-4. */
  tolerance?: number;
  /**
   * The extremes of the channels of layers, by their names, as seen on samples (`ChannelWatch`). Layers that have them are scaled so that no
   * channel grows beyond the largest one, or beyond the bound of a clip(0, bound) behind them, which may then stay: a channel that reaches
   * it keeps s = 1. Steps of codes do not become coarser by it.
   */
  seen?: ReadonlyMap<string, Extremes>;
}

/** By channel. */
export interface Extremes {
  smallest: ArrayLike<number>;
  largest: ArrayLike<number>;
}

/** The ranges max |w| of a layer's output channels. */
export interface EqualizedLayer {
  name: string;
  before: Float64Array;
  after: Float64Array;
  /** What each output channel was divided by: weights, bias, and what flows from it. */
  divisors: Float64Array;
}

export interface Equalized {
  graph: Graph;
  sweeps: number;
  /** The layers that were scaled, in the order of the graph. */
  layers: EqualizedLayer[];
}

/** Does the op let a positive factor of a channel through, f(s·x) = s·f(x)? */
export const isScaled = ({ op }: Node): boolean => Boolean(op.scalesThrough);

/** Is it a clip from 0 to a number? */
export const isBounded = (node: Node): boolean => node.op === clip && clampOf(node)?.[0] === 0;

/**
 * Gives each channel between two layers the same range of weights on both sides, so that one scale for a tensor, or one for an output
 * channel, fits all of them. With f(s·x) = s·f(x) between them (`scalesThrough`), W₁[i] and b₁[i] are divided by s and W₂[:, i] multiplied by it:
 *
 *     pair       r₁, r₂ the ranges of W₁[i] and W₂[:, i]:  s = √(r₁ / r₂)                        both become √(r₁·r₂)
 *     triplet    a depthwise layer in the middle, G = ∛(r₁·r₂·r₃):  s₁₂ = r₁ / G, s₂₃ = G / r₃   all three become G
 *
 * A channel with a range of 0 keeps s = 1. Chains end where a value has two readers. The outputs of the graph stay what they are, up to rounding.
 * Source: Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, 2019.
 */
export function equalizeLayers(graph: Graph, options: EqualizeOptions = {}): Equalized {
  checkOptions('equalizeLayers', options, ['sweeps', 'tolerance', 'seen']);
  const { sweeps: most = 50, tolerance = 1e-4, seen = new Map<string, Extremes>() } = options;
  const pairs = layerPairs(graph, (node) => isScaled(node) || isBounded(node)).filter(
    ({ first, between }) => seen.has(first.name) || !between.some(isBounded),
  );
  const layers = scaledLayers(graph, pairs);
  const before = new Map([...layers].map(([node, layer]) => [node, layer.outputRanges()]));
  const steps = stepsOf(graph, pairs, seen);
  let sweeps = 0;
  for (let largest = Infinity; steps.length > 0 && sweeps < most && largest >= tolerance; sweeps++) {
    largest = 0;
    for (const step of steps) largest = Math.max(largest, equalize(step, layers));
  }
  return {
    graph: rewrite(graph, (node, to) => {
      const layer = layers.get(node);
      if (!layer) return undefined;
      const [x, w, bias] = node.inputs;
      const weight = to.graph.constant(Tensor.from(layer.weight(), layer.shape), w.name);
      const shift = (graph.constantOf(bias)!.data() as Float32Array).map((b, o) => b / layer.divisors[o]);
      return to.copy(node, [to.get(x), weight, to.graph.constant(Tensor.from(shift), bias.name)]);
    }),
    sweeps,
    layers: [...layers].map(([node, layer]) => ({
      name: node.name,
      before: before.get(node)!,
      after: layer.outputRanges(),
      divisors: layer.divisors,
    })),
  };
}

/** Two or three layers in a row that are scaled against each other. */
interface Step {
  nodes: readonly Node[];
  channels: number;
  /** Between what the divisor of each channel of the first layer may lie. */
  limits?: { least: Float64Array; most: Float64Array };
}

/** Triplets around depthwise layers, and the pairs that are not part of one. Limits are those of pairs, which get to the same end. */
function stepsOf(graph: Graph, pairs: readonly LayerPair[], seen: ReadonlyMap<string, Extremes>): Step[] {
  const steps: Step[] = [];
  const inTriplets = new Set<LayerPair>();
  for (const left of pairs) {
    const right = pairs.find(({ first }) => first === left.second);
    if (!right || !isDepthwise(graph, left.second) || left.channels !== right.channels) continue;
    if (seen.has(left.first.name) || seen.has(right.first.name)) continue;
    steps.push({ nodes: [left.first, left.second, right.second], channels: left.channels });
    inTriplets.add(left).add(right);
  }
  for (const pair of pairs) {
    const { first, second, channels } = pair;
    const extremes = seen.get(first.name);
    if (!inTriplets.has(pair)) steps.push({ nodes: [first, second], channels, limits: extremes && limitsOf(pair, extremes) });
  }
  return steps;
}

function limitsOf({ between, channels }: LayerPair, { smallest, largest }: Extremes): Step['limits'] {
  const cutsNegative = between.some((node) => clampOf(node)?.[0] === 0);
  const reach = Float64Array.from({ length: channels }, (_, i) => Math.max(largest[i], cutsNegative ? 0 : -smallest[i], 0));
  const bounds = between.filter(isBounded).map((node) => clampOf(node)![1]);
  const bound = bounds.length ? Math.min(...bounds) : reach.reduce((a, b) => Math.max(a, b), 0);
  const isClipped = (x: number) => bounds.length > 0 && x >= bound;
  return {
    least: reach.map((x) => (isClipped(x) ? 1 : bound > 0 ? x / bound : 0)),
    most: reach.map((x) => (isClipped(x) ? 1 : Infinity)),
  };
}

/** Scales one step; returns the largest |ln s|. */
function equalize({ nodes, channels, limits }: Step, scaled: ReadonlyMap<Node, ScaledLayer>): number {
  const layers = nodes.map((node) => scaled.get(node)!);
  const [first, last] = [layers[0], layers.at(-1)!];
  const middle = layers.length === 3 ? layers[1] : undefined;
  const r1 = first.outputRanges();
  const r2 = middle?.outputRanges();
  const r3 = last.inputRanges();
  let largest = 0;
  for (let i = 0; i < channels; i++) {
    const product = r1[i] * (r2 ? r2[i] : 1) * r3[i];
    if (!(product > 0 && product < Infinity)) continue;
    const even = r2 ? Math.cbrt(product) : Math.sqrt(product);
    const divisor = limits
      ? Math.min(Math.max(first.divisors[i] * (r1[i] / even), limits.least[i]), limits.most[i])
      : first.divisors[i] * (r1[i] / even);
    const s12 = divisor / first.divisors[i];
    const s23 = even / r3[i];
    first.divisors[i] = divisor;
    if (middle) {
      middle.factors[i] *= s12;
      middle.divisors[i] *= s23;
    }
    last.factors[i] *= middle ? s23 : s12;
    largest = Math.max(largest, Math.abs(Math.log(s12)), middle ? Math.abs(Math.log(s23)) : 0);
  }
  return largest;
}

function scaledLayers(graph: Graph, pairs: readonly LayerPair[]): Map<Node, ScaledLayer> {
  const channels = new Map(pairs.map((pair) => [pair.second, pair.channels]));
  const members = new Set(pairs.flatMap(({ first, second }) => [first, second]));
  const sorted = graph.nodes.filter((node) => members.has(node));
  return new Map(sorted.map((node) => [node, new ScaledLayer(graph.constantOf(node.inputs[1])!, groupsOf(node), channels.get(node))]));
}

/** A weight (out, ..., in/groups) as it becomes: w[o, .., i]·factors[i] / divisors[o], of which only ranges are computed on the way. */
class ScaledLayer {
  readonly divisors: Float64Array;
  readonly factors: Float64Array;
  /** max |w| over the taps: (out, in/groups). */
  readonly #most: Float64Array;
  readonly #width: number;

  /** @param channels those the layer reads, where it reads them several times over (flattened images); else all */
  constructor(
    readonly tensor: Tensor,
    readonly groups: number,
    channels = tensor.shape.at(-1)! * groups,
  ) {
    const [outputs] = tensor.shape;
    this.divisors = new Float64Array(outputs).fill(1);
    this.factors = new Float64Array(channels).fill(1);
    this.#width = channels / groups;
    this.#most = new Float64Array(outputs * this.#width);
    const w = tensor.data() as Float32Array;
    eachWeight(tensor.shape, groups, (index, output, input) => {
      const at = output * this.#width + (input % this.#width);
      this.#most[at] = Math.max(this.#most[at], Math.abs(w[index]));
    });
  }

  get shape() {
    return this.tensor.shape;
  }

  /** max |w| of each output channel. */
  outputRanges(): Float64Array {
    const ranges = new Float64Array(this.divisors.length);
    this.each((output, _input, range) => {
      ranges[output] = Math.max(ranges[output], range);
    });
    return ranges;
  }

  /** max |w| of each input channel. */
  inputRanges(): Float64Array {
    const ranges = new Float64Array(this.factors.length);
    this.each((_output, input, range) => {
      ranges[input] = Math.max(ranges[input], range);
    });
    return ranges;
  }

  weight(): Float32Array {
    const w = this.tensor.data() as Float32Array;
    eachWeight(this.shape, this.groups, (index, output, input) => {
      w[index] = (w[index] * this.factors[input % this.factors.length]) / this.divisors[output];
    });
    return w;
  }

  private each(visit: (output: number, input: number, range: number) => void): void {
    const outputs = this.divisors.length;
    eachWeight([outputs, this.#width], this.groups, (index, output, input) => {
      visit(output, input, (this.#most[index] * this.factors[input]) / this.divisors[output]);
    });
  }
}
