/** Normalisations of each row: layer norm, softmax. */
import { type Check, defineOp } from '../op.js';
import { axisIndex, broadcast, type Dtype, shapesMayEqual, type TensorType } from '../shape.js';

const realTypes: readonly Dtype[] = ['float32', 'float64', 'float16'];

function checkReal(inputs: Record<string, TensorType>, check: Check): void {
  const [first, ...others] = Object.entries(inputs);
  check.dtype(realTypes.includes(first[1].dtype), first[0], first[1], realTypes.join(', '));
  for (const [name, type] of others) check.dtype(type.dtype === first[1].dtype, name, type, first[1].dtype, 'x has that type');
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

/**
 * y = (x − mean) / √(variance + epsilon) · scale + bias with mean and variance over the dimensions from `axis` on;
 * computed in double, rounded once.
 * @param scale broadcasts to those dimensions, like bias
 */
export const layerNorm = defineOp({
  name: 'layerNorm',
  inputs: ['x', 'scale', 'bias'],
  params: { axis: -1, epsilon: 1e-5 },
  infer([x, scale, bias], { axis, epsilon }, check) {
    checkReal({ x, scale, bias }, check);
    const dims = x.shape.slice(checkAxis(x, axis, check));
    for (const [name, type] of Object.entries({ scale, bias })) {
      const fits = shapesMayEqual(broadcast(type.shape, dims) ?? [], dims);
      check.shape(fits, name, type, `a shape that broadcasts to [${dims}]`, 'x is normalised over those dimensions');
    }
    checkEpsilon(epsilon, check);
    return x;
  },
});

function softmaxLike(name: string) {
  return defineOp({
    name,
    inputs: ['x'],
    params: { axis: -1 },
    infer([x], { axis }, check) {
      checkReal({ x }, check);
      checkAxis(x, axis, check);
      return x;
    },
    permute: movedAxis,
  });
}

/** eˣ / Σ eˣ along `axis`; the largest x is subtracted first, sums are double. */
export const softmax = softmaxLike('softmax');
/** log(eˣ / Σ eˣ) along `axis`, computed as x − max − log Σ eˣ⁻ᵐᵃˣ. */
export const logSoftmax = softmaxLike('logSoftmax');
