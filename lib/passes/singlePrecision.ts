import type { Graph, NodeParams, Value } from '../graph/graph.js';
import { Rewriter, withoutDead } from '../graph/rewrite.js';
import { Types } from '../graph/types.js';
import * as ops from '../ops/index.js';
import { type Dtype, isReal } from '../shape.js';

/**
 * The same network in float32 where it is in half or double precision, so that its layers can get codes. Inputs and outputs keep their types.
 */
export function singlePrecision(graph: Graph): Graph {
  const types = new Types(graph);
  const to = new Rewriter(graph);
  for (const input of graph.inputs) to.set(input, single(to, to.get(input), input.type?.dtype));
  for (const [value, tensor] of graph.constants) {
    if (isOther(tensor.dtype)) to.set(value, to.graph.constant(ops.cast(tensor, { dtype: 'float32' }), value.name));
  }
  for (const node of graph.nodes) {
    const from = node.op === ops.cast ? types.get(node.inputs[0])?.dtype : undefined;
    const isKept = from !== undefined && isReal(from) && isReal(node.params.dtype as Dtype);
    const now = isKept ? to.get(node.inputs[0]) : to.copy(node, undefined, inSingle(to.params(node)));
    if (!isKept) to.graph.rename(now, node.output.name);
    to.set(node.output, now);
  }
  for (const { name, value } of graph.outputs) {
    const dtype = types.get(value)?.dtype;
    to.graph.output(name, dtype && isOther(dtype) ? to.graph.add(ops.cast, [to.get(value)], { dtype }) : to.get(value));
  }
  return withoutDead(to.graph);
}

const isOther = (dtype: Dtype) => isReal(dtype) && dtype !== 'float32';

function single(to: Rewriter, value: Value, dtype: Dtype | undefined): Value {
  return dtype && isOther(dtype) ? to.graph.add(ops.cast, [value], { dtype: 'float32' }) : value;
}

// What makes numbers of a type makes float32.
function inSingle(params: NodeParams): NodeParams {
  return typeof params.dtype === 'string' && isOther(params.dtype as Dtype) ? { ...params, dtype: 'float32' } : params;
}
