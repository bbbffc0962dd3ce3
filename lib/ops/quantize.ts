/**
 * Between real numbers and codes, and what calibration asks of a tensor. The arithmetic is docs/integers.md. Codes are integers, so
 * gradients end at them; `fakeQuantize` is the one op here that training goes through.
 */
import { shapeText } from '../error.js';
import { type Check, defineOp, required } from '../op.js';
import { axisIndex, type Dtype, mayEqual, permutedAxis, shapesMayEqual, sizeOf, type TensorType } from '../shape.js';
import { checkCodes, checkInRange, checkMultiplier, isCode, requantized } from './codes.js';

const anyLayout = <P>(params: P) => params;

/** An axis of x is at perm.indexOf(axis) of the transposed x. */
function permuteAxis<P extends { axis: number }>(params: P, perm: readonly number[]): P {
  const axis = permutedAxis(params.axis, perm);
  return axis < 0 ? params : { ...params, axis }; // one scale for the whole tensor: the axis is not used
}

/** Not where each row has its own scale. */
function scalesByRows([x, scale]: readonly TensorType[], { axis }: { axis: number }): boolean {
  return sizeOf(scale.shape) === 1 || axisIndex(axis, x.shape.length) !== 0;
}

const quantizedTypes: readonly Dtype[] = ['int8', 'uint8', 'int16', 'uint16', 'int32'];
const quantizedNames = quantizedTypes.join(', ');

function checkScale(check: Check, x: TensorType, scale: TensorType, zeroPoint: TensorType, axis: number): void {
  check.dtype(scale.dtype === 'float32', 'scale', scale, 'float32');
  check.shape(scale.shape.length <= 1, 'scale', scale, '[], [1] or [n]');
  const sameShape = zeroPoint.shape.length === scale.shape.length && scale.shape.every((n, i) => mayEqual(n, zeroPoint.shape[i]));
  check.shape(sameShape, 'zeroPoint', zeroPoint, `[${scale.shape}]`, 'it has the shape of scale');
  const [channels = 1] = scale.shape;
  if (channels === 1) return;
  const index = axisIndex(axis, x.shape.length);
  if (index === undefined) {
    check.param(Number.isNaN(channels), 'axis', axis, `an axis of a tensor of ${x.shape.length} dimensions`);
    return;
  }
  check.shape(mayEqual(x.shape[index], channels), 'scale', scale, `[] or [${x.shape[index]}]`, `axis ${axis} of x has that many elements`);
}

/**
 * Codes of real numbers, clamp(rne(x / scale) + zeroPoint) in the range of zeroPoint's type.
 * x float32 or float16; scale float32, [] or [1] for the whole tensor or [n] along `axis`; zeroPoint of the same shape
 * in int8, uint8, int16, uint16 or int32. NaN becomes the zero point.
 */
export const quantize = defineOp({
  name: 'quantize',
  byRows: scalesByRows,
  inputs: ['x', 'scale', 'zeroPoint'],
  params: { axis: 1 },
  infer([x, scale, zeroPoint], { axis }, check) {
    check.dtype(x.dtype === 'float32' || x.dtype === 'float16', 'x', x, 'float32 or float16');
    check.dtype(quantizedTypes.includes(zeroPoint.dtype), 'zeroPoint', zeroPoint, quantizedNames);
    checkScale(check, x, scale, zeroPoint, axis);
    return { dtype: zeroPoint.dtype, shape: x.shape };
  },
  permute: permuteAxis,
  grad: 'none',
});

/** Real numbers of codes, f32(x - zeroPoint)·scale; operands as in `quantize`, zeroPoint of x's type. */
export const dequantize = defineOp({
  name: 'dequantize',
  byRows: scalesByRows,
  neverFolds: true,
  inputs: ['x', 'scale', 'zeroPoint'],
  params: { axis: 1 },
  infer([x, scale, zeroPoint], { axis }, check) {
    check.dtype(quantizedTypes.includes(x.dtype), 'x', x, quantizedNames);
    check.dtype(zeroPoint.dtype === x.dtype, 'zeroPoint', zeroPoint, x.dtype, 'x has that type');
    checkScale(check, x, scale, zeroPoint, axis);
    return { dtype: 'float32', shape: x.shape };
  },
  permute: permuteAxis,
  grad: 'none',
});

interface FakeParams {
  axis: number;
  qmin: number;
  qmax: number;
}

function checkFake(check: Check, x: TensorType, scale: TensorType, zeroPoint: TensorType, { axis, qmin, qmax }: FakeParams): void {
  check.dtype(x.dtype === 'float32', 'x', x, 'float32');
  check.dtype(zeroPoint.dtype === 'int32', 'zeroPoint', zeroPoint, 'int32');
  checkInRange(check, 'qmin', qmin, 'int32');
  checkInRange(check, 'qmax', qmax, 'int32');
  check.param(qmin <= qmax, 'qmin', qmin, `at most qmax, ${qmax}`);
  checkScale(check, x, scale, zeroPoint, axis);
}

/**
 * dequantize(quantize(x)) on codes from qmin to qmax, which may be any whole numbers; zeroPoint is int32. Its slope is 0 wherever it has
 * one, so the gradient is the straight-through estimate (Bengio et al. 2013): dy where the clamp left the code alone, else 0. The scale
 * and the zero point come from calibration and get none.
 */
export const fakeQuantize = defineOp({
  name: 'fakeQuantize',
  byRows: scalesByRows,
  inputs: ['x', 'scale', 'zeroPoint'],
  params: { axis: 1, qmin: required<number>(), qmax: required<number>() },
  infer([x, scale, zeroPoint], params, check) {
    checkFake(check, x, scale, zeroPoint, params);
    return x;
  },
  permute: permuteAxis,
  grad: (dy, { inputs: [x, scale, zeroPoint], params }) => [() => fakeQuantizeGrad(dy, x, scale, zeroPoint, params), undefined, undefined],
});

/** dy where qmin <= rne(x / scale) + zeroPoint <= qmax, else 0, also where x is NaN; operands as in `fakeQuantize`, dy as x. */
export const fakeQuantizeGrad = defineOp({
  name: 'fakeQuantizeGrad',
  inputs: ['dy', 'x', 'scale', 'zeroPoint'],
  params: { axis: 1, qmin: required<number>(), qmax: required<number>() },
  infer([dy, x, scale, zeroPoint], params, check) {
    checkFake(check, x, scale, zeroPoint, params);
    check.dtype(dy.dtype === 'float32', 'dy', dy, 'float32');
    check.shape(shapesMayEqual(dy.shape, x.shape), 'dy', dy, shapeText(x.shape), 'x has that shape');
    return x;
  },
  permute: permuteAxis,
  grad: 'none',
});

/**
 * The smallest and largest number: float32 [2] of all of x, or with `perAxis` [n, 2] along `axis`.
 * NaN among the numbers gives NaN for both, no numbers give 0 for both; -0 counts as 0.
 */
export const minMax = defineOp({
  name: 'minMax',
  inputs: ['x'],
  params: { perAxis: false, axis: 0 },
  infer([x], { perAxis, axis }, check) {
    check.dtype(x.dtype === 'float32', 'x', x, 'float32');
    if (!perAxis) return { dtype: 'float32', shape: [2] };
    const index = axisIndex(axis, x.shape.length);
    check.param(index !== undefined, 'axis', axis, `an axis of a tensor of ${x.shape.length} dimensions`);
    return { dtype: 'float32', shape: [x.shape[index as number], 2] };
  },
  grad: 'none',
});

/**
 * Counts of magnitudes in bins of width 2^exponent, int32 [2·bins]: first those of x >= 0, then those of x < 0.
 * |x| belongs to bin floor(|x| / 2^exponent), or to the last one if that is beyond it; NaN is not counted.
 */
export const histogram = defineOp({
  name: 'histogram',
  inputs: ['x'],
  params: { exponent: required<number>(), bins: required<number>() },
  infer([x], { exponent, bins }, check) {
    check.dtype(x.dtype === 'float32', 'x', x, 'float32');
    check.param(Number.isInteger(exponent) && Math.abs(exponent) <= 126, 'exponent', exponent, 'a whole number from -126 to 126');
    check.param(Number.isInteger(bins) && bins >= 1 && bins <= 2 ** 20, 'bins', bins, 'a whole number from 1 to 2^20');
    return { dtype: 'int32', shape: [2 * bins] };
  },
  grad: 'none',
});

/** Codes on another scale: y = clamp(rne((x - xZero)·multiplier) + yZero, qmin, qmax), multiplier = scale of x / scale of y. */
export const requantize = defineOp({
  name: 'requantize',
  byRows: true,
  integer: true,
  inputs: ['x'],
  params: {
    ...{ multiplier: required<number>(), xZero: 0, yZero: 0 },
    ...{ qmin: required<number>(), qmax: required<number>(), dtype: required<Dtype>() },
  },
  infer([x], params, check) {
    check.dtype(isCode(x.dtype) || x.dtype === 'int32', 'x', x, 'uint8, int8 or int32');
    checkInRange(check, 'xZero', params.xZero, x.dtype);
    checkMultiplier(check, 'multiplier', params.multiplier);
    return requantized(check, x.shape, params);
  },
  permute: anyLayout,
  grad: 'none',
});

/** y = table[x], any function of one code: x uint8 (entry q) or int8 (entry q + 128), table uint8 or int8 [256]. */
export const qlookup = defineOp({
  name: 'qlookup',
  byRows: true,
  integer: true,
  inputs: ['x', 'table'],
  params: {},
  infer([x, table], _params, check) {
    checkCodes(check, 'x', x);
    checkCodes(check, 'table', table);
    check.shape(table.shape.length === 1 && mayEqual(table.shape[0], 256), 'table', table, '[256]');
    return { dtype: table.dtype, shape: x.shape };
  },
  permute: anyLayout,
  grad: 'none',
});
