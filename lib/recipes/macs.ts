/** Multiplications that a node costs. */
import type { Node } from '../graph/graph.js';
import type { Types } from '../graph/types.js';
import type { AnyOp } from '../op.js';
import * as ops from '../ops/index.js';
import { type Shape, sizeOf } from '../shape.js';

type Formula = (a: Shape, b: Shape, y: Shape) => number;

// a and b are the shapes of the first two inputs, y that of the output.
const formulas = new Map<AnyOp, Formula>([
  // every output element is a sum over (kh, kw, in/groups)
  [ops.conv2d, (_x, w, y) => sizeOf(y) * sizeOf(w.slice(1))],
  // every input element goes to (out/groups, kh, kw) outputs; w is (out, kh, kw, in/groups) and in/groups = in·share
  [ops.convTranspose2d, (x, w, _y) => (sizeOf(x) * sizeOf(w)) / x[3]],
  [ops.gemm, (_a, b, y) => sizeOf(y) * b[1]],
  [ops.matmul, (a, _b, y) => sizeOf(y) * a[a.length - 1]],
]);

/** Multiply-accumulates of a node: 0 for ops that are not products, NaN where a size is not known. */
export function macsOf(node: Node, types: Types): number {
  const formula = formulas.get(node.op);
  if (!formula) return 0;
  const [a, b, y] = [node.inputs[0], node.inputs[1], node.output].map((value) => types.get(value)?.shape);
  return a && b && y ? formula(a, b, y) : Number.NaN;
}
