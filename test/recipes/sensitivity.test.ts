import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import {
  calibrateNetwork,
  Graph,
  Judge,
  matmul,
  quantizeCalibrated,
  run,
  type SensitivityRecord,
  sensitivity,
  softmax,
  Tensor,
  withFloat,
} from 'lowbit';
import { faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { counted, plantedBatches, plantedCase, plantedSamples, width } from './planted.js';

const names = (records: readonly SensitivityRecord[]) => records.map(({ name }) => name);

test('a layer that quantizes badly comes first, in every mode and order', async (t) => {
  const { graph, network } = await plantedCase(4, { l2: 60, l1: 6 });
  const inputs = await plantedBatches().next();
  const answers = run(graph, inputs.value!).y.toNumbers();
  const labels = Array.from({ length: 64 }, (_, n) => {
    const row = answers.slice(width * n, width * (n + 1));
    return row.indexOf(Math.max(...row));
  });
  const judge = await Judge.of(graph, plantedSamples(labels));
  t.is(judge.float.top1, 1);
  for (const mode of ['only', 'except'] as const) {
    for (const by of ['sqnr', 'cosine', 'accuracy'] as const) {
      const records = await sensitivity(network, judge, undefined, { mode, by });
      t.is(records[0].name, 'l2', `${mode}, ${by}`);
      t.deepEqual(names(records).toSorted(), ['l0', 'l1', 'l2', 'l3']);
    }
  }
  t.deepEqual(names(await sensitivity(network, judge)).slice(0, 2), ['l2', 'l1']);
});

test('a record is the score of the network of which one layer is quantized, or all but one', async (t) => {
  const { network, judge } = await plantedCase(3, { l1: 20 });
  for (const [mode, float] of [
    ['only', ['l0', 'l2']],
    ['except', ['l1']],
  ] as const) {
    const { graph } = await quantizeCalibrated(withFloat(network, float), plantedBatches);
    const { sqnr, cosine } = await judge.score(graph);
    const records = await sensitivity(network, judge, undefined, { mode });
    t.deepEqual(
      records.find(({ name }) => name === 'l1'),
      { name: 'l1', op: 'gemm', parameters: width * width + width, bits: 8, sqnr, cosine },
    );
  }
});

test('each layer at several widths, the fewest bits first', async (t) => {
  const { network, judge } = await plantedCase(3, {});
  const records = await sensitivity(network, judge, undefined, { bits: [8, 4, 2] });
  t.is(records.length, 9);
  for (const layer of ['l0', 'l1', 'l2']) {
    t.deepEqual(
      records.filter(({ name }) => name === layer).map(({ bits }) => bits),
      [2, 4, 8],
    );
  }
  const some = await sensitivity(network, judge, undefined, { weightBits: { l1: 4 } });
  t.deepEqual(Object.fromEntries(some.map(({ name, bits }) => [name, bits])), { l0: 8, l1: 4, l2: 8 });
  t.deepEqual(
    some.find(({ bits }) => bits === 4),
    records.find(({ name, bits }) => name === 'l1' && bits === 4),
  );
});

test('a network of one layer, without which nothing is quantized', async (t) => {
  const { network, judge } = await plantedCase(1, {});
  const [except] = await sensitivity(network, judge, undefined, { mode: 'except' });
  t.deepEqual(except, { name: 'l0', op: 'gemm', parameters: width * width + width, bits: 8, sqnr: null, cosine: 1 });
});

test('products of two activations have codes of 8 bits', async (t) => {
  const graph = new Graph('attention');
  const x = graph.input('x', { dtype: 'float32', shape: [Number.NaN, width] });
  const rows = graph.add(softmax, [x], { axis: 1 });
  graph.output('y', graph.add(matmul, [x, rows.producer!.output], {}, 'square'));
  const batches = async function* () {
    yield { x: Tensor.from(new Float32Array(width ** 2).fill(0.5), [width, width]) };
  };
  const network = await calibrateNetwork(graph, batches);
  const judge = await Judge.of(graph, plantedSamples(), { batch: width });
  const records = await sensitivity(network, judge, undefined, { bits: [4, 2] });
  t.deepEqual(
    records.map(({ name, parameters, bits }) => ({ name, parameters, bits })),
    [{ name: 'square', parameters: 0, bits: 8 }],
  );
});

test('a run that was stopped goes on where it was, to the byte', async (t) => {
  const { network, judge } = await plantedCase(4, { l2: 60 });
  const [whole, parts] = [temporaryFolder(), temporaryFolder()];
  const want = await sensitivity(network, judge, undefined, { bits: [8, 2], folder: whole });
  const controller = new AbortController();
  const stopped = sensitivity(network, judge, undefined, {
    bits: [8, 2],
    folder: parts,
    onProgress: (done) => done === 3 && controller.abort(),
    signal: controller.signal,
  });
  await faultsLater(t, () => stopped, 'aborted', /sensitivity/);
  const kept = readFileSync(join(parts, 'only.json'), 'utf8');
  t.is(JSON.parse(kept).measured.length, 3);
  const count = counted(judge);
  t.deepEqual(await sensitivity(network, judge, undefined, { bits: [8, 2], folder: parts }), want);
  t.is(count.scores, 5);
  t.deepEqual(readFileSync(join(parts, 'only.json')), readFileSync(join(whole, 'only.json')));
  t.deepEqual(
    await sensitivity(network, judge, undefined, { bits: [8, 2], folder: parts, by: 'cosine' }),
    want.toSorted((a, b) => a.cosine - b.cosine),
  );
  t.is(count.scores, 5);
});

test('a folder of something else is refused, and a damaged one', async (t) => {
  const { network, judge, graph } = await plantedCase(3, {});
  const folder = temporaryFolder();
  await sensitivity(network, judge, undefined, { folder });
  const others = [
    plantedCase(3, { l1: 2 }),
    plantedCase(3, {}, { observer: 'mse' }),
    plantedCase(3, {}, { perTensor: true }),
    plantedCase(3, {}, { activationBits: { l1: 16 } }),
    Promise.resolve({ network: withFloat(network, ['l0']), judge }),
    Judge.of(graph, plantedSamples().spread(32)).then((less) => ({ network, judge: less })),
  ];
  for (const other of await Promise.all(others)) {
    await faultsLater(
      t,
      () => sensitivity(other.network, other.judge, undefined, { folder }),
      'file',
      /another model, other samples or settings/,
    );
  }
  await faultsLater(t, () => sensitivity(network, judge, undefined, { folder, scales: 'powerOfTwo' }), 'file', /another folder/);
  const path = join(folder, 'only.json');
  for (const content of ['{', '{}', 'null', readFileSync(path, 'utf8').replace('"measured"', '"other"')]) {
    writeFileSync(path, content);
    await faultsLater(t, () => sensitivity(network, judge, undefined, { folder }), 'format', /measurements/);
  }
});

test('what is refused', async (t) => {
  const { network, judge } = await plantedCase(2, {});
  const refused = (options: object, message: RegExp, code: 'option' | 'unknownOption' = 'option') =>
    faultsLater(t, () => sensitivity(network, judge, undefined, options), code, message);
  await refused({ mode: 'all' }, /one of only, except/);
  await refused({ by: 'size' }, /one of sqnr, cosine, accuracy/);
  await refused({ by: 'accuracy' }, /right answers cannot be counted/);
  await refused({ bits: [5] }, /one of/);
  await refused({ bits: [4], mode: 'except' }, /to be left out because mode is "except"/);
  await refused({ bit: [4] }, /did you mean "bits"/, 'unknownOption');
});

test('biases are corrected on samples where there are some', async (t) => {
  const { network, judge } = await plantedCase(3, { l1: 20 }, { correctBias: 'empirical' });
  const plain = await plantedCase(3, { l1: 20 });
  t.deepEqual(await sensitivity(network, judge), await sensitivity(plain.network, plain.judge));
  const [worst] = await sensitivity(network, judge, plantedBatches);
  const [uncorrected] = await sensitivity(network, judge);
  t.true(worst.sqnr! > uncorrected.sqnr! + 0.1, `${worst.sqnr} and ${uncorrected.sqnr} dB`);
});
