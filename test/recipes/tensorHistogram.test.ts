import test from 'ava';
import { TensorHistogram } from '../../lib/recipes/tensorHistogram.js';
import { randomNumbers } from '../ops/case.js';

const counted = (batches: readonly (readonly number[])[], range?: { min: number; max: number }) => {
  const histogram = new TensorHistogram(range);
  for (const batch of batches) histogram.add(batch);
  return { ...histogram.result(), outside: histogram.outside };
};

const sum = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0);

test('numbers that come in batches of other ranges are counted as all at once', (t) => {
  const numbers = [...randomNumbers(20_000, -1, 1, 1), ...randomNumbers(20_000, -7, 30, 2), ...randomNumbers(20_000, -300, 2, 3)];
  const { low, high, counts } = counted([numbers.slice(0, 20_000), numbers.slice(20_000, 40_000), numbers.slice(40_000)]);
  t.is(low, Math.min(...numbers));
  t.is(high, Math.max(...numbers));
  t.is(sum(counts), numbers.length);
  // While counting at least 2048 bins lie between the ends, so that of the 64 each is wrong by one of its 32 at either end.
  const width = (high - low) / 64;
  for (const [i, count] of counts.entries()) {
    const between = (a: number, b: number) =>
      numbers.filter((x) => x >= low + a * width && x < low + b * width + (i === 63 ? 1 : 0)).length;
    const [least, most] = [between(i + 1 / 32, i + 31 / 32), between(i - 1 / 32, i + 33 / 32)];
    t.true(count >= least && count <= most, `${i}: ${least} <= ${count} <= ${most}`);
  }
});

test('what lies outside of a range is counted to the number', (t) => {
  t.is(
    counted(
      [
        [0, 1, 2, 3],
        [4, -5, 1, 1],
      ],
      { min: 0, max: 3 },
    ).outside,
    2 / 8,
  );
  t.is(counted([[1, 2]]).outside, 0);
});

test('one number, zeros, nothing, and numbers that are none', (t) => {
  t.deepEqual([counted([[3, 3]]).low, counted([[3, 3]]).high, sum(counted([[3, 3]]).counts)], [3, 3, 2]);
  t.is(sum(counted([[0], [0], [5]]).counts), 3);
  t.is(counted([[0], [0], [5]]).counts[0], 2);
  t.like(counted([[]], { min: 0, max: 1 }), { low: 0, high: 0, outside: 0 });
  const { low, high, counts, outside } = counted([[Number.NaN, 1, Number.POSITIVE_INFINITY, -1]], { min: 0, max: 1 });
  t.deepEqual([low, high, sum(counts), outside], [-1, 1, 2, 0.5]);
});
