/** Products of matrices of codes. The arithmetic is docs/integers.md. */
import { defineOp, required } from '../op.js';
import { broadcast, type Dtype, mayEqual, type Shape } from '../shape.js';
import { productsByRows } from './basic.js';
import { checkCodes, checkMultiplier, requantized } from './codes.js';

/**
 * A linear layer: y[.., c] = clamp(rne(acc·scale[c]) + yZero, qmin, qmax), acc = bias[c] + Σ_k (a[.., k] - aZero)·(b[c, k] - bZero).
 * a (.., k) uint8 or int8, b (n, k) int8, bias int32 [n], scale float32 [n]: scale of a · scale of b / scale of y.
 * dtype uint8 or int8; float32 gives f32(acc)·scale[c] and ignores yZero, qmin and qmax.
 */
export const qgemm = defineOp({
  name: 'qgemm',
  byRows: true,
  integer: true,
  grad: 'none',
  inputs: ['a', 'b', 'bias', 'scale'],
  params: {
    ...{ aZero: 0, bZero: 0, yZero: 0 },
    ...{ qmin: required<number>(), qmax: required<number>(), dtype: required<Dtype>() },
  },
  infer([a, b, bias, scale], params, check) {
    checkCodes(check, 'a', a, 'aZero', params.aZero);
    check.dtype(b.dtype === 'int8', 'b', b, 'int8');
    checkCodes(check, 'b', b, 'bZero', params.bZero);
    check.dtype(bias.dtype === 'int32', 'bias', bias, 'int32');
    check.dtype(scale.dtype === 'float32', 'scale', scale, 'float32');
    check.shape(a.shape.length >= 1, 'a', a, 'at least one dimension');
    const fits = b.shape.length === 2 && mayEqual(b.shape[1], a.shape[a.shape.length - 1]);
    check.shape(fits, 'b', b, `[n, ${a.shape[a.shape.length - 1]}]`, 'a has that many columns');
    const n = b.shape[0];
    check.shape(bias.shape.length === 1 && mayEqual(bias.shape[0], n), 'bias', bias, `[${n}]`, 'b has that many rows');
    check.shape(scale.shape.length === 1 && mayEqual(scale.shape[0], n), 'scale', scale, `[${n}]`, 'b has that many rows');
    return requantized(check, [...a.shape.slice(0, -1), n], params, ['float32']);
  },
});

// 2^31 / 255²
const safeColumns = 33025;

/**
 * A product of activations, batched as numpy's matmul: a (.., m, k) and b (.., k, n), each uint8 or int8.
 * y = clamp(rne(acc·multiplier) + yZero, qmin, qmax), acc = Σ_k (a - aZero)·(b - bZero).
 * dtype uint8 or int8; float32 gives f32(acc)·multiplier, int32 the sums themselves, and both ignore yZero, qmin and qmax.
 */
export const qmatmul = defineOp({
  name: 'qmatmul',
  byRows: productsByRows,
  integer: true,
  grad: 'none',
  inputs: ['a', 'b'],
  params: {
    ...{ aZero: 0, bZero: 0, multiplier: required<number>(), yZero: 0 },
    ...{ qmin: required<number>(), qmax: required<number>(), dtype: required<Dtype>() },
  },
  infer([a, b], params, check) {
    checkCodes(check, 'a', a, 'aZero', params.aZero);
    checkCodes(check, 'b', b, 'bZero', params.bZero);
    checkMultiplier(check, 'multiplier', params.multiplier);
    check.shape(a.shape.length >= 2, 'a', a, 'at least two dimensions');
    check.shape(b.shape.length >= 2, 'b', b, 'at least two dimensions');
    const [m, k] = a.shape.slice(-2);
    const [depth, n] = b.shape.slice(-2);
    check.shape(mayEqual(k, depth), 'b', b, `(.., ${k}, n)`, `a has ${k} columns`);
    check.shape(!(k > safeColumns), 'a', a, `at most ${safeColumns} columns`, 'sums have to fit int32');
    const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
    check.shape(batch !== undefined, 'b', b, `batch dimensions that broadcast with [${a.shape.slice(0, -2)}]`);
    return requantized(check, [...(batch as Shape), m, n], params, ['float32', 'int32']);
  },
});
