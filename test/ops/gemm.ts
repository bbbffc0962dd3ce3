import { type Dtype, Tensor } from 'lowbit';
import { type Case, finishes, random, randomInts, roundedBound } from './case.js';

// Each of the k steps and the bias round once, a partial sum is at most k + 1 (all factors are within ±1): k·2^-24·(k + 1).
const bound = (k: number) => k * 2 ** -24 * (k + 1);

function gemmExpect(m: number, n: number, k: number) {
  return ([a, b, bias]: number[][]) => {
    const y: number[] = [];
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = bias[j];
        for (let p = 0; p < k; p++) sum += a[i * k + p] * b[j * k + p];
        y.push(sum);
      }
    }
    return y;
  };
}

// m, n, k: tiles are up to 14 rows of 32 outputs (6 of 16); the last shapes are large enough for several threads.
const gemmShapes = [
  [1, 1, 1],
  [1, 10, 64],
  [2, 3, 0],
  [0, 5, 4],
  [3, 0, 4],
  [5, 8, 7],
  [6, 15, 9],
  [7, 16, 16],
  [13, 17, 33],
  [14, 31, 5],
  [15, 32, 8],
  [16, 33, 17],
  [29, 65, 64],
  [65, 128, 300],
  [1, 1000, 1280],
  [130, 140, 530],
  // Just past the tiles of graphics cards (128, 64 and 32 either way), with steps in fours.
  [133, 132, 20],
  [65, 132, 36],
];

export function gemmCase([m, n, k]: number[], lead: readonly number[] = [m], dtype: Dtype = 'float32'): Case {
  return {
    note: `(${lead}, ${k}) by (${n}, ${k}) ${dtype}`,
    inputs: () => [random([...lead, k], -1, 1, 1, dtype), random([n, k], -1, 1, 2, dtype), random([n], -1, 1, 3, dtype)],
    expect: gemmExpect(m, n, k),
    bound: bound(k),
    cudaBound: roundedBound(k),
  };
}

/** One product and a bias an output, where rounding the sum to float64 before float32 goes wrong. */
function middleCase(note: string, a: number, outputs: readonly (readonly [b: number, bias: number, y: number])[]): Case {
  const all = [0, 1, 2].flatMap(() => outputs);
  return {
    note,
    inputs: () => [
      Tensor.from([a], [1, 1]),
      Tensor.from(
        all.map(([b]) => b),
        [all.length, 1],
      ),
      Tensor.from(all.map(([, bias]) => bias)),
    ],
    expect: all.map(([, , y]) => y),
    bound: 0,
    cudaBound: roundedBound(2), // one product, of factors up to 1 + 2^-12
    gradient: false,
  };
}

// The product is 1 + 2^-11 + 2^-24, in the middle between two floats.
const middle = 1 + 2 ** -12;
const below = 1 + 2 ** -11;
const above = below + 2 ** -23;

/** numpy matmul over matrices: ia and ib are the matrices that belong to each matrix of y. */
function matmulExpect(m: number, n: number, k: number, ia: readonly number[] = [0], ib: readonly number[] = [0]) {
  return ([a, b]: number[][]) =>
    ia.flatMap((left, matrix) => {
      const y: number[] = [];
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          let sum = 0;
          for (let p = 0; p < k; p++) sum += a[(left * m + i) * k + p] * b[(ib[matrix] * k + p) * n + j];
          y.push(sum);
        }
      }
      return y;
    });
}

interface MatmulShape {
  a: readonly number[];
  b: readonly number[];
  mnk: [number, number, number];
  ia?: readonly number[];
  ib?: readonly number[];
}

const matmulShapes: MatmulShape[] = [
  { a: [3], b: [3], mnk: [1, 1, 3] },
  { a: [5], b: [5, 17], mnk: [1, 17, 5] },
  { a: [7, 5], b: [5], mnk: [7, 1, 5] },
  { a: [1, 1], b: [1, 1], mnk: [1, 1, 1] },
  { a: [4, 0], b: [0, 3], mnk: [4, 3, 0] },
  { a: [15, 16], b: [16, 33], mnk: [15, 33, 16] },
  { a: [61, 100], b: [100, 70], mnk: [61, 70, 100] },
  { a: [2, 3, 4, 5], b: [2, 3, 5, 6], mnk: [4, 6, 5], ia: [0, 1, 2, 3, 4, 5], ib: [0, 1, 2, 3, 4, 5] },
  { a: [2, 1, 4, 5], b: [3, 5, 6], mnk: [4, 6, 5], ia: [0, 0, 0, 1, 1, 1], ib: [0, 1, 2, 0, 1, 2] },
  { a: [4, 5], b: [3, 5, 2], mnk: [4, 2, 5], ia: [0, 0, 0], ib: [0, 1, 2] },
  // More matrices than are packed at a time: a panel of one output takes the room of 32.
  { a: [1, 2, 2048], b: [70, 2048, 1], mnk: [2, 1, 2048], ia: Array(70).fill(0), ib: [...Array(70).keys()] },
  { a: [3, 15, 5], b: [5, 2], mnk: [15, 2, 5], ia: [0, 1, 2], ib: [0, 0, 0] },
  { a: [3, 1, 5], b: [5], mnk: [1, 1, 5], ia: [0, 1, 2], ib: [0, 0, 0] },
  { a: [5], b: [3, 5, 2], mnk: [1, 2, 5], ia: [0, 0, 0], ib: [0, 1, 2] },
  { a: [0, 2, 3], b: [3, 4], mnk: [2, 4, 3], ia: [], ib: [] },
  // Several blocks of steps, and bands that are copied.
  { a: [130, 530], b: [530, 140], mnk: [130, 140, 530] },
  // Just past the tiles of graphics cards, in fours.
  { a: [132, 44], b: [44, 136], mnk: [132, 136, 44] },
  { a: [2, 68, 12], b: [12, 36], mnk: [68, 36, 12], ia: [0, 1], ib: [0, 0] },
];

function matmulCase({ a, b, mnk, ia, ib }: MatmulShape): Case {
  return {
    note: `(${a}) by (${b})`,
    inputs: () => [random(a, -1, 1, 1), random(b, -1, 1, 2)],
    expect: matmulExpect(...mnk, ia, ib),
    bound: bound(mnk[2]),
    cudaBound: roundedBound(mnk[2]),
  };
}

/** (.., r, c) as (.., c, r), in numbers. */
function turned(x: readonly number[], shape: readonly number[]): number[] {
  const [rows, columns] = shape.slice(-2);
  const size = rows * columns;
  return x.map((_, i) => x[i - (i % size) + (i % rows) * columns + Math.floor((i % size) / rows)]);
}

interface Turned {
  transposeA: boolean;
  transposeB: boolean;
}

function transposedCase({ a, b, mnk, ia, ib }: MatmulShape, params: Turned, dtype: Dtype = 'float32'): Case {
  const stored = (shape: readonly number[], turn: boolean) =>
    turn ? [...shape.slice(0, -2), ...shape.slice(-1), ...shape.slice(-2, -1)] : shape;
  const shapes = [stored(a, params.transposeA), stored(b, params.transposeB)];
  return {
    note: `(${shapes[0]}) by (${shapes[1]}) ${JSON.stringify(params)} ${dtype}`,
    inputs: () => [random(shapes[0], -1, 1, 1, dtype), random(shapes[1], -1, 1, 2, dtype)],
    params,
    expect: ([x, y]) =>
      matmulExpect(...mnk, ia, ib)([params.transposeA ? turned(x, shapes[0]) : x, params.transposeB ? turned(y, shapes[1]) : y]),
    bound: bound(mnk[2]),
    cudaBound: roundedBound(mnk[2]),
  };
}

const turns: Turned[] = [
  { transposeA: true, transposeB: false },
  { transposeA: false, transposeB: true },
  { transposeA: true, transposeB: true },
];

/** dw[j, p] = Σ dy[i, j]·a[i, p]. */
function gemmWeightGradCase([m, n, k]: number[], lead: readonly number[] = [m], dtype: Dtype = 'float32'): Case {
  return {
    note: `(${lead}, ${n}) by (${lead}, ${k}) ${dtype}`,
    inputs: () => [random([...lead, n], -1, 1, 1, dtype), random([...lead, k], -1, 1, 2, dtype)],
    expect: ([dy, a]) => {
      const sums: number[] = Array(n * k).fill(0);
      for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) for (let p = 0; p < k; p++) sums[j * k + p] += dy[i * n + j] * a[i * k + p];
      return sums;
    },
    bound: bound(m),
    cudaBound: roundedBound(m),
  };
}

const matmulTypes: [Dtype, number][] = [
  ['float64', 9 * 2 ** -53 * 10],
  // The float sum as above, then one rounding of a value up to 9 to 11 bits, relative to at least 1.
  ['float16', bound(9) + 2 ** -11],
];

const integerTypes: [Dtype, number, number][] = [
  ['int32', -1000, 1000],
  ['uint32', 0, 1000],
  ['int64', -100000, 100000],
  ['uint64', 0, 100000],
];

export const gemmCases: Record<string, Case[]> = {
  gemm: [
    ...gemmShapes.map((shape) => gemmCase(shape)),
    middleCase('sums beside the middle of two floats', middle, [
      [middle, 2 ** -80, above],
      [middle, -(2 ** -80), below],
      [middle, 0, below],
      [-middle, 2 ** -80, -below],
      [-middle, -(2 ** -80), -above],
    ]),
    // 1 - 2^-46 halves of the smallest float are added to 2^20 + 1 of them; float64 rounds that to the middle.
    middleCase('denormal sums', 2 ** -75 * (1 + 2 ** -23), [
      [2 ** -75 * (1 - 2 ** -23), (2 ** 20 + 1) * 2 ** -149, (2 ** 20 + 1) * 2 ** -149],
      [2 ** -75 * (2 ** -23 - 1), (2 ** 20 + 1) * 2 ** -149, (2 ** 20 + 1) * 2 ** -149],
    ]),
    gemmCase([6, 9, 4], [2, 3]),
    gemmCase([1, 9, 4], []),
    gemmCase([5, 8, 7], [5], 'float64'),
  ],
  gemmAddClip: gemmShapes.flatMap(([m, n, k]) => finishes(gemmCase([m, n, k]), [m, n], bound(k + 1))),
  gemmWeightGrad: [
    ...gemmShapes.map((shape) => gemmWeightGradCase(shape)),
    gemmWeightGradCase([6, 9, 4], [2, 3]),
    gemmWeightGradCase([1, 9, 4], []),
    gemmWeightGradCase([5, 8, 7], [5], 'float64'),
    // Several blocks of rows, and bands that are copied.
    gemmWeightGradCase([600, 270, 140]),
    // Several chunks of rows.
    gemmWeightGradCase([9001, 3, 17]),
    gemmWeightGradCase([9001, 3, 2], [9001], 'float64'),
  ],
  matmulTransposed: [
    ...matmulShapes
      .filter(({ a, b }) => a.length > 1 && b.length > 1)
      .flatMap((shape) => turns.map((params) => transposedCase(shape, params))),
    transposedCase({ a: [3], b: [3, 2], mnk: [1, 2, 3] }, { transposeA: false, transposeB: true }),
    ...turns.map((params) => transposedCase(matmulShapes[7], params, 'float64')),
  ],
  matmul: [
    ...matmulShapes.map(matmulCase),
    ...matmulTypes.map(([dtype, bound]) => ({
      note: dtype,
      inputs: () => [random([7, 9], -1, 1, 1, dtype), random([9, 5], -1, 1, 2, dtype)],
      expect: matmulExpect(7, 5, 9),
      bound,
    })),
    ...integerTypes.map(([dtype, low, high]) => ({
      note: dtype,
      inputs: () => [randomInts([7, 9], dtype, low, high, 1), randomInts([9, 5], dtype, low, high, 2)],
      expect: matmulExpect(7, 5, 9),
    })),
    {
      note: 'int32 wraps',
      inputs: () => [randomInts([1, 2], 'int32', 65536, 65536), randomInts([2, 1], 'int32', 16385, 16385)],
      expect: [(2 * 65536 * 16385) | 0],
    },
  ],
};
