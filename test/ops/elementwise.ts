import { type Case, raggedSizes, random, randomInts } from './case.js';

// The result is one rounding of the exact one: half a unit in the last place of float32.
const rounded = 2 ** -24;

function unary(f: (x: number) => number, low: number, high: number, bound: number): Case[] {
  return raggedSizes.map((n) => ({ note: `${n}`, inputs: () => [random([n], low, high)], expect: ([x]) => x.map(f), bound }));
}

function binary(f: (a: number, b: number) => number, bound: number): Case[] {
  return [
    ...raggedSizes.map((n) => ({
      note: `${n}`,
      inputs: () => [random([n], -3, 3, 1), random([n], 0.5, 3, 2)],
      expect: ([a, b]: number[][]) => a.map((x, i) => f(x, b[i])),
      bound,
    })),
    {
      note: 'row and column broadcast',
      inputs: () => [random([3, 1, 2], -3, 3, 1), random([1, 4, 1], 0.5, 3, 2)],
      expect: ([a, b]) => [0, 1, 2].flatMap((i) => [0, 1, 2, 3].flatMap((j) => [0, 1].map((k) => f(a[i * 2 + k], b[j])))),
      bound,
    },
  ];
}

export const elementwiseCases: Record<string, Case[]> = {
  relu: [
    ...unary((x) => Math.max(x, 0), -2, 2, 0),
    { note: 'int8', inputs: () => [randomInts([65], 'int8', -128, 127)], expect: ([x]) => x.map((v) => Math.max(v, 0)) },
  ],
  add: binary((a, b) => a + b, rounded),
};
