/** What the integer ops share: 8-bit codes in, requantized sums out (docs/integers.md). */
import { shapeText } from '../error.js';
import type { Check } from '../op.js';
import { type Dtype, integerRange, mayEqual, type Shape, shapesMayEqual, type TensorType } from '../shape.js';

export const isCode = (dtype: Dtype) => dtype === 'uint8' || dtype === 'int8';

/** The input must hold codes, and its zero point must be one of them. */
export function checkCodes(check: Check, input: string, type: TensorType, parameter?: string, zero?: number): void {
  check.dtype(isCode(type.dtype), input, type, 'uint8 or int8');
  if (parameter !== undefined && zero !== undefined) checkInRange(check, parameter, zero, type.dtype);
}

/** A whole number that the integer type holds. */
export function checkInRange(check: Check, parameter: string, value: number, dtype: Dtype): void {
  const [low, high] = integerRange(dtype);
  const ok = Number.isInteger(value) && value >= low && value <= high;
  check.param(ok, parameter, value, `a whole number from ${low} to ${high}`, `it is one of type ${dtype}`);
}

/** A scale factor: finite once it is rounded to float32. */
export function checkMultiplier(check: Check, parameter: string, value: number): void {
  check.param(Number.isFinite(Math.fround(value)), parameter, value, 'a finite float32 number');
}

/** The output of an op that ends in a requantization; `also` are the types that end without one. */
export function requantized(
  check: Check,
  shape: Shape,
  params: { yZero: number; qmin: number; qmax: number; dtype: Dtype },
  also: readonly Dtype[] = [],
): TensorType {
  const { dtype } = params;
  if (!also.includes(dtype)) {
    check.param(isCode(dtype), 'dtype', dtype, ['uint8', 'int8', ...also].join(', '));
    for (const name of ['yZero', 'qmin', 'qmax'] as const) checkInRange(check, name, params[name], dtype);
    check.param(params.qmin <= params.qmax, 'qmin', params.qmin, `at most qmax, ${params.qmax}`);
  }
  return { dtype, shape };
}

/** A list of `length` whole numbers of at least `least`. */
export function checkSteps(check: Check, parameter: string, values: readonly number[], length: number, least: number): void {
  const ok = values.length === length && values.every((n) => Number.isSafeInteger(n) && n >= least);
  check.param(ok, parameter, values, `${length} whole numbers from ${least}`);
}

/** Bytes of so many packed codes: whole words of 64 bits. */
export const packedRowBytes = (codes: number, bits: number) => 8 * Math.ceil((codes * bits) / 64);

/** Weights of one output channel; axis 0 are the output channels. */
export const rowOf = (shape: Shape) => shape.slice(1).reduce((a, b) => a * b, 1);

/** The packed codes of weights of this shape. */
export function checkPacked(check: Check, input: string, packed: TensorType, shape: Shape, bits: number): void {
  check.dtype(packed.dtype === 'uint8', input, packed, 'uint8');
  const bytes = packedRowBytes(rowOf(shape), bits);
  const fits = packed.shape.length === 2 && mayEqual(packed.shape[0], shape[0]) && mayEqual(packed.shape[1], bytes);
  check.shape(fits, input, packed, `[${shape[0]}, ${bytes}]`, `that holds ${bits}-bit codes of weights of shape ${shapeText(shape)}`);
}

/** One bias and one scale for each output; the scale says how many there are. */
export function checkOutputs(check: Check, bias: TensorType, scale: TensorType, dtype: Dtype): number {
  check.dtype(scale.dtype === 'float32', 'scale', scale, 'float32');
  check.shape(scale.shape.length === 1, 'scale', scale, '[out]');
  const [outputs] = scale.shape;
  check.dtype(bias.dtype === dtype, 'bias', bias, dtype);
  check.shape(shapesMayEqual(bias.shape, [outputs]), 'bias', bias, `[${outputs}]`, 'there are that many scales');
  return outputs;
}
