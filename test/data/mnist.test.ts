import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import test from 'ava';
import { openDataset } from 'lowbit';
import { faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { shared } from '../shared.js';
import { whole } from './batches.js';

function idx(dims: number[], values: number[]): Buffer {
  const header = Buffer.alloc(4 + 4 * dims.length);
  header[2] = 8;
  header[3] = dims.length;
  dims.forEach((n, i) => {
    header.writeUInt32BE(n, 4 + 4 * i);
  });
  return Buffer.concat([header, Buffer.from(values)]);
}

const images = idx([2, 2, 3], [0, 51, 102, 153, 204, 255, 1, 2, 3, 4, 5, 6]);
const labels = idx([2], [7, 200]);

test('images with their labels beside them, compressed or not', async (t) => {
  const files = { 'a-images-idx3-ubyte': images, 'a-labels-idx1-ubyte.gz': gzipSync(labels) };
  const set = await openDataset(`mnist:${join(temporaryFolder(files), 'a-images-idx3-ubyte')}`);
  t.deepEqual([set.length, set.hasLabels, set.shape], [2, true, [1, 2, 3]]);
  const batch = await whole(set);
  t.deepEqual(batch.labels, Int32Array.of(7, 200));
  t.deepEqual(batch.data.slice(0, 6), Float32Array.of(0, 51 / 255, 102 / 255, 153 / 255, 204 / 255, 1));
});

test('images alone have no labels', async (t) => {
  const set = await openDataset(`mnist:${join(temporaryFolder({ 'x.gz': gzipSync(images) }), 'x.gz')}`, { scale: 1, mean: 1, std: [2] });
  t.false(set.hasLabels);
  const batch = await whole(set);
  t.is(batch.labels, undefined);
  t.is(batch.data[1], 25);
});

test('a folder is its test set, or its training set', async (t) => {
  const folder = temporaryFolder({
    't10k-images.idx3-ubyte': images,
    't10k-labels.idx1-ubyte': labels,
    'train-images-idx3-ubyte.gz': gzipSync(idx([1, 1, 1], [5])),
    'train-labels-idx1-ubyte.gz': gzipSync(idx([1], [5])),
  });
  t.is((await openDataset(`mnist:${folder}`)).length, 2);
  t.is((await openDataset(`mnist:${folder}`, { split: 'test' })).length, 2);
  t.deepEqual((await whole(await openDataset(`mnist:${folder}`, { split: 'train' }))).labels, Int32Array.of(5));
  await faultsLater(t, () => openDataset(`mnist:${folder}`, { split: 'all' as 'test' }), 'option', /split is "all"/);
  const file = join(folder, 't10k-images.idx3-ubyte');
  await faultsLater(t, () => openDataset(`mnist:${file}`, { split: 'test' }), 'option', /the path names one file/);
  await faultsLater(t, () => openDataset(`mnist:${temporaryFolder()}`), 'data', /no t10k-images-idx3-ubyte/);
});

test('Fashion-MNIST has the same four files: its folder is opened as mnist', async (t) => {
  const folder = temporaryFolder({
    'train-images-idx3-ubyte.gz': gzipSync(images),
    'train-labels-idx1-ubyte.gz': gzipSync(labels),
    't10k-images-idx3-ubyte.gz': gzipSync(idx([1, 2, 3], [1, 2, 3, 4, 5, 6])),
    't10k-labels-idx1-ubyte.gz': gzipSync(idx([1], [9])),
  });
  const set = await openDataset(`mnist:${folder}`, { split: 'train' });
  t.deepEqual((await set.gather([1, 0])).values, Uint8Array.of(1, 2, 3, 4, 5, 6, 0, 51, 102, 153, 204, 255));
  t.deepEqual((await set.gather([1, 0])).labels, Int32Array.of(200, 7));
  t.is((await openDataset(`mnist:${folder}`)).length, 1);
});

test('damaged files are refused', async (t) => {
  const folder = temporaryFolder({
    labels,
    cut: images.subarray(0, -1),
    long: Buffer.concat([images, Buffer.of(0)]),
    short: images.subarray(0, 7),
    huge: idx([2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1], []),
    zipped: gzipSync(images).subarray(0, 20),
    empty: '',
    none: idx([0, 2, 2], []),
    'a-images': images,
    'a-labels': idx([3], [1, 2, 3]),
  });
  const open = (name: string) => openDataset(`mnist:${join(folder, name)}`);
  await faultsLater(t, () => open('labels'), 'format', /labels: not a valid IDX file: .* expected 2051|too few/);
  await faultsLater(t, () => open('cut'), 'format', /27 bytes, expected 28 for 2 × 2 × 3/);
  await faultsLater(t, () => open('long'), 'format', /29 bytes, expected 28/);
  await faultsLater(t, () => open('short'), 'format', /7 bytes are too few/);
  await faultsLater(t, () => open('huge'), 'format', /16 bytes, expected/);
  await faultsLater(t, () => open('zipped'), 'format', /cannot be decompressed/);
  await faultsLater(t, () => open('empty'), 'format', /0 bytes/);
  await faultsLater(t, () => open('none'), 'data', /there are no samples/);
  await faultsLater(t, () => open('a-images'), 'data', /a-labels: 3 labels for the 2 images/);
  await faultsLater(t, () => open('missing'), 'file', /missing: there is no such file/);
});

(existsSync(shared('data/mnist')) ? test : test.skip)('the original test set (skipped where the shared data is absent)', async (t) => {
  const set = await openDataset(`mnist:${shared('data/mnist')}`, { limit: 5 });
  t.deepEqual(set.shape, [1, 28, 28]);
  t.deepEqual((await whole(set)).labels, Int32Array.of(7, 2, 1, 0, 4));
  t.is((await openDataset(`mnist:${shared('data/mnist')}`, { split: 'train' })).length, 60000);
});
