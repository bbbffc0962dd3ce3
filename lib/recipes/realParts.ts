/** Where a lowered network computes real numbers, which another runtime may round otherwise. */
import type { Graph, Value } from '../graph/graph.js';
import type { Types } from '../graph/types.js';
import { dequantize, quantize } from '../ops/index.js';
import { isInteger } from '../shape.js';

/** Is a value codes, or codes times a scale: the same number whoever computes it? Layers that write real numbers may be computed on real numbers. */
export function isCoded(types: Types, value: Value): boolean {
  const { producer } = value;
  if (!producer || producer.op === dequantize || isInteger(types.get(value)!.dtype)) return true;
  return producer.op.movesElements === true && isCoded(types, producer.inputs[0]);
}

/** The ops that make real numbers which become codes again: rounded otherwise in the last place, they may become other codes. */
export function realBetween({ nodes }: Graph): string[] {
  const rounded = new Set(nodes.filter(({ op }) => op === quantize).map(({ inputs }) => inputs[0]));
  const found = new Set<string>();
  for (const { producer } of rounded) {
    if (!producer || producer.op.integer || producer.op === dequantize || producer.op === quantize) continue;
    if (!producer.op.movesElements) found.add(producer.op.name);
    for (const value of producer.inputs) rounded.add(value);
  }
  return [...found];
}
