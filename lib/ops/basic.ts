/** What gradient rules of every family need: broadcasting, undone. */
import { defineOp, required } from '../op.js';
import { broadcast, type Shape, shapesMayEqual } from '../shape.js';
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
