/** Rounding by least squares: all codes of a layer, their scales and its bias follow from moments of samples, without learning steps. */
import type { Graph, Value } from '../../graph/graph.js';
import { groupsOf } from '../../graph/layers.js';
import { rewrite } from '../../graph/rewrite.js';
import { dequantize } from '../../ops/index.js';
import { keep, Tensor } from '../../tensor.js';
import type { AdaRound, RoundingProgress } from '../adaround/adaround.js';
import { fingerprint, readLayer, writeLayer } from '../adaround/folder.js';
import { collectRows } from '../adaround/rows.js';
import { type LayerTarget, layerTargets } from '../adaround/target.js';
import type { Batches } from '../calibrate.js';
import { productScales, quantizeBias, type ScaleKind } from '../scheme.js';
import type { QuantizedWeight } from '../weightScheme.js';
import { type FittedLayer, fitLayer } from './layer.js';
import { type LeastSquaresOptions, leastSquaresSettings } from './options.js';

/**
 * Rounds the weights of a quantized graph anew, layer by layer in its order. A layer reads x̂, what the layers before it give with their
 * final codes; its float twin reads x. What its outputs lose is a quadratic form of the errors e = ŵ − w of its weights,
 *
 *   E (w·x − ŵ·x̂)² = e·S·e − 2·e·d + …,   S = cov(x̂),   d = cov(w·x − w·x̂, x̂)
 *
 * once the bias has taken up the means, so that codes are found by coordinate descent among whole numbers, from several scales. Moments of
 * few samples promise more than they keep: S is drawn to its diagonal and d to 0, as far as is best for a quarter of the samples that they
 * were not made of (as Ledoit and Wolf shrink covariances, 2004). Biases are fitted last, behind the clamp that follows.
 *
 * The result depends on graphs, samples and settings alone. Memory is bounded by the activations of one batch, about 0.5 GiB for rows, and
 * moments of k² numbers for k weights an output; where k is above 1536, or k² for all outputs
 * above 2.5·10⁸, codes stay the nearest ones, and only biases are fitted.
 * @param float the graph as `prepareToQuantize` left it
 * @param quantized what `insertQdq` made of it
 * @param batches inputs by name, samples along their first dimension; called once for each layer
 * @param kind which scales weights may have
 * @throws LowbitError "option", "unknownOption", "aborted", "file" and "format" for the folder
 */
export async function leastSquares(
  float: Graph,
  quantized: Graph,
  batches: Batches,
  options: LeastSquaresOptions = {},
  {
    kind = 'float',
    signal,
    onProgress,
  }: { kind?: ScaleKind; signal?: AbortSignal; onProgress?: (progress: RoundingProgress) => void } = {},
): Promise<AdaRound> {
  const { folder, ...settings } = leastSquaresSettings(options);
  const graph = rewrite(quantized, () => undefined); // layers are replaced in it when they are known
  const targets = layerTargets(float, graph);
  const made: AdaRound = { weights: new Map(), layers: [] };
  let print = fingerprint(['least squares', JSON.stringify(settings), kind]);
  for (const [number, target] of targets.entries()) {
    const { name } = target;
    onProgress?.({ layer: number + 1, layers: targets.length, name, iteration: 0, iterations: 1 });
    const layer = layerOf(target, float, graph, kind);
    print = fingerprint([print, name, layer.weight, layer.bias, layer.scales, String(layer.bits)]);
    let fitted = folder === undefined ? undefined : readLayer(folder, number, print);
    if (!fitted) {
      const { node, input } = target;
      const rows = await collectRows(
        { name, node, input, output: node.output },
        { float, quantized: graph },
        batches,
        settings,
        number,
        signal,
      );
      fitted = { name, ...(await fitLayer(layer, rows, signal)) };
      if (folder !== undefined) writeLayer(folder, number, print, fitted);
      for (const tensor of [rows.inputs, rows.outputs]) tensor.dispose();
    }
    const { codes, scales, bias = layer.bias, ...rest } = fitted;
    replaceLayer(graph, target, { codes, scales, bias }, layer.inputScale);
    made.weights.set(name, { codes, scales, bias });
    made.layers.push(rest);
  }
  return made;
}

function layerOf({ node, input, scales, bits, bounds }: LayerTarget, float: Graph, graph: Graph, kind: ScaleKind): FittedLayer {
  const [weight, bias] = node.inputs.slice(1).map((value) => float.constantOf(value)!.data() as Float32Array);
  const inputScale = input.producer?.op === dequantize ? graph.constantOf(input.producer.inputs[1])!.item() : undefined;
  return { weight, bias, groups: groupsOf(node), bits, scales: graph.constantOf(scales)!.data() as Float32Array, kind, inputScale, bounds };
}

/** Later layers read what this one gives with its final codes and bias. */
function replaceLayer(graph: Graph, target: LayerTarget, { codes, scales, bias }: Required<QuantizedWeight>, inputScale = 1): void {
  const replace = (value: Value, data: Int8Array | Int32Array | Float32Array) =>
    graph.constants.set(value, keep(Tensor.from(data, graph.constantOf(value)!.shape)));
  replace(target.codes, codes);
  replace(target.scales, scales);
  const { producer } = target.bias;
  if (producer?.op !== dequantize) return void replace(target.bias, bias);
  const products = productScales(inputScale, scales);
  replace(producer.inputs[0], quantizeBias(bias, products));
  replace(producer.inputs[1], products);
}
