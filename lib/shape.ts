/** Shapes and element types: plain data and pure functions. A dimension that is not known before the run is NaN. */

export const dtypes = [
  ...['float32', 'float64', 'float16', 'bfloat16', 'int8', 'uint8', 'int16', 'uint16'],
  ...['int32', 'uint32', 'int64', 'uint64', 'boolean'],
] as const;

/** Element types, in the order that the addon counts them. */
export type Dtype =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'boolean';

export const devices = ['cpu', 'cuda'] as const;

/** Where a tensor lies: the host's memory, or the graphics card's. */
export type Device = (typeof devices)[number];

export type Shape = readonly number[];

export interface TensorType {
  dtype: Dtype;
  shape: Shape;
}

const bytesOf: Record<Dtype, number> = {
  float32: 4,
  float64: 8,
  float16: 2,
  bfloat16: 2,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
  boolean: 1,
};

export const bytesPerElement = (dtype: Dtype) => bytesOf[dtype];
export const isReal = (dtype: Dtype) => dtype === 'float32' || dtype === 'float64' || dtype === 'float16' || dtype === 'bfloat16';
/** Integers of 16 bits, which as codes have no integer kernels. */
export const isWide = (dtype: Dtype | undefined) => dtype === 'uint16' || dtype === 'int16';
export const isInteger = (dtype: Dtype) => !isReal(dtype) && dtype !== 'boolean';

/** Smallest and largest value of an integer type of at most 32 bits. */
export function integerRange(dtype: Dtype): [number, number] {
  const bits = bytesOf[dtype] * 8;
  return dtype.startsWith('u') ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
}

export const sizeOf = (shape: Shape) => shape.reduce((a, b) => a * b, 1);
export const isKnown = (shape: Shape) => !shape.some(Number.isNaN);

/** Equal, or not known to differ. */
export const mayEqual = (a: number, b: number) => a === b || Number.isNaN(a) || Number.isNaN(b);
export const shapesMayEqual = (a: Shape, b: Shape) => a.length === b.length && a.every((n, i) => mayEqual(n, b[i]));

/** The numpy broadcast of two shapes, or undefined where they do not fit. */
export function broadcast(a: Shape, b: Shape): Shape | undefined {
  const out: number[] = [];
  for (let i = 1; i <= Math.max(a.length, b.length); i++) {
    const m = a.at(-i) ?? 1;
    const n = b.at(-i) ?? 1;
    if (m !== 1 && n !== 1 && !mayEqual(m, n)) return undefined;
    out.unshift(m === 1 ? n : n === 1 || Number.isNaN(n) ? m : n);
  }
  return out;
}

/** A possibly negative axis as an index into a shape of this rank; undefined where there is no such axis. */
export function axisIndex(axis: number, rank: number): number | undefined {
  const index = axis < 0 ? axis + rank : axis;
  return Number.isInteger(axis) && index >= 0 && index < rank ? index : undefined;
}

/** Where an axis of x, possibly negative, is found in a tensor that is stored as transpose(x, perm). */
export const permutedAxis = (axis: number, perm: readonly number[]) => perm.indexOf(axis < 0 ? axis + perm.length : axis);
