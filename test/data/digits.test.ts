import test from 'ava';
import { type Dataset, digits } from 'lowbit';
import { faults } from '../faults.js';
import { all, whole } from './batches.js';

test('a set depends on its seed alone', async (t) => {
  const set = digits({ count: 30 });
  t.deepEqual([set.length, set.hasLabels, set.shape], [30, true, [1, 28, 28]]);
  const { data, labels } = await whole(set);
  t.deepEqual(
    labels,
    Int32Array.from({ length: 30 }, (_, i) => i % 10),
  );
  t.true(data.every((value) => value >= 0 && value <= 1));
  t.deepEqual((await whole(digits({ count: 30, seed: 1 }))).data, data);
  t.deepEqual((await all(digits({ count: 300 }), 7))[1].data, data.slice(7 * 784, 14 * 784));
  t.notDeepEqual((await whole(digits({ count: 30, seed: 2 }))).data, data);
});

test('every sample has ink, away from the border, and no two are alike', async (t) => {
  const { data } = await whole(digits({ count: 500 }));
  const seen = new Set<string>();
  for (let n = 0; n < 500; n++) {
    const image = data.subarray(n * 784, (n + 1) * 784);
    const ink = image.filter((value) => value > 0.5).length;
    t.true(ink >= 8 && ink <= 300, `sample ${n}: ${ink} pixels of ink`);
    const border = image.filter((_, i) => i < 28 || i >= 27 * 28 || i % 28 === 0 || i % 28 === 27);
    t.true(border.filter((value) => value > 0.5).length <= 4, `sample ${n} touches the border`);
    seen.add(image.join());
  }
  t.is(seen.size, 500);
});

test('digits can be told apart: the nearest class mean is right far more often than chance', async (t) => {
  const train = await whole(digits({ count: 2000 }));
  const test = await whole(digits({ count: 500, seed: 9 }));
  const means = Array.from({ length: 10 }, () => new Float64Array(784));
  for (let n = 0; n < 2000; n++) for (let i = 0; i < 784; i++) means[n % 10][i] += train.data[n * 784 + i] / 200;
  let right = 0;
  for (let n = 0; n < 500; n++) {
    const distances = means.map((mean) => mean.reduce((sum, value, i) => sum + (value - test.data[n * 784 + i]) ** 2, 0));
    if (distances.indexOf(Math.min(...distances)) === n % 10) right++;
  }
  t.true(right > 250, `${right} of 500`);
});

test('other sizes, and options that are refused', async (t) => {
  const { data } = await whole(digits({ count: 10, size: 16 }));
  t.is(data.length, 2560);
  faults(t, () => digits({ count: 0 }), 'option', /count is 0/);
  faults(t, () => digits({ size: 7 }), 'option', /size is 7, expected a whole number from 8 to 256/);
  faults(t, () => digits({ seed: -1 }), 'option', /seed is -1/);
  faults(t, () => digits({ sed: 1 } as object), 'unknownOption', /did you mean "seed"/);
});

test('sets of different seeds share no sample, and a large set is drawn anew to the same bytes', async (t) => {
  const images = async (set: Dataset) => (await all(set, 1)).map(({ data }) => data.join());
  const [train, other] = [await images(digits({ count: 300 })), await images(digits({ count: 300, seed: 2 }))];
  t.is(new Set([...train, ...other]).size, 600);
  const large = digits({ count: 2 ** 31 });
  t.deepEqual((await large.gather([299, 0, 2 ** 31 - 1])).values.slice(0, 784), (await digits({ count: 300 }).gather([299])).values);
});
