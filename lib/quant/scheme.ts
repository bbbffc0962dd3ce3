/** Quantization parameters, and how they follow from a range of real numbers. */

import { roundHalfEven } from '../rounding.js';
import { integerRange } from '../shape.js';

/** Codes of activations. */
export const codeTypes = ['uint8', 'int8', 'uint16', 'int16'] as const;
export type CodeType = (typeof codeTypes)[number];

/** real = (q − zeroPoint)·scale, one pair for a whole tensor. Plain data: print it, save it, edit it. */
export interface QParams {
  scale: number;
  zeroPoint: number;
  dtype: CodeType;
}

export interface Range {
  min: number;
  max: number;
}

/** Any scale, or the next power of two above it: then all of requantization is shifts. */
export const scaleKinds = ['float', 'powerOfTwo'] as const;
export type ScaleKind = (typeof scaleKinds)[number];

/** Smallest scale that is used: below it, a range is taken for a single number. */
export const leastScale = 2 ** -100;

/**
 * Scale and zero point for a range, which is first widened to hold 0 (padding and ReLU need it exact).
 * affine: scale = (max − min) / (qmax − qmin), zeroPoint = rne(qmin − min / scale).
 * symmetric: the zero point is 0 (signed codes), the middle (unsigned ones with negative numbers: 128, 32768) or 0 (unsigned without).
 */
export function qparamsOf({ min, max }: Range, dtype: CodeType, symmetric: boolean, kind: ScaleKind = 'float'): QParams {
  const [low, high] = [Math.min(min, 0), Math.max(max, 0)];
  const [qmin, qmax] = integerRange(dtype);
  if (symmetric) {
    const zeroPoint = qmin === 0 && low < 0 ? (qmax + 1) / 2 : 0;
    const steps = qmax - zeroPoint;
    return { scale: scaleOf(Math.max(high, -low), steps, kind), zeroPoint, dtype };
  }
  return { ...affineCodes(low, high, qmin, qmax, kind), dtype };
}

/** Scale and zero point with which codes qmin..qmax cover low..high, which hold 0. */
function affineCodes(low: number, high: number, qmin: number, qmax: number, kind: ScaleKind): Pick<QParams, 'scale' | 'zeroPoint'> {
  const scale = scaleOf(high - low, qmax - qmin, kind);
  return { scale, zeroPoint: Math.min(Math.max(roundHalfEven(qmin - low / scale), qmin), qmax) };
}

/** Affine codes 0..qmax for a range, in uint8: what `fakeQuantizeRange` computes with. */
export function rangeCodes({ min, max }: Range, qmax: number): QParams {
  return { ...affineCodes(Math.min(min, 0), Math.max(max, 0), 0, qmax, 'float'), dtype: 'uint8' };
}

/** The scale with which so many steps cover a span: f32(span / steps), or the least power of two from there on. */
export function scaleOf(span: number, steps: number, kind: ScaleKind): number {
  const scale = Math.fround(span / steps);
  if (!(scale > leastScale)) return 1;
  return kind === 'float' ? scale : powerOfTwoFrom(scale);
}

/** The least power of two that is not below x, of which there are float32 numbers. */
export const powerOfTwoFrom = (x: number) => 2 ** Math.min(Math.ceil(Math.log2(x)), 127);

/** The scales of sums of products, and so of a bias: f32(s_x·s_w), one or one for each channel. */
export function productScales(inputScale: number, weightScales: ArrayLike<number>): Float32Array {
  return Float32Array.from(weightScales, (scale) => inputScale * scale);
}

/** A bias as int32 codes with these scales. */
export function quantizeBias(bias: ArrayLike<number>, scales: Float32Array): Int32Array {
  const [low, high] = integerRange('int32');
  return Int32Array.from(bias, (b, c) => Math.min(Math.max(roundHalfEven(b / scales[scales.length === 1 ? 0 : c]), low), high));
}
