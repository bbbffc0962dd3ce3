/** Layers of a float graph and what quantization made of them. */
import type { Graph, Node } from '../../graph/graph.js';
import { isLayer } from '../../graph/layers.js';
import { codesOf } from '../../graph/match.js';
import { rewrite } from '../../graph/rewrite.js';
import { runOp } from '../../op.js';
import { unpackLevels } from '../../ops/index.js';
import { Tensor, scope } from '../../tensor.js';

/** What was added to the biases of a layer, by its name. */
export type Corrections = Map<string, Float32Array>;

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

/** The numbers that a weight of codes stands for. */
export function weightNumbers(graph: Graph, layer: Node): Float32Array {
  return scope(() => {
    const { inputs, params, op } = layer.inputs[1].producer!;
    const unpacked = inputs.map((value) => {
      const { producer } = value;
      return producer?.op === unpackLevels
        ? runOp(producer.op, [graph.constantOf(producer.inputs[0])!], producer.params)
        : graph.constantOf(value)!;
    });
    return runOp(op, unpacked, params).data() as Float32Array;
  });
}

/** The float graph with corrected biases. */
export function withCorrections(graph: Graph, corrections: Corrections): Graph {
  return rewrite(graph, (node, to) => {
    const correction = corrections.get(node.name);
    if (!correction || !isLayer(graph, node)) return undefined;
    const [x, w, bias] = node.inputs;
    const shifted = (graph.constantOf(bias)!.data() as Float32Array).map((b, c) => b + correction[c]);
    return to.copy(node, [to.get(x), to.get(w), to.graph.constant(Tensor.from(shifted), bias.name)]);
  });
}
