import { type Dtype, Tensor } from 'lowbit';
import { broadcastAt, extremes, f32, indices, int8, type Range, randomCodes, req, uint8 } from './arithmetic.js';
import { type Case, randomInts, randomNumbers } from './case.js';

type Code = 'uint8' | 'int8';
type Output = Range & { dtype: Dtype };
const float = { ...uint8, dtype: 'float32' } as const;
const sums = { ...uint8, dtype: 'int32' } as const;

/** What becomes of a sum. */
function finish(acc: number, m: number, out: Output): number {
  if (out.dtype === 'int32') return acc;
  const v = f32(f32(acc) * m);
  return out.dtype === 'float32' ? v : req(v, out);
}

interface Gemm {
  note: string;
  rows: readonly number[];
  k: number;
  n: number;
  a: Code;
  params: Output & { aZero?: number; bZero?: number };
  /** Every a and every b, in place of random codes. */
  fill?: [readonly number[], readonly number[]];
}

export function gemmCase({ note, rows, k, n, a, params, fill }: Gemm): Case {
  const count = rows.reduce((x, y) => x * y, 1);
  return {
    note: `${note}: (${rows}, ${k}) × (${n}, ${k}) ${a} to ${params.dtype}`,
    inputs: () => [
      fill ? Tensor.from(extremes(count * k, fill[0]), [...rows, k], a) : randomCodes([...rows, k], a, k),
      fill ? Tensor.from(extremes(n * k, fill[1]), [n, k], 'int8') : randomInts([n, k], 'int8', -128, 127, n),
      randomInts([n], 'int32', -5000, 5000, 3),
      Tensor.from(
        randomNumbers(n, 0.2, 2).map((x) => x / (100 * Math.sqrt(k + 1))),
        [n],
        'float32',
      ),
    ],
    params,
    expect: ([x, w, bias, scale]) => {
      const { aZero = 0, bZero = 0 } = params;
      return indices([count, n]).map(([row, c]) => {
        let acc = bias[c];
        for (let i = 0; i < k; i++) acc += (x[row * k + i] - aZero) * (w[c * k + i] - bZero);
        return finish(acc, scale[c], params);
      });
    },
  };
}

const widths = [1, 3, 4, 8, 15, 16, 17, 33, 64, 65];
const qgemm: Case[] = [
  ...widths.map((n) => gemmCase({ note: 'outputs', rows: [5], k: 19, n, a: 'uint8', params: { aZero: 121, yZero: 9, ...uint8 } })),
  ...widths.map((k) => gemmCase({ note: 'depth', rows: [5], k, n: 21, a: 'int8', params: { aZero: -11, yZero: -4, ...int8 } })),
  ...[1, 2, 6, 7, 13, 14, 15, 28, 29, 113, 225].map((m) =>
    gemmCase({ note: 'rows', rows: [m], k: 9, n: 18, a: 'uint8', params: { aZero: 3, ...uint8 } }),
  ),
  gemmCase({ note: 'uint8 to int8', rows: [9], k: 31, n: 33, a: 'uint8', params: { aZero: 255, yZero: 5, ...int8 } }),
  gemmCase({ note: 'int8 to uint8', rows: [9], k: 32, n: 32, a: 'int8', params: { aZero: -128, yZero: 255, ...uint8 } }),
  gemmCase({ note: 'int8, zero point 127', rows: [9], k: 33, n: 16, a: 'int8', params: { aZero: 127, yZero: 127, ...int8 } }),
  gemmCase({ note: 'narrow range', rows: [9], k: 32, n: 40, a: 'uint8', params: { aZero: 9, yZero: 20, ...uint8, qmin: 20, qmax: 100 } }),
  gemmCase({ note: 'float', rows: [9], k: 32, n: 40, a: 'uint8', params: { aZero: 9, ...float } }),
  gemmCase({ note: 'float', rows: [3], k: 5, n: 3, a: 'int8', params: { aZero: 9, ...float } }),
  gemmCase({ note: 'batches', rows: [2, 3, 4], k: 12, n: 7, a: 'uint8', params: uint8 }),
  gemmCase({ note: 'a vector', rows: [], k: 12, n: 7, a: 'uint8', params: uint8 }),
  gemmCase({ note: 'no rows', rows: [0], k: 12, n: 7, a: 'uint8', params: uint8 }),
  gemmCase({ note: 'no outputs', rows: [3], k: 12, n: 0, a: 'uint8', params: uint8 }),
  gemmCase({ note: 'no depth: the bias', rows: [3], k: 0, n: 17, a: 'uint8', params: { aZero: 5, ...int8 } }),
  gemmCase({ note: 'weights with a zero point', rows: [4], k: 20, n: 18, a: 'uint8', params: { aZero: 5, bZero: -3, ...int8 } }),
  gemmCase({ note: 'rows of several blocks', rows: [45], k: 40_000, n: 17, a: 'uint8', params: { aZero: 128, ...uint8 } }),
  gemmCase({
    note: 'large tiles, whole chunks',
    rows: [257],
    k: 336,
    n: 130,
    a: 'uint8',
    params: { aZero: 3, bZero: 7, yZero: 9, ...uint8 },
  }),
  gemmCase({ note: 'large tiles, signed', rows: [130], k: 80, n: 257, a: 'int8', params: { aZero: -3, ...int8 } }),
  gemmCase({ note: 'narrow tiles, bytes', rows: [390], k: 67, n: 33, a: 'int8', params: { aZero: -3, bZero: -128, ...int8 } }),
  gemmCase({ note: 'narrow tiles, whole chunks', rows: [400], k: 272, n: 48, a: 'uint8', params: { aZero: 77, yZero: 9, ...uint8 } }),
  gemmCase({ note: 'small tiles, whole chunks', rows: [33], k: 336, n: 80, a: 'int8', params: { aZero: 77, yZero: 9, ...int8 } }),
  // Deep products of one or two tiles, whose depth is shared out.
  gemmCase({ note: 'parts of the depth', rows: [30], k: 2000, n: 40, a: 'uint8', params: { aZero: 9, bZero: -2, yZero: 9, ...uint8 } }),
  gemmCase({ note: 'parts of the depth, signed', rows: [17], k: 1040, n: 70, a: 'int8', params: { aZero: -9, ...float } }),
  // Tiles of warpgroups are 128 × 256, 128 × 128 or 128 × 64, of which the emulation has four at a time; stages are of 128 bytes of k.
  gemmCase({ note: 'wide tiles in turns', rows: [260], k: 16, n: 530, a: 'uint8', params: { aZero: 200, yZero: 9, ...int8 } }),
  gemmCase({ note: 'wide tiles, stages come round', rows: [129], k: 656, n: 400, a: 'int8', params: { aZero: -7, bZero: 3, ...uint8 } }),
  gemmCase({
    note: 'square tiles in turns, to float32',
    rows: [515],
    k: 912,
    n: 128,
    a: 'uint8',
    params: { aZero: 9, bZero: -2, ...float },
  }),
  gemmCase({ note: 'narrow tiles in turns', rows: [520], k: 1168, n: 64, a: 'int8', params: { bZero: -128, yZero: 100, ...uint8 } }),
  gemmCase({ note: 'narrow tiles, one stage', rows: [520], k: 128, n: 1, a: 'uint8', params: { aZero: 255, ...uint8 } }),
  gemmCase({ note: 'deep', rows: [2], k: 4099, n: 3, a: 'uint8', params: { aZero: 128, ...uint8 } }),
  gemmCase({ note: 'blocks of rows that share sets of the cache', rows: [181], k: 4096, n: 3, a: 'uint8', params: { aZero: 7, ...uint8 } }),
  ...(
    [
      ['uint8', 0, [255], [-128]],
      ['uint8', 0, [255], [127]],
      ['uint8', 255, [0], [-128]],
      ['int8', 127, [-128], [-128]],
      ['int8', -128, [127], [127, -128]],
      ['uint8', 0, [255, 255, 0, 0], [127, 127, -128]],
    ] as const
  ).map(([a, aZero, left, right]) =>
    gemmCase({ note: `all ${left} × ${right}`, rows: [3], k: 300, n: 35, a, params: { aZero, ...float }, fill: [left, right] }),
  ),
  {
    note: 'ties to even, both ways',
    inputs: () => [
      Tensor.from([1, 3, 5, 253, 255, 0], [6, 1], 'uint8'),
      Tensor.from([1, -1], [2, 1], 'int8'),
      Tensor.from([0, 0], [2], 'int32'),
      Tensor.from([0.5, 0.5], [2], 'float32'),
    ],
    params: { yZero: 0, ...int8 },
    expect: [0, 0, 2, -2, 2, -2, 126, -126, 127, -128, 0, 0],
  },
  {
    note: 'sums that float32 rounds',
    inputs: () => [
      Tensor.from([1], [1, 1], 'uint8'),
      Tensor.from([0, 0, 0, 0], [4, 1], 'int8'),
      Tensor.from([16777217, 16777219, 2147483647, -2147483648], [4], 'int32'),
      Tensor.from([1, 1, 1, 1], [4], 'float32'),
    ],
    params: float,
    expect: [16777216, 16777220, 2147483648, -2147483648],
  },
];

interface Matmul {
  note: string;
  a: readonly number[];
  b: readonly number[];
  types: [Code, Code];
  params: Output & { aZero?: number; bZero?: number; multiplier: number };
}

function matmulCase({ note, a, b, types, params }: Matmul): Case {
  return {
    note: `${note}: (${a}) × (${b}) ${types} to ${params.dtype}`,
    inputs: () => [randomCodes(a, types[0], 1), randomCodes(b, types[1], 2)],
    params,
    expect: ([x, y]) => {
      const { aZero = 0, bZero = 0, multiplier } = params;
      const [m, k] = a.slice(-2);
      const n = b[b.length - 1];
      const rank = Math.max(a.length, b.length);
      const batch = Array.from({ length: rank - 2 }, (_, d) => {
        const p = a[d + a.length - rank] ?? 1;
        const q = b[d + b.length - rank] ?? 1;
        return p === 1 ? q : p;
      });
      return indices(batch).flatMap((index) => {
        const left = broadcastAt(a.slice(0, -2), index) * m * k;
        const right = broadcastAt(b.slice(0, -2), index) * k * n;
        return indices([m, n]).map(([i, j]) => {
          let acc = 0;
          for (let d = 0; d < k; d++) acc += (x[left + i * k + d] - aZero) * (y[right + d * n + j] - bZero);
          return finish(acc, f32(multiplier), params);
        });
      });
    },
  };
}

const codes = ['uint8', 'int8'] as const;
const qmatmul: Case[] = [
  ...codes.flatMap((left) =>
    codes.map((right) =>
      matmulCase({
        note: 'types',
        a: [7, 19],
        b: [19, 70],
        types: [left, right],
        params: { aZero: 3, bZero: -7 + (right === 'uint8' ? 100 : 0), multiplier: 0.001, yZero: 11, ...uint8 },
      }),
    ),
  ),
  ...widths.map((n) =>
    matmulCase({ note: 'columns', a: [3, 5], b: [5, n], types: ['uint8', 'int8'], params: { multiplier: 0.01, ...int8 } }),
  ),
  ...codes.flatMap((left) =>
    codes.map((right) =>
      matmulCase({
        note: 'several tiles, depth and columns of no whole group, to float32',
        a: [2, 33, 70],
        b: [2, 70, 83],
        types: [left, right],
        params: { aZero: left === 'int8' ? -128 : 255, bZero: right === 'int8' ? 127 : 0, multiplier: 0.001, ...float },
      }),
    ),
  ),
  matmulCase({
    note: 'large tiles, whole chunks',
    a: [2, 130, 80],
    b: [80, 131],
    types: ['uint8', 'uint8'],
    params: { aZero: 100, bZero: 131, multiplier: 0.0004, yZero: 128, ...uint8 },
  }),
  matmulCase({
    note: 'narrow tiles, whole chunks',
    a: [3, 130, 336],
    b: [3, 336, 20],
    types: ['int8', 'int8'],
    params: { aZero: 1, bZero: 3, multiplier: 0.0001, ...int8 },
  }),
  matmulCase({
    note: 'batches of few rows, whole chunks',
    a: [3, 1, 5, 16],
    b: [2, 16, 7],
    types: ['int8', 'uint8'],
    params: { aZero: 1, bZero: 128, multiplier: 1, ...sums },
  }),
  matmulCase({ note: 'batch', a: [2, 3, 5, 8], b: [2, 3, 8, 4], types: ['int8', 'int8'], params: { multiplier: 0.01, ...int8 } }),
  matmulCase({ note: 'batch repeats', a: [2, 1, 5, 8], b: [3, 8, 4], types: ['int8', 'uint8'], params: { multiplier: 0.01, ...float } }),
  matmulCase({ note: 'one matrix', a: [4, 3, 6], b: [6, 2], types: ['int8', 'uint8'], params: { bZero: 100, multiplier: 1, ...sums } }),
  matmulCase({ note: 'one left matrix', a: [3, 6], b: [4, 6, 2], types: ['uint8', 'uint8'], params: { aZero: 9, multiplier: 1, ...sums } }),
  matmulCase({
    note: 'narrow',
    a: [9, 6],
    b: [6, 9],
    types: ['int8', 'int8'],
    params: { multiplier: 0.02, yZero: 3, ...int8, qmin: 3, qmax: 50 },
  }),
  matmulCase({ note: 'empty batch', a: [0, 3, 6], b: [6, 2], types: ['uint8', 'int8'], params: { multiplier: 1, ...sums } }),
  matmulCase({ note: 'no depth', a: [3, 0], b: [0, 2], types: ['uint8', 'int8'], params: { multiplier: 1, yZero: 4, ...uint8 } }),
];

export const qgemmCases: Record<string, Case[]> = { qgemm, qmatmul };
