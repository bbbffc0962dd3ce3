/** What a search makes of a network, for people to read. */
import type { Value } from '../graph/graph.js';
import { isMove } from '../graph/match.js';
import { fakeQuantizeRange } from '../ops/index.js';
import type { SearchedModel } from '../quant/slb/slb.js';
import type { Shape } from '../shape.js';

/** A layer with weights. */
export interface NetworkLayer {
  name: string;
  op: string;
  shape: Shape;
  /** Of its weights; null where they stay float. */
  bits: number | null;
  /** Why they do. */
  reason?: string;
  /** Of its input. */
  inputBits: number | null;
}

/** The layers that could be searched, in the order of the network. */
export function layersOf({ graph, slb: { layers, float } }: SearchedModel, bits: number): NetworkLayer[] {
  const searched = new Map(layers.map((layer) => [layer.name, layer]));
  const reasons = new Map(float.map(({ name, reason }) => [name, reason]));
  return graph.nodes.flatMap(({ name, op, inputs }) => {
    const search = searched.get(name);
    if (!search && !reasons.has(name)) return [];
    const shape = search?.shape ?? graph.constantOf(inputs[1])!.shape;
    return [{ name, op: op.name, shape, bits: search ? bits : null, reason: reasons.get(name), inputBits: bitsOf(inputs[0]) }];
  });
}

/** Of a value with codes, or of one that only moves those. */
function bitsOf({ producer }: Value): number | null {
  if (!producer) return null;
  if (producer.op === fakeQuantizeRange) return Math.log2(Number(producer.params.qmax) + 1);
  return isMove(producer) ? bitsOf(producer.inputs[0]) : null;
}
