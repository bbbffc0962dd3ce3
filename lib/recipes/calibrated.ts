/** A float network ready to be quantized: conditioned, what becomes integer chosen, the ranges of its values known. */
import { fail } from '../error.js';
import type { Graph, Node, Value } from '../graph/graph.js';
import { prepareToQuantize } from '../passes/prepareToQuantize.js';
import { type Batches, calibrate, checkRange } from '../quant/calibrate.js';
import { batchNormStatistics, type ChannelWatch, type Statistics } from '../quant/channels/statistics.js';
import { type Observer, observer } from '../quant/observers/index.js';
import { type Plan, quantizationPlan, sourceOf } from '../quant/plan.js';
import { type CodeType, type QParams, qparamsOf, type Range } from '../quant/scheme.js';
import type { QuantizedWeight } from '../quant/weightScheme.js';
import { type ActivationBits, bitsOfReaders, ofWeights, typesOfCodes } from './activationCodes.js';
import { type Conditioning, conditioned } from './conditioned.js';
import { watchesFor } from './corrected.js';
import { type QuantizeOptions, type QuantizeSettings, quantizeSettings, stepProgress } from './quantizeOptions.js';
import { bitsOfLayers } from './weightRounding.js';

export interface CalibratedNetwork {
  /** The float network, conditioned. */
  graph: Graph;
  plan: Plan;
  /** The nodes whose weights become codes. */
  layers: readonly Node[];
  /** Bits of what nodes read, by their names. */
  activationBits: ReadonlyMap<string, ActivationBits>;
  /** Codes of the values of the plan, by name. */
  qparams: ReadonlyMap<string, QParams>;
  /** The ranges that were chosen, by value name. */
  ranges: Readonly<Record<string, Range>>;
  /** What is known about outputs of layers, by value name. */
  statistics: Statistics;
  /** Inputs of layers that were watched for the correction of biases. */
  watches: ReadonlyMap<Value, ChannelWatch>;
  /** Codes of weights that are decided already, by the name of the layer, as AdaRound gave them; the others are rounded to nearest then. */
  weights?: ReadonlyMap<string, QuantizedWeight>;
  /** What conditioning did. */
  done: Conditioning;
  settings: QuantizeSettings;
}

/**
 * The stages of `quantize` before anything is rounded. What follows, `quantizeCalibrated`, may be done again and again with other options of
 * weights and with layers left out (`withFloat`).
 * @param batches called once, and before it where something is equalized or absorbed, and where it is smoothed
 * @throws LowbitError as `quantize`
 */
export async function calibrateNetwork(model: Graph, batches: Batches, options: QuantizeOptions = {}): Promise<CalibratedNetwork> {
  const settings = quantizeSettings(options);
  const { device, signal } = options;
  const prepared = prepareToQuantize(model);
  // Mistakes are told before samples are read.
  const first = planOf(prepared, settings);
  const weightBits = bitsOfLayers(prepared, layersOf(first), options.weightBits);
  const activationBits = bitsOfReaders(prepared, first, options);
  const measuring = { onProgress: stepProgress(options, 'measuring'), signal };
  const { graph, statistics, done } = await conditioned(
    prepared,
    batchNormStatistics(model),
    batches,
    { ...settings, weightBits },
    measuring,
  );
  const plan = planOf(graph, settings);
  const observers = observersFor(plan, settings);
  const watches = watchesFor(graph, statistics, settings.correctBias);
  const seen = together(observers, watches);
  if (seen.size > 0) await calibrate(graph, batches, seen, { onProgress: stepProgress(options, 'calibrating'), device, signal });
  const ranges = rangesOf(graph, plan, observers, typesOfCodes(plan, activationBits, settings.activations), settings);
  return { graph, activationBits, ...codesFor(plan, ranges, activationBits, settings), ranges, statistics, watches, done, settings };
}

/**
 * The network with more of its layers on real numbers; what was measured is kept.
 * @param names of nodes, and patterns written /like this/
 * @throws LowbitError "graph" where nothing is left to quantize, "option" for names of no node
 */
export function withFloat(network: CalibratedNetwork, names: readonly string[]): CalibratedNetwork {
  const { graph, ranges, activationBits, settings } = network;
  const plan = planOf(graph, { ...settings, exclude: [...settings.exclude, ...names] });
  const before = new Set(network.plan.float.map(({ name }) => name));
  const float = plan.float.map((layer) => (before.has(layer.name) ? layer : { ...layer, reason: 'left float, it costs too much' }));
  return { ...network, ...codesFor({ ...plan, float }, ranges, activationBits, settings) };
}

function planOf(graph: Graph, { activations, exclude }: QuantizeSettings): Plan {
  const integers = quantizationPlan(graph, { exclude });
  const plan = activations === 'float' ? ofWeights(integers) : integers;
  if (plan.nodes.length) return plan;
  return fail({ code: 'graph', problem: 'there is nothing to quantize: no convolution or linear layer with constant weights' });
}

/** All who watch a value, as one. */
function together(...groups: ReadonlyMap<Value, Pick<Observer, 'observe'>>[]): Map<Value, Pick<Observer, 'observe'>> {
  const values = new Set(groups.flatMap((group) => [...group.keys()]));
  const all = (value: Value): Pick<Observer, 'observe'> => ({
    observe(batch) {
      for (const group of groups) group.get(value)?.observe(batch);
    },
  });
  return new Map([...values].map((value) => [value, all(value)]));
}

/** The nodes whose weights become codes. */
const layersOf = ({ nodes }: Plan): Node[] => nodes.filter((node) => node.op.quantizes);

/** The values whose ranges are needed: those with codes of their own. */
function observersFor(plan: Plan, settings: QuantizeSettings): Map<Value, Observer> {
  const sources = new Set(plan.values.map((value) => sourceOf(plan, value)));
  return new Map([...sources].map((value) => [value, observer(settings.observer, settings)]));
}

/** Of all values of the plan: what was only moved has the range of its source, also where it gets codes of its own one day. */
function rangesOf(
  graph: Graph,
  plan: Plan,
  observers: ReadonlyMap<Value, Observer>,
  typeOf: (value: Value) => CodeType,
  { symmetric }: QuantizeSettings,
) {
  const chosen = new Map<Value, Range>();
  for (const [value, watched] of observers) {
    const constant = graph.constantOf(value);
    if (constant) watched.observe(constant);
    chosen.set(value, checkRange(value.name, watched.range(typeOf(value), symmetric)));
  }
  return Object.fromEntries([...chosen.keys(), ...plan.values].map((value) => [value.name, chosen.get(sourceOf(plan, value))!]));
}

function codesFor(
  plan: Plan,
  ranges: Readonly<Record<string, Range>>,
  bits: ReadonlyMap<string, ActivationBits>,
  { activations, symmetric, scales }: QuantizeSettings,
) {
  const typeOf = typesOfCodes(plan, bits, activations);
  const codes = (value: Value) => qparamsOf(ranges[sourceOf(plan, value).name], typeOf(value), symmetric, scales);
  return {
    plan,
    layers: layersOf(plan),
    qparams: new Map(plan.values.map((value) => [value.name, codes(value)])),
  };
}
