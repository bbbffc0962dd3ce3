import { type Dtype, Tensor } from 'lowbit';
import { clamp, f32, int8, req, rne, uint8 } from './arithmetic.js';
import { type Case, raggedSizes, random, randomInts, randomNumbers } from './case.js';

const ranges: Partial<Record<Dtype, [number, number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-2147483648, 2147483647],
};
const quantizedTypes = Object.keys(ranges) as Dtype[];

const { POSITIVE_INFINITY: inf, NaN: nan } = Number;
/** Ties (with scale 0.5), signed zeros, infinities, NaN, and numbers beyond every range. */
const special = [0.25, 0.75, 1.25, -0.25, -0.75, -1.25, 0, -0, inf, -inf, nan, 1e-45, 3.4e38, -3.4e38, 63.75, -64.25, 2 ** 30, 1.5];

const code = (x: number, s: number, z: number, low: number, high: number) =>
  Number.isNaN(f32(x / s)) ? clamp(z, low, high) : clamp(rne(f32(x / s)) + z, low, high);

/** Close to every tie of a scale, on both sides. */
const ties = (s: number) =>
  Array.from({ length: 300 }, (_, i) => f32((i - 150.5) * f32(s))).flatMap((x) => [x, f32(x * (1 - 2 ** -23)), f32(x * (1 + 2 ** -23))]);

/** Element i belongs to channel floor(i / inner) % channels. */
interface Layout {
  note: string;
  shape: number[];
  axis?: number;
  channels: number;
  inner: number;
}
const layouts: Layout[] = [
  ...raggedSizes.map((n) => ({ note: `${n}`, shape: [n], channels: 1, inner: n })),
  { note: 'empty', shape: [0, 3], channels: 1, inner: 1 },
  { note: 'first axis', shape: [3, 5, 7], axis: 0, channels: 3, inner: 35 },
  { note: 'middle axis', shape: [2, 5, 17], channels: 5, inner: 17 },
  { note: 'last axis', shape: [4, 33], axis: -1, channels: 33, inner: 1 },
  ...[2, 3, 5, 16, 63, 64, 65, 130].map((channels) => ({
    note: `last axis of ${channels}`,
    shape: [37, channels],
    axis: 1,
    channels,
    inner: 1,
  })),
  { note: 'last axis, several threads', shape: [1500, 24], axis: 1, channels: 24, inner: 1 },
  { note: 'first axis of a wide tensor', shape: [24, 1500], axis: 0, channels: 24, inner: 1500 },
  { note: 'empty with an axis', shape: [2, 0, 3], axis: 2, channels: 3, inner: 1 },
  { note: 'more than one share', shape: [2, 40000], axis: 0, channels: 2, inner: 40000 },
];
const scalesOf = ({ channels }: Layout) => randomNumbers(channels, 0.01, 0.3, 5).map(f32);
const zerosOf = ({ channels }: Layout, low: number) => Array.from({ length: channels }, (_, i) => (low < 0 ? (i % 7) - 3 : 3 + (i % 7)));
const scaleTensor = (layout: Layout) => Tensor.from(scalesOf(layout), layout.channels === 1 ? [] : [layout.channels], 'float32');
const zeroTensor = (layout: Layout, dtype: Dtype, low: number) =>
  Tensor.from(zerosOf(layout, low), layout.channels === 1 ? [] : [layout.channels], dtype);
const axisOf = ({ axis }: Layout) => (axis === undefined ? {} : { axis });

function perElement(layout: Layout, f: (x: number, s: number, z: number) => number) {
  return ([x, s, z]: number[][]) =>
    x.map((v, i) => {
      const channel = Math.floor(i / layout.inner) % layout.channels;
      return f(v, s[channel], z[channel]);
    });
}

const quantize: Case[] = quantizedTypes.flatMap((dtype) => {
  const [low, high] = ranges[dtype] as [number, number];
  return [
    ...layouts.map((layout) => ({
      note: `${dtype} ${layout.note}`,
      inputs: () => [random(layout.shape, -40, 40), scaleTensor(layout), zeroTensor(layout, dtype, low)],
      params: axisOf(layout),
      expect: perElement(layout, (x, s, z) => code(x, s, z, low, high)),
    })),
    ...[low, 0, high].map((zero) => ({
      note: `${dtype} ties and extremes around ${zero}`,
      inputs: () => [
        Tensor.from(special, [special.length], 'float32'),
        Tensor.from([0.5], [1], 'float32'),
        Tensor.from([zero], [1], dtype),
      ],
      expect: special.map((x) => code(f32(x), 0.5, zero, low, high)),
    })),
    {
      note: `${dtype} beside ties of 0.1`,
      inputs: () => [Tensor.from(ties(0.1)), Tensor.scalar(0.1), Tensor.scalar(3, dtype)],
      expect: ([x, s, z]: number[][]) => x.map((v) => code(v, s[0], z[0], low, high)),
    },
    {
      note: `${dtype} float16`,
      inputs: () => [random([65], -40, 40, 3, 'float16'), Tensor.scalar(0.25), Tensor.scalar(3, dtype)],
      expect: ([x, s, z]: number[][]) => x.map((v) => code(v, s[0], z[0], low, high)),
    },
  ];
});

const dequantize: Case[] = quantizedTypes.flatMap((dtype) => {
  const [low, high] = ranges[dtype] as [number, number];
  return [
    ...layouts.map((layout) => ({
      note: `${dtype} ${layout.note}`,
      inputs: () => [randomInts(layout.shape, dtype, low, high), scaleTensor(layout), zeroTensor(layout, dtype, low)],
      params: axisOf(layout),
      expect: perElement(layout, (q, s, z) => f32(f32(q - z) * s)),
    })),
    {
      note: `${dtype} extremes`,
      inputs: () => [Tensor.from([low, high], [2], dtype), Tensor.scalar(0.1), Tensor.scalar(high, dtype)],
      expect: [f32(f32(low - high) * f32(0.1)), 0],
    },
  ];
});

const fakeQuantize: Case[] = [
  ...layouts.map((layout) => ({
    note: layout.note,
    inputs: () => [random(layout.shape, -4, 4), scaleTensor(layout), zeroTensor(layout, 'int32', -1)],
    params: { qmin: -8, qmax: 7, ...axisOf(layout) },
    expect: perElement(layout, (x, s, z) => f32(f32(code(x, s, z, -8, 7) - z) * s)),
  })),
  ...[
    { qmin: 0, qmax: 255, zero: 128 },
    { qmin: -1, qmax: 1, zero: 0 },
    { qmin: -2147483648, qmax: 2147483647, zero: -2147483648 },
    { qmin: 3, qmax: 3, zero: 0 },
  ].map(({ zero, ...params }) => ({
    note: `ties and extremes in ${params.qmin}..${params.qmax}`,
    inputs: () => [Tensor.from(special, [special.length], 'float32'), Tensor.scalar(0.5), Tensor.scalar(zero, 'int32')],
    params,
    expect: special.map((x) => f32(f32(code(f32(x), 0.5, zero, params.qmin, params.qmax) - zero) * 0.5)),
  })),
];

const holds = (x: number, s: number, z: number, low: number, high: number) => {
  const inGrid = rne(f32(x / s)) + z;
  return inGrid >= low && inGrid <= high;
};

const fakeQuantizeGrad: Case[] = [
  ...layouts.map((layout) => ({
    note: layout.note,
    inputs: () => [random(layout.shape, -3, 3, 9), random(layout.shape, -4, 4), scaleTensor(layout), zeroTensor(layout, 'int32', -1)],
    params: { qmin: -8, qmax: 7, ...axisOf(layout) },
    expect: ([dy, ...rest]: number[][]) => {
      const passes = perElement(layout, (x, s, z) => Number(holds(x, s, z, -8, 7)))(rest);
      return dy.map((v, i) => (passes[i] ? v : 0));
    },
  })),
  ...[
    { qmin: 0, qmax: 255, zero: 128 },
    { qmin: -1, qmax: 1, zero: 0 },
    { qmin: -2147483648, qmax: 2147483647, zero: -2147483648 },
    { qmin: 3, qmax: 3, zero: 0 },
  ].map(({ zero, ...params }) => ({
    note: `ties and extremes in ${params.qmin}..${params.qmax}`,
    inputs: () => [
      Tensor.from(special.map((_, i) => i + 1)),
      Tensor.from(special, [special.length], 'float32'),
      Tensor.scalar(0.5),
      Tensor.scalar(zero, 'int32'),
    ],
    params,
    expect: special.map((x, i) => (holds(f32(x), 0.5, zero, params.qmin, params.qmax) ? i + 1 : 0)),
  })),
];

const rangeOf = (x: number[]) => {
  if (!x.length) return [0, 0];
  if (x.some(Number.isNaN)) return [nan, nan];
  return [x.reduce((a, b) => Math.min(a, b)) + 0, x.reduce((a, b) => Math.max(a, b)) + 0];
};
const perChannel =
  (channels: number, inner: number) =>
  ([x]: number[][]) =>
    Array.from({ length: channels }, (_, c) => rangeOf(x.filter((_, i) => Math.floor(i / inner) % channels === c))).flat();

const minMax: Case[] = [
  ...[...raggedSizes, 0, 100000].map((n) => ({
    note: `${n}`,
    inputs: () => [random([n], -3, 2, n)],
    expect: ([x]: number[][]) => rangeOf(x),
  })),
  { note: 'scalar', inputs: () => [Tensor.scalar(-7)], expect: [-7, -7] },
  { note: 'infinities and zeros', inputs: () => [Tensor.from([-0, inf, 0, -inf], [4])], expect: [-inf, inf] },
  { note: 'zeros of both signs', inputs: () => [Tensor.from([-0, 0, -0], [3])], expect: [0, 0] },
  ...[0, 15, 40, 64].map((at) => ({
    note: `NaN at ${at}`,
    inputs: () => [Tensor.from(randomNumbers(65, -1, 1).with(at, nan), [65])],
    expect: [nan, nan],
  })),
  { note: 'first axis', inputs: () => [random([3, 5, 7])], params: { perAxis: true }, expect: perChannel(3, 35) },
  { note: 'middle axis', inputs: () => [random([2, 5, 17])], params: { perAxis: true, axis: 1 }, expect: perChannel(5, 17) },
  { note: 'last axis', inputs: () => [random([9, 33])], params: { perAxis: true, axis: -1 }, expect: perChannel(33, 1) },
  { note: 'rows of eight', inputs: () => [random([40, 3, 8])], params: { perAxis: true, axis: 1 }, expect: perChannel(3, 8) },
  { note: 'last axis of many rows', inputs: () => [random([300, 34])], params: { perAxis: true, axis: -1 }, expect: perChannel(34, 1) },
  { note: 'one row, last axis', inputs: () => [random([1, 5])], params: { perAxis: true, axis: 1 }, expect: perChannel(5, 1) },
  { note: 'empty slots', inputs: () => [random([2, 0, 3])], params: { perAxis: true, axis: 0 }, expect: [0, 0, 0, 0] },
  { note: 'no slots', inputs: () => [random([0, 3])], params: { perAxis: true, axis: 0 }, expect: [] },
  {
    note: 'NaN in one channel',
    inputs: () => [Tensor.from([1, 2, nan, 4, 5, 6], [3, 2])],
    params: { perAxis: true, axis: 1 },
    expect: [nan, nan, 2, 6],
  },
];

const histogramOf =
  (exponent: number, bins: number) =>
  ([x]: number[][]) => {
    const counts = new Array<number>(2 * bins).fill(0);
    for (const v of x) {
      if (Number.isNaN(v)) continue;
      counts[Math.min(Math.floor(Math.abs(v) * 2 ** -exponent), bins - 1) + (v < 0 ? bins : 0)]++;
    }
    return counts;
  };

const histogram: Case[] = [
  ...raggedSizes.map((n) => ({
    note: `${n}`,
    inputs: () => [random([n], -2, 3, n)],
    params: { exponent: -3, bins: 17 },
    expect: histogramOf(-3, 17),
  })),
  { note: 'empty', inputs: () => [random([0])], params: { exponent: 0, bins: 3 }, expect: [0, 0, 0, 0, 0, 0] },
  { note: 'many', inputs: () => [random([100003], -1, 1)], params: { exponent: -11, bins: 2048 }, expect: histogramOf(-11, 2048) },
  {
    note: 'edges, infinities, NaN',
    inputs: () => [Tensor.from([0, -0, 0.5, -0.5, 0.49, 1, -1, 1.5, inf, -inf, nan, 1e-45, -1e-45, 3.4e38], [14])],
    params: { exponent: -1, bins: 3 },
    expect: [4, 1, 4, 1, 1, 2],
  },
  { note: 'one bin', inputs: () => [random([65], -1, 1)], params: { exponent: 126, bins: 1 }, expect: histogramOf(126, 1) },
  { note: 'narrow bins', inputs: () => [random([65], -1, 1)], params: { exponent: -126, bins: 2 }, expect: histogramOf(-126, 2) },
];

const rescale =
  (params: { multiplier: number; xZero?: number; yZero?: number; qmin: number; qmax: number }) =>
  ([x]: number[][]) =>
    x.map((q) => req(f32(f32(q - (params.xZero ?? 0)) * f32(params.multiplier)), params));

const requantize: Case[] = [
  { x: 'uint8' as const, params: { multiplier: 0.37, xZero: 100, yZero: -5, ...int8 } },
  { x: 'int8' as const, params: { multiplier: 1.9, xZero: -7, yZero: 128, ...uint8 } },
  { x: 'int8' as const, params: { multiplier: 0.5, ...int8 } },
  { x: 'uint8' as const, params: { multiplier: -0.5, yZero: 3, ...uint8, qmin: 3, qmax: 90 } },
  { x: 'int32' as const, params: { multiplier: 1e-8, yZero: 7, ...int8 } },
  { x: 'int32' as const, params: { multiplier: 6e-8, xZero: -2147483648, ...uint8 } },
].flatMap(({ x, params }) => {
  const [low, high] = ranges[x] as [number, number];
  return [1, 65, 1000, 0, 40000].map((n) => ({
    note: `${x} to ${params.dtype}, ${n}`,
    inputs: () => [randomInts([n], x, low, high, 3)],
    params,
    expect: rescale(params),
  }));
});

const qlookup: Case[] = (['uint8', 'int8'] as const).flatMap((x) =>
  (['uint8', 'int8'] as const).map((table) => {
    const [low, high] = ranges[x] as [number, number];
    const [tableLow, tableHigh] = ranges[table] as [number, number];
    return {
      note: `${x} to ${table}`,
      inputs: () => [randomInts([3, 333], x, low, high), randomInts([256], table, tableLow, tableHigh, 9)],
      expect: ([codes, entries]: number[][]) => codes.map((q) => entries[q - low]),
    };
  }),
);

export const quantizeCases: Record<string, Case[]> = {
  ...{ quantize, dequantize, fakeQuantize, fakeQuantizeGrad, minMax, histogram, requantize, qlookup },
};
