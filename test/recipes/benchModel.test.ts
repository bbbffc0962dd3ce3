import { join } from 'node:path';
import test from 'ava';
import { benchModel, exportOnnx, threads } from 'lowbit';
import { faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { calibrated, smallNetwork } from './models.js';

const folder = temporaryFolder();
const [float, int8, fixed] = ['float', 'int8', 'fixed'].map((name) => join(folder, `${name}.onnx`));

test.before(async () => {
  exportOnnx(smallNetwork(), float);
  exportOnnx(await calibrated(smallNetwork()), int8);
  exportOnnx(smallNetwork({ batch: 2 }), fixed);
});

const ours = (results: { name: string; batch: number; threads: number }[]) =>
  results.filter(({ name }) => name !== 'onnxruntime').map(({ name, batch, threads }) => `${name} ${batch} ${threads}`);

test.serial('real numbers and codes are timed for each batch size and thread count', async (t) => {
  const before = threads();
  const { results } = await benchModel(int8, { batches: [1, 3], threads: [1, 2], seconds: 0.01 });
  t.deepEqual(ours(results), ['fp32 1 1', 'int8 1 1', 'fp32 1 2', 'int8 1 2', 'fp32 3 1', 'int8 3 1', 'fp32 3 2', 'int8 3 2']);
  for (const { medianMs, throughput, batch } of results) {
    t.true(medianMs > 0);
    t.true(Math.abs(throughput - (1000 * batch) / medianMs) < 1e-6 * throughput);
  }
  t.is(threads(), before);
});

test.serial('a float model has one row, a fixed batch is kept to', async (t) => {
  t.deepEqual(ours((await benchModel(float, { threads: [1], seconds: 0.01 })).results), ['fp32 1 1']);
  t.deepEqual(ours((await benchModel(fixed, { threads: [1], seconds: 0.01 })).results), ['fp32 2 1']);
  await faultsLater(t, () => benchModel(fixed, { batches: [1] }), 'option', /batches is 1, expected 2, the model has that batch size/);
  await faultsLater(t, () => benchModel(float, { batches: [0] }), 'option', /whole numbers from 1/);
  await faultsLater(t, () => benchModel(float, { seconds: 0 }), 'option', /seconds is 0/);
  await faultsLater(t, () => benchModel(float, { threads: [0] }), 'option', /count is 0/);
});
