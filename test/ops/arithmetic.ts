/** docs/integers.md in plain numbers: what the expected results of integer ops are computed with. */
import type { Tensor } from 'lowbit';
import { randomInts } from './case.js';

export const f32 = Math.fround;
export const clamp = (v: number, low: number, high: number) => Math.min(Math.max(v, low), high);

/** The nearest integer, ties to the even one. */
export function rne(v: number): number {
  const below = Math.floor(v);
  if (v - below !== 0.5) return Math.round(v);
  return below % 2 === 0 ? below : below + 1;
}

export interface Range {
  yZero?: number;
  qmin: number;
  qmax: number;
}

/** All codes of a type. */
export const int8 = { qmin: -128, qmax: 127, dtype: 'int8' } as const;
export const uint8 = { qmin: 0, qmax: 255, dtype: 'uint8' } as const;

export const req = (v: number, { yZero = 0, qmin, qmax }: Range) => clamp(rne(clamp(v, qmin - yZero, qmax - yZero)) + yZero, qmin, qmax);

/** Every index of a shape, last dimension fastest. */
export function indices(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>((list, n) => list.flatMap((head) => Array.from({ length: n }, (_, i) => [...head, i])), [[]]);
}

/** The position of a broadcast operand's element under an index of the result. */
export function broadcastAt(shape: readonly number[], index: readonly number[]): number {
  return shape.reduce((at, n, d) => at * n + (n === 1 ? 0 : index[d + index.length - shape.length]), 0);
}

/** The codes whose products are largest: a saturating intermediate would show. */
export const extremes = (count: number, values: readonly number[]) => Array.from({ length: count }, (_, i) => values[i % values.length]);

/** A random tensor over all codes of a type. */
export function randomCodes(shape: readonly number[], dtype: 'uint8' | 'int8', seed: number): Tensor {
  const { qmin, qmax } = dtype === 'uint8' ? uint8 : int8;
  return randomInts(shape, dtype, qmin, qmax, seed);
}
