import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { cudaCard } from 'lowbit';
import { temporaryFolder } from '../folder.js';
import { interrupted, json, lowbit } from './lowbit.js';

const small = `model: { name: lenet5 }
data: { train: { source: 'digits:128', seed: 2 }, validation: { source: 'digits:50', seed: 1 } }
optimizer: { name: sgd, rate: 0.05 }
batchSize: 32
epochs: 2
`;

const narrow = (text: string) => text.split('\n').every((line) => line.length <= 80);

test('train, then eval of the run, of a checkpoint and of the ONNX file', async (t) => {
  const folder = temporaryFolder({ 'small.yaml': small });
  const { code, stdout, stderr } = await lowbit(folder, ['train', 'small.yaml']);
  t.is(code, 0, stderr);
  t.is(stderr, '');
  t.true(narrow(stdout), stdout);
  t.regex(stdout, /^epoch 1\/2 {2}loss [\d.]+ {2}accuracy [\d.]+ % {2}\(validation [\d.]+, [\d.]+ %\)$/m);
  t.regex(stdout, /^trained +lenet5, 61,706 parameters, 2 epochs, 8 steps$/m);
  t.regex(stdout, /^wrote +runs\/small\/model\.onnx\ncurves +runs\/small\/report\.html$/m);
  const run = join('runs', 'small');
  const { results } = JSON.parse(readFileSync(join(folder, run, 'report.json'), 'utf8'));
  const checkpoint = join(
    run,
    'checkpoints',
    readdirSync(join(folder, run, 'checkpoints'))
      .sort()
      .at(-1)!,
  );
  for (const model of [run, checkpoint, join(run, 'model.onnx')]) {
    const { data } = await json(folder, ['eval', model, '--data', 'digits:50']);
    t.is(data.top1, results.epochs.at(-1).validation.accuracy, model);
  }
  const { data } = await json(folder, ['eval', run]);
  t.is(data.top1, results.epochs.at(-1).validation.accuracy);
});

test('--output and --json', async (t) => {
  const folder = temporaryFolder({ 'small.yaml': small });
  const { code, data } = await json(folder, ['train', 'small.yaml', '--output', 'there']);
  t.is(code, 0);
  t.deepEqual(Object.keys(data), ['output', 'versions', 'model', 'samples', 'options', 'results', 'times']);
  t.is(data.output, join(folder, 'there'));
  t.true(existsSync(join(folder, 'there', 'model.onnx')));
  const again = await lowbit(folder, ['train', 'small.yaml', '--output', 'there']);
  t.is(again.code, 3);
  t.regex(again.stderr, /there is a run in this folder already/);
});

test('Ctrl-C ends with 130, writes a checkpoint and says how to go on; --resume does', async (t) => {
  const folder = temporaryFolder({ 'long.yaml': small.replace('epochs: 2', 'epochs: 100000') });
  const stopped = await lowbit(folder, ['train', 'long.yaml'], interrupted(1500));
  t.is(stopped.code, 130);
  t.regex(stopped.stderr, /wrote runs\/long\/checkpoints\/step-\d+, go on with: lowbit train long\.yaml --resume\n/);
  const steps = Number(/step-(\d+)/.exec(stopped.stderr)![1]);
  const shorter = small.replace('epochs: 2', `epochs: ${Math.ceil(steps / 4) + 1}\noutput: runs/long`);
  writeFileSync(join(folder, 'shorter.yaml'), shorter);
  const { code, data } = await json(folder, ['train', 'shorter.yaml', '--resume']);
  t.is(code, 0);
  t.is((data.results as { steps: number }).steps, 4 * (Math.ceil(steps / 4) + 1));
  const done = await lowbit(folder, ['train', 'shorter.yaml', '--resume']);
  t.is(done.code, 0);
  t.regex(done.stdout, /^going on after (\d+) of \1 epochs, [\d,]+ steps\nnothing was left to learn; raise epochs/);
  writeFileSync(join(folder, 'shorter.yaml'), shorter.replace('digits:128', 'digits:160'));
  const other = await lowbit(folder, ['train', 'shorter.yaml', '--resume']);
  t.is(other.code, 2);
  t.regex(other.stderr, /option data is "description: digits:160, length: 160", expected description: digits:128, length: 128 because/);
});

const card = cudaCard();
const withCard = 'problem' in card ? test.skip : test;

withCard('--precision is that of products on the card (skipped where there is none)', async (t) => {
  const tiny = small.replace('lenet5', 'lenet5, channels: 1').replace('digits:128', 'digits:64').replace('epochs: 2', 'epochs: 1');
  const folder = temporaryFolder({ 'small.yaml': tiny, 'here.yaml': `${tiny}device: cuda\nprecision: tf32\n` });
  const { code, data } = await json(folder, ['train', 'small.yaml', '--device', 'cuda', '--precision', 'bf16']);
  t.is(code, 0);
  t.is((data.options as { precision: string }).precision, 'bf16');
  t.regex(readFileSync(join(folder, 'runs', 'small', 'config.yaml'), 'utf8'), /^precision: bf16$/m);
  const other = await lowbit(folder, ['train', 'small.yaml', '--device', 'cuda', '--resume']);
  t.is(other.code, 2);
  t.regex(other.stderr, /option precision is "float32", expected bf16 because the run in .*small/);
  const file = await json(folder, ['train', 'here.yaml']);
  t.is((file.data.options as { precision: string }).precision, 'tf32');
});

test('a precision that the device has not is refused', async (t) => {
  const folder = temporaryFolder({ 'small.yaml': small });
  const { code, stderr } = await lowbit(folder, ['train', 'small.yaml', '--precision', 'bf16']);
  t.is(code, 2);
  t.regex(stderr, /train: option precision is "bf16", expected float32 because the device is cpu/);
  t.false(existsSync(join(folder, 'runs')));
});

test('mistakes in the file are told with their place', async (t) => {
  const folder = temporaryFolder({ 'wrong.yaml': `${small}clipNrm: 1\n` });
  const { code, stderr } = await lowbit(folder, ['train', 'wrong.yaml']);
  t.is(code, 3);
  t.regex(stderr, /^error: wrong\.yaml:6:1: clipNrm is unknown \(did you mean "clipNorm"\?\)\.\n$/);
  writeFileSync(join(folder, 'wrong.yaml'), "model: resnet20\ndata: { train: 'digits:200' }\n");
  const misfit = await lowbit(folder, ['train', 'wrong.yaml']);
  t.is(misfit.code, 3);
  t.regex(misfit.stderr, /^error: digits:200: resnet20 does not take samples float32 \[1, 28, 28\]\. In its layers: conv2d: /);
  writeFileSync(join(folder, 'wrong.yaml'), "model: lenet5\ndata: { train: 'digits:20' }\n");
  t.is((await lowbit(folder, ['train', 'wrong.yaml'])).code, 2); // fewer samples than a batch
  writeFileSync(join(folder, 'wrong.yaml'), "model: lenet5\ndata: { train: 'digits:20' }\nbatchSize: 10\nepochs: 1\n");
  const mended = await lowbit(folder, ['train', 'wrong.yaml']); // the run that came to nothing is not in the way
  t.is(mended.code, 0, mended.stderr);
  const unvalidated = await lowbit(folder, ['eval', 'runs/wrong']);
  t.is(unvalidated.code, 3);
  t.regex(unvalidated.stderr, /the run was not validated\. Say which samples to take \(--data\)/);
  const missing = await lowbit(folder, ['train', 'not.yaml']);
  t.is(missing.code, 3);
  t.regex(missing.stderr, /not\.yaml: there is no such file/);
  const folderless = await lowbit(folder, ['eval', '.', '--data', 'digits:5']);
  t.is(folderless.code, 3);
  t.regex(folderless.stderr, /this is no folder of a training run/);
});
