import { slbLogitsShape, Tensor } from 'lowbit';
import { type Case, random } from './case.js';

const sizes = [1, 7, 15, 16, 17, 33, 200, 5000];
const counts = [1, 2, 4, 8, 16];

const valuesOf = (k: number) => {
  const m = Math.max(k, 2);
  return Array.from({ length: m }, (_, i) => -1 + (2 * i) / (m - 1));
};

/** P of one weight, in float64; of one logit A it is that of (0, A). */
function probabilities(logits: readonly number[], temperature: number): number[] {
  const all = logits.length === 1 ? [0, logits[0]] : logits;
  const scaled = all.map((a) => temperature * a);
  const most = Math.max(...scaled);
  const powers = scaled.map((a) => Math.exp(a - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => p / sum);
}

/** The logits of weight i. */
const logitsOf = (logits: readonly number[], k: number, i: number) =>
  Array.from({ length: k }, (_, c) => logits[(Math.floor(i / 16) * k + c) * 16 + (i % 16)]);

const mean = (p: readonly number[], v: readonly number[]) => p.reduce((sum, pi, i) => sum + pi * v[i], 0);

const first = (logits: readonly number[]) => (logits.length === 1 ? Number(logits[0] > 0) : logits.indexOf(Math.max(...logits)));

/** dW/dA of one weight. */
function slopes(logits: readonly number[], values: readonly number[], temperature: number): number[] {
  const p = probabilities(logits, temperature);
  const w = mean(p, values);
  const all = p.map((pi, i) => temperature * pi * (values[i] - w));
  return logits.length === 1 ? [all[1]] : all;
}

/** Of every logit from those of its weight; 0 past the last weight. */
function perLogit(
  logits: readonly number[],
  k: number,
  n: number,
  of: (mine: readonly number[], i: number) => readonly number[],
): number[] {
  const out = new Array(logits.length).fill(0);
  for (let i = 0; i < n; i++) {
    for (const [c, x] of of(logitsOf(logits, k, i), i).entries()) out[(Math.floor(i / 16) * k + c) * 16 + (i % 16)] = x;
  }
  return out;
}

/** Rounding of k exponentials and their sum, of logits up to 2 times a temperature up to 8; exact inputs are of size 1. */
const bound = (k: number, temperature: number) => (k + 8 + 8 * temperature) * 2 ** -23;

/** What a step leaves of its logits is a rounding of numbers up to 2. */
const stepBound = (k: number) => bound(k, 2) + 2 ** -22;

const logitsFor = (n: number, k: number, low = -2, high = 2) => random(slbLogitsShape([n], k), low, high, n + k);

function expectationCase(n: number, k: number, temperature: number, hard = false): Case {
  return {
    note: `${n} weights, ${k} logits, T ${temperature}${hard ? ', hard' : ''}`,
    inputs: () => [logitsFor(n, k), Tensor.from(valuesOf(k))],
    params: { shape: [n], temperature, mode: hard ? 'hard' : 'soft' },
    expect: ([logits, values]) =>
      Array.from({ length: n }, (_, i) => {
        const mine = logitsOf(logits, k, i);
        return hard ? values[first(mine)] : mean(probabilities(mine, temperature), values);
      }),
    bound: hard ? 0 : bound(k, temperature),
    gradient: !hard && n < 40,
  };
}

/** From the specification: A, T, W and dW/dA. */
const golden = [
  { a: [0.04, -0.02], temperature: 1, w: -0.029991, slopes: [-0.49955, 0.49955] },
  { a: [0.1, -0.2, 0.3, 0.05], temperature: 2, w: 0.055551, slopes: [-0.535069, -0.108187, 0.210065, 0.433191] },
];

const spread = (list: readonly number[]) =>
  Tensor.from(
    list.flatMap((x) => [x, ...new Array(15).fill(0)]),
    [1, list.length, 16],
  );

/** Their powers overflow, vanish, and are the smallest ones. Five of them, so that in a block of 16 each meets the next. */
const extremes = [-3e38, 3e38, 88.9, 1e-30, -103.6];
const extremeLogits = (k: number) =>
  Tensor.from(
    Array.from({ length: 32 * k }, (_, i) => extremes[i % extremes.length]),
    [2, k, 16],
  );

export const slbCases: Record<string, Case[]> = {
  slbExpectation: [
    ...sizes.flatMap((n) => counts.map((k) => expectationCase(n, k, n % 2 ? 1 : 3.5))),
    ...counts.map((k) => expectationCase(33, k, 2, true)),
    ...golden.map(({ a, temperature, w }) => ({
      note: `golden, ${a.length} logits`,
      inputs: () => [spread(a), Tensor.from(valuesOf(a.length))],
      params: { shape: [1], temperature },
      expect: [w],
      bound: 1e-6,
    })),
    {
      note: 'golden, hard',
      inputs: () => [spread(golden[1].a), Tensor.from(valuesOf(4))],
      params: { shape: [1], mode: 'hard' },
      expect: [Math.fround(1 / 3)],
    },
    {
      note: 'the first of equal logits',
      inputs: () => [spread([1, 1, 0, 1]), Tensor.from(valuesOf(4))],
      params: { shape: [1], mode: 'hard' },
      expect: [-1],
      gradient: false,
    },
    {
      note: 'the temperature at the end of a long schedule',
      inputs: () => [logitsFor(40, 16, -50, 50), Tensor.from(valuesOf(16))],
      params: { shape: [40], temperature: 1469.77 },
      expect: ([logits, values]) => Array.from({ length: 40 }, (_, i) => mean(probabilities(logitsOf(logits, 16, i), 1469.77), values)),
      bound: 1e-6,
      gradient: false,
    },
    ...[1, 2].map((k) => ({
      note: `${k} logits at the ends of what powers of two there are`,
      inputs: () => [extremeLogits(k), Tensor.from([-1, 1])],
      params: { shape: [32], temperature: 1 },
      expect: ([logits]: number[][]) =>
        Array.from({ length: 32 }, (_, i) => {
          const mine = logitsOf(logits, k, i);
          return Math.tanh((mine[k - 1] - (k === 1 ? 0 : mine[0])) / 2);
        }),
      bound: 1e-6,
      gradient: false,
    })),
    { note: 'no weights', inputs: () => [random([0, 4, 16]), Tensor.from(valuesOf(4))], params: { shape: [3, 0] }, expect: [] },
  ],
  slbExpectationGrad: [
    ...sizes.flatMap((n) =>
      counts.map((k) => ({
        note: `${n} weights, ${k} logits`,
        inputs: () => [random([n], -1, 1, 3), logitsFor(n, k), Tensor.from(valuesOf(k))],
        params: { temperature: 2 },
        expect: ([dy, logits, values]: number[][]) =>
          perLogit(logits, k, n, (mine, i) => slopes(mine, values, 2).map((slope) => slope * dy[i])),
        bound: bound(k, 2),
      })),
    ),
    ...[1, 2].map((k) => ({
      note: `${k} logits at the ends of what powers of two there are`,
      inputs: () => [random([32], -1, 1, 3), extremeLogits(k), Tensor.from([-1, 1])],
      params: { temperature: 1 },
      expect: ([dy, logits, values]: number[][]) =>
        perLogit(logits, k, 32, (mine, i) => slopes(mine, values, 1).map((slope) => slope * dy[i])),
      bound: 1e-6,
      gradient: false,
    })),
    ...golden.map(({ a, temperature, slopes: expected }) => ({
      note: `golden, ${a.length} logits`,
      inputs: () => [Tensor.from([1]), spread(a), Tensor.from(valuesOf(a.length))],
      params: { temperature },
      expect: expected.flatMap((x) => [x, ...new Array(15).fill(0)]),
      bound: 1e-6,
    })),
  ],
  slbConfidence: sizes.flatMap((n) =>
    counts.map((k) => ({
      note: `${n} weights, ${k} logits`,
      inputs: () => [logitsFor(n, k), Tensor.from(valuesOf(k))],
      params: { shape: [n], temperature: 1.5 },
      expect: ([logits]: number[][]) => Array.from({ length: n }, (_, i) => Math.max(...probabilities(logitsOf(logits, k, i), 1.5))),
      bound: bound(k, 1.5),
    })),
  ),
  slbSelect: sizes.flatMap((n) =>
    counts.map((k) => ({
      note: `${n} weights, ${k} logits`,
      inputs: () => [logitsFor(n, k)],
      params: { shape: [n] },
      expect: ([logits]: number[][]) => Array.from({ length: n }, (_, i) => first(logitsOf(logits, k, i))),
    })),
  ),
  slbSgdUpdate: sizes.flatMap((n) => counts.map((k) => sgdCase(n, k, k % 4 === 0, n % 3 ? 0.9 : 0))),
  slbAdamUpdate: sizes.flatMap((n) => counts.map((k) => adamCase(n, k, k === 2))),
};

function nextWeights(logits: readonly number[], values: readonly number[], k: number, n: number, hard: boolean): number[] {
  return Array.from({ length: n }, (_, i) => {
    const mine = logitsOf(logits, k, i);
    return hard ? values[first(mine)] : mean(probabilities(mine, 2), values);
  });
}

function sgdCase(n: number, k: number, hard: boolean, momentum: number): Case {
  return {
    note: `${n} weights, ${k} logits, momentum ${momentum}${hard ? ', hard' : ''}`,
    inputs: () => [
      ...[random([n]), random([n], -1, 1, 2), logitsFor(n, k), Tensor.from(valuesOf(k))],
      ...[random(slbLogitsShape([n], k), -1, 1, 9), Tensor.from([0.1, 0.5, 2])],
    ],
    params: { temperature: 2, hard, momentum, nesterov: momentum > 0, weightDecay: 0.01 },
    expect([_, gradient, logits, values, velocity, control]) {
      const [rate, scale] = control;
      const slope = perLogit(logits, k, n, (mine, i) => slopes(mine, values, 2).map((s) => s * gradient[i]));
      const real = perLogit(logits, k, n, (mine) => mine.map(() => 1));
      const g = slope.map((s, i) => real[i] * (scale * s + 0.01 * logits[i]));
      const moved = velocity.map((v, i) => (real[i] && momentum ? momentum * v + g[i] : v));
      const next = logits.map((a, i) => (real[i] ? a - rate * (momentum ? g[i] + momentum * moved[i] : g[i]) : a));
      return [...nextWeights(next, values, k, n, hard), ...gradient, ...next, ...values, ...moved, ...control];
    },
    bound: stepBound(k),
  };
}

function adamCase(n: number, k: number, hard: boolean): Case {
  const [beta1, beta2, epsilon, step] = [0.9, 0.999, 1e-8, 3];
  return {
    note: `${n} weights, ${k} logits${hard ? ', hard' : ''}`,
    inputs: () => [
      ...[random([n]), random([n], -1, 1, 2), logitsFor(n, k), Tensor.from(valuesOf(k))],
      ...[random(slbLogitsShape([n], k), -1, 1, 9), random(slbLogitsShape([n], k), 0.1, 1, 10), Tensor.from([0.01, 0.5, step])],
    ],
    params: { temperature: 2, hard, decoupled: true, weightDecay: 0.1 },
    expect([_, gradient, logits, values, m, v, control]) {
      const [rate, scale] = control;
      const slope = perLogit(logits, k, n, (mine, i) => slopes(mine, values, 2).map((s) => s * gradient[i]));
      const real = perLogit(logits, k, n, (mine) => mine.map(() => 1));
      const m1 = m.map((x, i) => (real[i] ? beta1 * x + (1 - beta1) * scale * slope[i] : x));
      const v1 = v.map((x, i) => (real[i] ? beta2 * x + (1 - beta2) * (scale * slope[i]) ** 2 : x));
      const next = logits.map((a, i) =>
        real[i] ? a * (1 - rate * 0.1) - (rate * (m1[i] / (1 - beta1 ** step))) / (Math.sqrt(v1[i] / (1 - beta2 ** step)) + epsilon) : a,
      );
      return [...nextWeights(next, values, k, n, hard), ...gradient, ...next, ...values, ...m1, ...v1, ...control];
    },
    bound: stepBound(k),
  };
}
