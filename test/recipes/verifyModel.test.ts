import { join } from 'node:path';
import test from 'ava';
import { exportOnnx, qconv2d, qgemm, rowsOf, threads, verifyModel } from 'lowbit';
import { firstDifference } from '../../lib/recipes/difference.js';
import { faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { calibrated, type SmallModel, smallNetwork, someDigits } from './models.js';

const folder = temporaryFolder();

async function written(name: string, model: SmallModel = {}): Promise<string> {
  const path = join(folder, name);
  exportOnnx(await calibrated(smallNetwork(model)), path);
  return path;
}

test.serial('all kernels of this machine give the bytes of the simulation', async (t) => {
  const before = threads();
  const found = await verifyModel(await written('small.onnx'), { dataset: someDigits(), samples: 6 });
  t.true(found.equal);
  t.is(found.samples, 6);
  for (const row of [...rowsOf(qconv2d), ...rowsOf(qgemm)])
    t.true(
      found.rows.some(({ name }) => name === `${row}, 1 thread`),
      row,
    );
  t.true(found.rows.every(({ equal, firstDifference }) => equal && firstDifference === undefined));
  t.is(threads(), before);
});

test.serial('random numbers stand in for data, also in batches of a fixed size', async (t) => {
  t.is((await verifyModel(await written('free.onnx'), { samples: 5 })).samples, 5);
  const seen: number[] = [];
  const found = await verifyModel(await written('fixed.onnx', { batch: 2 }), { samples: 5, onProgress: (done) => seen.push(done) });
  t.is(found.samples, 5);
  t.deepEqual(seen, [2, 4, 5]);
});

test.serial('a float model is refused', async (t) => {
  const path = join(folder, 'float.onnx');
  exportOnnx(smallNetwork(), path);
  await faultsLater(t, () => verifyModel(path), 'data', /float\.onnx: the model has no quantized values/);
  await faultsLater(t, () => verifyModel(path, { samples: 0 }), 'option', /samples is 0/);
});

test('a difference is found where the first byte differs', (t) => {
  t.is(firstDifference('v', Int8Array.of(1, 2, 3), Int8Array.of(1, 2, 3)), undefined);
  t.deepEqual(firstDifference('v', Int8Array.of(1, 2, 3), Int8Array.of(1, -2, 4)), { value: 'v', index: 1, expected: 2, came: -2 });
  t.deepEqual(firstDifference('v', Float32Array.of(0, 1, 0), Float32Array.of(0, 1, -0)), { value: 'v', index: 2, expected: 0, came: -0 });
  t.is(firstDifference('v', new Float32Array(0), new Float32Array(0)), undefined);
});
