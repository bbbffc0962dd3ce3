/** Puts the search into a network: logits for weights, codes for activations. */
import type { Graph, Node, Value } from '../../graph/graph.js';
import { Rewriter, withoutDead } from '../../graph/rewrite.js';
import * as ops from '../../ops/index.js';
import { prepareToQuantize } from '../../passes/prepareToQuantize.js';
import { Tensor } from '../../tensor.js';
import { quantizationPlan } from '../plan.js';
import { pretrainedStart, randomStart } from './initial.js';
import { chooseLayers } from './layers.js';
import type { SlbSettings } from './options.js';

/** A layer whose weights are searched. */
export interface SearchedLayer {
  name: string;
  op: string;
  /** Of its logits among the parameters. */
  logits: string;
  shape: readonly number[];
}

export interface Applied {
  graph: Graph;
  layers: SearchedLayer[];
  float: { name: string; op: string; reason: string }[];
  /** Values with codes, by name. */
  activations: string[];
  /** Names of constants that learn beside those of the network: logits and scales. */
  parameters: string[];
  /** Names of weights that no longer do. */
  replaced: string[];
  warnings: string[];
}

/** The range of an activation before it has seen any. */
const firstRange = [-6, 6, 0];

/**
 * A learned scale is the sum of what all its weights ask for. In this unit, n^(−1/4) of n weights, its gradient and its step are each as much
 * smaller, together by √n: the scale moves by as large a share of itself as the weights do (Esser et al., "Learned Step Size Quantization", 2020).
 * The values carry the unit, so that scale times value is the weight.
 */
const scaleUnit = (weights: number) => Math.max(weights, 1) ** -0.25;

/** The graph with searched weights, decided as it is used, and ranges on activations. Constants that stay are shared. */
export function applySearch(old: Graph, settings: SlbSettings): Applied {
  const { layers, float } = chooseLayers(old, settings);
  const activations = settings.activationBits === null ? new Set<string>() : coded(old);
  const to = new Inserter(old, settings, new Set(layers), activations);
  for (const value of [...old.inputs, ...old.constants.keys()]) to.followRange(value);
  for (const node of old.nodes) {
    const now = to.copyOf(node);
    if (now.producer) to.graph.rename(now, node.output.name);
    to.set(node.output, now);
    to.followRange(node.output);
  }
  for (const { name, value } of old.outputs) to.graph.output(name, to.get(value));
  const warnings = [...to.warnings];
  if (!layers.length) {
    const why = float.length
      ? `${float.map(({ name, reason }) => `"${name}": ${reason}`).join('; ')}`
      : 'it has no layers with constant weights';
    warnings.push(`no layer of ${old.name} is searched (${why})`);
  }
  return {
    graph: withoutDead(to.graph),
    layers: to.layers,
    float,
    activations: to.followed,
    parameters: to.parameters,
    replaced: layers.map(({ inputs }) => inputs[1].name),
    warnings,
  };
}

/** The values that get codes when the network is quantized: planned on the network with its normalizations folded, which keeps names. */
function coded(graph: Graph): Set<string> {
  const plan = quantizationPlan(prepareToQuantize(graph));
  return new Set(plan.values.flatMap((value) => (plan.shared.has(value) ? [] : [value.name])));
}

class Inserter extends Rewriter {
  readonly layers: SearchedLayer[] = [];
  readonly followed: string[] = [];
  readonly parameters: string[] = [];
  readonly warnings: string[] = [];
  /** Weights that several layers share are searched once. */
  readonly #weights = new Map<Value, Value>();

  constructor(
    old: Graph,
    readonly settings: SlbSettings,
    readonly searched: ReadonlySet<Node>,
    readonly activations: ReadonlySet<string>,
  ) {
    super(old);
  }

  followRange(value: Value): void {
    if (!this.activations.has(value.name) || this.old.constants.has(value)) return;
    const { activationBits, activation } = this.settings;
    const range = this.graph.constant(Tensor.from(firstRange), `${value.name}.range`);
    const params = { qmax: 2 ** activationBits! - 1, ...activation };
    this.set(value, this.graph.add(ops.fakeQuantizeRange, [this.get(value), range], params, `${value.name}.coded`));
    this.followed.push(value.name);
  }

  copyOf(node: Node): Value {
    if (!this.searched.has(node)) return this.copy(node);
    const [x, w, ...rest] = node.inputs;
    return this.copy(node, [this.get(x), this.weightOf(node, w), ...rest.map((value) => this.get(value))]);
  }

  private weightOf(node: Node, w: Value): Value {
    const known = this.#weights.get(w);
    if (known) return known;
    const { settings, graph, old } = this;
    const weight = old.constantOf(w)!;
    const numbers = weight.data() as Float32Array;
    const norm = this.normalizationBehind(node);
    const begin =
      settings.init === 'random'
        ? randomStart(numbers, weight.shape, settings, this.layers.length)
        : pretrainedStart(numbers, weight.shape, settings, norm !== undefined);
    const logits = graph.constant(begin.logits, `${w.name}.logits`);
    const unit = settings.alpha === 'learned' ? scaleUnit(weight.size / begin.scales.length) : 1;
    const values = graph.constant(Tensor.from(begin.values.toNumbers().map((x) => x * unit)), `${w.name}.values`);
    const params = { shape: weight.shape, mode: 'hard' };
    let value = graph.add(ops.slbExpectation, [logits, values], params, settings.alpha === 'none' ? w.name : `${w.name}.searched`);
    this.parameters.push(logits.name);
    if (settings.alpha === 'none') {
      if (norm) this.unscaleStatistics(norm, begin.scales);
      else this.warnings.push(`no batch normalization follows "${node.name}": nothing takes up the scale of its weights; set alpha`);
    } else {
      const shape = begin.scales.length === 1 ? [1] : weight.shape.map((n, axis) => (axis === 0 ? n : 1));
      const scales = begin.scales.map((scale) => scale / unit);
      const alpha = graph.constant(Tensor.from(scales, shape), `${w.name}.alpha`);
      if (settings.alpha === 'learned') this.parameters.push(alpha.name);
      value = graph.add(ops.mul, [value, alpha], {}, w.name);
    }
    this.#weights.set(w, value);
    this.layers.push({ name: node.name, op: node.op.name, logits: logits.name, shape: weight.shape });
    return value;
  }

  /** The batch normalization that alone reads the layer's output and keeps its own statistics. */
  private normalizationBehind(node: Node): Node | undefined {
    const next = this.uses.only(node.output);
    return next?.op === ops.batchNorm && next.inputs.slice(3).every((value) => this.old.constants.has(value)) ? next : undefined;
  }

  /** Statistics of a layer whose weights are no longer multiplied with `scales`. */
  private unscaleStatistics(norm: Node, scales: Float32Array): void {
    const [mean, variance] = norm.inputs.slice(3).map((value) => this.old.constantOf(value)!);
    const scaleOf = (i: number) => scales[scales.length === 1 ? 0 : i];
    const unscaled = (tensor: Tensor, power: number) => {
      const numbers = Float32Array.from(tensor.data() as Float32Array, (x, i) => x / scaleOf(i) ** power);
      return Tensor.from(numbers, tensor.shape);
    };
    this.set(norm.inputs[3], this.graph.constant(unscaled(mean, 1), norm.inputs[3].name));
    this.set(norm.inputs[4], this.graph.constant(unscaled(variance, 2), norm.inputs[4].name));
  }
}
