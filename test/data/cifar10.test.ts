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

test('damaged files are refused', async (t) => {
  const folder = temporaryFolder({ cut: record(1).subarray(1), empty: '', bad: Buffer.concat([record(1), record(10)]) });
  const open = (name: string) => openDataset(`cifar10:${join(folder, name)}`);
  await faultsLater(t, () => open('cut'), 'format', /cut: not a valid CIFAR-10 file: 3072 bytes, expected a multiple of 3073/);
  await faultsLater(t, () => open('empty'), 'format', /0 bytes/);
  await faultsLater(t, () => open('none'), 'file', /none: there is no such file/);
  await faultsLater(t, () => open('.'), 'data', /no data_batch_\*\.bin/);
  await faultsLater(t, async () => whole(await open('bad')), 'data', /the label of record 1 is 10/);
});
