import { fail } from '../error.js';
import type { Graph, Node, Value } from '../graph/graph.js';
import { codesOf } from '../graph/match.js';
import { Rewriter, withoutDead } from '../graph/rewrite.js';
import * as ops from '../ops/index.js';
import { productScales, type QParams, quantizeBias, quantizeWeight } from '../quant/scheme.js';
import { Tensor } from '../tensor.js';

export interface QdqOptions {
  /** One scale for a whole weight instead of one for each output channel. */
  perTensor?: boolean;
}

/**
 * Puts quantize → dequantize behind values, and turns the weights of layers into int8 codes behind a dequantize, their biases into int32
 * codes of scale s_x·s_w[c]. Weights that are codes already stay what they are. A pure rewrite: nothing is computed on data.
 * @param activations parameters by value name; every reader of such a value reads it dequantized
 * @param layers names of nodes whose weights are quantized; their input has to be among the activations
 */
export function insertQdq(
  old: Graph,
  activations: ReadonlyMap<string, QParams>,
  layers: ReadonlySet<string>,
  { perTensor = false }: QdqOptions = {},
): Graph {
  const to = new Inserter(old, activations, perTensor);
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
    readonly perTensor: boolean,
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
    const shift = this.finite(bias);
    const inputScale = this.scaleOf(x, node);
    // int32 has to hold bias / (s_x·s_w): a channel of tiny weights gets a larger scale, and loses nothing by it.
    const least = shift.map((b) => Math.abs(b) / (inputScale * 2 ** 30));
    const { weight, scales } = codesOf(this.old, w) ? this.givenWeight(w) : this.quantizedWeight(w, least);
    return this.copy(node, [this.get(x), weight, this.quantizedBias(bias, shift, inputScale, scales)]);
  }

  private givenWeight(w: Value): { weight: Value; scales: Float32Array } {
    const [, scale] = w.producer!.inputs;
    return { weight: this.get(w), scales: this.finite(scale) };
  }

  private quantizedWeight(w: Value, least: Float32Array): { weight: Value; scales: Float32Array } {
    const { graph } = this;
    const weight = this.old.constantOf(w)!;
    const channels = weight.shape[0];
    const { codes, scales } = quantizeWeight(this.finite(w), channels, this.perTensor, least);
    const weightScale = graph.constant(scalesTensor(scales), `${w.name}.scale`);
    const weightZero = graph.constant(
      Tensor.from(new Int8Array(scales.length), scales.length === 1 ? [] : [channels]),
      `${w.name}.zeroPoint`,
    );
    const weightCodes = graph.constant(Tensor.from(codes, weight.shape), `${w.name}.codes`);
    return { weight: graph.add(ops.dequantize, [weightCodes, weightScale, weightZero], { axis: 0 }, w.name), scales };
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
    if (shift.every((b) => b === 0)) return this.get(bias);
    const { graph } = this;
    const products = productScales(inputScale, scales);
    // Scales that were given may be too small for it.
    if (!shift.every((b, c) => Math.abs(b / products[products.length === 1 ? 0 : c]) < 2 ** 31)) return this.get(bias);
    const codes = quantizeBias(shift, products);
    const scale = graph.constant(scalesTensor(products), `${bias.name}.scale`);
    const zero = graph.constant(
      Tensor.from(new Int32Array(products.length), products.length === 1 ? [] : [products.length]),
      `${bias.name}.zeroPoint`,
    );
    return graph.add(ops.dequantize, [graph.constant(Tensor.from(codes), `${bias.name}.codes`), scale, zero], { axis: 0 }, bias.name);
  }
}

const scalesTensor = (scales: Float32Array) => Tensor.from(scales, scales.length === 1 ? [] : [scales.length]);
