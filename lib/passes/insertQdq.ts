import { fail } from '../error.js';
import type { Graph, Node, Value } from '../graph/graph.js';
import { codesOf } from '../graph/match.js';
import { Rewriter, withoutDead } from '../graph/rewrite.js';
import * as ops from '../ops/index.js';
import { productScales, type QParams, quantizeBias, type ScaleKind } from '../quant/scheme.js';
import {
  checkWeightBits,
  largestCode,
  type QuantizedWeight,
  quantizeWeight,
  takesGroups,
  type WeightBits,
  type WeightGroup,
  type WeightRange,
  type WeightScheme,
} from '../quant/weightScheme.js';
import { type Shape, sizeOf } from '../shape.js';
import { Tensor } from '../tensor.js';

export interface QdqOptions {
  /** One scale for a whole weight instead of one for each output channel. */
  perTensor?: boolean;
  /** Bits of weights: of all layers, or by the name of the layer, 8 for those that are not named. Default 8. */
  weightBits?: WeightBits | ReadonlyMap<string, WeightBits>;
  /** What codes of weights reach. Default "max" for 8 bits, "mse" for fewer. */
  weightRange?: WeightRange;
  /**
   * Inputs that share a scale, for linear layers: each output channel has k / group scales. Only where activations are real. Layers of which k is
   * no multiple have one scale for each output channel.
   */
  weightGroup?: WeightGroup;
  /** Activations stay real, and biases with them: only weights become codes. Default false. */
  weightOnly?: boolean;
  /** Scales of weights. Default "float". */
  scales?: ScaleKind;
  /** Scales and codes of weights that are decided already, and biases, by the name of the layer; the others are rounded to nearest. */
  weights?: ReadonlyMap<string, QuantizedWeight>;
}

/**
 * Puts quantize → dequantize behind values, and turns the weights of layers into int8 codes behind a dequantize, their biases into int32
 * codes of scale s_x·s_w[c]. Weights that are codes already stay what they are. A pure rewrite: nothing is computed on data.
 *
 * On integers a scale belongs to all that an output channel reads: with one for each group of input channels there would be as many sums to a product,
 * and the integer kernels have one. `weightGroup` is for layers that compute on real numbers.
 * @param activations parameters by value name; every reader of such a value reads it dequantized
 * @param layers names of nodes whose weights are quantized; unless `weightOnly`, their input has to be among the activations
 * @throws LowbitError "data" for constants that are not finite and for given weights that do not fit, "graph", "option"
 */
export function insertQdq(
  old: Graph,
  activations: ReadonlyMap<string, QParams>,
  layers: ReadonlySet<string>,
  options: QdqOptions = {},
): Graph {
  const to = new Inserter(old, activations, options);
  for (const value of [...old.inputs, ...old.constants.keys()]) to.insert(value);
  for (const node of old.nodes) {
    to.set(node.output, layers.has(node.name) && node.op.quantizes ? to.quantizedLayer(node) : to.copy(node));
    to.insert(node.output);
  }
  for (const { name, value } of old.outputs) to.graph.output(name, to.get(value));
  return withoutDead(to.graph);
}

class Inserter extends Rewriter {
  constructor(
    old: Graph,
    readonly activations: ReadonlyMap<string, QParams>,
    readonly options: QdqOptions,
  ) {
    super(old);
  }

  /** Readers from now on see the value through its codes. */
  insert(value: Value): void {
    const qparams = this.activations.get(value.name);
    if (!qparams) return;
    const { graph } = this;
    const name = value.name;
    const scale = graph.constant(Tensor.from([qparams.scale], []), `${name}.scale`);
    const zeroPoint = graph.constant(Tensor.from([qparams.zeroPoint], [], qparams.dtype), `${name}.zeroPoint`);
    const constant = this.old.constantOf(value);
    const codes = constant
      ? graph.constant(ops.quantize(constant, graph.constantOf(scale)!, graph.constantOf(zeroPoint)!), `${name}.codes`)
      : graph.add(ops.quantize, [this.get(value), scale, zeroPoint], {}, `${name}.codes`);
    this.set(value, graph.add(ops.dequantize, [codes, scale, zeroPoint], {}, `${name}.dequantized`));
  }

  quantizedLayer(node: Node): Value {
    const [x, w, bias] = node.inputs;
    const given = this.options.weights?.get(node.name)?.bias;
    const shift = given ?? this.finite(bias);
    const real = given ? this.graph.constant(Tensor.from(given), bias.name) : this.get(bias);
    if (this.options.weightOnly) {
      const { weight } = codesOf(this.old, w) ? this.codedWeight(w) : this.quantizedWeight(node, new Float32Array(shift.length));
      return this.copy(node, [this.get(x), weight, real]);
    }
    const inputScale = this.scaleOf(x, node);
    // int32 has to hold bias / (s_x·s_w): a channel of tiny weights gets a larger scale, and loses nothing by it.
    const least = shift.map((b) => Math.abs(b) / (inputScale * 2 ** 30));
    const { weight, scales } = codesOf(this.old, w) ? this.codedWeight(w) : this.quantizedWeight(node, least);
    return this.copy(node, [this.get(x), weight, this.quantizedBias(real, shift, inputScale, scales)]);
  }

  private codedWeight(w: Value): { weight: Value; scales: Float32Array } {
    const [, scale] = w.producer!.inputs;
    return { weight: this.get(w), scales: this.finite(scale) };
  }

  private quantizedWeight(node: Node, least: Float32Array): { weight: Value; scales: Float32Array } {
    const { graph } = this;
    const [, w] = node.inputs;
    const { shape } = this.old.constantOf(w)!;
    const numbers = this.finite(w);
    const scheme = this.scheme(node);
    const given = this.options.weights?.get(node.name);
    if (given) checkWeight(node, given, shape, scheme.bits);
    const { weightGroup } = this.options;
    const group = weightGroup && takesGroups(shape, weightGroup) ? weightGroup : undefined;
    const rows = group ? [sizeOf(shape) / group, group] : shape;
    const { codes, scales } = given ?? quantizeWeight(numbers, rows[0], scheme, group ? new Float32Array(rows[0]) : least);
    const weightScale = graph.constant(scalesTensor(scales), `${w.name}.scale`);
    const weightZero = graph.constant(
      Tensor.from(new Int8Array(scales.length), scales.length === 1 ? [] : [scales.length]),
      `${w.name}.zeroPoint`,
    );
    const bits = scheme.bits < 8 ? scheme.bits : undefined;
    const weightCodes = graph.constant(Tensor.from(codes, rows), `${w.name}.codes`, bits);
    const weight = graph.add(ops.dequantize, [weightCodes, weightScale, weightZero], { axis: 0 }, w.name);
    return { weight: group ? graph.add(ops.reshape, [weight], { shape }, w.name) : weight, scales };
  }

  private scheme({ name }: Node): WeightScheme {
    const { perTensor = false, weightBits = 8, weightRange, scales = 'float' } = this.options;
    const bits = checkWeightBits('insertQdq', typeof weightBits === 'object' ? (weightBits.get(name) ?? 8) : weightBits);
    return { bits, perTensor, range: weightRange ?? (bits < 8 ? 'mse' : 'max'), scales };
  }

  private scaleOf(x: Value, node: Node): number {
    const qparams = this.activations.get(x.name);
    return qparams ? qparams.scale : fail({ code: 'graph', problem: `layer "${node.name}" reads "${x.name}", which has no scale` });
  }

  // Codes would hide what is not a number.
  private finite(constant: Value): Float32Array {
    const numbers = this.old.constantOf(constant)!.data() as Float32Array;
    const bad = numbers.find((x) => !Number.isFinite(x));
    if (bad !== undefined) fail({ code: 'data', where: 'quantize', problem: `"${constant.name}" holds ${bad}` });
    return numbers;
  }

  private quantizedBias(bias: Value, shift: Float32Array, inputScale: number, scales: Float32Array): Value {
    const { graph } = this;
    if (shift.every((b) => b === 0)) return bias;
    const products = productScales(inputScale, scales);
    // Scales that were given may be too small for it.
    if (!shift.every((b, c) => Math.abs(b / products[products.length === 1 ? 0 : c]) < 2 ** 31)) return bias;
    const codes = quantizeBias(shift, products);
    const scale = graph.constant(scalesTensor(products), `${bias.name}.scale`);
    const zero = graph.constant(
      Tensor.from(new Int32Array(products.length), products.length === 1 ? [] : [products.length]),
      `${bias.name}.zeroPoint`,
    );
    return graph.add(ops.dequantize, [graph.constant(Tensor.from(codes), `${bias.name}.codes`), scale, zero], { axis: 0 }, bias.name);
  }
}

function checkWeight({ name }: Node, { codes, scales }: QuantizedWeight, shape: Shape, bits: WeightBits): void {
  const wrong = (problem: string) => fail({ code: 'data', where: 'insertQdq', problem: `the weight given for "${name}" has ${problem}` });
  const top = largestCode(bits);
  if (codes.length !== sizeOf(shape)) wrong(`${codes.length} codes, expected ${sizeOf(shape)}`);
  if (scales.length !== 1 && scales.length !== shape[0]) wrong(`${scales.length} scales, expected 1 or ${shape[0]}`);
  const code = codes.find((q) => Math.abs(q) > top || (bits === 1 && q === 0));
  if (code !== undefined) wrong(`the code ${code}, those of ${bits === 1 ? '1 bit are -1 and 1' : `${bits} bits are ${-top} to ${top}`}`);
  const scale = scales.find((s) => !(s > 0 && Number.isFinite(s)));
  if (scale !== undefined) wrong(`the scale ${scale}`);
}

const scalesTensor = (scales: Float32Array) => Tensor.from(scales, scales.length === 1 ? [] : [scales.length]);
