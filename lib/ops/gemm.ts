/** Products of matrices. */
import { type Check, defineOp } from '../op.js';
import { broadcast, type Dtype, mayEqual, type Shape, shapesMayEqual, type TensorType } from '../shape.js';

/**
 * y = a·bᵀ + bias, a dense layer.
 * @param a (..., k), float32; the leading dimensions are rows
 * @param b (n, k), one row per output
 * @param bias (n)
 * @returns (..., n)
 */
export const gemm = defineOp({
  name: 'gemm',
  inputs: ['a', 'b', 'bias'],
  params: {},
  infer([a, b, bias], _params, check) {
    for (const [name, type] of Object.entries({ a, b, bias })) check.dtype(type.dtype === 'float32', name, type, 'float32');
    check.shape(a.shape.length > 0, 'a', a, '(..., k)');
    check.shape(b.shape.length === 2, 'b', b, '(n, k)');
    const k = a.shape.at(-1) as number;
    check.shape(mayEqual(b.shape[1], k), 'b', b, `(n, ${k})`, `the rows of a have ${k} elements`);
    check.shape(shapesMayEqual(bias.shape, b.shape.slice(0, 1)), 'bias', bias, `[${b.shape[0]}]`, 'b has that many rows');
    return { dtype: 'float32', shape: [...a.shape.slice(0, -1), b.shape[0]] };
  },
  quantizes: { weight: 'b', axis: 0 },
});

const matmulTypes: readonly Dtype[] = ['float32', 'float64', 'float16', 'int32', 'uint32', 'int64', 'uint64'];

/**
 * The matrix product of numpy: a (..., m, k) times b (..., k, n) is (..., m, n), leading dimensions broadcast.
 * A vector a is one row, a vector b one column, and that dimension is left out of the result. Integers wrap.
 */
export const matmul = defineOp({
  name: 'matmul',
  inputs: ['a', 'b'],
  params: {},
  infer([a, b], _params, check) {
    check.dtype(matmulTypes.includes(a.dtype), 'a', a, matmulTypes.join(', '));
    check.dtype(b.dtype === a.dtype, 'b', b, a.dtype, 'a has that type');
    return { dtype: a.dtype, shape: matmulShape(a, b, check) };
  },
});

function matmulShape(a: TensorType, b: TensorType, check: Check): Shape {
  check.shape(a.shape.length > 0, 'a', a, 'at least one dimension');
  check.shape(b.shape.length > 0, 'b', b, 'at least one dimension');
  const k = a.shape.at(-1) as number;
  check.shape(mayEqual(b.shape.at(-2) ?? b.shape[0], k), 'b', b, `${k} rows`, `the rows of a have ${k} elements`);
  const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
  check.shape(batch !== undefined, 'b', b, `leading dimensions that broadcast with [${a.shape.slice(0, -2)}]`);
  return [...(batch as Shape), ...a.shape.slice(-2, -1), ...(b.shape.length > 1 ? b.shape.slice(-1) : [])];
}
