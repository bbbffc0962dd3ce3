import type { Value } from '../../graph/graph.js';
import type { Operator } from '../operator.js';

/** Layers of half precision are computed in float32 and rounded at the end. */
export function widened(operator: Operator): Operator {
  return {
    ...operator,
    import(node) {
      const dtype = node.dtype(node.input(0));
      if (dtype !== 'float16' && dtype !== 'bfloat16') return operator.import!(node);
      const values = new Map(node.inputs().map((value, i) => [node.proto.input[i], node.cast(value, 'float32')]));
      return node.cast(operator.import!(node.with(node.proto, values)) as Value, dtype);
    },
  };
}
