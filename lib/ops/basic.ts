/** What several families need: broadcasting, undone; bounds. */
import { shapeText } from '../error.js';
import { type Check, defineOp, required } from '../op.js';
import { axisIndex, broadcast, isReal, type Shape, shapesMayEqual, type TensorType } from '../shape.js';
import type { Tensor } from '../tensor.js';

/**
 * The sum of x over what broadcasting `shape` to the shape of x repeats: dimensions that are missing or 1 in `shape`. The arithmetic is that
 * of reduceSum.
 */
export const sumTo = defineOp({
  name: 'sumTo',
  inputs: ['x'],
  params: { shape: required<Shape>() },
  infer([x], { shape }, check) {
    check.dtype(x.dtype !== 'boolean', 'x', x, 'a number type');
    const fits = Array.isArray(shape) && shapesMayEqual(broadcast(shape, x.shape) ?? [], x.shape);
    check.param(fits, 'shape', shape, `a shape that broadcasts to [${x.shape}]`);
    return { dtype: x.dtype, shape };
  },
  grad: 'none',
});

/** The gradient of an input that was broadcast to the shape of `dy`. */
export function unbroadcast(dy: Tensor, { shape }: Tensor): Tensor {
  return dy.shape.length === shape.length && shape.every((n, i) => n === dy.shape[i]) ? dy : sumTo(dy, { shape });
}

/** A value that is computed when it is first asked for: what several gradients of a call share. */
export function lazily<T>(compute: () => T): () => T {
  let value: T | undefined;
  return () => {
    value ??= compute();
    return value;
  };
}

/** `byRows` of ops that work along one axis. */
export function alongRows([{ shape }]: readonly TensorType[], { axis }: { axis: number }): boolean {
  return axisIndex(axis, shape.length) !== 0;
}

/** `byRows` of products: each matrix of a batch meets its own, or the rows of `a` meet one `b`. */
export function productsByRows([a, b]: readonly TensorType[], _params: object, [, varies]: readonly boolean[]): boolean {
  return varies ? a.shape.length > 2 && a.shape.length === b.shape.length : a.shape.length > 1;
}

/** Bounds of a clamp. */
export const noBounds = { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY };

export function checkBounds({ min, max }: typeof noBounds, check: Check): void {
  check.param(typeof min === 'number' && !Number.isNaN(min), 'min', min, 'a number');
  check.param(typeof max === 'number' && !Number.isNaN(max), 'max', max, 'a number');
}

/** Checks what a layer adds to its sums and where it clamps them; y is the type of the sums. */
export function checkFinish(plus: TensorType, y: TensorType, bounds: typeof noBounds, check: Check): void {
  const outputs = y.shape.slice(-1);
  check.dtype(plus.dtype === y.dtype, 'plus', plus, y.dtype, 'the output has that type');
  const fits = [y.shape, outputs, [0]].some((shape) => shapesMayEqual(plus.shape, shape));
  check.shape(fits, 'plus', plus, `${shapeText(y.shape)}, ${shapeText(outputs)} or [0]`, 'it is added to the output');
  checkBounds(bounds, check);
}

/** A parameter that is a list. */
export type Numbers = readonly number[];

/** Refuses anything but a list of whole numbers from `least` on; NaN stands for one that is not known before the run. */
export function wholeNumbers(check: Check, parameter: string, list: Numbers, least = Number.NEGATIVE_INFINITY): void {
  const ok = Array.isArray(list) && list.every((n) => Number.isNaN(n) || (Number.isSafeInteger(n) && n >= least));
  check.param(ok, parameter, list, `a list of whole numbers${Number.isFinite(least) ? ` from ${least}` : ''}`);
}

/** What `infer` of the moving op makes of an x of this shape, compared with dy. */
export function checkSource(dy: TensorType, expected: Shape, check: Check): void {
  check.shape(shapesMayEqual(dy.shape, expected), 'dy', dy, shapeText(expected), 'that is what the op makes of this shape');
}

export function realGradient(dy: TensorType, check: Check): void {
  check.dtype(isReal(dy.dtype), 'dy', dy, 'float32, float64, float16 or bfloat16');
}
