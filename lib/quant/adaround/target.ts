/** What of a layer is rounded, and where it is found in the float graph and in the quantized one. */
import { type Graph, isValue, type Node, Uses, type Value } from '../../graph/graph.js';
import { clampOf } from '../../graph/match.js';
import { Rewriter, withoutDead } from '../../graph/rewrite.js';
import { conv2d, dequantize, gemm } from '../../ops/index.js';
import { largestCode, type WeightBits, weightWidths } from '../weightScheme.js';
import { refuseSigns } from './options.js';

/** A layer of which both graphs have the weight: numbers in one, codes in the other. */
export interface LayerTarget {
  name: string;
  /** The layer in the float graph. */
  node: Node;
  /** What it should give: its output there, behind the clamp that is its only reader. */
  output: Value;
  /** The bounds of that clamp. */
  bounds?: readonly [low: number, high: number];
  /** What it reads in the quantized graph. */
  input: Value;
  /** Its bias there. */
  bias: Value;
  /** Its codes there, and their scales. */
  codes: Value;
  scales: Value;
  bits: WeightBits;
}

/** The layers to round, in the order of the graph. */
export function layerTargets(float: Graph, quantized: Graph): LayerTarget[] {
  const layers = new Map(quantized.nodes.map((node) => [node.name, node]));
  const uses = new Uses(float);
  return float.nodes.flatMap((node) => {
    const coded = layers.get(node.name);
    const weight = coded?.op === node.op ? codesBehind(quantized, coded) : undefined;
    if (!coded || !weight || !hasNumbers(float, node)) return [];
    if (weight.bits === 1) refuseSigns();
    const reader = uses.only(node.output);
    const bounds = reader && clampOf(reader);
    return [
      {
        name: node.name,
        node,
        output: bounds ? reader.output : node.output,
        bounds,
        input: coded.inputs[0],
        bias: coded.inputs[2],
        ...weight,
      },
    ];
  });
}

function hasNumbers(graph: Graph, { op, inputs, params }: Node): boolean {
  const [, weight, bias] = inputs;
  return (op === conv2d || op === gemm) && graph.constants.has(weight) && graph.constants.has(bias) && !Object.values(params).some(isValue);
}

/** Constant codes without a zero point, and their constant scales. */
function codesBehind(graph: Graph, { inputs: [, weight] }: Node): Pick<LayerTarget, 'codes' | 'scales' | 'bits'> | undefined {
  if (weight?.producer?.op !== dequantize) return undefined;
  const [codes, scales, zeroPoint] = weight.producer.inputs;
  const numbers = graph.constantOf(codes);
  const isSymmetric = graph
    .constantOf(zeroPoint)
    ?.toNumbers()
    .every((zero) => zero === 0);
  if (numbers?.dtype !== 'int8' || !graph.constants.has(scales) || !isSymmetric) return undefined;
  return { codes, scales, bits: (codes.bits as WeightBits | undefined) ?? widthOf(numbers.data() as Int8Array) };
}

// Codes from elsewhere: as many bits as they need, at least the 2 of codes that can be rounded.
const widthOf = (codes: Int8Array): WeightBits =>
  weightWidths.find((bits) => bits > 1 && codes.every((q) => Math.abs(q) <= largestCode(bits))) ?? 8;

/** The part of a graph that makes a value, as a graph with this one output. */
export function upTo(graph: Graph, value: Value): Graph {
  const to = new Rewriter(graph);
  for (const node of graph.nodes) to.set(node.output, to.copy(node));
  to.graph.output('value', to.get(value));
  return withoutDead(to.graph);
}
