/** AdaRound: weights are rounded up or down so that the outputs of each layer stay, not to the nearest code. */
import type { Graph } from '../../graph/graph.js';
import { rewrite } from '../../graph/rewrite.js';
import { conv2d } from '../../ops/index.js';
import { keep, Tensor } from '../../tensor.js';
import type { Batches } from '../calibrate.js';
import type { QuantizedWeight } from '../weightScheme.js';
import { fingerprint, readLayer, writeLayer } from './folder.js';
import { type LayerRounding, type LayerWeight, roundLayer } from './layer.js';
import { type AdaroundOptions, adaroundSettings } from './options.js';
import { collectRows } from './rows.js';
import { type LayerTarget, layerTargets } from './target.js';

/** How far it is. */
export interface RoundingProgress {
  /** The layer that is at work, from 1, and how many there are. */
  layer: number;
  layers: number;
  name: string;
  /** Iterations of it that are done. */
  iteration: number;
  iterations: number;
}

export interface AdaRound {
  /** Codes and scales by the name of the layer: what `insertQdq` takes as `weights`. */
  weights: Map<string, QuantizedWeight>;
  /** What became of each layer. */
  layers: LayerRounding[];
}

/**
 * Rounds the weights of a quantized graph anew, layer by layer in its order, on samples (Nagel et al., 2020). A layer reads what the layers
 * before it give with their final codes, on integers, and has to give what it gives in the float graph, behind the clamp that follows it:
 *
 *   mean of Σ (f(w·x + b) − f(ŵ·x̂ + b))² + λ·c·Σ (1 − |2h(V) − 1|^β),   ŵ = s·clamp(⌊w / s⌋ + h(V), −Q, Q),   c the mean s²·x̂²
 *
 * The result depends on graphs, samples and settings alone, not on the number of threads or the size of the batches. Memory is bounded by
 * the activations of one batch and 256 MiB of rows. Layers are those of convolutions and gemm whose weights are symmetric codes.
 * @param float the graph as `prepareToQuantize` left it
 * @param quantized what `insertQdq` made of it
 * @param batches inputs by name, samples along their first dimension; called once for each layer
 * @throws LowbitError "option", "unknownOption", "aborted", "file" and "format" for the folder
 */
export async function adaround(
  float: Graph,
  quantized: Graph,
  batches: Batches,
  options: AdaroundOptions = {},
  { signal, onProgress }: { signal?: AbortSignal; onProgress?: (progress: RoundingProgress) => void } = {},
): Promise<AdaRound> {
  const settings = adaroundSettings(options);
  const { folder, iterations, ...decisive } = settings;
  const graph = rewrite(quantized, () => undefined); // a layer's codes are replaced in it when they are known
  const targets = layerTargets(float, graph);
  const made: AdaRound = { weights: new Map(), layers: [] };
  let print = fingerprint([JSON.stringify({ iterations, ...decisive })]);
  for (const [number, target] of targets.entries()) {
    const { name, codes: value } = target;
    const report = (iteration: number) => onProgress?.({ layer: number + 1, layers: targets.length, name, iteration, iterations });
    report(0);
    const layer = layerOf(target, float, graph);
    print = fingerprint([print, name, layer.weight.data(), layer.bias.data(), layer.scales, String(layer.bits)]);
    let rounded = folder === undefined ? undefined : readLayer(folder, number, print);
    if (!rounded) {
      const rows = await collectRows(target, { float, quantized: graph }, batches, settings, number, signal);
      rounded = { name, ...(await roundLayer(layer, rows, settings, number, { signal, onIterations: report })) };
      if (folder !== undefined) writeLayer(folder, number, print, rounded);
      for (const tensor of [rows.inputs, rows.outputs]) tensor.dispose();
    }
    layer.weight.dispose();
    const { codes, scales, ...rest } = rounded;
    graph.constants.set(value, keep(Tensor.from(codes, graph.constantOf(value)!.shape)));
    made.weights.set(name, { codes, scales });
    made.layers.push(rest);
  }
  return made;
}

/** The numbers of a layer; convolutions without groups are products of rows. */
function layerOf({ node, scales, bits, bounds }: LayerTarget, float: Graph, graph: Graph): LayerWeight {
  const [weight, bias] = node.inputs.slice(1).map((value) => float.constantOf(value)!);
  const groups = node.op === conv2d ? Number(node.params.groups ?? conv2d.params.groups) : 1;
  const [outputs] = weight.shape;
  const shape = groups === 1 ? [outputs, weight.size / outputs] : weight.shape;
  return {
    weight: Tensor.from(weight.data(), shape),
    bias,
    scales: graph.constantOf(scales)!.data() as Float32Array,
    bits,
    groups,
    bounds,
  };
}
