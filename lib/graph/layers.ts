/** Layers, the channels that their weights join, and pairs of layers of which the second reads what the first makes. */
import * as ops from '../ops/index.js';
import type { Shape } from '../shape.js';
import { type Graph, isValue, type Node, Uses, type Value } from './graph.js';
import { Types } from './types.js';

const products: readonly unknown[] = [ops.conv2d, ops.convTranspose2d, ops.gemm];

/** Is it a convolution or a linear layer whose weight and bias are float constants? */
export function isLayer(graph: Graph, { op, inputs }: Node): boolean {
  return products.includes(op) && inputs.slice(1).every((value) => graph.constantOf(value)?.dtype === 'float32');
}

/** How many groups of channels the layer keeps apart. */
export const groupsOf = ({ params }: Node): number => (typeof params.groups === 'number' ? params.groups : 1);

/** Does each output channel read one input channel, its own? */
export function isDepthwise(graph: Graph, layer: Node): boolean {
  const { shape } = graph.constantOf(layer.inputs[1])!;
  return shape.at(-1) === 1 && groupsOf(layer) === shape[0];
}

/**
 * Visits the elements of a weight (out, ..., in/groups): index, output channel, and the input channel that it multiplies.
 */
export function eachWeight(shape: Shape, groups: number, visit: (index: number, output: number, input: number) => void): void {
  const [outputs] = shape;
  const width = shape.at(-1)!;
  const row = shape.slice(1).reduce((a, b) => a * b, 1);
  for (let output = 0, index = 0; output < outputs; output++) {
    const first = Math.floor((output * groups) / outputs) * width;
    for (let i = 0; i < row; i++, index++) visit(index, output, first + (i % width));
  }
}

/** A layer whose output only one other layer reads, through ops that take one tensor and keep its channels. */
export interface LayerPair {
  first: Node;
  between: readonly Node[];
  second: Node;
  /** Channels between them. Input channel i of the second is channel i mod this: it may read flattened images. */
  channels: number;
}

/**
 * The pairs of a graph, in its order.
 * @param passes whether a pair may go through this node; reshapes that keep channels innermost are always passed
 */
export function layerPairs(graph: Graph, passes: (node: Node) => boolean): LayerPair[] {
  const uses = new Uses(graph);
  const types = new Types(graph);
  return graph.nodes.flatMap((first) => {
    if (!isLayer(graph, first)) return [];
    const [channels] = graph.constantOf(first.inputs[1])!.shape;
    const between: Node[] = [];
    let value = first.output;
    for (let reader = uses.only(value); reader?.inputs[0] === value; reader = uses.only(value)) {
      if (isLayer(graph, reader)) {
        const inputs = graph.constantOf(reader.inputs[1])!.shape.at(-1)! * groupsOf(reader);
        const fits = inputs === channels || groupsOf(reader) === 1;
        return fits && channels > 0 ? [{ first, between, second: reader, channels }] : [];
      }
      const isPassed = reader.op === ops.reshape ? keepsChannels(types, reader, channels) : passes(reader);
      if (!isPassed || !reader.inputs.slice(1).every((other) => graph.constants.has(other))) return [];
      between.push(reader);
      value = reader.output;
    }
    return [];
  });
}

/** Is element j of the innermost dimension still one of channel j mod `channels`? */
function keepsChannels(types: Types, { inputs, output, params }: Node, channels: number): boolean {
  const [from, to] = [inputs[0], output].map((value: Value) => types.get(value)?.shape.at(-1));
  return !Object.values(params).some(isValue) && from !== undefined && from % channels === 0 && to !== undefined && to % channels === 0;
}
