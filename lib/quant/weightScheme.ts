/** Weights as symmetric codes: how many bits they have, and their scales. */
import { fail } from '../error.js';
import { roundHalfEven } from '../rounding.js';
import type { Shape } from '../shape.js';
import { leastScale, powerOfTwoFrom, type ScaleKind, scaleOf } from './scheme.js';

/** Bits that a code may have. Codes are −Q..Q, Q = 2^(bits − 1) − 1, in int8: −q is a code where q is. Those of 1 bit are the signs −1 and 1. */
export const weightWidths = [1, 2, 3, 4, 8] as const;
export type WeightBits = (typeof weightWidths)[number];

/** Q, the largest code. */
export const largestCode = (bits: WeightBits) => (bits === 1 ? 1 : 2 ** (bits - 1) - 1);

/** How many inputs of an output channel may share a scale where a channel has several. */
export const weightGroups = [32, 64, 128] as const;
export type WeightGroup = (typeof weightGroups)[number];

/** Can a weight have groups: is it one of a linear layer, (out, in), with more than one group of inputs, all of them whole? */
export const takesGroups = (shape: Shape, group: number) => shape.length === 2 && shape[1] > group && shape[1] % group === 0;

/** What the codes reach: the largest weight, or as far as makes the squared error smallest. Signs have the one scale that does that. */
export const weightRanges = ['max', 'mse'] as const;
export type WeightRange = (typeof weightRanges)[number];

export interface WeightScheme {
  bits: WeightBits;
  /** One scale for the whole weight instead of one for each index of axis 0 (the output channels). */
  perTensor: boolean;
  range: WeightRange;
  scales: ScaleKind;
}

/** real = code·scale: codes, and one scale, or one for each index of axis 0. */
export interface QuantizedWeight {
  codes: Int8Array;
  scales: Float32Array;
  /** What the bias of the layer became with them, where it did not stay. */
  bias?: Float32Array;
}

/** Refuses a number of bits that no weight can have. */
export function checkWeightBits(where: string, bits: unknown): WeightBits {
  if ((weightWidths as readonly unknown[]).includes(bits)) return bits as WeightBits;
  return fail({ code: 'option', where, option: 'weightBits', came: bits, expected: `one of ${weightWidths.join(', ')}` });
}

/** Codes rounded to nearest, with the scales that the scheme gives. */
export function quantizeWeight(w: Float32Array, channels: number, scheme: WeightScheme, leastScales: ArrayLike<number>): QuantizedWeight {
  const scales = weightScales(w, channels, scheme, leastScales);
  return { codes: nearestCodes(w, scales, scheme.bits), scales };
}

/**
 * The scales of a weight: max|w| / Q, or smaller ones with a smaller squared error; of 1 bit mean|w|.
 * @param channels how many there are along axis 0
 * @param leastScales scales that the channels must have at least, so that their int32 bias fits
 */
export function weightScales(w: Float32Array, channels: number, scheme: WeightScheme, leastScales: ArrayLike<number>): Float32Array {
  const least = Array.from(leastScales);
  const parts = scheme.perTensor && channels ? 1 : channels;
  const size = parts ? w.length / parts : 0;
  return Float32Array.from({ length: parts }, (_, c) => {
    const needed = parts === channels ? least[c] : least.reduce((a, b) => Math.max(a, b), 0);
    const scale = Math.max(scaleFor(w.subarray(c * size, (c + 1) * size), scheme), needed);
    return scheme.scales === 'float' ? scale : powerOfTwoFrom(scale);
  });
}

/** clamp(rne(f32(w / s)), −Q, Q); of 1 bit the sign, which is 1 for 0. */
export function nearestCodes(w: Float32Array, scales: Float32Array, bits: WeightBits): Int8Array {
  if (bits === 1) return Int8Array.from(w, (x) => (x < 0 ? -1 : 1));
  const top = largestCode(bits);
  const size = w.length / scales.length;
  return Int8Array.from(w, (x, i) => Math.min(Math.max(roundHalfEven(Math.fround(x / scales[Math.floor(i / size)])), -top), top));
}

function scaleFor(w: Float32Array, { bits, range, scales }: WeightScheme): number {
  if (bits === 1) return scaleOfSigns(w, scales);
  const top = largestCode(bits);
  const most = w.reduce((a, x) => Math.max(a, Math.abs(x)), 0);
  const widest = scaleOf(most, top, scales);
  if (range === 'max' || most === 0) return widest;
  let best = widest;
  let least = Number.POSITIVE_INFINITY;
  for (const share of shares[scales]) {
    const scale = Math.fround(widest * share);
    const error = squaredError(w, scale, top, least);
    if (error < least) [best, least] = [scale, error];
  }
  return best;
}

/** mean|w|, or the power of two next to it: the squared error grows with the distance from the mean. Of zeros the smallest that is used. */
function scaleOfSigns(w: Float32Array, kind: ScaleKind): number {
  if (!w.length) return 1;
  const mean = Math.max(w.reduce((sum, x) => sum + Math.abs(x), 0) / w.length, leastScale);
  const above = powerOfTwoFrom(mean);
  return kind === 'float' ? mean : mean < 0.75 * above ? above / 2 : above;
}

/** Of the scale that reaches the largest weight; powers of two stay such. */
const shares: Record<ScaleKind, readonly number[]> = {
  float: Array.from({ length: 41 }, (_, i) => 1 - i / 50),
  powerOfTwo: [1, 1 / 2, 1 / 4, 1 / 8],
};

/** Σ (w − s·clamp(round(w / s)))², or any number from `enough` on where it reaches that. */
function squaredError(w: Float32Array, scale: number, top: number, enough: number): number {
  let sum = 0;
  for (let i = 0; i < w.length && sum < enough; i++) {
    const code = Math.min(Math.max(Math.round(w[i] / scale), -top), top);
    sum += (w[i] - code * scale) ** 2;
  }
  return sum;
}
