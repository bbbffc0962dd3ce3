/** Functions of one code: whatever elementwise ops make of it between a dequantize and a quantize is a table of 256 codes. */
import type { Node, Value } from '../../graph/graph.js';
import { type AnyOp, runOp } from '../../op.js';
import * as ops from '../../ops/index.js';
import type { Dtype } from '../../shape.js';
import { scope, Tensor } from '../../tensor.js';
import type { Target } from './codes.js';
import type { Lowering } from './lowering.js';

/** The codes behind `input` through such nodes, first to last, to the target. */
export function lowerFunction(input: Value, nodes: readonly Node[], target: Target, to: Lowering): Value {
  const codes = to.codes(input)!;
  const table = scope(() => {
    const all = Array.from({ length: 256 }, (_, i) => (codes.dtype === 'int8' ? i - 128 : i));
    const one = (value: number, dtype: Dtype = 'float32') => Tensor.from([value], [], dtype);
    const reference = (op: AnyOp, inputs: Tensor[], params: object = {}) => runOp(op, inputs, params, 'reference');
    const reals = reference(ops.dequantize, [Tensor.from(all, [256], codes.dtype), one(codes.scale), one(codes.zero, codes.dtype)]);
    const made = new Map([[input, reals]]);
    for (const node of nodes) {
      const inputs = node.inputs.map((value) => made.get(value) ?? one(to.old.constantOf(value)!.toNumbers()[0]));
      made.set(node.output, reference(node.op, inputs, node.params));
    }
    return reference(ops.quantize, [made.get(nodes.at(-1)!.output)!, one(target.scale), one(target.zero, target.dtype)]);
  });
  return to.graph.add(ops.qlookup, [codes.value, to.graph.constant(table, `${nodes[0].name}.table`)], {}, nodes.at(-1)!.name);
}
