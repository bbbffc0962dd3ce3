/** Post-training quantization: a float graph and samples in, a QDQ graph out. */
import { checkOptions, fail } from '../error.js';
import type { Graph, Value } from '../graph/graph.js';
import { prepareToQuantize } from '../passes/prepareToQuantize.js';
import type { LayerRounding } from '../quant/adaround/layer.js';
import { type Batches, calibrate, checkRange } from '../quant/calibrate.js';
import { keepsShare, type Observer, type ObserverName, observer, observerNames } from '../quant/observers/index.js';
import { type Plan, quantizationPlan } from '../quant/plan.js';
import { type CodeType, type QParams, qparamsOf, type Range } from '../quant/scheme.js';
import type { Device } from '../shape.js';
import { weightSize } from './codedWeights.js';
import { checkWeightOptions, insertRounded, type WeightOptions, weightOptions } from './weightRounding.js';

export interface QuantizeOptions extends WeightOptions {
  /** How ranges are chosen from what was seen. Default "mse". */
  observer?: ObserverName;
  /** Codes of activations. Default "uint8". */
  activations?: CodeType;
  /** Put the zero point of activations at the middle of the codes (or at 0 where nothing is negative). Default false. */
  symmetric?: boolean;
  /** One scale for each weight instead of one a channel. Default false. */
  perTensor?: boolean;
  /** Per cent of the numbers that the observers percentile (default 99.99) and hist (default 99.999) keep. */
  percentile?: number;
  /** Layers to leave float: names, or patterns written /like this/. */
  exclude?: readonly string[];
  /** Where the samples are run and watched, default 'cpu'. */
  device?: Device;
  onProgress?: (samples: number) => void;
  signal?: AbortSignal;
}

const defaults = { observer: 'mse', activations: 'uint8', symmetric: false, perTensor: false, exclude: [] } as const;

/** Names of all options of `quantize`. */
export const quantizeOptions = [...Object.keys(defaults), 'percentile', ...weightOptions, 'device', 'onProgress', 'signal'];

/** A layer whose weights became codes. */
export interface QuantizedLayer {
  name: string;
  op: string;
  parameters: number;
}

export interface Quantized {
  /** The graph with QuantizeLinear and DequantizeLinear in it: export it, or lower it with `lowerInteger`. */
  graph: Graph;
  layers: QuantizedLayer[];
  /** Layers that stay float, and why. */
  float: { name: string; op: string; reason: string }[];
  /** The ranges that calibration chose, by value name. */
  ranges: Record<string, Range>;
  /** What AdaRound made of each layer; empty without it. */
  rounding: LayerRounding[];
}

/**
 * Quantizes a float graph: folds batch normalization, watches the activations over the batches, gives them 8-bit codes and the weights
 * symmetric int8 codes. Weights that are codes already (low-bit ones) stay as they are. The result does not depend on the size of the batches.
 * @param batches inputs by name, samples along their first dimension; called once, and by AdaRound once more for each layer
 * @throws LowbitError "unknownOption", "option", "data" (NaN, no samples), "graph" (already quantized, nothing to quantize)
 */
export async function quantize(graph: Graph, batches: Batches, options: QuantizeOptions = {}): Promise<Quantized> {
  const settings = checked(options);
  const prepared = prepareToQuantize(graph);
  const plan = quantizationPlan(prepared, settings);
  const layers = plan.nodes.filter((node) => node.op.quantizes);
  if (!plan.nodes.length) {
    fail({ code: 'graph', problem: 'there is nothing to quantize: no convolution or linear layer with constant weights' });
  }
  const observers = observersFor(plan, settings);
  await calibrate(prepared, batches, observers, options);
  const { qparams, ranges } = parameters(prepared, plan, observers, settings);
  const { perTensor } = settings;
  const rounded = await insertRounded(prepared, qparams, layers, batches, { ...options, perTensor });
  return {
    ...rounded,
    layers: layers.map((node) => ({
      name: node.name,
      op: node.op.name,
      parameters: node.inputs.slice(1).reduce((sum, value) => sum + weightSize(prepared, value), 0),
    })),
    float: plan.float,
    ranges,
  };
}

type Settings = Required<Pick<QuantizeOptions, keyof typeof defaults>> & Pick<QuantizeOptions, 'percentile' | 'scales'>;

function checked(options: QuantizeOptions): Settings {
  checkOptions('quantize', options, quantizeOptions);
  checkWeightOptions(options);
  const given = Object.fromEntries(Object.entries(options).filter(([name, value]) => name in defaults && value !== undefined));
  const settings: Settings = { ...defaults, percentile: options.percentile, scales: options.scales, ...given };
  const refuse = (option: keyof Settings, expected: string, because?: string): never =>
    fail({ code: 'option', where: 'quantize', option, came: settings[option], expected, because });
  if (!observerNames.includes(settings.observer)) refuse('observer', `one of ${observerNames.join(', ')}`);
  if (settings.activations !== 'uint8' && settings.activations !== 'int8') refuse('activations', '"uint8" or "int8"');
  for (const flag of ['symmetric', 'perTensor'] as const) if (typeof settings[flag] !== 'boolean') refuse(flag, 'true or false');
  const { percentile = 100 } = settings;
  if (!(percentile > 0 && percentile <= 100)) refuse('percentile', 'a number above 0, at most 100');
  if (options.percentile !== undefined && !keepsShare(settings.observer)) {
    refuse('percentile', 'to be left out', `observer is "${settings.observer}"`);
  }
  if (!Array.isArray(settings.exclude) || settings.exclude.some((item) => typeof item !== 'string')) refuse('exclude', 'a list of names');
  return settings;
}

/** The values whose ranges are needed: those with codes of their own. */
function observersFor(plan: Plan, settings: Settings): Map<Value, Observer> {
  const observers = new Map<Value, Observer>();
  for (const value of plan.values) {
    const source = plan.shared.get(value) ?? value;
    if (!observers.has(source)) observers.set(source, observer(settings.observer, settings));
  }
  return observers;
}

function parameters(graph: Graph, plan: Plan, observers: Map<Value, Observer>, { activations, symmetric, scales }: Settings) {
  const qparams = new Map<string, QParams>();
  const ranges: Record<string, Range> = {};
  for (const [value, watched] of observers) {
    const constant = graph.constantOf(value);
    if (constant) watched.observe(constant);
    ranges[value.name] = checkRange(value.name, watched.range(activations, symmetric));
  }
  for (const value of plan.values) {
    const source = plan.shared.get(value) ?? value;
    qparams.set(value.name, qparamsOf(ranges[source.name], activations, symmetric, scales));
  }
  return { qparams, ranges };
}
