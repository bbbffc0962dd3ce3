/** What `quantize` does to weights: how many bits they get, with which scales, and how they are rounded. */
import { fail } from '../error.js';
import type { Graph, Node } from '../graph/graph.js';
import { insertQdq, type QdqOptions } from '../passes/insertQdq.js';
import { adaround, type RoundingProgress } from '../quant/adaround/adaround.js';
import type { LayerRounding } from '../quant/adaround/layer.js';
import { type AdaroundOptions, adaroundSettings, refuseSigns } from '../quant/adaround/options.js';
import type { Batches } from '../quant/calibrate.js';
import { leastSquares } from '../quant/leastSquares/leastSquares.js';
import { type LeastSquaresOptions, leastSquaresSettings } from '../quant/leastSquares/options.js';
import { type QParams, type ScaleKind, scaleKinds } from '../quant/scheme.js';
import { checkWeightBits, type WeightBits, type WeightGroup, type WeightRange, weightGroups, weightRanges } from '../quant/weightScheme.js';
import { type BitsByName, bitsByName, bitsGiven } from './bitsByName.js';

export interface WeightOptions {
  /**
   * Bits of weights, 1, 2, 3, 4 or 8: of all layers, or by names of layers and patterns written /like this/, of which the last that fits
   * counts; layers that none fits have 8. Default 8.
   */
  weightBits?: BitsByName<WeightBits>;
  /**
   * Inputs that share a scale in linear layers, 32, 64 or 128, where activations are "float": k / group scales for each output channel. Layers of which k
   * is no multiple have one. Default: one scale for each output channel.
   */
  weightGroup?: WeightGroup;
  /** What codes of weights reach: the largest weight, or as far as makes the squared error smallest. Default "max" for 8 bits, else "mse". */
  weightRange?: WeightRange;
  /** Any scales, or powers of two for weights and activations. Default "float". */
  scales?: ScaleKind;
  /**
   * Round weights to the nearest code, or so that the outputs of each layer stay: by learning (AdaRound) or by least squares, which chooses
   * scales and biases too. Both are better below 8 bits and with one scale a weight. Default "nearest".
   */
  rounding?: (typeof weightRoundings)[number];
  /** Settings of AdaRound. */
  adaround?: AdaroundOptions;
  /** Settings of rounding by least squares. */
  leastSquares?: LeastSquaresOptions;
  onRounding?: (progress: RoundingProgress) => void;
}

export const weightRoundings = ['nearest', 'adaround', 'leastSquares'] as const;

/** Names of the options. */
export const weightOptions = [
  'weightBits',
  'weightGroup',
  'weightRange',
  'scales',
  'rounding',
  'adaround',
  'leastSquares',
  'onRounding',
] as const;

/** @throws LowbitError "option", "unknownOption" */
export function checkWeightOptions(options: WeightOptions): void {
  const { weightBits = 8, weightGroup, weightRange, scales, rounding = 'nearest' } = options;
  const widths = bitsGiven(weightBits);
  for (const bits of widths) checkWeightBits('quantize', bits);
  if (rounding !== 'nearest' && widths.includes(1)) refuseSigns();
  const choices = {
    weightGroup: [weightGroup, weightGroups],
    weightRange: [weightRange, weightRanges],
    scales: [scales, scaleKinds],
    rounding: [rounding, weightRoundings],
  } as const;
  for (const [option, [came, allowed]] of Object.entries(choices)) {
    const known = came === undefined || (allowed as readonly unknown[]).includes(came);
    if (!known) fail({ code: 'option', where: 'quantize', option, came, expected: `one of ${allowed.join(', ')}` });
  }
  if (weightGroup !== undefined && rounding !== 'nearest') {
    const because = `rounding is "${rounding}", which knows scales of output channels`;
    fail({ code: 'option', where: 'quantize', option: 'weightGroup', came: weightGroup, expected: 'to be left out', because });
  }
  for (const option of ['adaround', 'leastSquares'] as const) {
    const came = options[option];
    if (came === undefined || rounding === option) continue;
    fail({ code: 'option', where: 'quantize', option, came, expected: 'to be left out', because: `rounding is not "${option}"` });
  }
  if (options.adaround) adaroundSettings(options.adaround);
  if (options.leastSquares) leastSquaresSettings(options.leastSquares);
}

/** The bits of each layer, by its name. */
export function bitsOfLayers(graph: Graph, layers: readonly Node[], weightBits: WeightOptions['weightBits'] = 8): Map<string, WeightBits> {
  return bitsByName<WeightBits>(graph, layers, weightBits, 8, { name: 'weightBits', about: 'layers whose weights are quantized' });
}

/**
 * `insertQdq` with the options' weights.
 * @param layers the nodes whose weights are quantized
 * @param batches called once for each layer where roundings are chosen, otherwise not
 * @param options `weights`: what an earlier rounding came to; layers that it does not name are rounded to nearest
 */
export async function insertRounded(
  graph: Graph,
  activations: ReadonlyMap<string, QParams>,
  layers: readonly Node[],
  batches: Batches,
  options: WeightOptions & Pick<QdqOptions, 'perTensor' | 'weights' | 'weightOnly'> & { signal?: AbortSignal },
): Promise<{ graph: Graph; rounding: LayerRounding[]; weights?: QdqOptions['weights'] }> {
  const { perTensor, weightGroup, weightOnly, weightRange, scales, rounding, weights: decided, signal, onRounding: onProgress } = options;
  const names = new Set(layers.map(({ name }) => name));
  const scheme: QdqOptions = {
    perTensor,
    weightGroup,
    weightOnly,
    weightRange,
    scales,
    weightBits: bitsOfLayers(graph, layers, options.weightBits),
  };
  const nearest = insertQdq(graph, activations, names, { ...scheme, weights: decided });
  if (rounding === undefined || rounding === 'nearest' || decided) return { graph: nearest, rounding: [], weights: decided };
  const { weights, layers: rounded } = await (rounding === 'adaround'
    ? adaround(graph, nearest, batches, options.adaround, { signal, onProgress })
    : leastSquares(graph, nearest, batches, options.leastSquares, { kind: scales, signal, onProgress }));
  return { graph: insertQdq(graph, activations, names, { ...scheme, weights }), rounding: rounded, weights };
}
