/** Quantization parameters, and how they follow from a range of real numbers. */

import { roundHalfEven } from '../rounding.js';
import { integerRange } from '../shape.js';

/** Codes of activations. */
export type CodeType = 'uint8' | 'int8';

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

/** Smallest scale that is used: below it, a range is taken for a single number. */
const leastScale = 2 ** -100;

/**
 * Scale and zero point for a range, which is first widened to hold 0 (padding and ReLU need it exact).
 * affine: scale = (max − min) / 255, zeroPoint = rne(qmin − min / scale).
 * symmetric: the zero point is 0 (int8), 128 (uint8 with negative numbers) or 0 (uint8 without).
 */
export function qparamsOf({ min, max }: Range, dtype: CodeType, symmetric: boolean): QParams {
  const [low, high] = [Math.min(min, 0), Math.max(max, 0)];
  const [qmin, qmax] = integerRange(dtype);
  if (symmetric) {
    const zeroPoint = dtype === 'uint8' && low < 0 ? 128 : 0;
    const steps = qmax - zeroPoint;
    return { scale: scaleOf(Math.max(high, -low), steps), zeroPoint, dtype };
  }
  return { ...affineCodes(low, high, qmin, qmax), dtype };
}

/** Scale and zero point with which codes qmin..qmax cover low..high, which hold 0. */
function affineCodes(low: number, high: number, qmin: number, qmax: number): Pick<QParams, 'scale' | 'zeroPoint'> {
  const scale = scaleOf(high - low, qmax - qmin);
  return { scale, zeroPoint: Math.min(Math.max(roundHalfEven(qmin - low / scale), qmin), qmax) };
}

/** Affine codes 0..qmax for a range, in uint8: what `fakeQuantizeRange` computes with. */
export function rangeCodes({ min, max }: Range, qmax: number): QParams {
  return { ...affineCodes(Math.min(min, 0), Math.max(max, 0), 0, qmax), dtype: 'uint8' };
}

function scaleOf(span: number, steps: number): number {
  const scale = Math.fround(span / steps);
  return scale > leastScale ? scale : 1;
}

/** Weights as int8 codes −127..127 with one scale, or one for each index of axis 0 (the output channels). */
export interface QuantizedWeight {
  codes: Int8Array;
  scales: Float32Array;
}

/**
 * Symmetric int8 codes: scale = max|w| / 127.
 * @param leastScales scales that the channels must have at least, so that their int32 bias fits
 */
export function quantizeWeight(w: Float32Array, channels: number, perTensor: boolean, leastScales: ArrayLike<number>): QuantizedWeight {
  const row = channels ? w.length / channels : 0;
  const most = new Float32Array(channels);
  for (let i = 0; i < w.length; i++) {
    const c = Math.floor(i / row);
    most[c] = Math.max(most[c], Math.abs(w[i]));
  }
  const largest = (list: ArrayLike<number>) => Array.from(list).reduce((a, b) => Math.max(a, b), 0);
  const scales =
    perTensor && channels
      ? Float32Array.of(Math.max(scaleOf(largest(most), 127), largest(leastScales)))
      : Float32Array.from(most, (amax, c) => Math.max(scaleOf(amax, 127), leastScales[c]));
  const codes = Int8Array.from(w, (x, i) =>
    Math.min(Math.max(roundHalfEven(Math.fround(x / scales[scales.length === 1 ? 0 : Math.floor(i / row)])), -127), 127),
  );
  return { codes, scales };
}

/** The scales of sums of products, and so of a bias: f32(s_x·s_w), one or one for each channel. */
export function productScales(inputScale: number, weightScales: ArrayLike<number>): Float32Array {
  return Float32Array.from(weightScales, (scale) => inputScale * scale);
}

/** A bias as int32 codes with these scales. */
export function quantizeBias(bias: ArrayLike<number>, scales: Float32Array): Int32Array {
  const [low, high] = integerRange('int32');
  return Int32Array.from(bias, (b, c) => Math.min(Math.max(roundHalfEven(b / scales[scales.length === 1 ? 0 : c]), low), high));
}
