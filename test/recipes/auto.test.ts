import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { type AutoOptions, autoQuantize, calibrationBatches, dataset, Graph, ops, quantize, type Score, Tensor, toOnnx } from 'lowbit';
import { isBetter, isMet } from '../../lib/recipes/auto/target.js';
import { faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { weight } from '../graph/graphs.js';
import { randomNumbers } from '../ops/case.js';
import { smallNetwork, someDigits } from './models.js';

const folder = temporaryFolder();
const brief: AutoOptions = { calibration: 16, quantize: { adaround: { iterations: 10 } } };
const auto = (options: AutoOptions) => autoQuantize(smallNetwork(), someDigits(), { ...brief, ...options });
const bytes = ({ quantized }: Awaited<ReturnType<typeof auto>>) => Buffer.from(toOnnx(quantized.graph));

test('the first rung that is good enough is the last', async (t) => {
  const seen: string[] = [];
  const { ladder, options, calibration, quantized } = await auto({ minSqnr: 20, onRung: ({ name }) => seen.push(name) });
  t.true(ladder.met);
  t.deepEqual(
    ladder.rungs.map(({ name, outcome }) => [name, outcome]),
    [['calibrate', 'kept']],
  );
  t.deepEqual(seen, ['calibrate']);
  t.is(calibration, 16);
  t.deepEqual(ladder.judged, { data: someDigits().description, samples: 24, heldOut: true });
  t.is(options.observer, undefined);
  const plain = await quantize(smallNetwork(), calibrationBatches(smallNetwork(), someDigits(), 16, 32));
  t.true(bytes({ quantized } as never).equals(Buffer.from(toOnnx(plain.graph))));
  t.is(ladder.rungs[0].result?.bytes, toOnnx(plain.graph).length);
});

test('all rungs are tried for what cannot be had, each kept rung is better, and the best is what comes out', async (t) => {
  const { ladder, quantized, sensitivity } = await auto({ minSqnr: 500 });
  t.false(ladder.met);
  t.deepEqual(
    ladder.rungs.map(({ name }) => name),
    [
      ...[
        'calibrate',
        'ranges by minmax',
        'ranges by entropy',
        'equalize',
        'replace ReLU6',
        'absorb biases',
        'smooth',
        'correct biases',
        'least squares',
        'AdaRound',
      ],
      'leave layers float',
    ],
  );
  const kept = ladder.rungs.filter(({ outcome }) => outcome === 'kept').map(({ result }) => result!.sqnr!);
  t.true(
    kept.every((sqnr, i) => i === 0 || sqnr > kept[i - 1] || ladder.rungs[0].result!.top1 !== null),
    String(kept),
  );
  t.is(ladder.rungs.find(({ name }) => name === 'replace ReLU6')?.outcome, 'nothing');
  t.deepEqual(ladder.leftFloat, []);
  t.is(quantized.layers.length, 2);
  t.deepEqual(sensitivity?.map(({ name }) => name).sort(), ['conv', 'fc']);
});

/** Two layers, of which the second has one weight that takes all the codes from the others. */
function spoiled(): Graph {
  const graph = new Graph('spoiled');
  const x = graph.input('x', { dtype: 'float32', shape: [Number.NaN, 8] });
  const sane = graph.add(ops.gemm, [x, weight(graph, 'a.w', [8, 8], 1), weight(graph, 'a.b', [8], 2)], {}, 'sane');
  const numbers = randomNumbers(64, -1e-4, 1e-4, 3);
  for (let o = 0; o < 8; o++) numbers[o * 8] = 0;
  numbers[0] = 3000; // of an input that is always 0
  const w = graph.constant(Tensor.from(numbers, [8, 8]), 'b.w');
  const zero = graph.constant(Tensor.from(new Float32Array(8)), 'zero');
  const first = graph.add(ops.mul, [sane, graph.constant(Tensor.from([0, 1, 1, 1, 1, 1, 1, 1]), 'mask')], {}, 'masked');
  graph.output('y', graph.add(ops.gemm, [first, w, zero], {}, 'bad'));
  return graph;
}

const rows = dataset({
  description: 'rows',
  length: 60,
  hasLabels: false,
  shape: [8],
  dtype: 'float32',
  gather: (numbers) => ({ values: Float32Array.from([...numbers].flatMap((n) => randomNumbers(8, -1, 1, n + 1))) }),
});

test('in the end the layer that cannot be quantized stays float, and only that', async (t) => {
  const options: AutoOptions = { calibration: 20, quantize: { perTensor: true, equalize: false, smooth: false, rounding: 'nearest' } };
  const { ladder, quantized } = await autoQuantize(spoiled(), rows, { ...options, maxDrop: 1 });
  t.deepEqual(ladder.target, { minSqnr: 20 }, 'nothing counts right answers here');
  t.true(ladder.met);
  t.deepEqual(ladder.leftFloat, ['bad']);
  t.deepEqual(
    quantized.layers.map(({ name }) => name),
    ['sane'],
  );
  t.is(ladder.float.top1, null);
  t.false(
    ladder.rungs.some(({ name }) => ['equalize', 'AdaRound'].includes(name)),
    'what was said is no rung',
  );
});

test('a ladder goes on where it was stopped, and comes to the same bytes', async (t) => {
  const path = join(folder, 'resumed');
  const whole = await auto({ minSqnr: 500 });
  const controller = new AbortController();
  const stop = ({ name }: { name: string }) => name === 'equalize' && controller.abort();
  await faultsLater(t, () => auto({ minSqnr: 500, folder: path, signal: controller.signal, onRung: stop }), 'aborted', /stopped/);
  const before = readFileSync(join(path, 'ladder.json'), 'utf8');
  const resumed = await auto({ minSqnr: 500, folder: path });
  t.true(
    readFileSync(join(path, 'ladder.json'), 'utf8').startsWith(before.slice(0, before.lastIndexOf(']') - 2)),
    'rungs are not climbed twice',
  );
  t.deepEqual(
    resumed.ladder.rungs.map(({ seconds: _, ...rung }) => rung),
    whole.ladder.rungs.map(({ seconds: _, ...rung }) => rung),
  );
  t.true(bytes(resumed).equals(bytes(whole)));
  const again = await auto({ minSqnr: 500, folder: path });
  t.deepEqual(again.ladder.rungs, resumed.ladder.rungs);
  t.true(bytes(again).equals(bytes(whole)));
  await faultsLater(t, () => auto({ minSqnr: 500, folder: path, calibration: 17 }), 'file', /other samples or settings/);
});

const score = (top1: number | null, sqnr: number): Score => ({ top1, top5: top1, sqnr, cosine: 1 });

test('better is more right answers, and less noise where chance decides', (t) => {
  const samples = 500; // one in √(1 / 10 000) of them is chance
  t.true(isBetter(score(0.82, 5), score(0.8, 30), samples));
  t.false(isBetter(score(0.805, 5), score(0.8, 30), samples));
  t.true(isBetter(score(0.8, 30), score(0.805, 5), samples));
  t.true(isBetter(score(0.805, 30), score(0.8, 30), samples));
  t.false(isBetter(score(0.8, 30), score(0.8, 30), samples));
  t.true(isBetter(score(null, 30), score(null, 29), samples));
  t.true(isBetter(score(null, 30), score(null, Number.NaN), samples));
  t.false(isBetter(score(null, Number.NaN), score(null, 30), samples));
});

test('half a point is half a point', (t) => {
  t.true(isMet({ maxDrop: 0.5 }, score(0.91, 0), score(0.915, 0)));
  t.false(isMet({ maxDrop: 0.5 }, score(0.9099, 0), score(0.915, 0)));
  t.true(isMet({ minSqnr: 20 }, score(null, 20), score(null, Number.POSITIVE_INFINITY)));
  t.false(isMet({ minSqnr: 20 }, score(null, Number.NaN), score(null, 0)));
});

const refused: [what: string, options: AutoOptions, message: RegExp][] = [
  ['two targets', { maxDrop: 1, minSqnr: 20 }, /minSqnr is 20, expected to be left out because maxDrop is the target/],
  ['no points', { maxDrop: -1 }, /maxDrop is -1, expected points from 0 to 100/],
  ['no decibels', { minSqnr: Number.NaN }, /minSqnr is NaN/],
  ['no samples', { samples: 0 }, /samples is 0, expected a whole number from 1/],
  ['a mistake below', { quantize: { observer: 'max' as never } }, /observer is "max"/],
  ['a mistake of AdaRound', { quantize: { adaround: { rate: 0 } } }, /rate is 0/],
];

for (const [what, options, message] of refused) {
  test(`refused: ${what}`, async (t) => {
    await faultsLater(t, () => autoQuantize(smallNetwork(), someDigits(), options), 'option', message);
  });
}
