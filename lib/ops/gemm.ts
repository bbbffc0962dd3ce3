/** Products of matrices. */
import { type Check, defineOp } from '../op.js';
import { broadcast, type Dtype, mayEqual, type Shape, shapesMayEqual, type TensorType } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { checkFinish, noBounds, productsByRows, unbroadcast } from './basic.js';
import { reshape } from './layout.js';

/**
 * y = a·bᵀ + bias, a dense layer.
 * @param a (..., k), float32 or float64; the leading dimensions are rows
 * @param b (n, k), one row per output
 * @param bias (n)
 * @returns (..., n)
 */
export const gemm = defineOp({
  name: 'gemm',
  byRows: true,
  inputs: ['a', 'b', 'bias'],
  params: {},
  infer([a, b, bias], _params, check) {
    checkReal(a, 'a', check);
    for (const [name, type] of Object.entries({ b, bias })) check.dtype(type.dtype === a.dtype, name, type, a.dtype, 'a has that type');
    check.shape(a.shape.length > 0, 'a', a, '(..., k)');
    check.shape(b.shape.length === 2, 'b', b, '(n, k)');
    const k = a.shape.at(-1) as number;
    check.shape(mayEqual(b.shape[1], k), 'b', b, `(n, ${k})`, `the rows of a have ${k} elements`);
    check.shape(shapesMayEqual(bias.shape, b.shape.slice(0, 1)), 'bias', bias, `[${b.shape[0]}]`, 'b has that many rows');
    return { dtype: a.dtype, shape: [...a.shape.slice(0, -1), b.shape[0]] };
  },
  quantizes: { weight: 'b', axis: 0 },
  grad: (dy, { inputs: [a, b, bias] }) => [() => matmul(dy, b), () => gemmWeightGrad(dy, a), () => unbroadcast(dy, bias)],
  learns: ['b', 'bias'],
});

/**
 * min(max(gemm(a, b, bias) + plus, min), max) with the bytes of gemm, add and clip one after another: what sessions make of them.
 * @param plus (..., n) or (n); or [0], and nothing is added
 */
export const gemmAddClip = defineOp({
  name: 'gemmAddClip',
  byRows: true,
  inputs: ['a', 'b', 'bias', 'plus'],
  params: noBounds,
  infer([a, b, bias, plus], bounds, check) {
    const y = gemm.infer([a, b, bias], {}, check);
    checkFinish(plus, y, bounds, check);
    return y;
  },
  streams: ['plus'],
  grad: 'none',
});

function checkReal(type: TensorType, input: string, check: Check): void {
  check.dtype(type.dtype === 'float32' || type.dtype === 'float64', input, type, 'float32 or float64');
}

/**
 * The gradient of `gemm` by b: dw = dyᵀ·a, summed over all rows.
 * @param dy (..., n), the gradient by the output; float32 or float64
 * @param a (..., k)
 * @returns (n, k)
 */
export const gemmWeightGrad = defineOp({
  name: 'gemmWeightGrad',
  inputs: ['dy', 'a'],
  params: {},
  infer([dy, a], _params, check) {
    checkReal(dy, 'dy', check);
    check.dtype(a.dtype === dy.dtype, 'a', a, dy.dtype, 'dy has that type');
    check.shape(dy.shape.length > 0, 'dy', dy, '(..., n)');
    const rows = dy.shape.slice(0, -1);
    const fits = a.shape.length > 0 && shapesMayEqual(a.shape.slice(0, -1), rows);
    check.shape(fits, 'a', a, `[${[...rows, 'k'].join(', ')}]`, 'dy has those rows');
    return { dtype: dy.dtype, shape: [dy.shape.at(-1) as number, a.shape.at(-1) as number] };
  },
  grad: 'none',
});

const matmulTypes: readonly Dtype[] = ['float32', 'float64', 'float16', 'int32', 'uint32', 'int64', 'uint64'];

/**
 * The matrix product of numpy: a (..., m, k) times b (..., k, n) is (..., m, n), leading dimensions broadcast.
 * A vector a is one row, a vector b one column, and that dimension is left out of the result. Integers wrap.
 */
export const matmul = defineOp({
  name: 'matmul',
  byRows: productsByRows,
  inputs: ['a', 'b'],
  params: {},
  infer([a, b], _params, check) {
    check.dtype(matmulTypes.includes(a.dtype), 'a', a, matmulTypes.join(', '));
    check.dtype(b.dtype === a.dtype, 'b', b, a.dtype, 'a has that type');
    return { dtype: a.dtype, shape: matmulShape(a, b, check) };
  },
  learns: ['a', 'b'],
  grad(dy, { inputs: [a, b] }) {
    // A vector is a matrix of one row or column; dy gets that dimension too.
    const left = a.shape.length > 1 ? a : reshape(a, { shape: [1, ...a.shape] });
    const right = b.shape.length > 1 ? b : reshape(b, { shape: [...b.shape, 1] });
    const batch = broadcast(left.shape.slice(0, -2), right.shape.slice(0, -2)) as Shape;
    const shape = [...batch, ...left.shape.slice(-2, -1), ...right.shape.slice(-1)];
    const product = dy.shape.length === shape.length ? dy : reshape(dy, { shape });
    return [
      () => likeInput(matmulTransposed(product, right, { transposeB: true }), left, a),
      // Where all matrices of a meet one b, their rows are one long sum.
      () =>
        likeInput(
          right.shape.length === 2 ? gemmWeightGrad(left, product) : matmulTransposed(left, product, { transposeA: true }),
          right,
          b,
        ),
    ];
  },
});

/** A gradient by a matrix, summed over what its batch was repeated along, in the shape of the input. */
function likeInput(gradient: Tensor, matrix: Tensor, { shape }: Tensor): Tensor {
  const sum = unbroadcast(gradient, matrix);
  return sum.shape.length === shape.length ? sum : reshape(sum, { shape });
}

/**
 * `matmul` of operands that are stored with their last two dimensions exchanged: aᵀ·b, a·bᵀ or aᵀ·bᵀ. The gradients of `matmul` are made
 * of it; elsewhere a transpose before matmul says the same.
 */
export const matmulTransposed = defineOp({
  name: 'matmulTransposed',
  inputs: ['a', 'b'],
  params: { transposeA: false, transposeB: false },
  infer([a, b], { transposeA, transposeB }, check) {
    checkReal(a, 'a', check);
    check.dtype(b.dtype === a.dtype, 'b', b, a.dtype, 'a has that type');
    const shape = matmulShape(exchanged(a, 'a', transposeA, check), exchanged(b, 'b', transposeB, check), check);
    return { dtype: a.dtype, shape };
  },
  grad: 'none',
});

function exchanged(type: TensorType, input: string, wanted: boolean, check: Check): TensorType {
  if (!wanted) return type;
  check.shape(type.shape.length > 1, input, type, 'at least two dimensions', 'it is transposed');
  return { ...type, shape: [...type.shape.slice(0, -2), ...type.shape.slice(-1), ...type.shape.slice(-2, -1)] };
}

function matmulShape(a: TensorType, b: TensorType, check: Check): Shape {
  check.shape(a.shape.length > 0, 'a', a, 'at least one dimension');
  check.shape(b.shape.length > 0, 'b', b, 'at least one dimension');
  const k = a.shape.at(-1) as number;
  check.shape(mayEqual(b.shape.at(-2) ?? b.shape[0], k), 'b', b, `${k} rows`, `the rows of a have ${k} elements`);
  const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
  check.shape(batch !== undefined, 'b', b, `leading dimensions that broadcast with [${a.shape.slice(0, -2)}]`);
  return [...(batch as Shape), ...a.shape.slice(-2, -1), ...(b.shape.length > 1 ? b.shape.slice(-1) : [])];
}
