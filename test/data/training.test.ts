import { join } from 'node:path';
import test from 'ava';
import {
  add,
  type Dataset,
  dataset,
  digits,
  memory,
  openDataset,
  scope,
  stepsPerEpoch,
  type TrainingOptions,
  trainingBatches,
  writeNpy,
} from 'lowbit';
import { faults, faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { randomNumbers } from '../ops/case.js';

/** `length` samples whose one value and label are their number; what is gathered is noted down. */
function counting(length: number, asked: number[][] = []): Dataset {
  return dataset({
    description: 'counting',
    length,
    hasLabels: true,
    shape: [1],
    dtype: 'float32',
    gather: (numbers) => {
      asked.push([...numbers]);
      return { values: Float32Array.from(numbers), labels: Int32Array.from(numbers) };
    },
  });
}

interface Read {
  step: number;
  shape: readonly number[];
  data: number[];
  labels: number[];
}

async function readAll(set: Dataset, options: TrainingOptions): Promise<Read[]> {
  const out: Read[] = [];
  for await (const { step, data, labels, count } of trainingBatches(set, options)) {
    if (labels.size !== count) throw new Error('count and labels differ');
    out.push({ step, shape: data.shape, data: data.toNumbers(), labels: labels.toNumbers() });
  }
  return out;
}

const labelsOf = (batches: readonly Read[]) => batches.flatMap(({ labels }) => labels);
const counts = () => [memory().tensors, memory().buffers];

/** Random CIFAR-10 records, normalized by numbers that differ in every channel. */
const mean = [0.5, 0.25, 0.125];
const std = [0.25, 0.5, 2];
async function pictures(count: number, options: object = { mean, std }): Promise<Dataset> {
  const bytes = Uint8Array.from(randomNumbers(count * 3073, 0, 256), (x, i) => (i % 3073 === 0 ? Math.floor(i / 3073) % 10 : x));
  return openDataset(`cifar10:${join(temporaryFolder({ a: bytes }), 'a')}`, options);
}

test.serial('the order depends on seed and epoch, has every sample once, and leaves out what fills no batch', async (t) => {
  const set = counting(10);
  const order = labelsOf(await readAll(set, { batchSize: 3, seed: 5, epoch: 2, dropLast: false }));
  t.deepEqual(
    [...order].sort((a, b) => a - b),
    [...order.keys()],
  );
  t.deepEqual(labelsOf(await readAll(set, { batchSize: 4, seed: 5, epoch: 2, dropLast: false })), order);
  t.deepEqual(labelsOf(await readAll(set, { batchSize: 3, seed: 5, epoch: 2 })), order.slice(0, 9));
  t.notDeepEqual(labelsOf(await readAll(set, { batchSize: 10, seed: 5, epoch: 3 })), order);
  t.notDeepEqual(labelsOf(await readAll(set, { batchSize: 10, seed: 6, epoch: 2 })), order);
  const plain = await readAll(set, { batchSize: 4, shuffle: false, dropLast: false });
  t.deepEqual(
    plain.map(({ step, shape, data }) => [step, ...shape, ...data]),
    [
      [0, 4, 1, 0, 1, 2, 3],
      [1, 4, 1, 4, 5, 6, 7],
      [2, 2, 1, 8, 9],
    ],
  );
  t.deepEqual([stepsPerEpoch(10, 3), stepsPerEpoch(10, 3, false), stepsPerEpoch(9, 3, false)], [3, 4, 3]);
});

test.serial('an epoch goes on from any step with the same bytes', async (t) => {
  const set = await pictures(20);
  const options = { batchSize: 4, seed: 3, epoch: 7, augment: { crop: {}, flip: true, cutout: 8 } };
  const batches = await readAll(set, options);
  t.is(batches.length, 5);
  for (const from of [1, 4, 5]) t.deepEqual(await readAll(set, { ...options, from }), batches.slice(from));
  for (const prefetch of [0, 1, 9]) t.deepEqual(await readAll(set, { ...options, prefetch }), batches);
});

/** All images that a margin of `padding` pixels of 0, a window anywhere, mirroring and only then normalization can give. */
function* windows(
  pixels: Uint8Array,
  padding: number,
): Generator<{ top: number; left: number; flip: boolean; pixel: (c: number, i: number, j: number) => number }> {
  for (let top = -padding; top <= padding; top++) {
    for (let left = -padding; left <= padding; left++) {
      for (const flip of [false, true]) {
        const pixel = (c: number, i: number, j: number) => {
          const [row, column] = [top + i, left + (flip ? 31 - j : j)];
          const inside = row >= 0 && row < 32 && column >= 0 && column < 32;
          return Math.fround(((inside ? pixels[c * 1024 + row * 32 + column] : 0) / 255 - mean[c]) / std[c]);
        };
        yield { top, left, flip, pixel };
      }
    }
  }
}

const indices = Array.from({ length: 3072 }, (_, at) => [at >> 10, (at >> 5) & 31, at & 31] as const);

test.serial('images are cut and mirrored before they are normalized, everywhere alike', async (t) => {
  const set = await pictures(200);
  const { values } = await set.gather(Array.from({ length: 200 }, (_, i) => i));
  const seen = { top: new Set<number>(), left: new Set<number>(), flip: 0 };
  const batches = await readAll(set, { batchSize: 50, shuffle: false, seed: 1, augment: { crop: { padding: 4 }, flip: true } });
  const images = batches.flatMap(({ data }) => data);
  for (let n = 0; n < 200; n++) {
    const image = images.slice(n * 3072, (n + 1) * 3072);
    const pixels = (values as Uint8Array).subarray(n * 3072, (n + 1) * 3072);
    const found = [...windows(pixels, 4)].filter(({ pixel }) => indices.every(([c, i, j], at) => image[at] === pixel(c, i, j)));
    t.is(found.length, 1, `sample ${n}`);
    seen.top.add(found[0].top);
    seen.left.add(found[0].left);
    seen.flip += Number(found[0].flip);
  }
  // A place of nine is missed by 200 samples with probability 9·(8/9)^200 < 1e-9; half are mirrored within 4 deviations.
  t.deepEqual([seen.top.size, seen.left.size], [9, 9]);
  t.true(Math.abs(seen.flip - 100) < 4 * Math.sqrt(50), String(seen.flip));
});

test.serial('the changes of a sample depend on seed, epoch and its number, not on its batch', async (t) => {
  const set = await pictures(12);
  const imagesOf = async (options: TrainingOptions) => {
    const batches = await readAll(set, { augment: { crop: {}, flip: true, cutout: 6 }, dropLast: false, ...options });
    const order = labelsOf(await readAll(counting(12), { dropLast: false, ...options }));
    const images = batches.flatMap(({ data }) => data);
    return new Map(order.map((n, i) => [n, images.slice(i * 3072, (i + 1) * 3072)]));
  };
  const images = await imagesOf({ batchSize: 5, seed: 2, epoch: 1 });
  t.is(images.size, 12);
  for (const [n, image] of await imagesOf({ batchSize: 12, seed: 2, epoch: 1, shuffle: false })) t.deepEqual(image, images.get(n));
  for (const [n, image] of await imagesOf({ batchSize: 5, seed: 2, epoch: 2 })) t.notDeepEqual(image, images.get(n));
  for (const [n, image] of await imagesOf({ batchSize: 5, seed: 3, epoch: 1 })) t.notDeepEqual(image, images.get(n));
});

test.serial('cutout masks a square of zeros around a pixel of the image', async (t) => {
  const set = await pictures(60, { mean: [-1, -1, -1] }); // no value is 0
  const sizes = new Set<number>();
  for (const { data } of await readAll(set, { batchSize: 1, augment: { cutout: 8 } })) {
    const zeros = indices.filter((_, at) => data[at] === 0);
    const [rows, columns] = [1, 2].map((axis) => new Set(zeros.map((index) => index[axis])));
    t.is(zeros.length, 3 * rows.size * columns.size);
    t.is(Math.max(...rows) - Math.min(...rows) + 1, rows.size);
    t.is(Math.max(...columns) - Math.min(...columns) + 1, columns.size);
    t.true(rows.size >= 4 && rows.size <= 8 && columns.size >= 4 && columns.size <= 8); // at least the half that starts in the image
    sizes.add(rows.size);
  }
  t.true(sizes.has(8) && sizes.size > 1);
});

test.serial('windows of other sizes, mirrored margins, and numbers instead of bytes', async (t) => {
  const folder = temporaryFolder();
  writeNpy(join(folder, 'x.npy'), { dtype: 'float32', shape: [2, 1, 2, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8) });
  writeNpy(join(folder, 'y.npy'), { dtype: 'int32', shape: [2], data: Int32Array.of(0, 1) });
  const set = await openDataset(`npy:${folder}`, { mean: 3, std: 2 });
  const [{ shape, data }] = await readAll(set, { batchSize: 2, shuffle: false, augment: { crop: { padding: 1, size: [4, 4] } } });
  t.deepEqual(shape, [2, 1, 4, 4]);
  // The only window of 4 × 4 is the whole image with its margin: 0 is (0 - 3)/2.
  t.deepEqual(data.slice(0, 8), [-1.5, -1.5, -1.5, -1.5, -1.5, -1, -0.5, -1.5]);
  const mirrored = await readAll(set, { batchSize: 2, shuffle: false, augment: { crop: { padding: 1, size: [4, 4], mode: 'reflect' } } });
  t.deepEqual(mirrored[0].data.slice(0, 8), [0.5, 0, 0.5, 0, -0.5, -1, -0.5, -1]);
  const small = await readAll(set, { batchSize: 2, augment: { crop: { padding: 0, size: [1, 1] } } });
  t.deepEqual(small[0].shape, [2, 1, 1, 1]);
});

test.serial('tokens stay whole numbers', async (t) => {
  const set = dataset({
    ...{ description: 'tokens', length: 4, hasLabels: true, shape: [2], dtype: 'int32' },
    gather: (numbers) => ({ values: Int32Array.from([...numbers].flatMap((n) => [n, 2 ** 24 + n])), labels: Int32Array.from(numbers) }),
  });
  for await (const { data, labels } of trainingBatches(set, { batchSize: 4, shuffle: false })) {
    t.deepEqual([data.dtype, labels.dtype], ['int32', 'int32']);
    t.deepEqual(data.data(), Int32Array.of(0, 2 ** 24, 1, 2 ** 24 + 1, 2, 2 ** 24 + 2, 3, 2 ** 24 + 3));
  }
  faults(
    t,
    () => trainingBatches(set, { batchSize: 4, augment: { flip: true } }),
    'data',
    /only images are augmented, samples are int32 \[2\]/,
  );
});

test.serial('as many batches are prepared ahead as asked for, and not more', async (t) => {
  for (const prefetch of [0, 1, 3]) {
    const asked: number[][] = [];
    const batches = trainingBatches(counting(20, asked), { batchSize: 2, prefetch });
    for (let step = 0; step < 10; step++) {
      await batches.next();
      t.is(asked.length, Math.min(10, step + 1 + prefetch));
    }
    await batches.next();
  }
});

test.serial('a batch is freed when the next one is asked for, and everything when the loop ends', async (t) => {
  const set = await pictures(40);
  const options = { batchSize: 8, augment: { crop: {}, flip: true, cutout: 4 }, prefetch: 3 };
  const before = counts();
  trainingBatches(set, options); // never started
  const batches = trainingBatches(set, options);
  const first = (await scope(() => batches.next())).value!;
  const own = add(first.data, first.data);
  t.is(first.data.toNumbers().length, 8 * 3072);
  const second = (await batches.next()).value!;
  faults(t, () => first.data.data(), 'disposed', /shape \[8, 3, 32, 32\]/);
  t.true(first.labels.disposed && !second.data.disposed && !own.disposed);
  own.dispose();
  await batches.return();
  t.true(second.data.disposed);
  t.deepEqual(counts(), before);
  for await (const { step } of trainingBatches(set, options)) if (step === 2) break;
  t.deepEqual(counts(), before);
  await readAll(set, options);
  t.deepEqual(counts(), before);
  const thrown = async () => {
    for await (const _ of trainingBatches(set, options)) throw new Error('mine');
  };
  await t.throwsAsync(thrown, { message: 'mine' });
  t.deepEqual(counts(), before);
});

test.serial('a signal stops the batches and frees them', async (t) => {
  const before = counts();
  const controller = new AbortController();
  const steps: number[] = [];
  const run = async () => {
    for await (const { step } of trainingBatches(digits({ count: 50 }), { batchSize: 10, signal: controller.signal })) {
      steps.push(step);
      if (step === 1) controller.abort();
    }
  };
  await faultsLater(t, run, 'aborted', /reading digits:50 was stopped/);
  await faultsLater(t, run, 'aborted', /stopped/);
  t.deepEqual(steps, [0, 1]);
  t.deepEqual(counts(), before);
});

test.serial('a damaged sample is reported with its batch and not before', async (t) => {
  const before = counts();
  const path = temporaryFolder();
  writeNpy(join(path, 'x.npy'), { dtype: 'float32', shape: [6, 1], data: Float32Array.of(1, 2, 3, Number.NaN, 5, 6) });
  writeNpy(join(path, 'y.npy'), { dtype: 'int32', shape: [6], data: new Int32Array(6) });
  const batches = trainingBatches(await openDataset(`npy:${path}`), { batchSize: 1, shuffle: false, prefetch: 4 });
  for (let step = 0; step < 3; step++) t.is((await batches.next()).value!.step, step);
  await faultsLater(t, () => batches.next(), 'data', /sample 3 contains NaN/);
  t.true((await batches.next()).done);
  t.deepEqual(counts(), before);
});

test('options that make no sense are refused at once', async (t) => {
  const set = counting(10);
  const refused = (options: object, message: RegExp) => faults(t, () => trainingBatches(set, options), 'option', message);
  refused({ batchSize: 11 }, /batchSize is 11, expected a whole number from 1 to 10/);
  refused({ batchSize: 0, dropLast: false }, /batchSize is 0/);
  refused({ batchSize: 3, from: 4 }, /from is 4, expected a whole number from 0 to 3/);
  refused({ batchSize: 3, seed: -1 }, /seed is -1/);
  refused({ batchSize: 3, epoch: 0.5 }, /epoch is 0.5/);
  refused({ batchSize: 3, prefetch: -1 }, /prefetch is -1/);
  faults(t, () => trainingBatches(set, { batchsize: 3 } as object), 'unknownOption', /did you mean "batchSize"/);
  const images = await pictures(4);
  const crop = (augment: object, message: RegExp) => faults(t, () => trainingBatches(images, { batchSize: 2, augment }), 'option', message);
  crop({ crop: { padding: -1 } }, /crop.padding is -1/);
  crop({ crop: { mode: 'edge' } }, /crop.mode is "edge", expected zero or reflect/);
  crop({ crop: { padding: 1, size: [35, 2] } }, /crop.size is \[35, 2\], .* because samples are \[3, 32, 32\]/);
  crop({ crop: { size: [0, 2] } }, /crop.size/);
  crop({ cutout: 1.5 }, /cutout is 1.5/);
  faults(t, () => trainingBatches(images, { augment: { flips: true } as object, batchSize: 2 }), 'unknownOption', /did you mean "flip"/);
  const unlabelled = dataset({ ...images, hasLabels: false });
  faults(t, () => trainingBatches(unlabelled, {}), 'data', /no labels, training needs them/);
  t.is((await readAll(set, { batchSize: undefined, dropLast: false }))[0].labels.length, 10);
});
