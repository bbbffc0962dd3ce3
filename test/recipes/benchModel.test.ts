import { join } from 'node:path';
import test from 'ava';
import { type BenchReport, benchModel, dataset, exportOnnx, nn, threads, traceModule } from 'lowbit';
import { networkRate, stepRates } from '../../lib/recipes/benchRates.js';
import { comparable, slowerThanRivals, type Timing } from '../../lib/recipes/benchReport.js';
import { faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { lowbitNet } from '../graph/lowbit.js';
import { calibrated, smallNetwork, someDigits } from './models.js';

const folder = temporaryFolder();
const [float, int8, fixed, deep, packed, plain] = ['float', 'int8', 'fixed', 'deep', 'packed', 'plain'].map((name) =>
  join(folder, `${name}.onnx`),
);

test.before(async () => {
  exportOnnx(smallNetwork(), float);
  exportOnnx(await calibrated(smallNetwork()), int8);
  exportOnnx(smallNetwork({ batch: 2 }), fixed);
  const layers = [32, 24, 16, 8].map((width, i, all) => new nn.Linear(i ? all[i - 1] : 64, width));
  exportOnnx(traceModule(new nn.Sequential(...layers), [64], { name: 'deep' }), deep);
  exportOnnx(lowbitNet({ bits: 1 }), packed, { weights: 'packed' });
  exportOnnx(traceModule(new nn.Sequential(new nn.ReLU()), [4], { name: 'plain' }), plain);
});

const quick = { threads: [1], seconds: 0.01 };
const ours = ({ results }: BenchReport) =>
  results.filter(({ runtime }) => runtime === 'lowbit').map(({ form, batch, threads }) => `${form} ${batch} ${threads}`);

test.serial('real numbers and codes are timed for each batch size and thread count', async (t) => {
  const before = threads();
  const report = await benchModel(int8, { batches: [1, 3], threads: [1, 2], seconds: 0.01 });
  t.deepEqual(ours(report), ['fp32 1 1', 'int8 1 1', 'fp32 1 2', 'int8 1 2', 'fp32 3 1', 'int8 3 1', 'fp32 3 2', 'int8 3 2']);
  t.is(threads(), before);
  t.is(report.ranges, 'file');
  t.deepEqual(
    report.ceilings.map(({ threads: count }) => count),
    [1, 2],
  );
});

test.serial('the figures belong together', async (t) => {
  const { results, ceilings, model, processor, features } = await benchModel(float, { ...quick, batches: [3] });
  t.is(model, 'float.onnx');
  const hasVectors = features.includes('avx2');
  for (const peak of [ceilings[0].fp32, ceilings[0].int8]) t.is(peak !== null && peak > 1, hasVectors);
  t.true(processor.length > 0);
  for (const { runtime, medianMs, p90Ms, p99Ms, cpuMs, throughput, gops, ofPeak, batch, runs, steps } of results) {
    t.true(medianMs > 0 && p90Ms >= medianMs && p99Ms >= p90Ms);
    t.true(runs >= 5);
    near(t, throughput, (1000 * batch) / medianMs);
    near(t, gops, (2 * 3 * 11286) / (cpuMs || medianMs) / 1e6); // the multiply-accumulates that `inspect` counts
    const { fp32 } = ceilings[0];
    if (fp32 === null) t.is(ofPeak, null);
    t.is(steps !== undefined, runtime === 'lowbit');
    if (!steps) continue;
    near(
      t,
      steps.reduce((sum, { ofTotal }) => sum + ofTotal, 0),
      1,
    );
    t.is(
      steps.reduce((sum, { macs }) => sum + macs, 0),
      3 * 11286,
    );
    for (const step of steps) if (step.macs === 0) t.deepEqual([step.gops, step.ofPeak], [0, null]);
  }
});

function near(t: { true(value: boolean, message: string): void }, came: number, expected: number): void {
  t.true(Math.abs(came - expected) <= 1e-9 * Math.abs(expected), `${came}, expected ${expected}`);
}

test('rates and shares of a ceiling', (t) => {
  const step = { name: '', shape: [1] };
  const steps = [
    { ...step, op: 'conv2d', macs: 5e6, milliseconds: 1 }, // 10 GOP/s of 40
    { ...step, op: 'lowbitGemm', macs: 30e6, milliseconds: 2 }, // 30 GOP/s of 100
    { ...step, op: 'quantize', macs: 0, milliseconds: 1 },
  ];
  const ceiling = { threads: 1, fp32: 40, int8: 100 };
  const rates = stepRates(steps, ceiling).map(({ gops, ofPeak, ofTotal }) => [gops, ofPeak, ofTotal]);
  t.deepEqual(rates, [
    [10, 0.25, 0.25],
    [30, 0.3, 0.5],
    [0, null, 0.25],
  ]);
  // 0.25 ms and 0.6 ms at the ceilings
  const { gops, ofPeak } = networkRate(steps, ceiling, 5);
  t.is(gops, 14);
  t.true(Math.abs(ofPeak! - 0.17) < 1e-12);
  const without = { threads: 1, fp32: null, int8: null };
  t.is(networkRate(steps, without, 5).ofPeak, null);
  t.deepEqual(
    stepRates(steps, without).map((rate) => rate.ofPeak),
    [null, null, null],
  );
});

test('what takes longer than it should is named, the worst first', (t) => {
  const timing = (runtime: Timing['runtime'], form: Timing['form'], medianMs: number, batch = 1) =>
    ({ runtime, form, medianMs, cpuMs: 1, batch, threads: 2 }) as Timing;
  const slower = slowerThanRivals([
    timing('lowbit', 'fp32', 10),
    timing('lowbit', 'int8', 12),
    timing('lowbit', 'w4a8', 12.01), // as fast
    timing('lowbit', 'w1a8', 11),
    timing('onnxruntime', 'fp32', 11),
    timing('onnxruntime', 'int8', 8),
    timing('lowbit', 'int8', 100, 32),
    timing('onnxruntime', 'int8', 101, 32),
  ]);
  t.deepEqual(
    slower.map(({ form, batch, than, times }) => `${form} ${batch} than ${than.runtime} ${than.form}: ${times.toFixed(2)}`),
    [
      'w4a8 1 than onnxruntime int8: 1.50',
      'int8 1 than onnxruntime int8: 1.50',
      'w1a8 1 than onnxruntime int8: 1.38',
      'int8 1 than lowbit fp32: 1.20',
    ],
  );
});

test('one thread is compared by the time of the processor, if there is any', (t) => {
  const times = { medianMs: 10, cpuMs: 3 };
  t.deepEqual(
    [comparable({ ...times, threads: 1 }), comparable({ ...times, threads: 2 }), comparable({ ...times, cpuMs: 0, threads: 1 })],
    [3, 10, 10],
  );
});

test.serial('a float model is quantized for it, its layers get fewer bits, and that is said', async (t) => {
  const report = await benchModel(deep, quick);
  t.deepEqual(ours(report), ['fp32 1 1', 'int8 1 1', 'w4a8 1 1', 'w2a8 1 1', 'w1a8 1 1']);
  t.is(report.ranges, 'random inputs');
  const opsOf = (form: string) => report.results.find((timing) => timing.form === form)!.steps!.map(({ op }) => op);
  t.is(opsOf('int8').filter((op) => op === 'qgemm').length, 4);
  for (const form of ['w4a8', 'w2a8', 'w1a8']) t.is(opsOf(form).filter((op) => op === 'lowbitGemm').length, 2, form);
  t.deepEqual(ours(await benchModel(deep, { ...quick, forms: ['w2a8', 'fp32'] })), ['fp32 1 1', 'w2a8 1 1']);
});

test.serial('samples take the place of random numbers', async (t) => {
  const report = await benchModel(float, { ...quick, batches: [2], dataset: someDigits(5) });
  t.deepEqual(ours(report), ['fp32 2 1', 'int8 2 1']);
  t.is(report.ranges, someDigits(5).description);
  await faultsLater(
    t,
    () => benchModel(float, { ...quick, batches: [6], dataset: someDigits(5) }),
    'option',
    /batches is 6, expected at most 5/,
  );
  const other = dataset({
    description: 'rows',
    length: 9,
    hasLabels: false,
    shape: [4],
    dtype: 'float32',
    gather: (n) => ({ values: new Float32Array([...n].length * 4) }),
  });
  await faultsLater(t, () => benchModel(float, { ...quick, dataset: other }), 'data', /samples of shape \[4\] do not fit/);
});

test.serial('packed weights are timed as they are, beside int8', async (t) => {
  t.deepEqual(ours(await benchModel(packed, quick)), ['fp32 1 1', 'int8 1 1', 'packed 1 1']);
});

test.serial('a model without layers is timed on real numbers, and the reason is told', async (t) => {
  const report = await benchModel(plain, quick);
  t.deepEqual(ours(report), ['fp32 1 1']);
  t.is(report.ranges, null);
  const [{ runtime, form, reason }] = report.missing;
  t.deepEqual([runtime, form], ['lowbit', 'int8']);
  t.regex(reason, /nothing to quantize/);
});

test.serial('a fixed batch is kept to, and what a model has not is refused', async (t) => {
  t.deepEqual(ours(await benchModel(fixed, { ...quick, forms: ['fp32'] })), ['fp32 2 1']);
  await faultsLater(t, () => benchModel(fixed, { batches: [1] }), 'option', /batches is 1, expected 2, the model has that batch size/);
  await faultsLater(t, () => benchModel(float, { batches: [0] }), 'option', /whole numbers from 1/);
  await faultsLater(t, () => benchModel(float, { seconds: 0 }), 'option', /seconds is 0/);
  await faultsLater(t, () => benchModel(float, { threads: [0] }), 'option', /count is 0/);
  await faultsLater(
    t,
    () => benchModel(float, { forms: ['int4' as 'int8'] }),
    'option',
    /forms is "int4", expected some of fp32, int8, w4a8/,
  );
  await faultsLater(t, () => benchModel(float, { forms: ['packed'] }), 'option', /forms is "packed", expected fp32, int8/);
  await faultsLater(
    t,
    () => benchModel(packed, { forms: ['w4a8'] }),
    'option',
    /expected fp32, int8, packed because its weights are packed already/,
  );
  const stopped = AbortSignal.abort();
  await faultsLater(t, () => benchModel(float, { ...quick, signal: stopped }), 'aborted', /stopped/);
});
