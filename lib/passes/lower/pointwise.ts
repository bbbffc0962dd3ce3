/** Functions of one code: any chain of elementwise ops between a dequantize and a quantize is a table of 256 codes. */
import type { Node, Value } from '../../graph/graph.js';
import { variableInput } from '../../graph/match.js';
import { type AnyOp, runOp } from '../../op.js';
import * as ops from '../../ops/index.js';
import { scope, Tensor } from '../../tensor.js';
import type { Codes, Target } from './codes.js';
import type { Lowering } from './lowering.js';

/** Codes through a chain of such nodes, first to last, to the target. */
export function lowerChain(input: Codes, chain: readonly Node[], target: Target, to: Lowering): Value {
  const table = scope(() => {
    const all = Array.from({ length: 256 }, (_, i) => (input.dtype === 'int8' ? i - 128 : i));
    const one = (value: number, dtype: Codes['dtype'] = 'float32') => Tensor.from([value], [], dtype);
    const reference = (op: AnyOp, inputs: Tensor[], params: object = {}) => runOp(op, inputs, params, 'reference');
    let x = reference(ops.dequantize, [Tensor.from(all, [256], input.dtype), one(input.scale), one(input.zero, input.dtype)]);
    for (const node of chain) {
      const variable = variableInput(to.old, node);
      x = reference(
        node.op,
        node.inputs.map((value) => (value === variable ? x : one(to.old.constantOf(value)!.toNumbers()[0]))),
        node.params,
      );
    }
    return reference(ops.quantize, [x, one(target.scale), one(target.zero, target.dtype)]);
  });
  return to.graph.add(ops.qlookup, [input.value, to.graph.constant(table, `${chain[0].name}.table`)], {}, chain.at(-1)!.name);
}
