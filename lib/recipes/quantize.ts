/** Post-training quantization: a float graph and samples in, a QDQ graph out. */
import { checkOptions, fail } from '../error.js';
import type { Graph, Value } from '../graph/graph.js';
import { prepareToQuantize } from '../passes/prepareToQuantize.js';
import type { LayerRounding } from '../quant/adaround/layer.js';
import { type Batches, calibrate, checkRange } from '../quant/calibrate.js';
import { batchNormStatistics } from '../quant/channels/statistics.js';
import { keepsShare, type Observer, type ObserverName, observer, observerNames } from '../quant/observers/index.js';
import { type Plan, quantizationPlan } from '../quant/plan.js';
import { type CodeType, type QParams, qparamsOf, type Range } from '../quant/scheme.js';
import type { Device } from '../shape.js';
import { weightSize } from './codedWeights.js';
import { type Conditioning, conditioned } from './conditioned.js';
import { type Corrected, type CorrectionMethod, corrected, correctionMethods, watchesFor } from './corrected.js';
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
  /**
   * Scale channels between layers so that their weights have like ranges (`equalizeLayers`), as far as no activation that was measured grows
   * beyond its clip or the largest channel. Default false.
   */
  equalize?: boolean;
  /** Make relu of the ReLU6 between layers first, so that equalization need not mind them (`replaceRelu6`). Default false. */
  replaceRelu6?: boolean;
  /** Move high biases through ReLUs into the next layer (`absorbBias`). Default false. */
  absorbBias?: boolean;
  /**
   * Correct what rounding adds to outputs on average: "empirical" measures it on samples, "analytic" derives it from batch normalization,
   * "weights" gives rounded weights the mean and deviation of the real ones. Default false.
   */
  correctBias?: CorrectionMethod | false;
  /** Where the samples are run and watched for the ranges, default 'cpu'. */
  device?: Device;
  /** In the step "correcting", `done` are layers, else samples; `of` says of how many where that is known. */
  onProgress?: (done: number, step: QuantizeStep, of?: number) => void;
  signal?: AbortSignal;
}

/** What `quantize` does one after the other; only calibration always. */
export type QuantizeStep = 'measuring' | 'calibrating' | 'correcting';

const defaults = {
  observer: 'mse',
  activations: 'uint8',
  symmetric: false,
  perTensor: false,
  exclude: [],
  equalize: false,
  replaceRelu6: false,
  absorbBias: false,
  correctBias: false,
} as const;

/** Names of all options of `quantize`. */
export const quantizeOptions = [...Object.keys(defaults), 'percentile', ...weightOptions, 'device', 'onProgress', 'signal'];

/** A layer whose weights became codes. */
export interface QuantizedLayer {
  name: string;
  op: string;
  parameters: number;
}

export interface Quantized extends Conditioning {
  /** The graph with QuantizeLinear and DequantizeLinear in it: export it, or lower it with `lowerInteger`. */
  graph: Graph;
  layers: QuantizedLayer[];
  /** Layers that stay float, and why. */
  float: { name: string; op: string; reason: string }[];
  /** The ranges that calibration chose, by value name. */
  ranges: Record<string, Range>;
  /** What AdaRound made of each layer; empty without it. */
  rounding: LayerRounding[];
  /** What `correctBias` did. */
  corrected?: Corrected;
}

/**
 * Quantizes a float graph: folds batch normalization, watches the activations over the batches, gives them 8-bit codes and the weights
 * symmetric int8 codes. Weights that are codes already (low-bit ones) stay as they are. The result does not depend on the size of the batches.
 *
 * Memory does not grow with the number of samples: each step asks for the batches again and keeps statistics of them. Only the empirical correction
 * keeps activations, of as many batches as 512 MiB hold.
 * @param batches inputs by name, samples along their first dimension; called once for calibration, before it where something is equalized or absorbed,
 *   after it by AdaRound once for each layer, and for the empirical correction
 * @throws LowbitError "unknownOption", "option", "data" (NaN, no samples), "graph" (already quantized, nothing to quantize)
 */
export async function quantize(graph: Graph, batches: Batches, options: QuantizeOptions = {}): Promise<Quantized> {
  const settings = checked(options);
  const { signal } = options;
  const progress = (step: QuantizeStep) => (done: number, of?: number) => options.onProgress?.(done, step, of);
  const prepared = prepareToQuantize(graph);
  planOf(prepared, settings); // mistakes are told before samples are read
  const measuring = { onProgress: progress('measuring'), signal };
  const { graph: float, statistics, done } = await conditioned(prepared, batchNormStatistics(graph), batches, settings, measuring);
  const plan = planOf(float, settings);
  const layers = plan.nodes.filter((node) => node.op.quantizes);
  const observers = observersFor(plan, settings);
  const watches = watchesFor(float, statistics, settings.correctBias);
  await calibrate(float, batches, together(observers, watches), { onProgress: progress('calibrating'), device: options.device, signal });
  const { qparams, ranges } = parameters(float, plan, observers, settings);
  const { graph: quantized, rounding } = await insertRounded(float, qparams, layers, batches, {
    ...options,
    perTensor: settings.perTensor,
  });
  const correcting = { onProgress: progress('correcting'), signal };
  const method = settings.correctBias;
  const after = method && (await corrected(float, quantized, method, { statistics, watches }, batches, correcting));
  return {
    graph: after ? after.graph : quantized,
    layers: layers.map((node) => ({
      name: node.name,
      op: node.op.name,
      parameters: node.inputs.slice(1).reduce((sum, value) => sum + weightSize(float, value), 0),
    })),
    float: plan.float,
    ranges,
    rounding,
    ...done,
    ...(after && { corrected: after.corrected }),
  };
}

function planOf(graph: Graph, settings: Settings): Plan {
  const plan = quantizationPlan(graph, settings);
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
  for (const flag of ['symmetric', 'perTensor', 'equalize', 'replaceRelu6', 'absorbBias'] as const)
    if (typeof settings[flag] !== 'boolean') refuse(flag, 'true or false');
  const { percentile = 100 } = settings;
  if (!(percentile > 0 && percentile <= 100)) refuse('percentile', 'a number above 0, at most 100');
  if (options.percentile !== undefined && !keepsShare(settings.observer)) {
    refuse('percentile', 'to be left out', `observer is "${settings.observer}"`);
  }
  if (!Array.isArray(settings.exclude) || settings.exclude.some((item) => typeof item !== 'string')) refuse('exclude', 'a list of names');
  if (settings.replaceRelu6 && !settings.equalize) refuse('replaceRelu6', 'to be left out', 'equalize is not set');
  if (settings.correctBias !== false && !correctionMethods.includes(settings.correctBias)) {
    refuse('correctBias', `false or one of ${correctionMethods.join(', ')}`);
  }
  if (settings.correctBias === 'weights' && settings.perTensor) {
    refuse('correctBias', '"empirical" or "analytic"', 'perTensor gives the channels of a weight one scale');
  }
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
