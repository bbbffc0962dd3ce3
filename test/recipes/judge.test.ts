import test from 'ava';
import { calibrationBatches, dataset, evaluate, Judge, quantize } from 'lowbit';
import { calibrated, linear, smallNetwork, someDigits } from './models.js';

test('the float network is itself, to the last bit', async (t) => {
  const judge = await Judge.of(smallNetwork(), someDigits(), { batch: 16 });
  const { top1, top5 } = await evaluate(smallNetwork(), someDigits());
  t.deepEqual(judge.float, { top1, top5, sqnr: Number.POSITIVE_INFINITY, cosine: 1 });
  t.deepEqual(await judge.score(smallNetwork()), judge.float);
});

test('a quantized network is judged as it is evaluated, and by the noise of its outputs', async (t) => {
  const judge = await Judge.of(smallNetwork(), someDigits());
  const fine = await calibrated(smallNetwork());
  const { graph: coarse } = await quantize(smallNetwork(), calibrationBatches(smallNetwork(), someDigits(), 20, 8), { weightBits: 2 });
  const [a, b] = [await judge.score(fine), await judge.score(coarse)];
  const { top1, top5 } = await evaluate(fine, someDigits());
  t.deepEqual({ top1: a.top1, top5: a.top5 }, { top1, top5 });
  t.true(a.sqnr > 30 && b.sqnr < 20, `${a.sqnr} and ${b.sqnr} dB`);
  t.true(a.cosine > b.cosine && a.cosine < 1);
});

const rows = (numbers: readonly (readonly number[])[]) =>
  dataset({
    description: 'rows',
    length: numbers.length,
    hasLabels: false,
    shape: [4],
    dtype: 'float32',
    gather: (chosen) => ({ values: Float32Array.from([...chosen].flatMap((n) => numbers[n])) }),
  });

test('noise is what the formula says, and copies that fill a batch do not count', async (t) => {
  const unit = [0, 1, 2, 3].map((i) => [0, 1, 2, 3].map((j) => Number(i === j)));
  const samples = rows([
    [1, 2, 3, 4],
    [0, 0, 0, 8],
    [1, 1, 1, 1],
  ]);
  const judge = await Judge.of(linear(unit, [2, 4]), samples);
  const off = unit.map((row, i) => (i === 3 ? [0, 0, 0, 1.5] : row)); // y[3] is 1.5 times as large
  const { top1, sqnr } = await judge.score(linear(off, [2, 4]));
  const signal = 1 + 4 + 9 + 16 + 64 + 4;
  const noise = 2 ** 2 + 4 ** 2 + 0.5 ** 2;
  t.is(top1, null);
  t.true(Math.abs(sqnr - 10 * Math.log10(signal / noise)) < 1e-9);
});
