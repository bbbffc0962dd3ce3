import { type Grid, type Packing, Tensor } from 'lowbit';
import { uint8 } from './arithmetic.js';
import { type Case, randomInts, randomNumbers } from './case.js';
import { convCases } from './conv.js';
import { gemmCases, gemmCase as realGemmCase } from './gemm.js';
import { qconvCases } from './qconv.js';
import { gemmCase, qgemmCases } from './qgemm.js';

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
export const grids: readonly Packing[] = [
  ...[1, 2, 3, 4].map((bits) => ({ bits, grid: 'uniform' as const })),
  ...[2, 3, 4].map((bits) => ({ bits, grid: 'zero' as const })),
];

/** The packed codes of levels. */
const packedTensor = (levels: Tensor, bits: number, grid: Grid) => {
  const { shape } = levels;
  return Tensor.from(packed(levels.toNumbers(), shape, bits, grid), [shape[0], 8 * Math.ceil((row(shape) * bits) / 64)], 'uint8');
};

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
    const levels = () => randomLevels(shape, bits, grid, bits);
    return {
      note: `${bits} bits, ${grid}, [${shape}]`,
      inputs: () => [packedTensor(levels(), bits, grid)],
      params: { bits, grid, shape },
      expect: () => levels().toNumbers(),
    };
  }),
);

type Expect = (inputs: number[][]) => readonly number[];

/** A case of a product with packed weights in place of its own; scales of float weights keep those within ±1, as the case's bound asks. */
function productCase(base: Case, { bits, grid }: Packing, levelsFor = randomLevels): Case {
  const given = base.inputs();
  const { shape } = given[1];
  for (const tensor of given) tensor.dispose();
  const real = given.length === 3;
  const levels = () => levelsFor(shape, bits, grid, row(shape) + bits);
  const scales = () =>
    Tensor.from(
      randomNumbers(shape[0], 0.2, 1).map((s) => s / 15),
      [shape[0]],
    );
  return {
    note: `${base.note}, ${bits} bits, ${grid}`,
    inputs: () => {
      const [x, w, bias, scale = scales()] = base.inputs();
      w.dispose();
      return [x, packedTensor(levels(), bits, grid), bias, scale];
    },
    params: { ...base.params, ...(shape.length === 4 && { kernel: shape.slice(1, 3) }), bits, grid },
    expect: ([x, , bias, scale]) => {
      const weights = levels().toNumbers();
      const used = real ? weights.map((level, i) => Math.fround(level * scale[Math.floor(i / row(shape))])) : weights;
      return (base.expect as Expect)([x, used, bias, scale]);
    },
    bound: base.bound,
  };
}

/** Has the weight a zero point? Levels have none. */
const isShifted = ({ params }: Case) => Boolean(params && ('bZero' in params || 'wZero' in params));

/** The cases of a product, the grids taking turns. */
const productCases = (cases: readonly Case[]): Case[] =>
  cases
    .filter((base) => typeof base.expect === 'function' && base.inputs()[0].dtype !== 'float64' && !isShifted(base))
    .map((base, i) => productCase(base, grids[i % grids.length]));

const fewRows: Case[] = [
  [1, 1, 1],
  [1, 64, 17],
  [2, 65, 33],
  [3, 127, 16],
  [4, 129, 15],
  [5, 300, 40],
  [7, 513, 9],
  [8, 1030, 18],
  [9, 600, 33],
].flatMap(([m, k, n], i) =>
  grids.map((of, j) => {
    const a = (i + j) % 2 ? 'int8' : 'uint8';
    const aZero = [0, 100, -128, 3][(i + j) % 4];
    return productCase(
      gemmCase({ note: 'few rows', rows: [m], k, n, a, params: { aZero: a === 'uint8' ? Math.max(0, aZero) : aZero, ...uint8 } }),
      of,
    );
  }),
);

const fewFloatRows: Case[] = [
  [1, 16, 33],
  [1, 70, 41],
  [2, 67, 130],
  [3, 129, 40],
].flatMap((shape) => grids.map((of) => productCase(realGemmCase(shape), of)));

/** The lowest level everywhere: what sums of 16 bits would not hold. */
const lowest = (shape: readonly number[], bits: number, grid: Grid) =>
  Tensor.from(new Int8Array(shape.reduce((a, b) => a * b, 1)).fill(levelsOf(bits, grid)[0]), shape);

const extremes: Case[] = [1, 20].flatMap((m) =>
  grids.flatMap((of) =>
    (
      [
        [0, 255],
        [255, 0],
        [128, 255],
      ] as const
    ).map(([aZero, code]) =>
      productCase(
        gemmCase({
          note: `all ${code}`,
          rows: [m],
          k: 300,
          n: 18,
          a: 'uint8',
          params: { aZero, ...uint8, dtype: 'float32' },
          fill: [[code], [1]],
        }),
        of,
        lowest,
      ),
    ),
  ),
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
  lowbitGemm: [...productCases(qgemmCases.qgemm), ...fewRows, ...extremes],
  lowbitConv2d: productCases(qconvCases.qconv2d),
  lowbitGemmFloat: [...productCases(gemmCases.gemm), ...fewFloatRows],
  lowbitConv2dFloat: productCases(convCases.conv2d),
};
