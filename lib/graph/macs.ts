/** Multiplications that a node costs. */
import type { AnyOp } from '../op.js';
import * as ops from '../ops/index.js';
import { type Shape, sizeOf } from '../shape.js';
import type { Node } from './graph.js';
import type { Types } from './types.js';

type Formula = (a: Shape, b: Shape, y: Shape, params: Node['params']) => number;

// a and b are the shapes of the first two inputs, y that of the output.
const conv: Formula = (_x, w, y) => sizeOf(y) * sizeOf(w.slice(1)); // every output element is a sum over (kh, kw, in/groups)
const gemm: Formula = (a, _b, y) => sizeOf(y) * a[a.length - 1];
const packedConv: Formula = (x, _w, y, { kernel, groups = 1 }) =>
  (sizeOf(y) * sizeOf(kernel as readonly number[]) * x[3]) / (groups as number);
const formulas = new Map<AnyOp, Formula>([
  ...[ops.conv2d, ops.conv2dAddClip, ops.qconv2d].map((op) => [op, conv] as const),
  ...[ops.lowbitConv2d, ops.lowbitConv2dFloat].map((op) => [op, packedConv] as const),
  ...[ops.gemm, ops.gemmAddClip, ops.matmul, ops.qgemm, ops.qmatmul, ops.lowbitGemm, ops.lowbitGemmFloat].map((op) => [op, gemm] as const),
  // every input element goes to (out/groups, kh, kw) outputs; w is (out, kh, kw, in/groups) and in/groups = in·share
  [ops.convTranspose2d, (x, w, _y) => (sizeOf(x) * sizeOf(w)) / x[3]],
]);

/** Multiply-accumulates of a node: 0 for ops that are not products, NaN where a size is not known. */
export function macsOf(node: Node, types: Types): number {
  const formula = formulas.get(node.op);
  if (!formula) return 0;
  const [a, b, y] = [node.inputs[0], node.inputs[1], node.output].map((value) => types.get(value)?.shape);
  return a && b && y ? formula(a, b, y, node.params) : Number.NaN;
}
