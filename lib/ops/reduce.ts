/**
 * One number for many, along axes that may be negative to count from the back. x is of any number type. Real sums and products are
 * formed in double and rounded once, in an order that depends on shapes alone (native/kernels/reduce/reduce.h); integers wrap.
 */
import { shapeText } from '../error.js';
import { type Check, defineOp, type GradRule, type Op, type OpSpec, required } from '../op.js';
import { axisIndex, isReal, mayEqual, permutedAxis, type Shape, sizeOf, type TensorType } from '../shape.js';
import { Tensor } from '../tensor.js';
import { alongRows } from './basic.js';
import { div } from './elementwise.js';
import { expand, reshape } from './layout.js';

function number(x: TensorType, check: Check): void {
  check.dtype(x.dtype !== 'boolean', 'x', x, 'a number type');
}

function reducedShape(shape: Shape, axes: readonly number[], keepDims: boolean): Shape {
  return keepDims ? shape.map((n, i) => (axes.includes(i) ? 1 : n)) : shape.filter((_, i) => !axes.includes(i));
}

interface ReduceParams {
  axes: readonly number[];
  keepDims: boolean;
}

function reduction(name: string, traits: Pick<OpSpec<['x'], ReduceParams>, 'grad'> & Partial<OpSpec<['x'], ReduceParams>>) {
  return defineOp({
    name,
    byRows: ([x], { axes }) => axes.every((axis) => axisIndex(axis, x.shape.length) !== 0),
    inputs: ['x'],
    params: { axes: required<readonly number[]>(), keepDims: true },
    infer([x], { axes, keepDims }, check) {
      number(x, check);
      check.param(Array.isArray(axes), 'axes', axes, 'a list of axes');
      const indices = axes.map((axis) => check.axis(axis, 'x', x, 'axes'));
      check.param(new Set(indices).size === indices.length, 'axes', axes, 'each axis once');
      return { dtype: x.dtype, shape: reducedShape(x.shape, indices, keepDims) };
    },
    permute: (params, perm) => (params.keepDims ? { ...params, axes: params.axes.map((axis) => permutedAxis(axis, perm)) } : undefined),
    ...traits,
  });
}

/** What every element of x gets of the gradient of a sum over axes. */
function spread(dy: Tensor, { shape }: Tensor, { axes }: ReduceParams): Tensor {
  const indices = axes.map((axis) => axisIndex(axis, shape.length));
  return expand(reshape(dy, { shape: shape.map((n, i) => (indices.includes(i) ? 1 : n)) }), { shape });
}

/** The sum; of nothing 0. */
export const reduceSum = reduction('reduceSum', { grad: (dy, { inputs: [x], params }) => [() => spread(dy, x, params)] });
/** The sum over the count, toward zero for integers; of nothing NaN, for integers 0. */
export const reduceMean = reduction('reduceMean', {
  grad: (dy, { inputs: [x], output: y, params }) => [() => spread(div(dy, Tensor.scalar(x.size / y.size, dy.dtype, dy.device)), x, params)],
});
// Equal elements share the gradient evenly.
const toExtremes: GradRule<ReduceParams> = (dy, { inputs: [x], output: y, params: { axes } }) => [() => reduceMaxGrad(dy, x, y, { axes })];
/** The largest; NaN if there is one; of nothing -infinity or the least integer. Its gradient is shared evenly by all that are equal to it. */
export const reduceMax = reduction('reduceMax', { grad: toExtremes });
/** The smallest; NaN if there is one; of nothing infinity or the greatest integer. Its gradient is shared evenly by all that are equal to it. */
export const reduceMin = reduction('reduceMin', { grad: toExtremes });
/** The product; of nothing 1. */
export const reduceProd = reduction('reduceProd', {
  propagate([known], { axes }, [x]) {
    if (!known || x.shape.length > 1 || !axes.length) return known;
    return [known.reduce((a, b) => a * b, 1)];
  },
  grad: (dy, { inputs: [x], params: { axes } }) => [() => reduceProdGrad(dy, x, { axes })],
});

function argument(name: string) {
  return defineOp({
    name,
    byRows: alongRows,
    inputs: ['x'],
    params: { axis: required<number>(), keepDims: true, selectLast: false },
    infer([x], { axis, keepDims }, check) {
      number(x, check);
      const index = check.axis(axis, 'x', x);
      const shape = reducedShape(x.shape, [index], keepDims);
      check.shape(x.shape[index] !== 0 || shape.includes(0), 'x', x, `at least one element along axis ${index}`);
      return { dtype: 'int64', shape };
    },
    permute: (params, perm) => (params.keepDims ? { ...params, axis: permutedAxis(params.axis, perm) } : undefined),
    grad: 'none',
  });
}

/** The index of the largest element along an axis, int64: the first of equal ones, or the last. NaN beats every number. */
export const argMax = argument('argMax');
/** The index of the smallest element along an axis, int64: the first of equal ones, or the last. NaN beats every number. */
export const argMin = argument('argMin');

/** The sum of the elements up to each one along an axis; `exclusive` leaves the element itself out, `reverse` starts at the end. */
export const cumSum: Op<readonly ['x'], { axis: number; exclusive: boolean; reverse: boolean }> = defineOp({
  name: 'cumSum',
  byRows: alongRows,
  inputs: ['x'],
  params: { axis: required<number>(), exclusive: false as boolean, reverse: false as boolean },
  infer([x], { axis }, check) {
    number(x, check);
    check.axis(axis, 'x', x);
    return x;
  },
  permute: (params, perm) => ({ ...params, axis: permutedAxis(params.axis, perm) }),
  grad: (dy, { params }) => [() => cumSum(dy, { ...params, reverse: !params.reverse })],
});

/**
 * The positions of the k largest (or smallest) elements along an axis, int64, sorted: the best first, of equal ones the first first.
 * NaN counts as larger than every number. Their values are `gatherElements(x, topK(x, ...), { axis })`.
 * @returns the shape of x with k along the axis
 */
export const topK = defineOp({
  name: 'topK',
  byRows: alongRows,
  inputs: ['x'],
  params: { k: required<number>(), axis: -1, largest: true },
  infer([x], { k, axis }, check) {
    number(x, check);
    const along = check.axis(axis, 'x', x);
    const ok = Number.isNaN(k) || (Number.isSafeInteger(k) && k >= 0 && !(k > x.shape[along])); // NaN is not known before the run
    check.param(ok, 'k', k, 'a whole number up to the elements along the axis', `x is ${shapeText(x.shape)}`);
    return { dtype: 'int64', shape: x.shape.with(along, k) };
  },
  permute: (params, perm) => ({ ...params, axis: permutedAxis(params.axis, perm) }),
  grad: 'none',
});

// ---- gradients that look at x again ---------------------------------------------------------------------------------------------

/** An op of dy and others like it, with an element for each result of a reduction of x; a result of the shape of x. */
function reductionGradient<const I extends readonly string[]>(name: string, inputs: I) {
  return defineOp({
    name,
    inputs,
    params: { axes: required<readonly number[]>() },
    infer(types, { axes }, check) {
      const [dy, x] = types;
      check.dtype(isReal(x.dtype), 'x', x, 'float32, float64, float16 or bfloat16');
      check.param(Array.isArray(axes), 'axes', axes, 'a list of axes');
      const indices = axes.map((axis) => check.axis(axis, 'x', x, 'axes'));
      const sizes = reducedShape(x.shape, indices, true);
      for (const [i, type] of types.entries()) {
        check.dtype(type.dtype === dy.dtype, inputs[i], type, dy.dtype, 'dy has that type');
        if (i !== 1)
          check.shape(mayEqual(sizeOf(type.shape), sizeOf(sizes)), inputs[i], type, `${shapeText(sizes)}, with or without the ones`);
      }
      return x;
    },
    grad: 'none',
  });
}

/** The gradient of reduceMax and reduceMin: dy / n at the n elements of x that are equal to the result y, else 0. */
export const reduceMaxGrad = reductionGradient('reduceMaxGrad', ['dy', 'x', 'y']);
/** The gradient of reduceProd: dy times the product of the other elements. */
export const reduceProdGrad = reductionGradient('reduceProdGrad', ['dy', 'x']);
