import { Tensor } from 'lowbit';
import { type Case, raggedSizes, random } from './case.js';

const clamp = (x: number, low: number, high: number) => Math.min(Math.max(x, low), high);

function roundEven(x: number): number {
  const down = Math.floor(x);
  const rest = x - down;
  return rest < 0.5 || (rest === 0.5 && down % 2 === 0) ? down : down + 1;
}

/** Scale, zero point and code, as the definition has them; the quotient is a float32. */
function codeOf(x: number, [least, most]: readonly number[], qmax: number) {
  const scale = Math.fround((Math.max(most, 0) - Math.min(least, 0)) / qmax);
  const zero = clamp(roundEven(-Math.min(least, 0) / scale), 0, qmax);
  return { scale, zero, code: roundEven(Math.fround(x / scale)) + zero };
}

function fakeCase(n: number, range: readonly number[], qmax: number, delay = 0): Case {
  return {
    note: `${n} numbers, range ${range}, ${qmax + 1} codes, delay ${delay}`,
    inputs: () => [random([n], -3, 3), Tensor.from(range)],
    params: { qmax, delay },
    expect: ([xs, state]) =>
      xs.map((x) => {
        if (state[2] < delay) return x;
        const { scale, zero, code } = codeOf(x, state, qmax);
        return Math.fround((clamp(code, 0, qmax) - zero) * scale);
      }),
    gradient: false,
  };
}

function gradCase(n: number, range: readonly number[], qmax: number, delay = 0): Case {
  return {
    note: `${n} numbers, range ${range}, ${qmax + 1} codes, delay ${delay}`,
    inputs: () => [random([n], -1, 1, 2), random([n], -3, 3), Tensor.from(range)],
    params: { qmax, delay },
    expect: ([dys, xs, state]) =>
      dys.map((dy, i) => {
        const { code } = codeOf(xs[i], state, qmax);
        return state[2] < delay || (code >= 0 && code <= qmax) ? dy : 0;
      }),
  };
}

const ranges = [
  [-1.3, 2.9, 5],
  [0, 1, 1],
  [-2, 0, 1],
  [0.5, 2, 3],
];

export const rangeCases: Record<string, Case[]> = {
  followRange: [
    {
      note: 'an outlier moves the end by a tenth of it',
      inputs: () => [Tensor.from([-1, 1, 4]), Tensor.from([-1, 101])],
      params: { decay: 0.9 },
      expect: [-1, 11, 5],
    },
    {
      note: 'the first batch sets it',
      inputs: () => [Tensor.from([-6, 6, 0]), Tensor.from([-1, 2])],
      params: { decay: 0.9 },
      expect: [-1, 2, 1],
    },
    {
      note: 'it holds 0',
      inputs: () => [Tensor.from([0, 4, 1]), Tensor.from([1, 8])],
      params: { decay: 0.5 },
      expect: [0, 6, 2],
    },
    { note: 'no memory', inputs: () => [Tensor.from([-6, 6, 7]), Tensor.from([-1, 2])], params: { decay: 0 }, expect: [-1, 2, 8] },
  ].map((entry) => ({ ...entry, gradient: false })),
  fakeQuantizeRange: [
    ...raggedSizes.flatMap((n) => ranges.map((range) => fakeCase(n, range, n % 2 ? 255 : 15))),
    fakeCase(100, [-1, 1, 3], 255, 3),
    fakeCase(100, [-1, 1, 3], 255, 4),
    fakeCase(100000, [-1, 1, 3], 1),
    {
      note: 'golden: [-1.3, 2.9] becomes [-1.301176, 2.898824], zero point 79',
      inputs: () => [Tensor.from([-10, 10, 0]), Tensor.from([-1.3, 2.9, 1])],
      expect: [-1.301176, 2.898824, 0],
      bound: 1e-6,
      gradient: false,
    },
  ],
  fakeQuantizeRangeGrad: [
    ...raggedSizes.flatMap((n) => ranges.map((range) => gradCase(n, range, n % 2 ? 255 : 15))),
    gradCase(100, [-1, 1, 3], 255, 4),
  ],
};
