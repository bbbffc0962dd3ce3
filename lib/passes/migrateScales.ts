import { checkOptions, fail } from '../error.js';
import { type Graph, type Node, Uses, type Value } from '../graph/graph.js';
import { eachWeight, groupsOf, isLayer } from '../graph/layers.js';
import { rewrite } from '../graph/rewrite.js';
import { Types } from '../graph/types.js';
import { mul } from '../ops/index.js';
import type { WeightBits } from '../quant/weightScheme.js';
import { Tensor } from '../tensor.js';
import { absorbed, type Edit, type Surroundings } from './migrate/absorb.js';
import { chosen, Reader, type SeenChannels } from './migrate/scales.js';

export type { SeenChannels };

export interface MigrateOptions {
  /**
   * How much of the unevenness goes from activations to weights, 0 to 1. Left out, it is the one of 0, 0.1 .. 1 for each value that promises the least
   * noise, and where none promises less than there is, nothing moves.
   */
  alpha?: number;
  /** One scale for a whole weight instead of one for each output channel. Default false. */
  perTensor?: boolean;
  /** Bits of weights, by the name of the layer; 8 for those that are not named. */
  weightBits?: ReadonlyMap<string, WeightBits>;
}

/** A value whose channels may be scaled, and the layers that read it. */
export interface Migration {
  value: Value;
  layers: readonly Node[];
  /**
   * Nobody before it can take the division in (an input of the graph), or somebody else reads the value too (the residual sum behind a norm): the
   * layers get their own, at the price of a product.
   */
  takesProduct: boolean;
}

/** A value whose channels were divided. */
export interface MigratedScales {
  name: string;
  layers: string[];
  alpha: number;
  scales: Float64Array;
  /** How many times less noise is expected in the outputs of the worst of the layers. */
  gain: number;
}

export interface Migrated {
  graph: Graph;
  values: MigratedScales[];
  /** What the output channels of layers were divided by, by the name of the layer. */
  divisors: Map<string, Float64Array>;
}

const alphas = Array.from({ length: 11 }, (_, i) => i / 10);

/** From this gain on a product is worth its time: 3 dB. */
const worthAProduct = 2;

/** The values of a graph whose channels can be scaled: what has to be watched for `migrateScales`. */
export function migrations(graph: Graph): Migration[] {
  const around = surroundings(graph);
  return [...graph.inputs, ...graph.nodes.map(({ output }) => output)].flatMap((value) => {
    const readers = around.uses.of(value);
    const layers = readers.filter((node) => isLayer(graph, node) && node.inputs[0] === value);
    const channels = around.types.get(value)?.shape.at(-1);
    if (!layers.length || !channels || layers.some((layer) => inputsOf(graph, layer) !== channels)) return [];
    const { producer } = value;
    if (!producer) return [{ value, layers, takesProduct: true }];
    if (!absorbed(value, ones(channels), around)) return [];
    const takesProduct = layers.length < readers.length || around.uses.isOutput(value);
    return takesProduct && isLayer(graph, producer) ? [] : [{ value, layers, takesProduct }];
  });
}

/**
 * Makes activations with outlying channels fit for one scale: each channel j that layers read is divided by s[j], and their weights are multiplied by it,
 *
 *     s[j] = max|x[j]|^α / max|w[:, j]|^(1 − α)        w of all layers that read x: query, key and value share one
 *
 * What makes the value takes the division in: scale and bias of a normalization (LayerNorm, decomposed or not, RMSNorm, BatchNorm), or the layer before (value
 * projection → output projection). Where a residual sum reads a norm too (BERT's order), and for inputs of the graph, the layers read a product with 1/s.
 * The outputs of the graph stay what they are, up to rounding.
 * Source: Xiao et al., SmoothQuant: Accurate and Efficient Post-Training Quantization for Large Language Models, 2023.
 * @param seen the channels of the values of `migrations`, by name; values without stay as they are
 * @throws LowbitError "option", "graph" where what was seen has other channels
 */
export function migrateScales(graph: Graph, seen: ReadonlyMap<string, SeenChannels>, options: MigrateOptions = {}): Migrated {
  checkOptions('migrateScales', options, ['alpha', 'perTensor', 'weightBits']);
  checkAlpha('migrateScales', 'alpha', options.alpha);
  const { alpha, perTensor = false, weightBits } = options;
  const around = surroundings(graph);
  const edits: Edit[] = [];
  const products = new Map<Node, { value: Value; factor: Tensor }>();
  const values: MigratedScales[] = [];
  for (const { value, layers, takesProduct } of migrations(graph)) {
    const channels = seen.get(value.name);
    if (!channels) continue;
    checkChannels(value, channels, inputsOf(graph, layers[0]));
    const readers = layers.map((layer) => new Reader(graph, layer, weightBits?.get(layer.name) ?? 8, perTensor));
    const { scales, ...choice } = chosen(channels, readers, alpha === undefined ? alphas : [alpha]);
    if (alpha === undefined && !(choice.gain > (takesProduct ? worthAProduct : 1))) continue;
    const divided = Tensor.from(Float32Array.from(scales, (s) => 1 / s));
    if (takesProduct) for (const layer of layers) products.set(layer, { value, factor: divided });
    else edits.push(...absorbed(value, divided, around)!);
    edits.push(...layers.map((node) => ({ node, input: 1, factor: inputFactor(graph, node, scales) })));
    values.push({ name: value.name, layers: layers.map(({ name }) => name), scales, ...choice });
  }
  return { graph: edited(graph, edits, products), values, divisors: divisorsOf(graph, edits) };
}

/** Refuses an α outside 0 to 1. */
export function checkAlpha(where: string, option: string, alpha: number | undefined): void {
  if (alpha === undefined || (alpha >= 0 && alpha <= 1)) return;
  fail({ code: 'option', where, option, came: alpha, expected: 'a number from 0 to 1' });
}

const surroundings = (graph: Graph): Surroundings => ({ graph, types: new Types(graph), uses: new Uses(graph) });
const inputsOf = (graph: Graph, layer: Node): number => graph.constantOf(layer.inputs[1])!.shape.at(-1)! * groupsOf(layer);
const ones = (count: number): Tensor => Tensor.from(new Float32Array(count).fill(1));

function checkChannels({ name }: Value, { largest }: SeenChannels, channels: number): void {
  if (largest.length !== channels)
    fail({ code: 'graph', problem: `"${name}" was seen with ${largest.length} channels, it has ${channels}` });
}

/** s of the input channel of each weight, in the shape of the weight. */
function inputFactor(graph: Graph, layer: Node, scales: Float64Array): Tensor {
  const { shape, size } = graph.constantOf(layer.inputs[1])!;
  const factor = new Float32Array(size);
  eachWeight(shape, groupsOf(layer), (index, _output, input) => {
    factor[index] = scales[input];
  });
  return Tensor.from(factor, shape);
}

function edited(graph: Graph, edits: readonly Edit[], products: ReadonlyMap<Node, { value: Value; factor: Tensor }>): Graph {
  const constants = new Map<Node, Map<number, Tensor>>();
  for (const { node, input, factor } of edits) {
    const own = constants.get(node) ?? new Map<number, Tensor>();
    own.set(input, mul(own.get(input) ?? graph.constantOf(node.inputs[input])!, factor));
    constants.set(node, own);
  }
  const made = new Map<Value, Value>();
  return rewrite(graph, (node, to) => {
    const own = constants.get(node);
    if (!own) return undefined;
    const inputs = node.inputs.map((value, i) => {
      const tensor = own.get(i);
      return tensor ? to.graph.constant(tensor, value.name) : to.get(value);
    });
    const product = products.get(node);
    if (product) {
      const { value, factor } = product;
      const name = `${value.name}.smooth`;
      const divided = made.get(value) ?? to.graph.add(mul, [to.get(value), to.graph.constant(factor, `${name}.factor`)], {}, name);
      made.set(value, divided);
      inputs[0] = divided;
    }
    return to.copy(node, inputs);
  });
}

/** Only a layer that takes a factor in has its bias changed. */
function divisorsOf(graph: Graph, edits: readonly Edit[]): Migrated['divisors'] {
  const biases = edits.filter(({ node, input }) => input === 2 && isLayer(graph, node));
  return new Map(biases.map(({ node, factor }) => [node.name, Float64Array.from(factor.toNumbers(), (x) => 1 / x)]));
}
