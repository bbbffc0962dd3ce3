import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { exportOnnx, fit, type SearchesReport, train } from 'lowbit';
import { temporaryFolder } from '../folder.js';
import { smallDigits, smallNetwork } from '../train/networks.js';
import { interruptedAt, json, lowbit } from './lowbit.js';

const folder = temporaryFolder();

test.before(async () => {
  const optimizer = train.adam({ rate: 0.01 });
  const { model } = await fit(smallNetwork(), smallDigits(640), { epochs: 2, batchSize: 32, optimizer });
  exportOnnx(model.graph, join(folder, 'float.onnx'));
});

const narrow = (text: string) => text.split('\n').every((line) => line.length <= 80);
const search = ['search', 'float.onnx', '--bits', '2,1', '--epochs', '3', '--data', 'digits:128', '--batch-size', '32'];

test('a list of bits, what is printed and what is left', async (t) => {
  const { code, stdout, stderr } = await lowbit(folder, [...search, '--output', 'out']);
  t.is(code, 0, stderr);
  t.is(stderr, '');
  t.true(narrow(stdout.replace(/^warning.*$/gm, '')), stdout);
  t.regex(stdout, /^W2: slb\(\n {2}weightBits: 2\n {2}activationBits: null\n/m);
  t.regex(stdout, /^├─ \S+ +conv2d 4×3×3×1 {2}float: the first layer \(quantizeFirst is false\)$/m);
  t.regex(stdout, /^├─ \S+ +conv2d 8×3×3×4 {2}2 bits, 288 weights$/m);
  t.regex(stdout, /^└─ \S+ +gemm 10×392 {2}float: the last layer \(quantizeLast is false\)$/m);
  // e = trunc(0.3) = 0: decided from the first epoch on.
  t.regex(stdout, /^epoch 1\/3 {2}loss [\d.]+ {2}accuracy [\d.]+ % {2}\(validation [\d.]+, [\d.]+ %\)$/m);
  t.regex(stdout, /^ {2}weights decided, still learning {2}T 1\.00 {2}confidence [\d.]+ % {2}changed [\d.]+ %$/m);
  t.regex(stdout, /^fp32 +[\d.]+ % .*\nW2 +[\d.]+ % .*\nW1 +[\d.]+ % .*\n\nAccuracy of 128 samples, as the packed network runs\.$/m);
  t.regex(stdout, /^Milliseconds for one sample on \d+ threads? of .+\.$/m);
  t.regex(stdout, /^wrote +out\/w2\/model\.onnx\ncurves +out\/w2\/report\.html\nwrote +out\/w1\/model\.onnx\n/m);
  for (const file of ['config.yaml', 'report.json', 'w2/packed.onnx', 'w1/log.csv']) t.true(existsSync(join(folder, 'out', file)), file);
  const report: SearchesReport = JSON.parse(readFileSync(join(folder, 'out', 'report.json'), 'utf8'));
  const { data } = await json(folder, ['eval', 'out/w1']);
  t.deepEqual([data.samples, data.top1], [128, report.results[2].accuracy]);
  const none = await lowbit(folder, ['eval', 'out']);
  t.is(none.code, 3);
  t.regex(none.stderr, /there is no packed network in this folder\. Give the folder of one search/);
  const again = await lowbit(folder, [...search, '--output', 'out']);
  t.is(again.code, 3);
  t.regex(again.stderr, /there is a run in this folder already/);
  const done = await lowbit(folder, ['search', 'out/config.yaml', '--resume']);
  t.is(done.code, 0, done.stderr);
  t.regex(done.stdout, /^W2 is done already\n\nW1 is done already\n/);
});

test('options arrive, --json prints one object', async (t) => {
  const options = [
    '--activations',
    '8',
    '--limit',
    '96',
    '--preset',
    'paper',
    '--weights',
    'packed',
    '--augment',
    '--validation',
    'digits:40',
  ];
  const delay = await json(folder, [...search, ...options, '-o', 'coded']);
  t.is(delay.code, 2); // 100 batches for a range, the search has 9
  writeFileSync(
    join(folder, 'coded.yaml'),
    `model: { name: onnx, path: float.onnx }
data: { train: { source: 'digits:128', limit: 96 }, validation: 'digits:40' }
augment: { crop: 4, flip: true }
epochs: 3
batchSize: 32
weights: packed
search: { preset: paper, weightBits: 1, activationBits: 8, activation: { delay: 2 } }
output: elsewhere
`,
  );
  const { code, data } = await json(folder, ['search', 'coded.yaml', '-o', 'coded']);
  t.is(code, 0, JSON.stringify(data));
  t.deepEqual(Object.keys(data), ['output', 'versions', 'model', 'samples', 'options', 'results', 'times']);
  const { output, options: settings, results, times } = data as unknown as SearchesReport & { output: string };
  t.is(output, join(folder, 'coded'));
  t.deepEqual([settings.search.preset, settings.search.init, settings.search.alpha], ['paper', 'random', 'none']);
  t.deepEqual(
    results.map(({ name }) => name),
    ['fp32', 'W1 A8'],
  );
  t.true(times.latency.every(({ median, p90 }) => median > 0 && p90 >= median));
  t.deepEqual(readFileSync(join(folder, 'coded/w1a8/model.onnx')), readFileSync(join(folder, 'coded/w1a8/packed.onnx')));
});

test('Ctrl-C ends with 130 and says how to go on', async (t) => {
  const long = search.map((word) => (word === '3' ? '100000' : word));
  const stopped = await lowbit(folder, [...long, '-o', 'long'], interruptedAt(join(folder, 'long', 'w2', 'log.csv')));
  t.is(stopped.code, 130, stopped.stderr);
  t.regex(stopped.stderr, /wrote long\/w2\/checkpoints\/step-\d+, go on with: lowbit search long\/config\.yaml --resume\n/);
});

test('mistakes', async (t) => {
  const refused = async (args: readonly string[], code: number, message: RegExp) => {
    const ended = await lowbit(folder, ['search', ...args]);
    t.is(ended.code, code, ended.stderr);
    t.regex(ended.stderr, message);
  };
  const data = ['--data', 'digits:64', '-o', 'none'];
  await refused(['float.onnx', '-o', 'none'], 2, /required option '--data <kind:path>' not specified/);
  await refused(['float.onnx', '--data', 'digits:64'], 2, /required option '-o, --output <folder>' not specified/);
  await refused(['float.onnx', '--bits', 'few', ...data], 2, /'--bits <list>' argument 'few' is invalid\. Expected a number/);
  await refused(['float.onnx', '--bits', '5', ...data], 3, /search\.weightBits\.0 is 5, expected one of 1, 2, 3, 4\./);
  await refused(['float.onnx', '--activations', '9', ...data], 3, /search\.activationBits is 9, expected a whole number from 1 to 8/);
  await refused(['float.onnx', '--weights', 'int2', ...data], 2, /Allowed choices are int8, int4, packed/);
  await refused(['float.onnx', '--bit', '1', ...data], 2, /unknown option '--bit'.*--bits/s);
  await refused(['float.onnx', '--data', 'digit:64', '-o', 'none'], 3, /data\.train\.source is "digit:64", expected KIND:PATH/);
  await refused(['missing.onnx', ...data], 3, /missing\.onnx: there is no such file/);
  await refused(['float.onnx', ...data, '--resume'], 3, /there is no search in this folder to go on with/);
  writeFileSync(join(folder, 'a.yaml'), 'model: { name: onnx, path: float.onnx }\ndata: { train: digits:64 }\nsearch: { weightBit: 1 }\n');
  await refused(['a.yaml'], 3, /a\.yaml:3:11: search\.weightBit is unknown \(did you mean "weightBits"\?\)\./);
  await refused(['a.yaml', '--bits', '1'], 2, /option bits is \[1\], expected nothing because a\.yaml says it/);
  writeFileSync(
    join(folder, 'a.yaml'),
    "model: { name: onnx, path: float.onnx }\ndata: { train: digits:64 }\nbatchSize: 32\nsearch: { exclude: ['*'] }\noutput: a\n",
  );
  await refused(['a.yaml'], 3, /no layer of .* is searched/);
});
