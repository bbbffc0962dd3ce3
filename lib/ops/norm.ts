/** Normalisations of each row: layer norm, softmax. */
import { type Check, defineOp } from '../op.js';
import { axisIndex, broadcast, type Dtype, type Shape, shapesMayEqual, type TensorType } from '../shape.js';
import { alongRows, unbroadcast } from './basic.js';

const realTypes: readonly Dtype[] = ['float32', 'float64', 'float16'];

function checkReal(inputs: Record<string, TensorType>, check: Check): void {
  const [first, ...others] = Object.entries(inputs);
  check.dtype(realTypes.includes(first[1].dtype), first[0], first[1], realTypes.join(', '));
  for (const [name, type] of others) check.dtype(type.dtype === first[1].dtype, name, type, first[1].dtype, `${first[0]} has that type`);
}

function checkAxis(x: TensorType, axis: number, check: Check): number {
  const index = axisIndex(axis, x.shape.length);
  check.param(index !== undefined, 'axis', axis, `an axis of x, which has ${x.shape.length}`);
  return index as number;
}

/** The same axis of a tensor that is stored transposed. */
function movedAxis<P extends { axis: number }>(params: P, perm: readonly number[]): P | undefined {
  const index = axisIndex(params.axis, perm.length);
  return index === undefined ? undefined : { ...params, axis: perm.indexOf(index) };
}

function checkEpsilon(epsilon: number, check: Check): void {
  check.param(epsilon >= 0 && epsilon < Infinity, 'epsilon', epsilon, 'a finite number from 0');
}

function normalizedDims(x: TensorType, axis: number, operands: Record<string, TensorType>, check: Check): Shape {
  const dims = x.shape.slice(checkAxis(x, axis, check));
  for (const [name, type] of Object.entries(operands)) {
    const fits = shapesMayEqual(broadcast(type.shape, dims) ?? [], dims);
    check.shape(fits, name, type, `a shape that broadcasts to [${dims}]`, 'x is normalised over those dimensions');
  }
  return dims;
}

function checkSameShape(dy: TensorType, name: string, other: TensorType, check: Check): void {
  check.shape(shapesMayEqual(dy.shape, other.shape), 'dy', dy, `the shape of ${name}, [${other.shape}]`);
}

/** The gradient of layerNorm by x, the statistics computed again: inverse·(g − mean g − x̂·mean(g·x̂)), g = dy·scale; sums in double. */
export const layerNormInputGrad = defineOp({
  name: 'layerNormInputGrad',
  inputs: ['dy', 'x', 'scale'],
  params: { axis: -1, epsilon: 1e-5 },
  infer([dy, x, scale], { axis, epsilon }, check) {
    checkReal({ x, dy, scale }, check);
    checkSameShape(dy, 'x', x, check);
    normalizedDims(x, axis, { scale }, check);
    checkEpsilon(epsilon, check);
    return x;
  },
  grad: 'none',
});

/** The gradient of layerNorm by a scale of the dimensions from `axis` on: Σ dy·x̂ over the others; in double, in an order that x alone decides. */
export const layerNormScaleGrad = defineOp({
  name: 'layerNormScaleGrad',
  inputs: ['dy', 'x'],
  params: { axis: -1, epsilon: 1e-5 },
  infer([dy, x], { axis, epsilon }, check) {
    checkReal({ x, dy }, check);
    checkSameShape(dy, 'x', x, check);
    checkEpsilon(epsilon, check);
    return { dtype: x.dtype, shape: normalizedDims(x, axis, {}, check) };
  },
  grad: 'none',
});

/**
 * y = (x − mean) / √(variance + epsilon) · scale + bias with mean and variance over the dimensions from `axis` on;
 * the statistics in double;
 * float32 within 4 ulp of the largest of |x̂·scale|, |bias| and y, other types rounded once.
 * @param scale broadcasts to those dimensions, like bias
 */
export const layerNorm = defineOp({
  name: 'layerNorm',
  byRows: alongRows,
  inputs: ['x', 'scale', 'bias'],
  params: { axis: -1, epsilon: 1e-5 },
  infer([x, scale, bias], { axis, epsilon }, check) {
    checkReal({ x, scale, bias }, check);
    normalizedDims(x, axis, { scale, bias }, check);
    checkEpsilon(epsilon, check);
    return x;
  },
  learns: ['scale', 'bias'],
  grad: (dy, { inputs: [x, scale, bias], params }) => [
    () => layerNormInputGrad(dy, x, scale, params),
    () => unbroadcast(layerNormScaleGrad(dy, x, params), scale),
    () => unbroadcast(dy, bias),
  ],
});

/** A gradient along `axis` that needs no more than dy and y. */
function softmaxGradLike(name: string) {
  return defineOp({
    name,
    inputs: ['dy', 'y'],
    params: { axis: -1 },
    infer([dy, y], { axis }, check) {
      checkReal({ y, dy }, check);
      checkSameShape(dy, 'y', y, check);
      checkAxis(y, axis, check);
      return y;
    },
    grad: 'none',
  });
}

/** The gradient of softmax from its result: y·(dy − Σ dy·y), the sum along `axis` in double. */
export const softmaxGrad = softmaxGradLike('softmaxGrad');
/** The gradient of logSoftmax from its result: dy − e^y·Σ dy, the sum along `axis` in double. */
export const logSoftmaxGrad = softmaxGradLike('logSoftmaxGrad');

function softmaxLike(name: string, gradient: typeof softmaxGrad) {
  return defineOp({
    name,
    byRows: alongRows,
    inputs: ['x'],
    params: { axis: -1 },
    infer([x], { axis }, check) {
      checkReal({ x }, check);
      checkAxis(x, axis, check);
      return x;
    },
    permute: movedAxis,
    grad: (dy, { output, params }) => [() => gradient(dy, output, params)],
  });
}

/** eˣ / Σ eˣ along `axis`; the largest x is subtracted first, sums are double. float32 within 4 ulp of the largest result. */
export const softmax = softmaxLike('softmax', softmaxGrad);
/** log(eˣ / Σ eˣ) along `axis`, computed as x − max − log Σ eˣ⁻ᵐᵃˣ; float32 within 1 ulp of that logarithm or of the result. */
export const logSoftmax = softmaxLike('logSoftmax', logSoftmaxGrad);
