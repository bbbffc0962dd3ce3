import { type Dtype, Tensor } from 'lowbit';
import { type Case, raggedSizes, random, randomInts } from './case.js';

/** In the order of their codes. */
const names = 'add sub mul div maximum minimum sqrt neg relu exp tanh erf sigmoid silu gelu geluTanh'.split(' ');

/** add 0 1 is the sum of operands 0 and 1; what has one operand repeats it. */
export const program = (text: string): number[] =>
  text.split(', ').flatMap((instruction) => {
    const [name, a, b = a] = instruction.split(' ');
    return [names.indexOf(name), Number(a), Number(b)];
  });

const f32 = Math.fround;
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const specials = [0, -0, 1, -1, 1e-40, -3e38, inf, -inf, nan];
const codeOf = (v: number, zero: number, low: number) => {
  const floor = Math.floor(v);
  const even = v - floor === 0.5 ? floor + (floor & 1) : Math.round(v);
  return Number.isNaN(v) ? zero : Math.min(Math.max(even + zero, low), low + 255);
};

/** An input of each kind against x (rows, n): a row vector, a column, a number. */
const kinds = (rows: number, n: number): Case => ({
  note: `(${rows}, ${n}) with a row vector, a column and a number`,
  inputs: () => [random([rows, n]), random([n], -1, 1, 2), random([rows, 1], 1, 2, 3), Tensor.scalar(0.75)],
  params: { program: program('sub 0 2, div 4 2, mul 5 1, add 6 3') },
  expect: ([x, row, column, [k]]) =>
    x.map((v, i) => {
      const c = column[Math.floor(i / n)];
      return f32(f32(f32(f32(v - c) / c) * row[i % n]) + k);
    }),
});

const pair = (name: string, f: (a: number, b: number) => number): Case => ({
  note: `${name} of specials`,
  inputs: () => [
    Tensor.from(specials, [9, 1]),
    Tensor.from(
      specials.flatMap(() => specials),
      [9, 9],
    ),
  ],
  params: { program: program(`${name} 0 1`) },
  expect: ([a, b]) => b.map((v, i) => f32(f(a[Math.floor(i / 9)], v))),
});

const single = (name: string, f: (x: number) => number, ulps: number): Case => ({
  note: name,
  inputs: () => [random([131], -4, 4)],
  params: { program: program(`${name} 0`) },
  expect: ([x]) => x.map(f),
  bound: ulps * 2 ** -23,
});

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

const toCodes = (dtype: 'uint8' | 'int8', zeroPoint: number, n: number): Case => ({
  note: `codes ${dtype}, ${n}`,
  inputs: () => [random([3, n], -9, 9), Tensor.from(specials.slice(0, 3), [3, 1]), Tensor.scalar(0.0625)],
  params: { program: program('add 0 1, div 3 2'), zeroPoint, dtype },
  expect: ([x, k, [s]]) => x.map((v, i) => codeOf(f32(f32(v + k[Math.floor(i / n)]) / s), zeroPoint, dtype === 'uint8' ? 0 : -128)),
});

const fromCodes = (dtype: Dtype, low: number): Case => ({
  note: `from ${dtype}`,
  inputs: () => [randomInts([5, 67], dtype, low, low + 255), Tensor.scalar(low + 7), Tensor.scalar(0.1), random([5, 1])],
  params: { program: program('sub 0 1, mul 4 2, mul 5 3') },
  expect: ([q, [zero], [s], k]) => q.map((v, i) => f32(f32((v - zero) * s) * k[Math.floor(i / 67)])),
});

export const fusedCases: Record<string, Case[]> = {
  fusedElementwise: [
    ...raggedSizes.map((n) => kinds(3, n)),
    ...[1, 3, 16, 511, 512, 513, 1025].map((n) => kinds(5, n)),
    kinds(700, 3),
    kinds(41, 256),
    pair('add', (a, b) => a + b),
    pair('sub', (a, b) => a - b),
    pair('mul', (a, b) => a * b),
    pair('div', (a, b) => a / b),
    {
      note: 'quotients by a number and by one for each row',
      inputs: () => [random([6, 700], -1e3, 1e3), Tensor.scalar(0.3), random([6, 1], 0.01, 40, 2)],
      params: { program: program('div 0 1, div 3 2') },
      expect: ([x, [a], b]) => x.map((v, i) => f32(f32(v / a) / b[Math.floor(i / 700)])),
    },
    pair('maximum', Math.max),
    pair('minimum', Math.min),
    single('sqrt', Math.sqrt, 1),
    single('neg', (x) => -x, 0),
    single('relu', (x) => Math.max(x, 0), 0),
    single('exp', Math.exp, 1),
    single('tanh', Math.tanh, 2),
    single('sigmoid', sigmoid, 3),
    single('silu', (x) => x * sigmoid(x), 4),
    single('geluTanh', (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))), 4),
    {
      note: 'erf and gelu at whole numbers',
      inputs: () => [Tensor.from([0, 1, -1, 2, inf, -20, nan])],
      params: { program: program('erf 0, gelu 0, add 1 2') },
      expect: [0, 0.8427007929 + 0.8413447461, -0.8427007929 - 0.1586552539, 0.995322265 + 2 * 0.9772498681, inf, -1, nan],
      bound: 8 * 2 ** -23,
    },
    {
      note: 'codes, a vector and a number for each sample, in rows of eight',
      inputs: () => [randomInts([4, 3, 8], 'int8', -128, 127), random([4, 1, 8], -1, 1, 2), random([4, 1, 1], -1, 1, 3)],
      params: { program: program('mul 0 1, add 3 2') },
      expect: ([x, a, b]) => x.map((v, i) => f32(f32(v * a[Math.floor(i / 24) * 8 + (i % 8)]) + b[Math.floor(i / 24)])),
    },
    {
      note: 'a vector and a number for each sample',
      inputs: () => [random([4, 3, 5, 7]), random([4, 1, 1, 7], -1, 1, 2), random([4, 1, 1, 1], -1, 1, 3)],
      params: { program: program('mul 0 1, add 3 2') },
      expect: ([x, a, b]) => x.map((v, i) => f32(f32(v * a[Math.floor(i / 105) * 7 + (i % 7)]) + b[Math.floor(i / 105)])),
    },
    {
      note: 'several threads',
      inputs: () => [random([70001]), random([70001], -1, 1, 2)],
      params: { program: program('mul 0 1, sub 2 0, mul 3 3') },
      expect: ([a, b]) => a.map((v, i) => f32(f32(f32(v * b[i]) - v) ** 2)),
    },
    {
      note: 'a program of full length',
      inputs: () => [Tensor.from(Array.from({ length: 33 }, (_, i) => i))],
      params: { program: Array.from({ length: 16 }, (_, i) => [0, i, 0]).flat() },
      expect: ([x]) => x.map((v) => 17 * v),
    },
    {
      note: 'only numbers',
      inputs: () => [Tensor.scalar(3), Tensor.scalar(4)],
      params: { program: program('mul 0 1, add 2 0') },
      expect: [15],
    },
    { note: 'empty', inputs: () => [random([0, 3]), random([3])], params: { program: program('add 0 1') }, expect: [] },
    { note: 'empty rows', inputs: () => [random([3, 0]), random([3, 1])], params: { program: program('add 0 1') }, expect: [] },
    ...raggedSizes.map((n) => toCodes('uint8', 131, n)),
    toCodes('int8', -5, 77),
    toCodes('int8', 127, 600),
    {
      note: 'codes of specials',
      inputs: () => [Tensor.from([...specials, 2.5, 3.5, -2.5, 126.6, 1e9])],
      params: { program: program('neg 0'), dtype: 'int8', zeroPoint: -1 },
      expect: [-1, -1, -2, 0, -1, 127, -128, 127, -1, -3, -5, 1, -128, -128],
    },
    fromCodes('uint8', 0),
    fromCodes('int8', -128),
  ],
};
