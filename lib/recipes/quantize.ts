/** Post-training quantization: a float graph and samples in, a QDQ graph out. */
import type { Graph } from '../graph/graph.js';
import type { LayerRounding } from '../quant/adaround/layer.js';
import type { Batches } from '../quant/calibrate.js';
import type { Range } from '../quant/scheme.js';
import type { QuantizedWeight } from '../quant/weightScheme.js';
import { realComputations } from './activationCodes.js';
import { type CalibratedNetwork, calibrateNetwork } from './calibrated.js';
import { weightSize } from './codedWeights.js';
import type { Conditioning } from './conditioned.js';
import { type Corrected, corrected } from './corrected.js';
import { type QuantizeOptions, stepProgress } from './quantizeOptions.js';
import { insertRounded } from './weightRounding.js';

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
  /** Layers that compute on real numbers, and why. */
  float: { name: string; op: string; reason: string }[];
  /** The ranges that calibration chose, by value name. */
  ranges: Readonly<Record<string, Range>>;
  /** What AdaRound made of each layer; empty without it. */
  rounding: LayerRounding[];
  /** The codes that it gave weights, by the name of the layer. */
  weights?: ReadonlyMap<string, QuantizedWeight>;
  /** What `correctBias` did. */
  corrected?: Corrected;
}

/**
 * Quantizes a float graph: folds batch normalization, watches the activations over the batches, gives them 8-bit codes and the weights
 * symmetric int8 codes. Weights that are codes already (low-bit ones) stay as they are. The result does not depend on the size of the batches.
 *
 * Memory does not grow with the number of samples: each step asks for the batches again and keeps statistics of them. Only the empirical correction
 * keeps activations, of as many batches as 512 MiB hold.
 * @param batches inputs by name, samples along their first dimension; called once for calibration, before it where something is equalized or absorbed and where it is smoothed,
 *   after it by AdaRound once for each layer, and for the empirical correction
 * @throws LowbitError "unknownOption", "option", "data" (NaN, no samples), "graph" (already quantized, nothing to quantize)
 */
export async function quantize(graph: Graph, batches: Batches, options: QuantizeOptions = {}): Promise<Quantized> {
  return quantizeCalibrated(await calibrateNetwork(graph, batches, options), batches, options);
}

/**
 * Rounds a calibrated network, and corrects what rounding does on average.
 * @param batches called by AdaRound and by the empirical correction
 * @param options those of weights and of the correction count here
 */
export async function quantizeCalibrated(network: CalibratedNetwork, batches: Batches, options: QuantizeOptions = {}): Promise<Quantized> {
  const { graph: float, layers, qparams, settings, weights: decided } = network;
  const { signal } = options;
  const { perTensor, correctBias: method } = settings;
  const weightOnly = settings.activations === 'float';
  const rounded = await insertRounded(float, qparams, layers, batches, { ...options, perTensor, weightOnly, weights: decided });
  const correcting = { onProgress: stepProgress(options, 'correcting'), signal };
  const after = method && (await corrected(float, rounded.graph, method, network, batches, correcting));
  return {
    graph: after ? after.graph : rounded.graph,
    layers: layers.map((node) => ({
      name: node.name,
      op: node.op.name,
      parameters: node.inputs.slice(1).reduce((sum, value) => sum + weightSize(float, value), 0),
    })),
    float: [...network.plan.float, ...realComputations(float, network.plan, qparams, settings)],
    ranges: network.ranges,
    rounding: rounded.rounding,
    ...(rounded.weights && { weights: rounded.weights }),
    ...network.done,
    ...(after && { corrected: after.corrected }),
  };
}
