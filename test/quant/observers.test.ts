import test from 'ava';
import { type ObserverName, observer, observerNames, Tensor } from 'lowbit';
import { divergenceThreshold } from '../../lib/quant/observers/entropy.js';
import { Dice } from '../dice.js';
import { faults } from '../faults.js';

/** Numbers of a bell curve, some of them far out. */
function bell(count: number, seed: number, shift = 0): number[] {
  const dice = new Dice(seed);
  return Array.from({ length: count }, () => {
    const sum = Array.from({ length: 12 }, () => dice.next()).reduce((a, b) => a + b, -6);
    return Math.fround(dice.below(200) === 0 ? sum * 9 : sum + shift);
  });
}

/** What an observer says after it saw the samples (rows of 8) in batches of these sizes. */
function rangeOf(
  name: ObserverName,
  numbers: readonly number[],
  sizes: readonly number[] = [numbers.length / 8],
  percentile = 99,
  symmetric = false,
) {
  const watching = observer(name, { percentile });
  let at = 0;
  for (const size of sizes) {
    watching.observe(Tensor.from(numbers.slice(at, at + size * 8), [size, 8]));
    at += size * 8;
  }
  return watching.range('uint8', symmetric);
}

for (const name of observerNames) {
  test(`${name}: how samples come in batches leaves no trace`, (t) => {
    for (let seed = 1; seed <= 40; seed++) {
      const dice = new Dice(seed);
      const numbers = bell(80 * 8, seed).map((x) => Math.fround(x * 10 ** (dice.below(9) - 4)));
      const want = rangeOf(name, numbers, Array(80).fill(1));
      const sizes: number[] = [];
      for (let left = 80; left > 0; left -= sizes.at(-1)!) sizes.push(Math.min(left, 1 + dice.below(30)));
      t.deepEqual(rangeOf(name, numbers, sizes), want);
      t.deepEqual(rangeOf(name, numbers), want);
    }
  });

  test(`${name}: nothing but zeros, one number, an infinite one, NaN`, (t) => {
    t.deepEqual(rangeOf(name, Array(8).fill(0)), { min: 0, max: 0 });
    const { min, max } = rangeOf(name, Array(64).fill(-3));
    t.true(min <= -2.9 && min >= -3 && max <= 0, `${min} to ${max}`);
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      for (const numbers of [
        [bad, ...Array(15).fill(1)],
        [...Array(15).fill(1), bad],
      ]) {
        const range = rangeOf(name, numbers, [1, 1]);
        t.false(Number.isFinite(range.min) && Number.isFinite(range.max), `${numbers}: ${range.min} to ${range.max}`);
      }
    }
  });
}

test('minmax is the smallest and the largest', (t) => {
  t.deepEqual(rangeOf('minmax', [1, 2, 3, 4, 5, 6, 7, 8, -9, 0, 0, 0, 0, 0, 0, 0], [1, 1]), { min: -9, max: 8 });
  t.deepEqual(rangeOf('minmax', [1, 2, 3, 4, 5, 6, 7, 8]), { min: 1, max: 8 });
});

test('the moving average of a constant is the constant, an outlier moves it by a tenth', (t) => {
  const rows = (values: number[]) => values.flatMap((value) => Array<number>(8).fill(value));
  const settled = rangeOf('movingAverage', rows(Array(300).fill(4)));
  t.true(Math.abs(settled.max - 4) < 1e-12 && Math.abs(settled.min - 4) < 1e-12);
  const moved = rangeOf('movingAverage', rows([...Array(300).fill(4), 104]));
  t.true(Math.abs(moved.max - 14) < 1e-9, `${moved.max}`);
  const faded = rangeOf('movingAverage', rows([1, 2, 3]));
  t.true(Math.abs(faded.max - (0.81 * 1 + 0.9 * 2 + 3) / (0.81 + 0.9 + 1)) < 1e-12);
});

test("the average is the mean of the samples' extremes", (t) => {
  const samples = [
    [-1, 2, 0, 0, 0, 0, 0, 0],
    [-4, 1, 0, 0, 0, 0, 0, 0],
    [5, 9, 5, 5, 5, 5, 5, 5],
  ];
  t.deepEqual(rangeOf('average', samples.flat()), { min: 0, max: 4 });
});

// 1000 numbers a thousandth apart, from 0.0005 on: bins of 2^-12 hold at most one, and k of them are counted with the bin of number k − 1.
test('percentile and hist clip at the left edge and in the middle of the bin that completes the share', (t) => {
  const ramp = Array.from({ length: 1000 }, (_, i) => Math.fround((i + 0.5) / 1000));
  for (const percentile of [50, 90, 99, 99.9]) {
    const bin = Math.floor(ramp[percentile * 10 - 1] * 4096);
    t.is(rangeOf('percentile', ramp, [125], percentile).max, bin / 4096);
    t.is(rangeOf('hist', ramp, [125], percentile).max, (bin + 0.5) / 4096);
  }
  t.is(rangeOf('percentile', ramp, [125], 100).max, ramp[999]);
  const outlier = [...Array(7999).fill(1), 1000];
  t.true(rangeOf('percentile', outlier, [1000], 99).max <= 1.25);
  const silent = [...Array(7999).fill(0), 1];
  t.is(rangeOf('percentile', silent, [1000], 99).max, 2 ** -11, 'one bin of 2048, where most numbers are 0');
});

test('what percentile and hist keep without being told: all but one in 10 000, all but one in 100 000', (t) => {
  const numbers = [...Array(99_992).fill(1.1), ...Array(7).fill(50), 1000]; // bins of a quarter
  for (const [name, most] of [
    ['percentile', 1],
    ['hist', 50.125],
  ] as const) {
    const watching = observer(name, {});
    watching.observe(Tensor.from(numbers, [12_500, 8]));
    t.is(watching.range('uint8', false).max, most);
  }
});

test('mse clips about where the squared error is smallest', (t) => {
  const numbers = [...Array.from({ length: 639_999 }, (_, i) => Math.fround(((i * 7919) % 640_000) / 640_000)), 3];
  const most = 3;
  const error = (threshold: number) => {
    const step = threshold / 255;
    return numbers.reduce((sum, x) => sum + (Math.min(Math.round(x / step), 255) * step - x) ** 2, 0);
  };
  const least = Math.min(...Array.from({ length: 60 }, (_, i) => error((most * (i + 1)) / 60)));
  const { min, max } = rangeOf('mse', numbers);
  t.is(min, 0);
  t.true(error(max) <= 1.02 * least, `${max}: ${error(max)}, least ${least}`);
  t.true(error(max) < error(most), 'it does not clip');
});

/** KL(P‖Q) for the first i bins, word for word: P gets the tail, Q is spread over levels and does not. */
function plainDivergence(h: readonly number[], i: number, levels: number): number {
  const inside = h.slice(0, i);
  const p = [...inside];
  p[i - 1] += h.slice(i).reduce((a, b) => a + b, 0);
  const q = inside.map((n, j) => {
    const group = inside.filter((_, k) => Math.floor((k * levels) / i) === Math.floor((j * levels) / i));
    return n > 0 ? group.reduce((a, b) => a + b, 0) / group.filter((m) => m > 0).length : 0;
  });
  const [sumP, sumQ] = [p, q].map((list) => list.reduce((a, b) => a + b, 0));
  return p.reduce((sum, n, j) => (n > 0 ? sum + (n / sumP) * Math.log(n / sumP / (q[j] / sumQ)) : sum), 0);
}

test('entropy clips where the plain form of its definition says', (t) => {
  for (const [seed, oneSided] of [
    [1, false],
    [2, true],
    [3, false],
  ] as const) {
    const numbers = bell(4000, seed).map((x) => (oneSided ? Math.max(x, 0) : x));
    const most = Math.max(...numbers.map(Math.abs));
    const width = 2 ** (Math.floor(Math.log2(most)) + 1 - 11); // 2048 bins up to the power of two above
    const h = Array<number>((Math.floor(most / (width / 2)) + 1 + 1) >> 1).fill(0);
    for (const x of numbers) h[Math.floor(Math.abs(x) / width)]++;
    h[0] = h[1];
    const levels = oneSided ? 256 : 128;
    let [best, least] = [h.length, Number.POSITIVE_INFINITY];
    for (let i = 128; i <= h.length; i++) {
      const divergence = plainDivergence(h, i, levels);
      if (divergence <= least + 1e-12) [best, least] = [i, Math.min(divergence, least)];
    }
    const { min, max } = rangeOf('entropy', numbers);
    t.is(Math.max(max, -min), Math.min(best * width, most), `seed ${seed}`);
  }
});

test('the threshold of a histogram, by hand', (t) => {
  // Equal counts everywhere: without a tail nothing is lost, and the last i with that wins.
  t.is(divergenceThreshold(new Float64Array(256).fill(5), 128), 256);
  t.is(divergenceThreshold(new Float64Array(2048).fill(1), 256), 2048);
  // Fewer bins than levels: groups of one bin lose only the tail. The whole range again has none.
  t.is(divergenceThreshold(new Float64Array(200).fill(3), 256), 200);
  // A spike of zeros counts as much as bin 1: the answer is that of the histogram without it.
  const spiked = new Float64Array(300).fill(2);
  spiked[0] = 1e9;
  t.is(divergenceThreshold(spiked, 128), divergenceThreshold(new Float64Array(300).fill(2), 128));
  // 128 bins of 1000, far out a single number in bin 2047: clipping it costs ln-small mass, keeping it 16 bins a level.
  const outlier = new Float64Array(2048);
  outlier.fill(1000, 0, 128);
  for (let i = 0; i < 128; i++) outlier[i] += i % 2 ? 500 : -500;
  outlier[2047] = 1;
  t.is(divergenceThreshold(outlier, 128), 128);
  // A tail may not go where nothing was: with an empty bin 128, i = 129 is left out.
  t.not(divergenceThreshold(outlier, 128), 129);
});

test('only float32 is watched', (t) => {
  faults(t, () => observer('minmax', { percentile: 99 }).observe(Tensor.from(new Uint8Array(4))), 'dtype', /minMax: x is uint8/);
});
