import { Tensor } from 'lowbit';
import { broadcastAt, clamp, f32, indices, int8, type Range, randomCodes, req, rne, uint8 } from './arithmetic.js';
import type { Case } from './case.js';

type Code = 'uint8' | 'int8';

/** Pairs of shapes and what they broadcast to. */
const pairs: [number[], number[], number[]][] = [
  ...[1, 7, 16, 33, 65, 1000].map((n): [number[], number[], number[]] => [[n], [n], [n]]),
  [
    [2, 40000],
    [2, 40000],
    [2, 40000],
  ],
  [[3, 4, 5], [5], [3, 4, 5]],
  [[5], [3, 4, 1], [3, 4, 5]],
  [
    [2, 1, 7],
    [1, 3, 1],
    [2, 3, 7],
  ],
  [[4, 9], [], [4, 9]],
  [
    [2, 3, 1, 32],
    [5, 1],
    [2, 3, 5, 32],
  ],
  [[48], [3, 48], [3, 48]],
  [[], [], []],
  [
    [0, 3],
    [1, 3],
    [0, 3],
  ],
];

function pairCases<P extends object>(list: { types: [Code, Code]; params: P }[], f: (a: number, b: number, params: P) => number): Case[] {
  return list.flatMap(({ types, params }) =>
    pairs.map(([a, b, y]) => ({
      note: `(${a}) ${types[0]} with (${b}) ${types[1]}`,
      inputs: () => [randomCodes(a, types[0], 1), randomCodes(b, types[1], 2)],
      params,
      expect: ([left, right]: number[][]) =>
        indices(y).map((index) => f(left[broadcastAt(a, index)], right[broadcastAt(b, index)], params)),
    })),
  );
}

interface Sum extends Range {
  aMultiplier: number;
  bMultiplier: number;
  aZero?: number;
  bZero?: number;
}
// A fused multiply-add of a code is exact in float64 before its one rounding.
const fma = (code: number, multiplier: number, addend: number) => f32(code * f32(multiplier) + addend);
const shifted = (v: number, { qmin, qmax }: Range) => clamp(rne(v), qmin, qmax);
const sum = (a: number, b: number, p: Sum) => {
  const zeros = fma(p.aZero ?? 0, p.aMultiplier, f32(f32(p.bMultiplier) * (p.bZero ?? 0)));
  return shifted(fma(a, p.aMultiplier, fma(b, p.bMultiplier, f32((p.yZero ?? 0) - zeros))), p);
};

const qadd = pairCases<Sum>(
  [
    { types: ['uint8', 'uint8'], params: { aMultiplier: 0.7, aZero: 3, bMultiplier: 1.3, bZero: 200, yZero: 40, ...uint8 } },
    { types: ['int8', 'int8'], params: { aMultiplier: 0.5, bMultiplier: 0.25, ...int8 } },
    {
      types: ['int8', 'uint8'],
      params: { aMultiplier: 0.31, aZero: -128, bMultiplier: 0.11, bZero: 255, yZero: -100, ...int8, qmin: -100 },
    },
    { types: ['uint8', 'int8'], params: { aMultiplier: 300, bMultiplier: -300, yZero: 128, ...uint8 } },
  ],
  sum,
);

interface Product extends Range {
  multiplier: number;
  aZero?: number;
  bZero?: number;
}
const product = (a: number, b: number, p: Product) =>
  shifted(f32(f32((a - (p.aZero ?? 0)) * (b - (p.bZero ?? 0)) * f32(p.multiplier)) + (p.yZero ?? 0)), p);

const qmul = pairCases<Product>(
  [
    { types: ['uint8', 'uint8'], params: { multiplier: 0.007, aZero: 3, bZero: 200, yZero: 40, ...uint8 } },
    { types: ['int8', 'int8'], params: { multiplier: 0.5, ...int8 } },
    { types: ['int8', 'uint8'], params: { multiplier: 0.01, aZero: 127, bZero: 255, yZero: 3, ...int8, qmin: 3, qmax: 99 } },
    { types: ['uint8', 'int8'], params: { multiplier: 0.03, bZero: -5, yZero: 128, ...uint8 } },
  ],
  product,
);

interface Join {
  note: string;
  shapes: number[][];
  types: Code[];
  params: Range & { axis: number; multipliers: number[]; zeros: number[] };
}
function concatCase({ note, shapes, types, params }: Join): Case {
  const axis = params.axis < 0 ? params.axis + shapes[0].length : params.axis;
  return {
    note,
    inputs: () => shapes.map((shape, i) => randomCodes(shape, types[i], i + 1)),
    params,
    expect: (inputs) => {
      const outer = shapes[0].slice(0, axis).reduce((a, b) => a * b, 1);
      return Array.from({ length: outer }, (_, row) =>
        inputs.map((x, i) => {
          const width = x.length / outer;
          return x
            .slice(row * width, (row + 1) * width)
            .map((q) => req(f32(f32(q - params.zeros[i]) * f32(params.multipliers[i])), params));
        }),
      ).flat(2);
    },
  };
}
const qconcat: Case[] = [
  concatCase({
    note: 'channels of three images',
    shapes: [3, 17, 1].map((c) => [2, 3, 4, c]),
    types: ['uint8', 'int8', 'uint8'],
    params: { axis: -1, multipliers: [0.5, 1.7, 1], zeros: [128, -3, 9], yZero: 9, ...uint8 },
  }),
  concatCase({
    note: 'first axis',
    shapes: [
      [2, 33],
      [0, 33],
      [1, 33],
    ],
    types: ['int8', 'int8', 'int8'],
    params: { axis: 0, multipliers: [1, 1, 0.1], zeros: [5, 5, 5], yZero: 5, ...int8, qmin: -20, qmax: 20 },
  }),
  concatCase({ note: 'one input', shapes: [[70000]], types: ['uint8'], params: { axis: 0, multipliers: [1.1], zeros: [7], ...int8 } }),
];

interface Pool {
  note: string;
  x: [number, number, number, number];
  type?: Code;
  size: [number, number];
  params: Range & {
    kernel: [number, number];
    strides?: number[];
    pads?: number[];
    countIncludePad?: boolean;
    ceil?: boolean;
    multiplier: number;
    xZero?: number;
  };
}
function poolCase({ note, x, type = 'uint8', size, params }: Pool): Case {
  const { kernel, strides = [1, 1], pads = [0, 0, 0, 0], countIncludePad = false, multiplier, xZero = 0 } = params;
  const [batch, height, width, channels] = x;
  return {
    note: `${note}: (${x}) ${type}`,
    inputs: () => [randomCodes(x, type, 4)],
    params,
    expect: ([image]) =>
      indices([batch, ...size, channels]).map(([n, oh, ow, c]) => {
        let total = 0;
        let taps = 0;
        for (let ih = oh * strides[0] - pads[0], a = 0; a < kernel[0]; a++, ih++) {
          for (let iw = ow * strides[1] - pads[1], b = 0; b < kernel[1]; b++, iw++) {
            const inside = ih >= 0 && ih < height && iw >= 0 && iw < width;
            if (inside) total += image[((n * height + ih) * width + iw) * channels + c] - xZero;
            if (inside || (countIncludePad && ih < height + pads[2] && iw < width + pads[3])) taps++;
          }
        }
        return req(f32(f32(total) * f32(f32(multiplier) / taps)), params);
      }),
  };
}
const around = [1, 1, 1, 1];
const qaveragePool2d: Case[] = [
  ...[1, 3, 16, 33, 65].map((c) =>
    poolCase({
      note: '3 × 3',
      x: [2, 5, 6, c],
      size: [5, 6],
      params: { kernel: [3, 3], pads: around, multiplier: 1.1, xZero: 9, yZero: 4, ...uint8 },
    }),
  ),
  poolCase({
    note: 'all taps count',
    x: [1, 5, 6, 9],
    size: [5, 6],
    params: { kernel: [3, 3], pads: around, countIncludePad: true, multiplier: 1, xZero: 9, ...int8 },
  }),
  poolCase({
    note: 'stride 2',
    x: [1, 7, 8, 9],
    type: 'int8',
    size: [3, 4],
    params: { kernel: [3, 2], strides: [2, 2], multiplier: 0.5, xZero: -9, ...int8 },
  }),
  poolCase({
    note: 'one side padded',
    x: [1, 4, 4, 3],
    size: [2, 2],
    params: { kernel: [3, 3], strides: [2, 2], pads: [0, 0, 1, 1], multiplier: 2, ...uint8, qmax: 200 },
  }),
  poolCase({
    note: 'ceil',
    x: [1, 6, 6, 3],
    size: [3, 3],
    params: { kernel: [3, 3], strides: [2, 2], ceil: true, multiplier: 1, ...uint8 },
  }),
  poolCase({
    note: 'ceil, all taps count',
    x: [1, 6, 6, 3],
    type: 'int8',
    size: [4, 4],
    params: { kernel: [3, 3], strides: [2, 2], pads: around, ceil: true, countIncludePad: true, multiplier: 1, xZero: 2, ...int8 },
  }),
  poolCase({ note: 'no images', x: [0, 6, 6, 3], size: [5, 5], params: { kernel: [2, 2], multiplier: 1, ...uint8 } }),
];

const qglobalAveragePool: Case[] = (
  [
    { shape: [2, 7, 7, 65], type: 'uint8', params: { multiplier: 1.3, xZero: 20, yZero: 3, ...uint8 } },
    { shape: [1, 1, 1, 3], type: 'int8', params: { multiplier: 0.5, ...int8 } },
    { shape: [3, 11, 64], type: 'int8', params: { multiplier: 2, xZero: -128, yZero: -100, ...int8, qmin: -100 } },
    { shape: [1, 2, 3, 4, 130], type: 'uint8', params: { multiplier: 1, xZero: 255, ...int8 } },
    { shape: [0, 2, 3, 4], type: 'uint8', params: { multiplier: 1, ...int8 } },
  ] as const
).map(({ shape, type, params }) => ({
  note: `(${shape}) ${type}`,
  inputs: () => [randomCodes(shape, type, 6)],
  params,
  expect: ([x]: number[][]) => {
    const [n, c] = [shape[0], shape[shape.length - 1]];
    const pixels = shape.slice(1, -1).reduce<number>((a, b) => a * b, 1);
    const xZero = 'xZero' in params ? params.xZero : 0;
    return indices([n, c]).map(([image, channel]) => {
      let total = 0;
      for (let i = 0; i < pixels; i++) total += x[(image * pixels + i) * c + channel] - xZero;
      return req(f32(f32(total) * f32(f32(params.multiplier) / pixels)), params);
    });
  },
}));
qglobalAveragePool.push({
  note: 'white, large',
  inputs: () => [Tensor.from(new Uint8Array(300 * 300 * 2).fill(255), [1, 300, 300, 2])],
  params: { multiplier: 0.5, ...uint8 },
  expect: () => [req(f32(f32(255 * 90000) * f32(0.5 / 90000)), uint8)].flatMap((y) => [y, y]),
});

export const integerCases: Record<string, Case[]> = { qadd, qmul, qconcat, qaveragePool2d, qglobalAveragePool };
