import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { openDataset } from 'lowbit';
import sharp from 'sharp';
import { loadSharp } from '../../lib/data/decode.js';
import { faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { shared } from '../shared.js';
import { all, whole } from './batches.js';

/** A png whose pixel (x, y) has the channels [x, y, value, ...]. */
function picture(width: number, height: number, channels: 1 | 2 | 3 | 4 = 3, value = 7): Promise<Buffer> {
  const pixels = Buffer.alloc(width * height * channels);
  for (let i = 0; i < width * height; i++) {
    const pixel = [i % width, Math.floor(i / width), value, 128].slice(0, channels);
    pixels.set(pixel, i * channels);
  }
  return sharp(pixels, { raw: { width, height, channels } }).png().toBuffer();
}

test('pixels become channels first, red first or blue first', async (t) => {
  const folder = temporaryFolder({ 'a.png': await picture(3, 2) });
  const set = await openDataset(`images:${folder}`, { scale: 1 });
  t.deepEqual([set.length, set.hasLabels, set.shape], [1, false, [3, 2, 3]]);
  t.deepEqual((await whole(set)).data, Float32Array.of(0, 1, 2, 0, 1, 2, 0, 0, 0, 1, 1, 1, 7, 7, 7, 7, 7, 7));
  const bgr = await whole(await openDataset(`images:${folder}`, { scale: 1, bgr: true, mean: [1, 0, 0] }));
  t.deepEqual(bgr.data, Float32Array.of(6, 6, 6, 6, 6, 6, 0, 0, 0, 1, 1, 1, 0, 1, 2, 0, 1, 2));
  t.is((await whole(await openDataset(`images:${folder}`))).data[1], Math.fround(1 / 255));
});

test('grey, transparent and 16-bit images become three channels of 8 bits', async (t) => {
  const wide = await sharp(Uint16Array.of(257, 514, 0, 65535, 25600, 0), { raw: { width: 2, height: 1, channels: 3 } })
    .toColourspace('rgb16')
    .png()
    .toBuffer();
  const files = { 'a.png': await picture(2, 1, 1), 'b.png': await picture(2, 1, 4), 'c.png': await picture(2, 1, 2), 'd.png': wide };
  const set = await openDataset(`images:${temporaryFolder(files)}`, { scale: 1 });
  const [grey, transparent, greyTransparent, deep] = await all(set, 1);
  t.deepEqual(grey.data, Float32Array.of(0, 1, 0, 1, 0, 1));
  t.deepEqual(transparent.data, Float32Array.of(0, 1, 0, 0, 7, 7));
  t.deepEqual(greyTransparent.data, Float32Array.of(0, 1, 0, 1, 0, 1));
  t.deepEqual(deep.data, Float32Array.of(1, 255, 2, 100, 0, 0));
});

test('resize sets the shorter side, crop cuts the centre', async (t) => {
  const folder = temporaryFolder({ 'a.png': await picture(20, 10), 'b.png': await picture(10, 21) });
  const first = (options: object) => openDataset(`images:${folder}`, { limit: 1, scale: 1, ...options });
  t.deepEqual((await first({ resize: 5 })).shape, [3, 5, 10]);
  t.deepEqual((await first({ resize: 7 })).shape, [3, 7, 14]);
  const cropped = await first({ crop: 4 });
  t.deepEqual(cropped.shape, [3, 4, 4]);
  const { data } = await whole(cropped);
  t.deepEqual(data.slice(0, 4), Float32Array.of(8, 9, 10, 11));
  t.is(data[16], 3);
  // A ramp stays a ramp: each pixel of half the size is the mean of those it covers, up to one for rounding and the border.
  const half = await whole(await first({ resize: 5 }));
  for (let x = 1; x < 9; x++) t.true(Math.abs(half.data[x] - (2 * x + 0.5)) <= 1);
  const both = await openDataset(`images:${folder}`, { resize: 8, crop: 8 });
  t.is((await all(both, 2)).length, 1);
  await faultsLater(t, () => first({ crop: 11 }), 'data', /a\.png: 20 × 10 pixels are too few for a crop of 11 × 11.*resize/);
  await faultsLater(t, () => first({ resize: 0 }), 'option', /resize is 0/);
  await faultsLater(
    t,
    async () => whole(await openDataset(`images:${folder}`)),
    'data',
    /b\.png: 10 × 21 pixels, the first image has 20 × 10/,
  );
});

test('labels come from sub-folders, names or a CSV file', async (t) => {
  const png = await picture(1, 1);
  const labels = async (files: Record<string, Uint8Array | string>, csv?: string) => {
    const folder = temporaryFolder(files);
    return (await whole(await openDataset(`images:${folder}`, { labels: csv && join(folder, csv) }))).labels;
  };
  t.deepEqual(await labels({ 'b/1.png': png, 'a/x.png': png, 'a/y.JPEG': png, 'c/notes.txt': '', 'd/.png': png }), Int32Array.of(0, 0, 1));
  t.deepEqual(await labels({ '012_b.png': png, '3.png': png, 'notes.txt': '' }), Int32Array.of(12, 3));
  t.is(await labels({ 'b.png': png, 'a.png': png }), undefined);
  const csv = 'file,label\r\nsub/b.png,5\n\n"a.png", -2\n';
  t.deepEqual(await labels({ 'a.png': png, 'c.png': png, 'sub/b.png': png, 'l.csv': csv }, 'l.csv'), Int32Array.of(5, -2));
  await faultsLater(t, () => labels({ '1.png': png, 'a.png': png }), 'data', /some names start with a number, a\.png does not/);
  await faultsLater(t, () => labels({ 'a.png': png, 'b/a.png': png }), 'data', /in sub-folders and beside them \(a\.png\)/);
  await faultsLater(t, () => labels({ '99999999999.png': png }), 'data', /label "99999999999", expected a whole number of 32 bits/);
  await faultsLater(t, () => labels({ 'a.png': png, 'l.csv': 'b.png,1' }, 'l.csv'), 'data', /l\.csv, line 1: there is no b\.png/);
  await faultsLater(t, () => labels({ 'a.png': png, 'l.csv': 'a.png,1\na.png' }, 'l.csv'), 'data', /line 2: "a\.png", expected file,label/);
  await faultsLater(t, () => labels({ 'a.png': png, 'l.csv': 'a.png,cat' }, 'l.csv'), 'data', /line 1: label "cat"/);
  await faultsLater(t, () => labels({ 'a.png': png }, 'l.csv'), 'file', /l\.csv: there is no such file/);
});

test('sub-folders name the classes, and samples are read by number', async (t) => {
  const files = { 'dog/1.png': await picture(2, 1), 'cat/1.png': await picture(2, 1, 3, 9), 'none/x.txt': '' };
  const set = await openDataset(`images:${temporaryFolder(files)}`);
  t.deepEqual(set.classes, ['cat', 'dog']);
  const { values, labels } = await set.gather([1, 0]);
  t.deepEqual(values, Uint8Array.of(0, 1, 0, 0, 7, 7, 0, 1, 0, 0, 9, 9));
  t.deepEqual(labels, Int32Array.of(1, 0));
});

test('unreadable images are named', async (t) => {
  const jpeg = await sharp(await picture(64, 64))
    .jpeg()
    .toBuffer();
  const folder = temporaryFolder({ 'a.jpg': jpeg, 'b.jpg': jpeg.subarray(0, jpeg.length >> 1), 'c.jpg': 'text' });
  const set = await openDataset(`images:${folder}`);
  const batches = set.batches(1)[Symbol.asyncIterator]();
  await batches.next();
  await faultsLater(t, () => batches.next(), 'file', /b\.jpg: this image cannot be read/);
  await faultsLater(t, async () => all(await openDataset(`images:${folder}`, { skip: 2 }), 1), 'file', /c\.jpg/);
  await faultsLater(t, () => openDataset(`images:${temporaryFolder()}`), 'data', /there are no images/);
  await faultsLater(t, () => openDataset(`images:${join(folder, 'none')}`), 'file', /none: there is no such file or folder/);
});

test('a missing decoder is named with what to do', async (t) => {
  const error = await t.throwsAsync(loadSharp(() => Promise.reject(new Error('no such package'))));
  t.is(error.message, 'sharp is not installed, and images are decoded with it. Run `npm install sharp`.');
});

(existsSync(shared('data/imagenet500')) ? test : test.skip)('real images (skipped where the shared data is absent)', async (t) => {
  const set = await openDataset(`images:${shared('data/imagenet500')}`, { crop: 224, scale: 127.5, mean: 1, limit: 10 });
  t.deepEqual(set.shape, [3, 224, 224]);
  const { data, labels } = await whole(set);
  t.deepEqual(labels, Int32Array.of(0, 1, 2, 3, 4, 10, 11, 12, 13, 14));
  t.true(data.every((value) => value >= -1 && value <= 1));
});
