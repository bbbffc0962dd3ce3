import test from 'ava';
import { normal, permutation, philox, uniform, words } from 'lowbit';
import { streamOf } from '../lib/random.js';
import { faults } from './faults.js';

const ones = 0xffffffff;

test('philox gives the published known answers', (t) => {
  // kat_vectors of the authors' Random123: philox4x32, 10 rounds.
  t.deepEqual(philox([0, 0], [0, 0, 0, 0]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
  t.deepEqual(philox([ones, ones], [ones, ones, ones, ones]), [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
  t.deepEqual(
    philox([0xa4093822, 0x299f31d0], [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344]),
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  );
});

test('words are philox at (seed, stream, place), from any place on', (t) => {
  const [seed, stream, block] = [0x1f31d0a4093822, 0x14734413198a2e, 2 ** 40 + 5];
  const expected = [0, 1, 2].flatMap((i) => philox([0xa4093822, 0x1f31d0], [5 + i, 256, 0x13198a2e, 0x147344]));
  t.deepEqual([...words(seed, stream, 12, 4 * block)], expected);
  for (const first of [1, 2, 3, 4, 7]) t.deepEqual([...words(seed, stream, 5, 4 * block + first)], expected.slice(first, first + 5));
  t.is(words(1, 2, 0).length, 0);
});

test('uniform numbers are 24 bits below 1, evenly spread', (t) => {
  const numbers = uniform(3, 0, 100_000);
  t.true(numbers.every((x) => x >= 0 && x < 1 && Number.isInteger(x * 2 ** 24)));
  t.deepEqual(uniform(3, 0, 10, 99_990), numbers.slice(99_990));
  // The mean of n has deviation √(1/12n); of each tenth the count has √(0.09n). Both within 4 deviations.
  const mean = numbers.reduce((a, b) => a + b, 0) / 100_000;
  t.true(Math.abs(mean - 0.5) < 4 * Math.sqrt(1 / 12 / 100_000), String(mean));
  for (let i = 0; i < 10; i++) {
    const count = numbers.filter((x) => Math.floor(x * 10) === i).length;
    t.true(Math.abs(count - 10_000) < 4 * Math.sqrt(9000), `${i}: ${count}`);
  }
});

test('normal numbers have the moments of a normal distribution', (t) => {
  const count = 100_000;
  const numbers = normal(5, 1, count);
  const moment = (k: number) => numbers.reduce((sum, x) => sum + x ** k, 0) / count;
  // The k-th moment of n numbers has variance (E x^2k - (E x^k)²)/n: 1, 2, 15, 96 for k = 1 ... 4.
  for (const [k, expected, variance] of [
    [1, 0, 1],
    [2, 1, 2],
    [3, 0, 15],
    [4, 3, 96],
  ]) {
    t.true(Math.abs(moment(k) - expected) < 4 * Math.sqrt(variance / count), `moment ${k}: ${moment(k)}`);
  }
  const paired = numbers.reduce((sum, x, i) => sum + (i % 2 ? x * numbers[i - 1] : 0), 0) / (count / 2);
  t.true(Math.abs(paired) < 4 / Math.sqrt(count / 2), `pairs ${paired}`);
  for (const first of [0, 1, 2, 3]) t.deepEqual(normal(5, 1, 7, first), numbers.slice(first, first + 7));
});

test('a permutation has every number once, and all orders are equally likely', (t) => {
  t.deepEqual([...permutation(1, 0, 0)], []);
  t.deepEqual([...permutation(1, 0, 1)], [0]);
  const large = permutation(7, 3, 50_000);
  t.deepEqual(
    [...large].sort((a, b) => a - b),
    [...large.keys()],
  );
  t.deepEqual(permutation(7, 3, 50_000), large);
  t.notDeepEqual(permutation(8, 3, 50_000), large);
  t.notDeepEqual(permutation(7, 4, 50_000), large);
  const counts = new Map<string, number>();
  for (let seed = 0; seed < 6000; seed++) {
    const key = permutation(seed, 0, 3).join('');
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  t.is(counts.size, 6);
  for (const [order, count] of counts) t.true(Math.abs(count - 1000) < 4 * Math.sqrt(6000 * (1 / 6) * (5 / 6)), `${order}: ${count}`);
});

test('streams of different uses and numbers differ; what is no whole number is refused', (t) => {
  t.is(new Set([streamOf('order'), streamOf('order', 1), streamOf('augment'), streamOf('digits', 2 ** 32 - 1)]).size, 4);
  t.throws(() => streamOf('order', 2 ** 32), { message: /number is 4294967296/ });
  faults(t, () => words(-1, 0, 1), 'option', /seed is -1, expected a whole number from 0/);
  faults(t, () => uniform(0, 0.5, 1), 'option', /stream is 0.5/);
  faults(t, () => normal(0, 0, Number.NaN), 'option', /count is NaN/);
  faults(t, () => permutation(2 ** 53, 0, 3), 'option', /seed is/);
});
