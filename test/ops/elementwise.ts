import { type Dtype, Tensor } from 'lowbit';
import { type Case, raggedSizes, random, randomInts } from './case.js';

// The result is one rounding of the exact one: half a unit in the last place of float32.
const rounded = 2 ** -24;
// Halves: 11 and 8 bits, each reached through float32.
const halfRounded = 2 ** -11 * 1.001;
const bfloatRounded = 2 ** -8 * 1.001;

const specials = [0, -0, 1, -1, 0.5, -0.5, 2.5, -2.5, 1e30, -1e30, 1e-40, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];

const integers: [Dtype, number, number][] = [
  ['int8', -128, 127],
  ['uint8', 0, 255],
  ['int16', -32768, 32767],
  ['uint16', 0, 65535],
  ['int32', -(2 ** 31), 2 ** 31 - 1],
  ['uint32', 0, 2 ** 32 - 1],
];

/** What an integer type makes of a whole number: its low bits. */
function wrap(value: number | bigint, dtype: Dtype): number {
  const bits = Number(dtype.replace(/\D/g, ''));
  return Number(dtype.startsWith('u') ? BigInt.asUintN(bits, BigInt(value)) : BigInt.asIntN(bits, BigInt(value)));
}

/** The function away from points where its slope is steep or not there, for its gradient. */
const smoothPart = (low: number, high: number, params?: object): Case => ({
  note: `slope from ${low} to ${high}`,
  inputs: () => [random([3, 17], low, high, 6)],
  params,
});
const withoutGradient = (list: Case[]): Case[] => list.map((entry) => ({ ...entry, gradient: false }));

// One unit in the last place is at most 2^-23 of a number; functions.test.ts measures these errors where numbers are small.
const ulps = (count: number) => count * 2 ** -23;

/** One real function on ragged float32, the specials, an empty tensor and the other real types. */
function real(f: (x: number) => number, low = -4, high = 4, params?: object, float32 = rounded): Case[] {
  const expect = ([x]: number[][]) => x.map(f);
  return [
    ...raggedSizes.map((n) => ({ note: `${n}`, inputs: () => [random([n], low, high)], params, expect, bound: float32 })),
    { note: 'specials', inputs: () => [Tensor.from(specials)], params, expect: ([x]) => x.map((v) => Math.fround(f(v))), bound: float32 },
    { note: 'empty', inputs: () => [Tensor.from([], [3, 0, 2])], params, expect: [] },
    { note: 'no dimensions', inputs: () => [Tensor.scalar(low)], params, expect, bound: float32 },
    { note: 'float64', inputs: () => [random([2, 9], low, high, 2, 'float64')], params, expect, bound: 1e-13 },
    { note: 'float16', inputs: () => [random([33], low, high, 3, 'float16')], params, expect, bound: halfRounded },
    { note: 'bfloat16', inputs: () => [random([33], low, high, 4, 'bfloat16')], params, expect, bound: bfloatRounded },
  ];
}

/** As real, and exact on every integer type with its ends. */
function number(f: (x: number) => number, params?: object): Case[] {
  return [
    ...real(f, -4, 4, params),
    ...integers.map(([dtype, low, high]) => ({
      note: dtype,
      inputs: () => [Tensor.from([low, high, 0, 1, low + 1, ...randomInts([12], dtype, low, high).toNumbers()], undefined, dtype)],
      params,
      expect: ([x]: number[][]) => x.map((v) => wrap(f(v), dtype)),
    })),
  ];
}

const sum = (count: number, term: (n: number) => number) => Array.from({ length: count }, (_, n) => term(n)).reduce((a, b) => a + b, 0);
// The power series where it converges without cancellation, 1 minus a continued fraction beyond.
function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  if (Math.abs(x) > 6) return Math.sign(x);
  if (Math.abs(x) > 2.5) {
    let fraction = 0;
    for (let k = 60; k > 0; k--) fraction = k / 2 / (Math.abs(x) + fraction);
    return Math.sign(x) * (1 - Math.exp(-x * x) / Math.sqrt(Math.PI) / (Math.abs(x) + fraction));
  }
  let term = x;
  return (
    (2 / Math.sqrt(Math.PI)) *
    sum(60, (n) => {
      if (n) term *= -(x * x) / n;
      return term / (2 * n + 1);
    })
  );
}

/** dy·f'(x), from x or y. Slopes are within 8 ulp of values up to 1.13, dy is up to 2 and the product rounded: 2·(8·1.13 + 1)·2^-24. */
function slope(f: (x: number) => number, low = -4, high = 4, params?: object): Case[] {
  const expect = ([dy, x]: number[][]) => x.map((v, i) => dy[i] * f(v));
  const inputs = (n: number, dtype?: Dtype) => () => [random([n], -2, 2, 1, dtype), random([n], low, high, 2, dtype)];
  return [
    ...raggedSizes.map((n) => ({ note: `${n}`, inputs: inputs(n), params, expect, bound: 21 * 2 ** -24 })),
    { note: 'several threads', inputs: inputs(20001), params, expect, bound: 21 * 2 ** -24 },
    { note: 'empty', inputs: () => [random([3, 0]), random([3, 0])], params, expect: [] },
    { note: 'NaN and zeros', inputs: () => [Tensor.from([1, 1, 1]), Tensor.from([NaN, 0, -0])], params, expect, bound: 2 ** -23 },
    { note: 'float64', inputs: inputs(33, 'float64'), params, expect, bound: 1e-13 },
    { note: 'float16', inputs: inputs(33, 'float16'), params, expect, bound: halfRounded },
    { note: 'bfloat16', inputs: inputs(33, 'bfloat16'), params, expect, bound: bfloatRounded },
  ];
}

function halfEven(x: number): number {
  const low = Math.floor(x);
  if (x - low === 0.5) return low % 2 ? low + 1 : low;
  return Number.isFinite(x) ? Math.round(x) : x;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const normal = (x: number) => 0.5 * (1 + erf(x / Math.SQRT2));
const softplus = (x: number) => (x > 30 ? x : Math.log1p(Math.exp(x)));
const unit = (x: number) => Math.min(1, Math.max(0, x));
const elu = (x: number, alpha = 1) => (x < 0 ? alpha * Math.expm1(x) : x);

// Among so many numbers some lie on a kink.
const kinked = (entry: Case): Case => (entry.note?.startsWith('large') ? { ...entry, gradient: false } : entry);

/** Divisors of all kinds, each of a row: first numbers of a size that needs no division, then those of all sizes, then specials. */
const byOneNumber: Case = (() => {
  const divisors = [1, 3, 0.1, -7, 1e-40, 2 ** -40, 2 ** -41, 2 ** 40, 2 ** 41, 2 - 2 ** -23, 1 + 2 ** -23, 3.4e38, ...specials];
  const places = Array.from({ length: 1500 }, (_, i) => i);
  const usual = places.map((i) => (1 + ((i * 40503) % 65536) / 65536 + i * 2 ** -23) * 2 ** ((i % 119) - 60) * (i % 3 ? 1 : -1));
  const all = new Float32Array(Uint32Array.from(places, (i) => i * 2863313).buffer);
  const numbers = [...usual, ...all, ...specials];
  return {
    note: 'by one number for each row',
    inputs: () => [
      Tensor.from(
        divisors.flatMap(() => numbers),
        [divisors.length, numbers.length],
      ),
      Tensor.from(divisors, [divisors.length, 1]),
    ],
    expect: ([a, b]) => a.map((x, i) => Math.fround(x / b[Math.floor(i / numbers.length)])),
    gradient: false,
  };
})();

/** A function of two numbers: ragged float32, each way to broadcast, specials against each other, and the other real types. */
function binary(f: (a: number, b: number) => number, params?: object): Case[] {
  const each = ([a, b]: number[][]) => a.map((x, i) => f(x, b[i]));
  const pairs = (pick: (x: number, y: number) => number) => specials.flatMap((x) => specials.map((y) => pick(x, y)));
  return [
    ...raggedSizes.map((n) => ({
      note: `${n}`,
      inputs: () => [random([n], -3, 3, 1), random([n], 0.5, 3, 2)],
      params,
      expect: each,
      bound: rounded,
    })),
    {
      note: 'row and column broadcast',
      inputs: () => [random([3, 1, 2], -3, 3, 1), random([1, 4, 1], 0.5, 3, 2)],
      params,
      expect: ([a, b]) => [0, 1, 2].flatMap((i) => [0, 1, 2, 3].flatMap((j) => [0, 1].map((k) => f(a[i * 2 + k], b[j])))),
      bound: rounded,
    },
    {
      note: 'numbers a row against rows',
      inputs: () => [random([2, 3, 1], -3, 3, 1), random([2, 3, 37], 0.5, 3, 2)],
      params,
      expect: ([a, b]) => b.map((y, i) => f(a[Math.floor(i / 37)], y)),
      bound: rounded,
    },
    {
      note: 'rows against a vector and a number a row',
      inputs: () => [random([4, 1, 35], -3, 3, 1), random([3, 1], 0.5, 3, 2)],
      params,
      expect: ([a, b]) => [0, 1, 2, 3].flatMap((i) => b.flatMap((y) => a.slice(i * 35, i * 35 + 35).map((x) => f(x, y)))),
      bound: rounded,
    },
    {
      note: 'rows of eight against numbers of another axis',
      inputs: () => [random([2, 3, 1, 8], -3, 3, 1), random([5, 1], 0.5, 3, 2)],
      params,
      expect: ([a, b]) => [0, 1, 2, 3, 4, 5].flatMap((i) => b.flatMap((y) => a.slice(i * 8, i * 8 + 8).map((x) => f(x, y)))),
      bound: rounded,
    },
    {
      note: 'a long vector against rows',
      inputs: () => [random([33], -3, 3, 1), random([3, 2, 33], 0.5, 3, 2)],
      params,
      expect: ([a, b]) => b.map((y, i) => f(a[i % 33], y)),
      bound: rounded,
    },
    {
      note: 'a vector against rows',
      inputs: () => [random([5, 3, 9], -3, 3, 1), random([9], 0.5, 3, 2)],
      params,
      expect: ([a, b]) => a.map((x, i) => f(x, b[i % 9])),
      bound: rounded,
    },
    {
      note: 'a column against rows',
      inputs: () => [random([5, 1], -3, 3, 1), random([5, 9], 0.5, 3, 2)],
      params,
      expect: ([a, b]) => b.map((y, i) => f(a[Math.floor(i / 9)], y)),
      bound: rounded,
    },
    {
      note: 'scalars on either side',
      inputs: () => [Tensor.scalar(2.5), random([2, 17], 0.5, 3, 2)],
      params,
      expect: ([a, b]) => b.map((y) => f(a[0], y)),
      bound: rounded,
    },
    { note: 'empty', inputs: () => [random([0, 4]), random([3, 1, 4])], params, expect: [] },
    { note: 'two scalars', inputs: () => [Tensor.scalar(-2.5), Tensor.scalar(3)], params, expect: each, bound: rounded },
    {
      note: 'large enough for several threads',
      inputs: () => [random([300, 7, 31], -3, 3, 1), random([7, 1], 0.5, 3, 2)],
      params,
      expect: ([a, b]) => a.map((x, i) => f(x, b[Math.floor(i / 31) % 7])),
      bound: rounded,
    },
    {
      note: 'specials',
      inputs: () => [Tensor.from(pairs((x) => x)), Tensor.from(pairs((_, y) => y))],
      params,
      expect: ([a, b]) => a.map((x, i) => Math.fround(f(x, b[i]))),
      bound: rounded,
    },
    {
      note: 'float64',
      inputs: () => [random([9], -3, 3, 1, 'float64'), random([9], 0.5, 3, 2, 'float64')],
      params,
      expect: each,
      bound: 1e-14,
    },
    {
      note: 'float16',
      inputs: () => [random([9], -3, 3, 1, 'float16'), random([9], 0.5, 3, 2, 'float16')],
      params,
      expect: each,
      bound: halfRounded,
    },
    {
      note: 'bfloat16',
      inputs: () => [random([9], -3, 3, 1, 'bfloat16'), random([9], 0.5, 3, 2, 'bfloat16')],
      params,
      expect: each,
      bound: bfloatRounded,
    },
  ];
}

/** Exact on every integer type: the ends, 0, 1 and -1 against each other, and random pairs. */
function integer(f: (a: bigint, b: bigint) => bigint, params?: object, only: (dtype: Dtype) => boolean = () => true): Case[] {
  return integers
    .filter(([dtype]) => only(dtype))
    .map(([dtype, low, high]) => {
      const values = [low, high, 0, 1, 3, ...(low < 0 ? [-1, -3] : []), ...randomInts([4], dtype, low, high).toNumbers()];
      return {
        note: dtype,
        inputs: () => [Tensor.from(values, [values.length, 1], dtype), Tensor.from(values, [values.length], dtype)],
        params,
        expect: ([a, b]: number[][]) => a.flatMap((x) => b.map((y) => wrap(f(BigInt(x), BigInt(y)), dtype))),
      };
    });
}

const most64 = 2n ** 63n - 1n;
const int64 = (values: bigint[]) => Tensor.from(BigInt64Array.from(values));
const booleans = (values: number[], shape?: number[]) => Tensor.from(values, shape, 'boolean');

function compare(f: (a: number, b: number) => boolean): Case[] {
  return [...binary((a, b) => Number(f(a, b))), ...integer((a, b) => BigInt(f(Number(a), Number(b))))];
}

function logic(f: (a: boolean, b: boolean) => boolean): Case[] {
  return [
    {
      inputs: () => [booleans([0, 1, 0, 1]), booleans([0, 0, 1, 1])],
      expect: ([a, b]) => a.map((x, i) => Number(f(x === 1, b[i] === 1))),
    },
    {
      note: 'broadcast',
      inputs: () => [booleans([0, 1], [2, 1]), booleans([0, 1, 1])],
      expect: ([a, b]) => a.flatMap((x) => b.map((y) => Number(f(x === 1, y === 1)))),
    },
  ];
}

const floorMod = (a: bigint, b: bigint) => (b === 0n ? 0n : ((a % b) + b) % b);
const reals = [0, -0, 0.5, -0.5, 0.999, 1, -1.5, 2.5, 3.5, 127.9, 128, -128.5, -129, 255.5, 256, 65519, 65520, 1e10, -1e10, 1e20, -1e20];

function castTo(dtype: Dtype, f: (x: number) => number): Case {
  const values = [...reals, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];
  return {
    note: `float32 to ${dtype}`,
    inputs: () => [Tensor.from(values)],
    params: { dtype },
    expect: ([x]) => x.map(f),
  };
}

const saturated = (low: number, high: number) => (x: number) => (Number.isNaN(x) ? 0 : Math.trunc(Math.min(Math.max(x, low), high)));

// Up to four roundings of numbers up to 15 on the way to a float32.
const severalRounded = 64 * rounded;

/** A gradient of dy and further tensors of its shape. */
function gradientOf(f: (dy: number, ...x: number[]) => number, tensors = 1, params?: object): Case[] {
  const inputs = (shape: number[], dtype: Dtype) => [
    random(shape, -3, 3, 1, dtype),
    ...Array.from({ length: tensors }, (_, k) => random(shape, -4, 4, 2 + k, dtype)),
  ];
  const expect = ([dy, ...x]: number[][]) => dy.map((v, i) => f(v, ...x.map((list) => list[i])));
  return [
    ...raggedSizes.map((n) => ({ note: `${n}`, inputs: () => inputs([n], 'float32'), params, expect, bound: severalRounded })),
    { note: 'several threads', inputs: () => inputs([3, 21001], 'float32'), params, expect, bound: severalRounded },
    { note: 'empty', inputs: () => inputs([0, 3], 'float32'), params, expect: [] },
    { note: 'float64', inputs: () => inputs([2, 9], 'float64'), params, expect, bound: 1e-14 },
    { note: 'float16', inputs: () => inputs([33], 'float16'), params, expect, bound: halfRounded + severalRounded },
    { note: 'bfloat16', inputs: () => inputs([33], 'bfloat16'), params, expect, bound: bfloatRounded + severalRounded },
  ];
}

/** A gradient at its kinks, and where x is infinite or NaN: dy is 2 everywhere. */
const kinks = (xs: number[], expect: number[], params?: object): Case => ({
  note: `kinks at ${xs}`,
  inputs: () => [Tensor.from(xs.map(() => 2)), Tensor.from(xs)],
  params,
  expect,
});

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

const gradientCases: Record<string, Case[]> = {
  clipGrad: [
    ...gradientOf((dy, x) => (x >= -1 && x <= 2 ? dy : 0), 1, { min: -1, max: 2 }),
    ...gradientOf((dy) => dy),
    kinks([-1, 2, -1.5, 2.5, nan, inf], [2, 2, 0, 0, 0, 0], { min: -1, max: 2 }),
    kinks([0, 1.5], [0, 0], { min: 2, max: 1 }),
  ],
  leakyReluGrad: [
    ...gradientOf((dy, x) => (x > 0 ? dy : 0.01 * dy)),
    kinks([0, -0, 1, -inf, nan], [0.5, 0.5, 2, 0.5, 0.5], { alpha: 0.25 }),
  ],
  hardSigmoidGrad: [
    ...gradientOf((dy, x) => (Math.abs(x) < 2.5 ? 0.2 * dy : 0)),
    kinks([-2, 2, -1.5, 1.5, nan], [0, 0, 0.5, 0.5, 0], { alpha: 0.25, beta: 0.5 }),
  ],
  hardSwishGrad: [
    ...gradientOf((dy, x) => (x <= -3 ? 0 : x >= 3 ? dy : dy * (x / 3 + 0.5))),
    kinks([-3, 3, 0, inf, -inf, nan], [0, 2, 1, 2, 0, 0]),
  ],
  eluGrad: [
    ...gradientOf((dy, x, y) => (x > 0 ? dy : dy * (y + 1)), 2),
    ...gradientOf((dy, x, y) => (x > 0 ? 3 * dy : dy * (0.5 * y + 2)), 2, { rate: 0.5, offset: 2, above: 3 }),
  ],
  mishGrad: gradientOf((dy, x) => {
    const t = Math.tanh(softplus(x));
    return dy * (t + x * sigmoid(x) * (1 - t * t));
  }),
  maximumGrad: [
    ...gradientOf((dy, a, b) => (a > b ? dy : a === b ? dy / 2 : 0), 2),
    {
      note: 'ties, infinities and NaN',
      inputs: () => [Tensor.from([2, 2, 2, 2, 2]), Tensor.from([1, 0, inf, nan, 3]), Tensor.from([1, -0, inf, 1, nan])],
      expect: [1, 1, 1, 0, 0],
    },
    {
      note: 'broadcast',
      inputs: () => [random([3, 4, 5]), random([4, 1], -1, 1, 2), random([3, 1, 5], -1, 1, 3)],
      expect: ([dy, a, b]) => dy.map((v, i) => (a[Math.floor(i / 5) % 4] > b[Math.floor(i / 20) * 5 + (i % 5)] ? v : 0)),
    },
  ],
};

export const elementwiseCases: Record<string, Case[]> = {
  ...gradientCases,
  relu: [
    ...number((x) => Math.max(x, 0)),
    { note: 'int64', inputs: () => [int64([-(2n ** 63n), -1n, 0n, 5n])], expect: [0, 0, 0, 5] },
    { note: 'several threads', inputs: () => [random([70001])], expect: ([x]) => x.map((v) => Math.max(v, 0)), gradient: false },
  ],
  reluGrad: [
    ...raggedSizes.map((n) => ({
      inputs: () => [random([n]), random([n], -1, 1, 2)],
      expect: ([dy, y]: number[][]) => dy.map((g, i) => (y[i] > 0 ? g : 0)),
    })),
    {
      note: 'several threads',
      inputs: () => [random([70001]), random([70001], -1, 1, 2)],
      expect: ([dy, y]) => dy.map((g, i) => (y[i] > 0 ? g : 0)),
    },
    {
      note: 'NaN is not above 0',
      inputs: () => [Tensor.from([1, 2, 3, NaN, 5]), Tensor.from([NaN, 0, -0, 1, Infinity])],
      expect: [0, 0, 0, NaN, 5],
    },
    {
      note: 'float64',
      inputs: () => [Tensor.from([1, 2], [2], 'float64'), Tensor.from([-1, 1e-300], [2], 'float64')],
      expect: [0, 2],
    },
    { note: 'float16', inputs: () => [Tensor.from([1, 2], [2], 'float16'), Tensor.from([-1, 1], [2], 'float16')], expect: [0, 2] },
  ],
  abs: [...number(Math.abs), { note: 'int64', inputs: () => [int64([-(2n ** 63n), -7n])], expect: [-(2 ** 63), 7] }],
  neg: number((x) => -x),
  sign: number(Math.sign),
  clip: [
    ...number((x) => x),
    ...number((x) => (x < 2 ? 2 : Math.min(x, 3)), { min: 2, max: 3 }),
    ...real((x) => (x < -1 ? -1 : Math.min(x, 0.5)), -4, 4, { min: -1, max: 0.5 }),
    { note: 'min above max', inputs: () => [Tensor.from([-5, 1.5, 9])], params: { min: 2, max: 1 }, expect: [1, 1, 1] },
    {
      note: 'bounds beyond the type',
      inputs: () => [Tensor.from([0, 5, 255], undefined, 'uint8')],
      params: { min: -7, max: 1e9 },
      expect: [0, 5, 255],
    },
    { note: 'int64', inputs: () => [int64([-most64, most64])], params: { min: -8 }, expect: [-8, 2 ** 63] },
  ],
  ceil: real(Math.ceil),
  floor: real(Math.floor),
  round: [...real(halfEven), { note: 'ties', inputs: () => [Tensor.from([0.5, 1.5, 2.5, -0.5, -1.5])], expect: [0, 2, 2, 0, -2] }],
  sqrt: [...withoutGradient(real(Math.sqrt, 0, 9)), smoothPart(0.5, 9)],
  reciprocal: real((x) => 1 / x, 0.5, 4),
  exp: real(Math.exp, -4, 4, {}, ulps(1)),
  log: [...withoutGradient(real(Math.log, 0.1, 9, {}, ulps(1))), smoothPart(0.5, 9)],
  sin: real(Math.sin),
  cos: real(Math.cos),
  tan: [...withoutGradient(real(Math.tan, -1.5, 1.5)), smoothPart(-1, 1)],
  asin: [...withoutGradient(real(Math.asin, -1, 1)), smoothPart(-0.8, 0.8)],
  acos: [...withoutGradient(real(Math.acos, -1, 1)), smoothPart(-0.8, 0.8)],
  atan: real(Math.atan),
  sinh: real(Math.sinh),
  cosh: real(Math.cosh),
  tanh: real(Math.tanh, -4, 4, {}, ulps(2)),
  tanhGrad: slope((y) => 1 - y * y, -1, 1),
  asinh: real(Math.asinh),
  acosh: [...withoutGradient(real(Math.acosh, 1, 9)), smoothPart(1.5, 9)],
  atanh: [...withoutGradient(real(Math.atanh, -0.9, 0.9)), smoothPart(-0.7, 0.7)],
  erf: real(erf, -4, 4, {}, ulps(2)),
  erfGrad: slope((x) => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x)),
  sigmoid: real(sigmoid, -9, 9, {}, ulps(3)),
  sigmoidGrad: slope((y) => y * (1 - y), 0, 1),
  hardSigmoid: [...real((x) => unit(0.2 * x + 0.5)), ...real((x) => unit(0.3 * x + 0.25), -4, 4, { alpha: 0.3, beta: 0.25 })],
  hardSwish: real((x) => x * unit(x / 6 + 0.5)),
  silu: real((x) => x * sigmoid(x), -9, 9, {}, ulps(4)),
  siluGrad: slope((x) => sigmoid(x) * (1 + x * (1 - sigmoid(x)))),
  gelu: [
    ...real((x) => x * normal(x), -4, 4, {}, ulps(4)),
    ...real((x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))), -4, 4, { approximate: 'tanh' }, ulps(4)),
  ],
  geluGrad: [
    ...slope((x) => normal(x) + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI)),
    ...slope(
      (x) => {
        const s = sigmoid(2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3));
        return s + x * s * (1 - s) * 2 * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x);
      },
      -4,
      4,
      { approximate: 'tanh' },
    ),
    {
      note: 'where it ends',
      inputs: () => [Tensor.from([2, 2, 2, 2]), Tensor.from([1e30, Infinity, -1e30, -Infinity])],
      expect: [2, 2, 0, 0],
    },
  ],
  leakyRelu: [...real((x) => (x < 0 ? 0.01 * x : x)), ...real((x) => (x < 0 ? 0.25 * x : x), -4, 4, { alpha: 0.25 })],
  elu: [...real((x) => elu(x)), ...real((x) => elu(x, 0.5), -4, 4, { alpha: 0.5 })],
  selu: [...real((x) => 1.0507010221481323 * elu(x, 1.6732631921768188)), ...real((x) => 3 * elu(x, 2), -4, 4, { alpha: 2, gamma: 3 })],
  celu: [...real((x) => elu(x)), ...real((x) => 2 * elu(x / 2), -4, 4, { alpha: 2 })],
  softplus: real(softplus, -9, 40),
  softsign: real((x) => x / (1 + Math.abs(x))),
  mish: real((x) => x * Math.tanh(softplus(x))),
  thresholdedRelu: [...real((x) => (x > 1 ? x : 0)), ...real((x) => (x > -2 ? x : 0), -4, 4, { alpha: -2 })],
  isNaN: real((x) => Number(Number.isNaN(x))),
  isInf: [
    ...real((x) => Number(Math.abs(x) === Number.POSITIVE_INFINITY)),
    ...real((x) => Number(x === Number.POSITIVE_INFINITY), -4, 4, { negative: false }),
    ...real((x) => Number(x === Number.NEGATIVE_INFINITY), -4, 4, { positive: false }),
  ],
  not: [{ inputs: () => [Tensor.from(Uint8Array.of(0, 1, 7), [3], 'boolean')], expect: [1, 0, 0] }],
  cast: [
    castTo('int8', saturated(-128, 127)),
    castTo('uint8', saturated(0, 255)),
    castTo('int16', saturated(-32768, 32767)),
    castTo('uint16', saturated(0, 65535)),
    castTo('int32', saturated(-(2 ** 31), 2 ** 31 - 1)),
    castTo('uint32', saturated(0, 2 ** 32 - 1)),
    castTo('int64', saturated(-(2 ** 63), 2 ** 63)),
    castTo('uint64', saturated(0, 2 ** 64)),
    castTo('boolean', (x) => Number(x !== 0)),
    castTo('float32', (x) => x),
    castTo('float64', (x) => x),
    { note: 'float32 to float64, ordinary', inputs: () => [random([33])], params: { dtype: 'float64' }, expect: ([x]) => x },
    {
      note: 'float32 to float16',
      inputs: () => [Tensor.from([1, 2049, 2051, 65519, 65520, -1e9, 2 ** -24, 2 ** -25, 0.1])],
      params: { dtype: 'float16' },
      expect: [1, 2048, 2052, 65504, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** -24, 0, 0.0999755859375],
    },
    {
      note: 'float32 to bfloat16',
      inputs: () => [Tensor.from([1, 257, 259, -0.1, Number.NaN])],
      params: { dtype: 'bfloat16' },
      expect: [1, 256, 260, -0.10009765625, Number.NaN],
    },
    ...(['int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'float32', 'float64', 'boolean'] as Dtype[]).map((dtype) => ({
      note: `int64 to ${dtype}`,
      inputs: () => [int64([0n, 1n, -1n, 300n, -40000n, 2n ** 32n + 5n, most64])],
      params: { dtype },
      expect: [0n, 1n, -1n, 300n, -40000n, 2n ** 32n + 5n, most64].map((x) =>
        dtype === 'boolean'
          ? Number(x !== 0n)
          : dtype === 'float64'
            ? Number(x)
            : dtype === 'float32'
              ? Math.fround(Number(x))
              : wrap(x, dtype),
      ),
    })),
    {
      note: 'boolean',
      inputs: () => [Tensor.from(Uint8Array.of(0, 1, 9), [3], 'boolean')],
      params: { dtype: 'float16' },
      expect: [0, 1, 1],
    },
    {
      note: 'float16',
      inputs: () => [random([700], -300, 300, 1, 'float16')],
      params: { dtype: 'int16' },
      expect: ([x]) => x.map(Math.trunc),
    },
    { note: 'empty', inputs: () => [random([0])], params: { dtype: 'int8' }, expect: [] },
  ],
  add: [
    ...binary((a, b) => a + b),
    ...integer((a, b) => a + b),
    { note: 'int64 wraps', inputs: () => [int64([most64]), int64([1n])], expect: [-(2 ** 63)] },
    {
      note: 'several threads',
      inputs: () => [random([70001]), random([70001], -1, 1, 2)],
      expect: ([a, b]) => a.map((x, i) => Math.fround(x + b[i])),
    },
  ],
  addRelu: [
    ...binary((a, b) => Math.max(a + b, 0)).map(kinked),
    {
      note: 'several threads',
      inputs: () => [random([70001]), random([70001], -1, 1, 2)],
      expect: ([a, b]) => a.map((x, i) => Math.max(Math.fround(x + b[i]), 0)),
      gradient: false,
    },
  ],
  sub: [...binary((a, b) => a - b), ...integer((a, b) => a - b)],
  mul: [
    ...binary((a, b) => a * b),
    ...integer((a, b) => a * b),
    { note: 'int64 wraps', inputs: () => [int64([most64]), int64([2n])], expect: [-2] },
  ],
  div: [
    ...binary((a, b) => a / b),
    byOneNumber,
    ...integer((a, b) => (b === 0n ? 0n : a / b)),
    { note: 'int64', inputs: () => [int64([-(2n ** 63n), 7n, -7n, 7n]), int64([-1n, 0n, 2n, -2n])], expect: [-(2 ** 63), 0, -3, -3] },
  ],
  maximum: [...binary(Math.max), ...integer((a, b) => BigInt(Math.max(Number(a), Number(b))))],
  minimum: [...binary(Math.min), ...integer((a, b) => BigInt(Math.min(Number(a), Number(b))))],
  mod: [
    // So many numbers cross a step of the quotient.
    ...binary((a, b) => a % b, { fmod: true }).map((entry) => ({ ...entry, gradient: !entry.note?.includes('several threads') })),
    ...integer((a, b) => (b === 0n ? 0n : a % b), { fmod: true }),
    ...integer(floorMod),
    { note: 'int64', inputs: () => [int64([-(2n ** 63n), -7n, 7n]), int64([-1n, 5n, -5n])], expect: [0, 3, -3] },
  ],
  pow: [
    ...withoutGradient(binary((a, b) => (Math.abs(a) === 1 && Math.abs(b) === Number.POSITIVE_INFINITY ? 1 : a === 1 ? 1 : a ** b))),
    { note: 'slope', inputs: () => [random([5, 1, 7], 0.5, 3), random([4, 1], -2, 3, 2)] },
    {
      note: 'slope of a square',
      inputs: () => [random([33]), Tensor.scalar(2, 'int32')],
      expect: ([a]) => a.map((x) => x * x),
      bound: rounded,
    },
    ...['float32', 'float64', 'int64'].map(
      (dtype): Case => ({
        note: `cubes, exponent ${dtype}`,
        inputs: () => [random([7, 41]), Tensor.scalar(3, dtype as Dtype)],
        expect: ([a]) => a.map((x) => Math.fround(x * x * x)),
        gradient: false, // by the exponent there is none where a is negative
      }),
    ),
    {
      note: 'slope of powers 0 and 1',
      inputs: () => [Tensor.from([0, 0, 2, -3]), Tensor.from([0, 1, 0, 1], [4], 'int8')],
      expect: [1, 0, 1, -3],
    },
    {
      note: 'integers',
      inputs: () => [Tensor.from([3, -3, 2, 0, 1, -1, -1, 5], [8], 'int32'), Tensor.from([4, 3, 33, 0, -3, -3, -4, -1], [8], 'int64')],
      expect: [81, -27, 0, 1, 1, -1, 1, 0],
    },
    {
      note: 'uint16 wraps',
      inputs: () => [Tensor.from([65535, 300], [2], 'uint16'), Tensor.from([2, 2], [2], 'uint8')],
      expect: [1, 24464],
    },
    {
      note: 'an integer exponent',
      inputs: () => [random([3, 5]), Tensor.from([3], [], 'int32')],
      expect: ([a]) => a.map((x) => x ** 3),
      bound: rounded,
    },
    { note: 'a real exponent', inputs: () => [Tensor.from([4, 9, 200], [3], 'uint8'), Tensor.from([0.5, 0.5, 2])], expect: [2, 3, 255] },
  ],
  prelu: [
    {
      inputs: () => [random([2, 3, 5]), random([3, 1], -1, 1, 2)],
      expect: ([x, s]) => x.map((v, i) => (v < 0 ? v * s[Math.floor(i / 5) % 3] : v)),
      bound: rounded,
    },
    { note: 'int8', inputs: () => [Tensor.from([-100, 5], [2], 'int8'), Tensor.from([2], [1], 'int8')], expect: [56, 5] },
  ],
  bitShift: [
    ...integer(
      (a, b) => (b >= 64n ? 0n : a << b),
      { direction: 'left' },
      (dtype) => dtype.startsWith('u'),
    ),
    ...integer(
      (a, b) => (b >= 64n ? 0n : a >> b),
      { direction: 'right' },
      (dtype) => dtype.startsWith('u'),
    ),
  ],
  equal: [
    ...compare((a, b) => a === b),
    { note: 'booleans', inputs: () => [booleans([0, 1, 0, 1]), booleans([0, 0, 1, 1])], expect: [1, 0, 0, 1] },
    { note: 'int64 beyond 2^53', inputs: () => [int64([2n ** 53n]), int64([2n ** 53n + 1n])], expect: [0] },
  ],
  less: compare((a, b) => a < b),
  lessOrEqual: compare((a, b) => a <= b),
  greater: compare((a, b) => a > b),
  greaterOrEqual: compare((a, b) => a >= b),
  and: logic((a, b) => a && b),
  or: logic((a, b) => a || b),
  xor: logic((a, b) => a !== b),
  where: [
    ...(['float32', 'int8', 'float16', 'int64', 'boolean'] as Dtype[]).map((dtype) => ({
      note: `${dtype}, three shapes`,
      inputs: () => [booleans([1, 0, 1], [3, 1]), randomInts([2, 1, 4], dtype, 0, 9, 1), randomInts([3, 4], dtype, 0, 9, 2)],
      expect: ([condition, a, b]: number[][]) =>
        [0, 1].flatMap((i) => [0, 1, 2].flatMap((j) => [0, 1, 2, 3].map((k) => (condition[j] ? a[i * 4 + k] : b[j * 4 + k])))),
    })),
    { note: 'scalars', inputs: () => [booleans([0], []), Tensor.scalar(1), Tensor.scalar(2)], expect: [2] },
    { note: 'empty', inputs: () => [booleans([0], [1]), random([2, 0]), random([1])], expect: [] },
  ],
};
