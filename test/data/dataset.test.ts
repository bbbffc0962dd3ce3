import { join } from 'node:path';
import test from 'ava';
import { type Dataset, digits, openDataset, writeNpy } from 'lowbit';
import { faults, faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { all } from './batches.js';

const tenNumbers = (data = Float32Array.from({ length: 10 }, (_, i) => i)) => {
  const path = join(temporaryFolder(), 'x.npy');
  writeNpy(path, { dtype: 'float32', shape: [data.length, 1], data });
  return path;
};

test('batches come in order, the last one short, and again from the start', async (t) => {
  const set = await openDataset(`npy:${tenNumbers()}`);
  for (let pass = 0; pass < 2; pass++) {
    const batches = await all(set, 4);
    t.deepEqual(
      batches.map(({ first, count, data }) => [first, count, ...data]),
      [
        [0, 4, 0, 1, 2, 3],
        [4, 4, 4, 5, 6, 7],
        [8, 2, 8, 9],
      ],
    );
  }
  t.is((await all(set, 100)).length, 1);
});

test('skip and limit choose a window', async (t) => {
  const path = tenNumbers();
  const set = await openDataset(`npy:${path}`, { skip: 3, limit: 5 });
  t.is(set.length, 5);
  t.deepEqual(
    (await all(set, 3)).map(({ first, data }) => [first, ...data]),
    [
      [0, 3, 4, 5],
      [3, 6, 7],
    ],
  );
  t.is((await openDataset(`npy:${path}`, { skip: 8, limit: 5 })).length, 2);
  t.is((await openDataset(`npy:${path}`, { skip: undefined, limit: undefined })).length, 10);
  await faultsLater(t, () => openDataset(`npy:${path}`, { skip: 10 }), 'option', /skip is 10, expected less than the 10 samples/);
  await faultsLater(t, () => openDataset(`npy:${path}`, { limit: 0 }), 'option', /limit is 0, expected a whole number from 1/);
  await faultsLater(t, () => openDataset(`npy:${path}`, { skip: 0.5 }), 'option', /skip is 0.5/);
});

test('spread takes one sample of each part', async (t) => {
  const path = tenNumbers();
  const numbers = async (set: Dataset) => (await all(set, 2)).flatMap(({ data }) => [...data]);
  // parts 0-1 2-4 5-6 7-9, and in them the shares 0 0.618 0.236 0.854
  t.deepEqual(await numbers((await openDataset(`npy:${path}`)).spread(4)), [0, 3, 5, 9]);
  const window = await openDataset(`npy:${path}`, { skip: 3, limit: 6 });
  t.deepEqual(await numbers(window.spread(3)), [3, 6, 7]);
  t.deepEqual(await numbers(window.spread(3).spread(1)), [3]);
  t.deepEqual(await numbers(window.rest(3)), [4, 5, 8]);
  t.deepEqual(await numbers(window.rest(3).rest(1)), [5, 8]);
  t.is(window.spread(6), window);
  t.is(window.spread(7).length, 6);
  faults(t, () => window.spread(0), 'option', /count is 0/);
  faults(t, () => window.rest(6), 'option', /count is 6, expected less than the 6 samples/);
});

test('spread sees all labels, in turns or sorted', async (t) => {
  for (const count of [50, 70, 100, 200]) {
    const turns = await all(digits({ count: 2000 }).spread(count), count);
    t.is(new Set(turns[0].labels).size, 10, String(count));
  }
});

test('a damaged sample is reported with its batch and not before', async (t) => {
  const set = await openDataset(`npy:${tenNumbers(Float32Array.of(1, 2, Number.NaN))}`);
  const batches = set.batches(1)[Symbol.asyncIterator]();
  t.deepEqual((await batches.next()).value.data, Float32Array.of(1));
  t.deepEqual((await batches.next()).value.data, Float32Array.of(2));
  await faultsLater(t, () => batches.next(), 'data', /sample 2 contains NaN/);
  for await (const { first } of set.batches(1)) if (first === 1) break; // the damaged one is read ahead and forgotten
});

test('a signal stops the reading', async (t) => {
  const controller = new AbortController();
  const set = digits({ count: 10 });
  const seen: number[] = [];
  const read = async () => {
    for await (const { first } of set.batches(2, controller.signal)) {
      seen.push(first);
      if (first === 2) controller.abort();
    }
  };
  await faultsLater(t, read, 'aborted', /reading digits:10 was stopped/);
  t.deepEqual(seen, [0, 2]);
  await faultsLater(t, read, 'aborted', /reading/);
});

test('specs and options are checked', async (t) => {
  faults(t, () => digits().batches(0), 'option', /size is 0/);
  await faultsLater(t, () => openDataset('cifar:x'), 'option', /spec is "cifar:x", expected cifar10:/);
  await faultsLater(t, () => openDataset('nothing'), 'option', /one of the kinds cifar10, mnist, images, npy, csv, text, digits/);
  await faultsLater(t, () => openDataset('constructor:x'), 'option', /spec/);
  await faultsLater(t, () => openDataset('mnist:'), 'option', /spec/);
  await faultsLater(t, () => openDataset('digits:10', { limits: 3 } as object), 'unknownOption', /did you mean "limit"/);
  await faultsLater(t, () => openDataset('digits:10', { crop: 3 }), 'unknownOption', /unknown option "crop"/);
  await faultsLater(t, () => openDataset('digits:ten'), 'option', /count is NaN/);
});
