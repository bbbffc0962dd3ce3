import { Tensor } from 'lowbit';
import { type Case, randomInts } from './case.js';

export type Grid = 'uniform' | 'zero';

/** The integer levels of a grid, lowest first. */
export const levelsOf = (bits: number, grid: Grid) =>
  Array.from({ length: 2 ** bits }, (_, c) => (grid === 'uniform' ? 2 * c - (2 ** bits - 1) : c - 2 ** (bits - 1)));

/** Random levels of a grid. */
export function randomLevels(shape: readonly number[], bits: number, grid: Grid, seed = 1): Tensor {
  const codes = randomInts(shape, 'uint8', 0, 2 ** bits - 1, seed).toNumbers();
  const levels = levelsOf(bits, grid);
  return Tensor.from(
    codes.map((c) => levels[c]),
    shape,
    'int8',
  );
}

const row = (shape: readonly number[]) => shape.slice(1).reduce((a, b) => a * b, 1);

/** A row of codes as one large number, written out byte by byte. */
function packed(levels: readonly number[], shape: readonly number[], bits: number, grid: Grid): number[] {
  const length = row(shape);
  const bytes = 8 * Math.ceil((length * bits) / 64);
  const known = levelsOf(bits, grid);
  return Array.from({ length: shape[0] }, (_, o) => {
    const codes = levels.slice(o * length, (o + 1) * length).map((level) => BigInt(known.indexOf(level)));
    const number = codes.reduceRight((all, code) => (all << BigInt(bits)) | code, 0n);
    return Array.from({ length: bytes }, (_, i) => Number((number >> BigInt(8 * i)) & 255n));
  }).flat();
}

/** Every grid there is. */
export const grids: readonly { bits: number; grid: Grid }[] = [
  ...[1, 2, 3, 4].map((bits) => ({ bits, grid: 'uniform' as const })),
  ...[2, 3, 4].map((bits) => ({ bits, grid: 'zero' as const })),
];

const shapes = [[3, 1], [2, 3, 3, 7], [5, 21], [2, 22], [3, 43], [1, 64], [4, 65], [2, 130], [4], [0, 9], [3, 0], [3, 2, 0, 5], [300, 129]];

const packCases: Case[] = grids.flatMap(({ bits, grid }) =>
  shapes.map((shape) => ({
    note: `${bits} bits, ${grid}, [${shape}]`,
    inputs: () => [randomLevels(shape, bits, grid, bits)],
    params: { bits, grid },
    expect: ([levels]: number[][]) => packed(levels, shape, bits, grid),
  })),
);

const unpackCases: Case[] = grids.flatMap(({ bits, grid }) =>
  shapes.map((shape) => {
    const levels = () => randomLevels(shape, bits, grid, bits).toNumbers();
    return {
      note: `${bits} bits, ${grid}, [${shape}]`,
      inputs: () => [Tensor.from(packed(levels(), shape, bits, grid), [shape[0], 8 * Math.ceil((row(shape) * bits) / 64)], 'uint8')],
      params: { bits, grid, shape },
      expect: () => levels(),
    };
  }),
);

export const lowbitCases: Record<string, Case[]> = {
  packLevels: [
    ...packCases,
    {
      note: 'low bits first',
      inputs: () => [Tensor.from([3, -3, 1, -1, 3], [1, 5], 'int8')],
      params: { bits: 2 },
      expect: [0b01_10_00_11, 0b11, 0, 0, 0, 0, 0, 0],
    },
    {
      note: 'codes of 3 bits run on',
      inputs: () => [Tensor.from([-4, -3, 3, -2, 1], [1, 5], 'int8')],
      params: { bits: 3, grid: 'zero' },
      expect: [0b11_001_000, 0b0_101_010_1, 0, 0, 0, 0, 0, 0],
    },
  ],
  unpackLevels: [
    ...unpackCases,
    {
      note: 'the padding says nothing',
      inputs: () => [Tensor.from([0b1111_0101, 255, 255, 255, 255, 255, 255, 255], [1, 8], 'uint8')],
      params: { bits: 1, shape: [1, 1, 1, 4] },
      expect: [1, -1, 1, -1],
    },
  ],
};
