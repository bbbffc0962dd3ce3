import { Tensor } from 'lowbit';
import { f32, indices, req } from './arithmetic.js';
import { type Case, randomInts, randomNumbers } from './case.js';

const bytesOf = (signs: number) => 8 * Math.ceil(signs / 64);

/** Rows of ±1 as bytes: bit i is 1 where sign i is +1. */
function packed(signs: readonly number[], row: number): number[] {
  const count = row ? signs.length / row : 0;
  return Array.from({ length: count }, (_, r) =>
    Array.from({ length: bytesOf(row) }, (_, byte) =>
      [0, 1, 2, 3, 4, 5, 6, 7].reduce((all, bit) => all + (8 * byte + bit < row && signs[r * row + 8 * byte + bit] > 0 ? 2 ** bit : 0), 0),
    ),
  ).flat();
}

function unpacked(bytes: readonly number[], row: number): number[] {
  const count = row ? bytes.length / bytesOf(row) : 0;
  return indices([count, row]).map(([r, i]) => (Math.floor(bytes[r * bytesOf(row) + Math.floor(i / 8)] / 2 ** (i % 8)) % 2 ? 1 : -1));
}

/** Any bytes: those after the last sign of a row say nothing. */
const anySigns = (shape: readonly number[], signs: number, seed: number) =>
  randomInts([...shape, bytesOf(signs)], 'uint8', 0, 255, seed + signs);

/** Numbers of few bits, so that fma rounds once in float64 too. */
const coarse = (count: number, most: number, seed: number) =>
  Tensor.from(
    randomNumbers(count, -most, most, seed).map((v) => Math.round(v * 64) / 64),
    [count],
    'float32',
  );

interface Output {
  output?: 'float32' | 'uint8' | 'int8' | 'signs';
  yZero?: number;
  qmin?: number;
  qmax?: number;
}

const uint8 = { output: 'uint8', qmin: 0, qmax: 255, yZero: 9 } as const;
const int8 = { output: 'int8', qmin: -100, qmax: 127, yZero: -5 } as const;
const signs = { output: 'signs' } as const;
const forms: readonly Output[] = [{}, uint8, int8, signs];

/** What the sums (.., outputs) become. */
function become(
  sums: readonly number[],
  bias: readonly number[],
  scale: readonly number[],
  { output, yZero, qmin, qmax }: Output,
): number[] {
  const n = bias.length;
  const v = sums.map((acc, i) => f32(f32(acc) * scale[i % n] + bias[i % n]));
  if (output === undefined) return v;
  if (output !== 'signs') return v.map((real) => req(real, { yZero, qmin: qmin!, qmax: qmax! }));
  return packed(
    v.map((real) => (real >= 0 ? 1 : -1)),
    n,
  );
}

interface Gemm {
  rows: readonly number[];
  k: number;
  n: number;
  params: Output;
  /** All bytes of a and of b. */
  fill?: [number, number];
}

function gemmCase({ rows, k, n, params, fill }: Gemm): Case {
  const make = (shape: readonly number[], of: 0 | 1) =>
    fill ? randomInts([...shape, bytesOf(k)], 'uint8', fill[of], fill[of]) : anySigns(shape, k, of + 1);
  return {
    note: `(${rows}) rows, ${k} columns, ${n} outputs to ${params.output ?? 'float32'}${fill ? `, all ${fill}` : ''}`,
    inputs: () => [make(rows, 0), make([n], 1), coarse(n, 4, 5), coarse(n, 1, 6)],
    params: { columns: k, ...params },
    expect: ([a, b, bias, scale]) => {
      const [left, right] = [unpacked(a, k), unpacked(b, k)];
      const count = rows.reduce((x, y) => x * y, 1);
      const sums = indices([count, n]).map(([r, o]) =>
        Array.from({ length: k }, (_, i) => left[r * k + i] * right[o * k + i]).reduce((x, y) => x + y, 0),
      );
      return become(sums, bias, scale, params);
    },
  };
}

interface Conv {
  note: string;
  /** (n, h, w, c) */
  x: readonly [number, number, number, number];
  /** (out, kh, kw) */
  w: readonly [number, number, number];
  params?: Output & {
    strides?: readonly number[];
    pads?: readonly number[];
    dilations?: readonly number[];
    groups?: number;
    padValue?: number;
  };
  fill?: [number, number];
}

function convCase({ note, x, w, params = {}, fill }: Conv): Case {
  const { strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1, padValue = 0 } = params;
  const [batch, height, width, channels] = x;
  const [outputs, kh, kw] = w;
  const depth = channels / groups;
  const row = kh * kw * depth;
  const rows = Math.floor((height + pads[0] + pads[2] - dilations[0] * (kh - 1) - 1) / strides[0]) + 1;
  const columns = Math.floor((width + pads[1] + pads[3] - dilations[1] * (kw - 1) - 1) / strides[1]) + 1;
  const all = (shape: readonly number[], value: number) => randomInts(shape, 'uint8', value, value);
  return {
    note: `${note}: (${x}) with (${w}), outside ${padValue}, to ${params.output ?? 'float32'}`,
    inputs: () => [
      fill ? all([batch, height, width, bytesOf(channels)], fill[0]) : anySigns([batch, height, width], channels, 1),
      fill ? all([outputs, bytesOf(row)], fill[1]) : anySigns([outputs], row, 2),
      coarse(outputs, 4, 3),
      coarse(outputs, 1, 4),
    ],
    params: { kernel: [kh, kw], channels, ...params },
    expect: ([image, kernel, bias, scale]) => {
      const [pixels, taps] = [unpacked(image, channels), unpacked(kernel, row)];
      const sums = indices([batch, rows, columns, outputs]).map(([n, oh, ow, o]) => {
        const from = Math.floor(o / (outputs / groups)) * depth;
        let acc = 0;
        for (let a = 0; a < kh; a++) {
          for (let b = 0; b < kw; b++) {
            const ih = oh * strides[0] - pads[0] + a * dilations[0];
            const iw = ow * strides[1] - pads[1] + b * dilations[1];
            const inside = ih >= 0 && ih < height && iw >= 0 && iw < width;
            for (let i = 0; i < depth; i++) {
              const sign = inside ? pixels[((n * height + ih) * width + iw) * channels + from + i] : padValue;
              acc += sign * taps[((o * kh + a) * kw + b) * depth + i];
            }
          }
        }
        return acc;
      });
      return become(sums, bias, scale, params);
    },
  };
}

const around = [1, 1, 1, 1];
const padValues = [0, 1, -1];
const form = (i: number) => forms[i % forms.length];
const widths = [1, 7, 8, 9, 31, 32, 33, 63, 64, 65, 100];

const convolutions: Case[] = [
  ...[1, 63, 64, 65, 100, 128, 130].flatMap((c, i) =>
    padValues.map((padValue, j) =>
      convCase({ note: 'channels', x: [1, 5, 6, c], w: [5, 3, 3], params: { pads: around, padValue, ...form(i + j) } }),
    ),
  ),
  ...widths.flatMap((o, i) =>
    [0, 1].map((j) =>
      convCase({
        note: 'outputs',
        x: [1, 4, 5, 70],
        w: [o, 3, 3],
        params: { pads: around, padValue: padValues[i % 3], ...form(i + 2 * j) },
      }),
    ),
  ),
  ...widths.map((o) => convCase({ note: 'outputs', x: [2, 3, 4, 20], w: [o, 1, 2], params: signs })),
  ...[1, 2, 5, 6, 7, 11, 12, 13, 19].map((columns, i) =>
    convCase({ note: 'columns', x: [2, 3, columns, 5], w: [17, 3, 3], params: { pads: around, padValue: padValues[i % 3] } }),
  ),
  ...padValues.flatMap((padValue) => [
    convCase({ note: 'stride 2', x: [2, 9, 8, 64], w: [33, 3, 3], params: { strides: [2, 2], pads: around, padValue, ...signs } }),
    convCase({ note: 'stem', x: [1, 15, 17, 3], w: [18, 7, 7], params: { strides: [2, 2], pads: [3, 3, 3, 3], padValue, ...int8 } }),
    convCase({ note: 'uneven', x: [1, 11, 13, 66], w: [8, 3, 2], params: { strides: [3, 2], pads: [0, 1, 2, 0], padValue } }),
    convCase({ note: 'dilated', x: [1, 11, 13, 66], w: [8, 3, 2], params: { dilations: [2, 3], pads: [2, 0, 1, 3], padValue } }),
    convCase({
      note: 'dilated rows',
      x: [1, 11, 13, 5],
      w: [8, 3, 3],
      params: { dilations: [3, 1], pads: [3, 1, 3, 1], padValue, ...uint8 },
    }),
    convCase({ note: 'padding only', x: [1, 1, 1, 65], w: [8, 3, 3], params: { pads: [4, 4, 4, 4], strides: [3, 3], padValue } }),
    convCase({ note: 'one pixel', x: [1, 1, 1, 100], w: [40, 3, 3], params: { pads: around, padValue, ...signs } }),
    convCase({ note: 'two groups', x: [1, 6, 5, 130], w: [34, 3, 3], params: { groups: 2, pads: around, padValue } }),
  ]),
  convCase({ note: '1 × 1', x: [2, 7, 9, 128], w: [24, 1, 1] }),
  convCase({ note: '1 × 1, ragged', x: [2, 7, 9, 20], w: [24, 1, 1], params: int8 }),
  convCase({ note: '1 × 1, stride 2', x: [1, 7, 9, 64], w: [24, 1, 1], params: { strides: [2, 2], ...uint8 } }),
  convCase({ note: 'kernel as large as the image', x: [3, 4, 5, 64], w: [17, 4, 5] }),
  convCase({ note: 'tall', x: [1, 70, 3, 64], w: [16, 3, 3], params: { pads: around } }),
  // More than a band.
  convCase({ note: 'large', x: [1, 40, 12, 640], w: [3, 3, 3], params: { pads: around, ...signs } }),
  convCase({ note: 'large tiles, whole chunks', x: [1, 18, 19, 128], w: [130, 3, 3], params: { pads: around, ...signs } }),
  convCase({ note: 'large tiles, odd words', x: [2, 15, 17, 192], w: [66, 3, 3], params: { pads: around, padValue: 1, ...int8 } }),
  convCase({ note: 'no images', x: [0, 5, 6, 9], w: [7, 3, 3] }),
  convCase({ note: 'no outputs', x: [1, 5, 6, 9], w: [0, 3, 3], params: signs }),
  convCase({ note: 'no channels', x: [1, 2, 3, 0], w: [4, 1, 1], params: { pads: around } }),
  ...[0, 255].flatMap((image) =>
    [0, 255].flatMap((kernel) =>
      padValues.map((padValue) =>
        convCase({
          note: `all ${image} × ${kernel}`,
          x: [1, 4, 5, 96],
          w: [20, 3, 3],
          params: { pads: around, padValue },
          fill: [image, kernel],
        }),
      ),
    ),
  ),
];

const products: Case[] = [
  gemmCase({ rows: [3], k: 0, n: 5, params: {} }),
  ...widths.map((k, i) => gemmCase({ rows: [3], k, n: 34, params: form(i) })),
  ...widths.map((n, i) => gemmCase({ rows: [2, 4], k: 70, n, params: form(i + 3) })),
  ...widths.map((n) => gemmCase({ rows: [5], k: 128, n, params: signs })),
  ...[1, 2, 4, 5, 6, 7, 13, 31, 32, 33, 48, 49, 97].map((m, i) => gemmCase({ rows: [m], k: i % 2 ? 192 : 200, n: 40, params: form(i) })),
  gemmCase({ rows: [257], k: 640, n: 130, params: uint8 }),
  gemmCase({ rows: [390], k: 200, n: 70, params: signs }),
  gemmCase({ rows: [], k: 300, n: 200, params: {} }),
  gemmCase({ rows: [0], k: 300, n: 20, params: {} }),
  gemmCase({ rows: [3], k: 300, n: 0, params: signs }),
  gemmCase({ rows: [3], k: 0, n: 4, params: {} }),
  ...[0, 255].flatMap((a) => [0, 255].map((b) => gemmCase({ rows: [7], k: 5000, n: 3, params: {}, fill: [a, b] }))),
];

/** Sums 3, 1, −1, −3 of three signs, and what v = acc·scale + bias may be beyond ordinary numbers. */
const edges: Case[] = [
  {
    note: 'a sum of 0 has the sign +1, NaN has -1',
    inputs: () => [
      Tensor.from([0b11, 0, 0, 0, 0, 0, 0, 0], [1, 8], 'uint8'),
      Tensor.from(
        [[0b01], [0b01], [0b01], [0b11], [0b00]].flatMap(([b]) => [b, 0, 0, 0, 0, 0, 0, 0]),
        [5, 8],
        'uint8',
      ),
      Tensor.from([0, -0, -1e-45, Number.NaN, Infinity], [5], 'float32'),
      Tensor.from([1, -1, 1, 1, 3e38], [5], 'float32'),
    ],
    params: { columns: 2, ...signs },
    expect: [0b10011, 0, 0, 0, 0, 0, 0, 0],
  },
  {
    note: 'codes of what is not finite',
    inputs: () => [
      Tensor.from([0b11, 0, 0, 0, 0, 0, 0, 0], [1, 8], 'uint8'),
      Tensor.from(
        [0b11, 0b11, 0b00, 0b01].flatMap((b) => [b, 0, 0, 0, 0, 0, 0, 0]),
        [4, 8],
        'uint8',
      ),
      Tensor.from([0, Infinity, 0, 0.5], [4], 'float32'),
      Tensor.from([3e38, 1, 3e38, 1], [4], 'float32'),
    ],
    params: { columns: 2, output: 'uint8', yZero: 3, qmax: 200 },
    expect: [200, 200, 0, 3],
  },
];

const rowLengths = [1, 8, 15, 16, 17, 63, 64, 65, 100, 128, 129];

const packCase = (type: 'float32' | 'uint8' | 'int8', row: number, zero: number, make: () => Tensor): Case => ({
  note: `${type} rows of ${row}, zero ${zero}`,
  inputs: () => [make()],
  params: { zero },
  expect: ([x]) =>
    packed(
      x.map((v) => (v >= zero ? 1 : -1)),
      row,
    ),
});

const packCases: Case[] = rowLengths.flatMap((row, i) => [
  packCase('float32', row, 0, () => Tensor.from(randomNumbers(3 * row, -1, 1, row), [3, row], 'float32')),
  packCase('float32', row, 0.25, () =>
    Tensor.from(
      randomNumbers(2 * row, -1, 1, row).map((v) => Math.round(v * 4) / 4),
      [2, 1, row],
      'float32',
    ),
  ),
  packCase('uint8', row, [0, 128, 255][i % 3], () => randomInts([3, row], 'uint8', 0, 255, row)),
  packCase('int8', row, [0, -128, 127, 3][i % 4], () => randomInts([2, 2, row], 'int8', -128, 127, row)),
]);

export const binaryCases: Record<string, Case[]> = {
  packSigns: [
    ...packCases,
    {
      note: 'zeros, infinities, NaN',
      inputs: () => [Tensor.from([0, -0, 1e-45, -1e-45, Infinity, -Infinity, Number.NaN, 1], [8], 'float32')],
      expect: [0b10010111, 0, 0, 0, 0, 0, 0, 0],
    },
    { note: 'no rows', inputs: () => [Tensor.from([], [0, 70], 'float32')], expect: [] },
    { note: 'empty rows', inputs: () => [Tensor.from([], [3, 0], 'float32')], expect: [] },
  ],
  unpackSigns: [
    ...rowLengths.map((row) => ({
      note: `rows of ${row}`,
      inputs: () => [anySigns([2, 2], row, 9)],
      params: { channels: row },
      expect: ([x]: number[][]) => unpacked(x, row),
    })),
    { note: 'empty rows', inputs: () => [Tensor.from([], [3, 0], 'uint8')], params: { channels: 0 }, expect: [] },
  ],
  binaryGemm: [...products, ...edges],
  binaryConv2d: convolutions,
};
