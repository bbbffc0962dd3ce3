/** Layers of a float graph, what quantization made of them, and how that is corrected. */
import type { Graph, Node, Value } from '../../graph/graph.js';
import { groupsOf, isLayer } from '../../graph/layers.js';
import { codesOf } from '../../graph/match.js';
import { type Rewriter, rewrite } from '../../graph/rewrite.js';
import { runOp } from '../../op.js';
import { dequantize } from '../../ops/index.js';
import type { Shape } from '../../shape.js';
import { scope, Tensor } from '../../tensor.js';
import { productScales, quantizeBias } from '../scheme.js';

/** How a layer is corrected. */
export interface Correction {
  /** Added to the bias, by output channel. */
  shift: Float32Array;
  /** What the scales of the weight are multiplied by, by output channel. */
  factors?: Float64Array;
}

/** By the name of the layer. */
export type Corrections = Map<string, Correction>;

/** A layer in both graphs. */
export interface LayerTwins {
  float: Node;
  quantized: Node;
}

/** The layers of a float graph whose weights are codes in the other, which `insertQdq` made of it; in the order of the graph. */
export function twinsOf(float: Graph, quantized: Graph): LayerTwins[] {
  const byName = new Map(quantized.nodes.filter(({ op }) => op.quantizes).map((node) => [node.name, node]));
  return float.nodes.flatMap((node) => {
    const twin = isLayer(float, node) ? byName.get(node.name) : undefined;
    return twin && codesOf(quantized, twin.inputs[1]) ? [{ float: node, quantized: twin }] : [];
  });
}

/** The numbers of a constant, or of codes behind a dequantize. */
export function numbersOf(graph: Graph, value: Value): Float32Array {
  return scope(() => tensorOf(graph, value).data() as Float32Array);
}

function tensorOf(graph: Graph, value: Value): Tensor {
  const { producer } = value;
  if (!producer) return graph.constantOf(value)!;
  return runOp(
    producer.op,
    producer.inputs.map((input) => tensorOf(graph, input)),
    producer.params,
  );
}

/** The weights of a layer as they were and as they were rounded, and what the layer reads. */
export interface RoundedWeights {
  shape: Shape;
  groups: number;
  real: Float32Array;
  rounded: Float32Array;
  /** E[x] of the channels that it reads. */
  expected: ArrayLike<number>;
}

/**
 * A correction for each layer of which it is known what it reads.
 * @param means E[x] of the channels that a layer reads, by layer name; layers without stay as they are
 */
export function correctEach(
  float: Graph,
  quantized: Graph,
  means: ReadonlyMap<string, ArrayLike<number>>,
  correct: (weights: RoundedWeights) => Correction,
): Corrections {
  const corrections: Corrections = new Map();
  for (const { float: layer, quantized: twin } of twinsOf(float, quantized)) {
    const expected = means.get(layer.name);
    if (!expected?.length) continue;
    const weight = float.constantOf(layer.inputs[1])!;
    const real = weight.data() as Float32Array;
    const rounded = numbersOf(quantized, twin.inputs[1]);
    corrections.set(layer.name, correct({ shape: weight.shape, groups: groupsOf(layer), real, rounded, expected }));
  }
  return corrections;
}

/** The quantized graph with other biases, which are codes again, and other scales of weights. */
export function withCorrections(quantized: Graph, corrections: Corrections): Graph {
  return rewrite(quantized, (node, to) => {
    const correction = corrections.get(node.name);
    if (!correction || !codesOf(quantized, node.inputs[1])) return undefined;
    const [x, w, bias] = node.inputs;
    const scales = scalesOf(quantized, w).map((scale, c) => scale * (correction.factors?.[c] ?? 1));
    const weight = correction.factors ? withScales(to, w, scales) : to.get(w);
    const shifted = numbersOf(quantized, bias).map((b, c) => b + correction.shift[c]);
    return to.copy(node, [to.get(x), weight, codedBias(to, bias, shifted, productScales(scalesOf(quantized, x)[0], scales))]);
  });
}

const scalesOf = (graph: Graph, { producer }: Value) => graph.constantOf(producer!.inputs[1])!.data() as Float32Array;

/** The codes of a weight with other scales. */
function withScales(to: Rewriter, w: Value, scales: Float32Array): Value {
  const { inputs, params, name } = w.producer!;
  const [codes, scale, zeroPoint] = inputs;
  const constant = to.graph.constant(Tensor.from(scales, to.old.constantOf(scale)!.shape), scale.name);
  return to.graph.add(dequantize, [to.get(codes), constant, to.get(zeroPoint)], params, name);
}

/** A bias as int32 codes of these scales, or as it is where they do not hold it. */
function codedBias({ graph }: Rewriter, { name }: Value, bias: Float32Array, scales: Float32Array): Value {
  const at = (c: number) => scales[scales.length === 1 ? 0 : c];
  if (!bias.every((b, c) => Math.abs(b / at(c)) < 2 ** 31)) return graph.constant(Tensor.from(bias), name);
  const shape = scales.length === 1 ? [] : [scales.length];
  const codes = graph.constant(Tensor.from(quantizeBias(bias, scales)), `${name}.codes`);
  const scale = graph.constant(Tensor.from(scales, shape), `${name}.scale`);
  return graph.add(
    dequantize,
    [codes, scale, graph.constant(Tensor.from(new Int32Array(scales.length), shape), `${name}.zeroPoint`)],
    { axis: 0 },
    name,
  );
}
