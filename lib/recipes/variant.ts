/** Forms of one calibrated network: which of its products are quantized, and how many bits their weights have. */
import type { Graph } from '../graph/graph.js';
import type { Batches } from '../quant/calibrate.js';
import { isProduct } from '../quant/plan.js';
import type { WeightBits } from '../quant/weightScheme.js';
import { type CalibratedNetwork, withFloat } from './calibrated.js';
import { codedWeights, weightSize } from './codedWeights.js';
import { type Quantized, quantizeCalibrated } from './quantize.js';
import type { WeightOptions } from './weightRounding.js';

/** A convolution, a linear layer or a product of activations that may be quantized or left float; several of one name are one. */
export interface Product {
  name: string;
  op: string;
  parameters: number;
  /** Of codes that no option changes: those of activations, and weights that were codes in the file. */
  fixedBits?: number;
}

/** The products of the plan, in the order of the network. */
export function productsOf({ graph, plan, layers }: CalibratedNetwork): Product[] {
  const coded = new Map(codedWeights(graph).map(({ layer, bits }) => [layer, bits]));
  const products = new Map<string, Product>();
  for (const { name, op, inputs } of plan.nodes.filter((node) => isProduct(node.op))) {
    const parameters = inputs.slice(1).reduce((sum, value) => sum + weightSize(graph, value), products.get(name)?.parameters ?? 0);
    const fixedBits = layers.some((layer) => layer.name === name) ? coded.get(name) : 8;
    products.set(name, { name, op: op.name, parameters, ...(fixedBits !== undefined && { fixedBits }) });
  }
  return [...products.values()];
}

/** Which form of a network. */
export interface VariantChoice {
  /** Names of products on real numbers. */
  float: readonly string[];
  /** Of weights, by the name of the layer; 8 for those that are not named. */
  bits: ReadonlyMap<string, WeightBits>;
}

export interface Variant {
  graph: Graph;
  /** Missing where all products are on real numbers: then the graph is the float one. */
  quantized?: Quantized;
}

/** @param batches called by AdaRound and by the empirical correction */
export async function quantizeVariant(
  network: CalibratedNetwork,
  { float, bits }: VariantChoice,
  batches: Batches,
  options: WeightOptions & { signal?: AbortSignal },
): Promise<Variant> {
  if (productsOf(network).every(({ name }) => float.includes(name))) return { graph: network.graph };
  const variant = float.length ? withFloat(network, float) : network;
  const weightBits = Object.fromEntries(variant.layers.map(({ name }) => [name, bits.get(name) ?? 8]));
  const quantized = await quantizeCalibrated(variant, batches, { ...options, weightBits });
  return { graph: quantized.graph, quantized };
}
