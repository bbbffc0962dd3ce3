/** How op cases are written; the list of all of them is cases.ts. */
import { type Dtype, Tensor, type TensorData } from 'lowbit';

/** One call of an op that every kernel row has to get right. */
export interface Case {
  /** What is special about it, for the test's title. */
  note?: string;
  inputs: () => Tensor[];
  params?: object;
  /** The right answer, in numbers computed without our kernels (a literal, or a plain loop in float64). */
  expect?: readonly number[] | ((inputs: number[][]) => readonly number[]);
  /** Largest |got - want| / max(1, |want|), derived where it is written; 0 means equal. Rows are always compared byte for byte. */
  bound?: number;
  /** The same for rows on a graphics card that round otherwise than the reference, all or each by its name; others give its bytes. */
  cudaBound?: number | Readonly<Record<string, number>>;
  /** false: no check of the gradient here, because the inputs sit on kinks or are not independent. */
  gradient?: boolean;
}

/** Numbers that look random and are the same on every run: xorshift32. */
export function randomNumbers(count: number, low: number, high: number, seed = 1): number[] {
  let state = (seed * 2654435761) >>> 0 || 1;
  return Array.from({ length: count }, () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return low + ((high - low) * state) / 4294967296;
  });
}

/**
 * Of rows that round factors to tf32 or bfloat16, for sums of `depth` products of factors within ±1: rounded to p bits, a factor is off by
 * at most u = 2^-p, and so a product by 2u + u². The sum of the row and that of the reference round at every step, where they start and
 * where they are finished, by at most 2^-23 of what they are then (cards may cut off), which is at most depth + 2.
 */
export function roundedBound(depth: number): Record<string, number> {
  const bound = (u: number) => depth * (2 * u + u ** 2) + 2 * (depth + 2) * 2 ** -23 * (depth + 2);
  return { tf32: bound(2 ** -11), bf16: bound(2 ** -8) };
}

const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** A random float tensor. */
export function random(shape: readonly number[], low = -2, high = 2, seed = 1, dtype: Dtype = 'float32'): Tensor {
  return Tensor.from(randomNumbers(size(shape), low, high, seed), shape, dtype);
}

/** A random integer tensor over [low, high], both ends included. */
export function randomInts(shape: readonly number[], dtype: Dtype, low: number, high: number, seed = 1): Tensor {
  return Tensor.from(
    randomNumbers(size(shape), low, high + 1, seed).map((x) => Math.min(high, Math.floor(x))),
    shape,
    dtype,
  );
}

/**
 * Cases of a layer whose sums are finished: min(max(sum + plus, min), max), plus being as the output, one number a channel or nothing.
 * @param layer the case without it; its inputs are within ±1
 */
export function finishes(layer: Case, output: readonly number[], bound: number): Case[] {
  const channels = output.slice(-1);
  const expect = layer.expect as (inputs: number[][]) => readonly number[];
  const clamps = [{}, { min: -0.5, max: 0.25 }, { min: 0 }, { max: 0.5 }, { min: 0.5, max: -0.5 }];
  return [output, channels, [0]].flatMap((plus, kind) =>
    clamps.slice(kind, kind + 3).map(
      (bounds): Case => ({
        note: `${layer.note} plus (${plus}), ${JSON.stringify(bounds)}`,
        inputs: () => [...layer.inputs(), random(plus, -1, 1, 9)],
        params: { ...layer.params, ...bounds },
        expect(inputs) {
          const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = bounds;
          const added = inputs[3];
          return expect(inputs).map((sum, i) => Math.min(Math.max(sum + (added.length ? added[i % added.length] : 0), min), max));
        },
        bound,
        cudaBound: layer.cudaBound,
      }),
    ),
  );
}

/**
 * For `cudaBound`: exponentials and logarithms of doubles are within 1 ulp on a card and here, so that they may be two numbers apart,
 * `error` in all. What is rounded from one to float32 or float16 may be the next number then.
 */
export const doubleFunctions = (error: number, dtype: Dtype) => ({ float64: error, float32: 2 ** -23, float16: 2 ** -10 })[dtype as string];

/** Sizes that break vector code: 1, around 8, 16, 32 and 64, and a ragged large one. */
export const raggedSizes = [1, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 1000];

export const bytesOf = (data: TensorData) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
