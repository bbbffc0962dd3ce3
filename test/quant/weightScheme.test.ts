import test from 'ava';
import { quantizeWeight, type WeightBits, type WeightScheme } from 'lowbit';
import { randomNumbers } from '../ops/case.js';

const plain: WeightScheme = { bits: 8, perTensor: false, range: 'max', scales: 'float' };
const scheme = (some: Partial<WeightScheme>): WeightScheme => ({ ...plain, ...some });
const widths: WeightBits[] = [2, 3, 4, 8];

const weights = Float32Array.of(0.5, -1.27, 0.635, /* zeros */ 0, 0, 0, /* tiny */ 1e-3, -2e-3, 1.5e-3);

test('a scale a channel, ties to even, zero channels', (t) => {
  const { codes, scales } = quantizeWeight(weights, 3, plain, [0, 0, 0]);
  t.deepEqual(scales, Float32Array.of(1.27 / 127, 1, 2e-3 / 127));
  t.deepEqual(codes, Int8Array.of(50, -127, 64, 0, 0, 0, 64, -127, 95));
  const ties = quantizeWeight(Float32Array.of(127, 0.5, 1.5, 2.5, -0.5, -1.5), 1, plain, [0]);
  t.deepEqual(ties.codes, Int8Array.of(127, 0, 2, 2, 0, -2));
});

test('one scale for all', (t) => {
  const one = scheme({ perTensor: true });
  const { codes, scales } = quantizeWeight(weights, 3, one, [0, 0, 0]);
  t.deepEqual(scales, Float32Array.of(1.27 / 127));
  t.deepEqual(codes, Int8Array.of(50, -127, 64, 0, 0, 0, 0, 0, 0));
  t.deepEqual(quantizeWeight(new Float32Array(4), 2, one, [0, 0]), { codes: new Int8Array(4), scales: Float32Array.of(1) });
});

test('a scale is at least what the bias needs', (t) => {
  t.deepEqual(quantizeWeight(weights, 3, plain, [0, 0, 0.5]).scales, Float32Array.of(1.27 / 127, 1, 0.5));
  t.deepEqual(quantizeWeight(weights, 3, scheme({ perTensor: true }), [0, 0, 0.5]).scales, Float32Array.of(0.5));
  t.deepEqual(quantizeWeight(weights, 3, scheme({ scales: 'powerOfTwo' }), [0, 0, 0.3]).scales, Float32Array.of(2 ** -6, 1, 0.5));
});

test('layers without outputs or inputs', (t) => {
  for (const range of ['max', 'mse'] as const) {
    t.deepEqual(quantizeWeight(new Float32Array(0), 0, scheme({ range }), []).codes.length, 0);
    t.deepEqual(quantizeWeight(new Float32Array(0), 2, scheme({ range }), [0, 0]).scales, Float32Array.of(1, 1));
  }
});

test('codes of few bits, by hand', (t) => {
  const w = Float32Array.of(0.7, -0.34, 0.16, -0.06);
  for (const [bits, scale, codes] of [
    [4, 0.7 / 7, [7, -3, 2, -1]],
    [3, 0.7 / 3, [3, -1, 1, 0]],
    [2, 0.7, [1, 0, 0, 0]],
  ] as const) {
    const { codes: came, scales } = quantizeWeight(w, 1, scheme({ bits }), [0]);
    t.deepEqual([...came], [...codes]);
    t.deepEqual(scales, Float32Array.of(Math.fround(0.7) / (2 ** (bits - 1) - 1)), `${scale}`);
  }
});

test('codes stay in their narrow range, and no weight inside it is half a step off', (t) => {
  for (let seed = 1; seed <= 40; seed++) {
    const w = Float32Array.from(randomNumbers(60, -(10 ** (seed % 5)), 10 ** (seed % 7), seed));
    for (const bits of widths) {
      for (const perTensor of [false, true]) {
        for (const range of ['max', 'mse'] as const) {
          const top = 2 ** (bits - 1) - 1;
          const { codes, scales } = quantizeWeight(w, 5, scheme({ bits, perTensor, range }), Array(5).fill(0));
          t.is(scales.length, perTensor ? 1 : 5);
          for (const [i, q] of codes.entries()) {
            const s = scales[perTensor ? 0 : Math.floor(i / 12)];
            t.true(Math.abs(q) <= top);
            t.true(Math.abs(q) === top || Math.abs(w[i] - q * s) <= 0.5001 * s, `${w[i]} as ${q} times ${s}`);
          }
        }
      }
    }
  }
});

test('powers of two hold the largest weight and lose less than half of the codes', (t) => {
  for (let seed = 1; seed <= 40; seed++) {
    const w = Float32Array.from(randomNumbers(24, -(3 ** (seed % 9)), 3 ** (seed % 9), seed));
    for (const bits of widths) {
      const [scale] = quantizeWeight(w, 1, scheme({ bits, scales: 'powerOfTwo' }), [0]).scales;
      const most = Math.max(...w.map(Math.abs));
      const top = 2 ** (bits - 1) - 1;
      t.true(Number.isInteger(Math.log2(scale)) && scale * top >= most * (1 - 1e-6) && scale * top < 2 * most, `${scale} for ${most}`);
    }
  }
});

/** Σ (w − s·q)² of a channel. */
const errorOf = (w: Float32Array, codes: Int8Array, scale: number) => w.reduce((sum, x, i) => sum + (x - codes[i] * scale) ** 2, 0);

test('signs: 1 for 0, and the mean of what they stand for', (t) => {
  const w = Float32Array.of(0.5, -0.25, 0, -0, /* zeros */ 0, 0, 0, 0, /* ones */ -2, -1, -2, -3);
  for (const range of ['max', 'mse'] as const) {
    const { codes, scales } = quantizeWeight(w, 3, scheme({ bits: 1, range }), [0, 0, 0]);
    t.deepEqual([...codes], [1, -1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1]);
    t.deepEqual(scales, Float32Array.of(0.1875, 2 ** -100, 2));
  }
  t.deepEqual(quantizeWeight(w, 3, scheme({ bits: 1, perTensor: true }), [0, 0, 0]).scales, Float32Array.of(8.75 / 12));
  t.deepEqual(quantizeWeight(w, 3, scheme({ bits: 1, scales: 'powerOfTwo' }), [0, 0, 0]).scales, Float32Array.of(0.25, 2 ** -100, 2));
  t.deepEqual(quantizeWeight(w, 3, scheme({ bits: 1 }), [0.2, 0.5, 0]).scales, Float32Array.of(0.2, 0.5, 2));
  t.deepEqual(quantizeWeight(new Float32Array(0), 2, scheme({ bits: 1 }), [0, 0]).scales, Float32Array.of(1, 1));
});

test('no scale of signs has a smaller squared error', (t) => {
  for (let seed = 1; seed <= 20; seed++) {
    const w = Float32Array.from(randomNumbers(50, -(3 ** (seed % 5)), 2, seed));
    for (const kind of ['float', 'powerOfTwo'] as const) {
      const { codes, scales } = quantizeWeight(w, 1, scheme({ bits: 1, scales: kind }), [0]);
      for (const other of kind === 'float' ? [0.99, 1.01] : [0.5, 2]) {
        t.true(errorOf(w, codes, scales[0]) <= errorOf(w, codes, scales[0] * other), `${kind}, ${scales[0]}`);
      }
    }
  }
});

test('mse scales are no worse than any of a finer grid by more than a step of theirs, and better than the whole range', (t) => {
  for (const bits of [2, 3, 4] as const) {
    const w = Float32Array.from({ length: 600 }, (_, i) => Math.tan(((i + 0.5) / 600 - 0.5) * 2.6)); // long tails
    const top = 2 ** (bits - 1) - 1;
    const roundedAt = (s: number) => Int8Array.from(w, (x) => Math.min(Math.max(Math.round(x / s), -top), top));
    const most = Math.max(...w.map(Math.abs)) / top;
    const grid = Array.from({ length: 401 }, (_, i) => most * (0.2 + i / 500));
    const least = Math.min(...grid.map((s) => errorOf(w, roundedAt(s), s)));
    const { codes, scales } = quantizeWeight(w, 1, scheme({ bits, range: 'mse' }), [0]);
    t.true(errorOf(w, codes, scales[0]) <= 1.01 * least, `${bits} bits: ${errorOf(w, codes, scales[0])}, least ${least}`);
    t.true(errorOf(w, codes, scales[0]) < errorOf(w, roundedAt(most), most));
    const powers = quantizeWeight(w, 1, scheme({ bits, range: 'mse', scales: 'powerOfTwo' }), [0]);
    t.true(Number.isInteger(Math.log2(powers.scales[0])));
    const widest = quantizeWeight(w, 1, scheme({ bits, scales: 'powerOfTwo' }), [0]);
    t.true(errorOf(w, powers.codes, powers.scales[0]) <= errorOf(w, widest.codes, widest.scales[0]));
  }
});
