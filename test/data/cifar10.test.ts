import { join } from 'node:path';
import test from 'ava';
import { openDataset } from 'lowbit';
import { faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { all, whole } from './batches.js';

// A record whose red, green and blue are one value each, with its first red pixel 255.
function record(label: number, red = 10, green = 20, blue = 30): Buffer {
  const bytes = Buffer.concat([Buffer.of(label), Buffer.alloc(1024, red), Buffer.alloc(1024, green), Buffer.alloc(1024, blue)]);
  bytes[1] = 255;
  return bytes;
}

test('a file of records', async (t) => {
  const folder = temporaryFolder({ 'test.bin': Buffer.concat([record(3), record(9, 51)]) });
  const set = await openDataset(`cifar10:${join(folder, 'test.bin')}`);
  t.deepEqual([set.length, set.hasLabels, set.shape], [2, true, [3, 32, 32]]);
  const { data, labels } = await whole(set);
  t.deepEqual(labels, Int32Array.of(3, 9));
  t.is(data.length, 2 * 3072);
  t.is(data[0], 1);
  t.is(data[1], Math.fround(10 / 255));
  t.is(data[1024], Math.fround(20 / 255));
  t.is(data[3071], Math.fround(30 / 255));
  t.is(data[3073], Math.fround(51 / 255));
});

test('scale, mean and std belong to the channels of the result', async (t) => {
  const path = join(temporaryFolder({ a: record(0) }), 'a');
  const options = { scale: [1, 2, 3], mean: [1, 2, 3], std: [1, 2, 4] };
  const plain = await whole(await openDataset(`cifar10:${path}`, options));
  t.deepEqual([plain.data[1], plain.data[1024], plain.data[2048]], [10 - 1, (20 / 2 - 2) / 2, (30 / 3 - 3) / 4]);
  const blueFirst = await whole(await openDataset(`cifar10:${path}`, { ...options, bgr: true }));
  t.deepEqual([blueFirst.data[1], blueFirst.data[1024], blueFirst.data[2048]], [30 - 1, (20 / 2 - 2) / 2, (255 / 3 - 3) / 4]);
  await faultsLater(t, () => openDataset(`cifar10:${path}`, { mean: [1, 2] }), 'option', /mean is \[1, 2\], .* 3 channels/);
  await faultsLater(t, () => openDataset(`cifar10:${path}`, { std: 0 }), 'option', /std is 0, expected a number other than 0/);
  await faultsLater(t, () => openDataset(`cifar10:${path}`, { mean: Number.NaN }), 'option', /mean is NaN/);
});

test('a folder is its batches in the order of their numbers, read across files', async (t) => {
  const folder = temporaryFolder({
    'data_batch_10.bin': Buffer.concat([record(5), record(6)]),
    'data_batch_2.bin': Buffer.concat([record(2), record(3), record(4)]),
    'data_batch_1.bin': record(1),
    'test_batch.bin': record(9),
  });
  const set = await openDataset(`cifar10:${folder}`);
  t.deepEqual((await whole(set)).labels, Int32Array.of(1, 2, 3, 4, 5, 6));
  t.deepEqual(
    (await all(set, 4)).flatMap(({ labels }) => [...labels!]),
    [1, 2, 3, 4, 5, 6],
  );
});

test('a folder has a training set and a test set', async (t) => {
  const files = { 'data_batch_1.bin': record(1), 'data_batch_2.bin': record(2), 'test_batch.bin': record(9) };
  const folder = temporaryFolder(files);
  const labels = async (split?: 'train' | 'test') => (await whole(await openDataset(`cifar10:${folder}`, { split }))).labels;
  t.deepEqual(
    [await labels(), await labels('train'), await labels('test')],
    [[1, 2], [1, 2], [9]].map((list) => Int32Array.from(list)),
  );
  t.is((await openDataset(`cifar10:${folder}`)).classes?.[9], 'truck');
  const open = (path: string, split: string) => () => openDataset(`cifar10:${path}`, { split: split as 'test' });
  await faultsLater(t, open(folder, 'dev'), 'option', /cifar10: option split is "dev", expected train or test/);
  await faultsLater(t, open(join(folder, 'test_batch.bin'), 'test'), 'option', /expected nothing because the path names one file/);
  await faultsLater(t, open(temporaryFolder({ 'data_batch_1.bin': record(1) }), 'test'), 'data', /no test_batch\*\.bin in this folder/);
  const two = temporaryFolder({ 'test_batch.bin': record(1), 'test_batch_first.bin': record(2) });
  await faultsLater(t, open(two, 'test'), 'data', /2 files are named test_batch/);
});

test('samples by number, from any file, as bytes', async (t) => {
  const folder = temporaryFolder({ 'data_batch_1.bin': Buffer.concat([record(1, 1), record(2, 2)]), 'data_batch_2.bin': record(3, 3) });
  const set = await openDataset(`cifar10:${folder}`, { skip: 1, scale: 1 });
  const { values, labels } = await set.gather([1, 0, 1]);
  t.deepEqual(labels, Int32Array.of(3, 2, 3));
  t.deepEqual([values.length, values[1], values[3072 + 1], values[6144 + 1], values[1024]], [9216, 3, 2, 3, 20]);
  t.deepEqual([set.levels?.length, set.levels?.[256 + 20]], [768, 20]);
  for (const n of [2, -1, 0.5, Number.NaN]) {
    await faultsLater(t, () => set.gather([n]), 'option', /numbers is .*, expected whole numbers from 0 to 1/);
  }
});

test('damaged files are refused', async (t) => {
  const folder = temporaryFolder({ cut: record(1).subarray(1), empty: '', bad: Buffer.concat([record(1), record(10)]) });
  const open = (name: string) => openDataset(`cifar10:${join(folder, name)}`);
  await faultsLater(t, () => open('cut'), 'format', /cut: not a valid CIFAR-10 file: 3072 bytes, expected a multiple of 3073/);
  await faultsLater(t, () => open('empty'), 'format', /0 bytes/);
  await faultsLater(t, () => open('none'), 'file', /none: there is no such file/);
  await faultsLater(t, () => open('.'), 'data', /no data_batch_\*\.bin/);
  await faultsLater(t, async () => whole(await open('bad')), 'data', /the label of record 1 is 10/);
});
