/** Real models on real data, from end to end. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { writeNpy } from 'lowbit';
import { temporaryFolder } from '../folder.js';
import { shared } from '../shared.js';
import { json } from './lowbit.js';

const real = existsSync(shared('models')) ? test : test.skip;
const model = (name: string) => shared(`models/${name}.onnx`);

interface Answer {
  code: number | null;
  data: Record<string, number> & { rows: object[]; equal: boolean };
}
const ask = async (folder: string, ...args: string[]) => (await json(folder, args)) as unknown as Answer;

real('a published QDQ model is verified (skipped where the shared data is absent)', async (t) => {
  for (const name of ['mlperf_tiny_resnet8_cifar10_vendor_qdq', 'mlperf_tiny_kws_dscnn_vendor_qdq']) {
    const { code, data } = await ask(temporaryFolder(), 'verify', model(name), '--samples', '3');
    t.is(code, 0);
    t.true(data.equal && data.rows.length >= 2);
  }
});

real('keyword spotting keeps its accuracy (skipped where the shared data is absent)', async (t) => {
  const folder = temporaryFolder();
  const mfcc = readFileSync(shared('data/speech-commands/mfcc_49x10_f32.bin'));
  const names = readFileSync(shared('data/speech-commands/label_names.txt'), 'utf8').trim().split('\n');
  const classes = 'down go left no off on right stop up yes _silence_ _unknown_'.split(' '); // the model's order
  const labels = Uint8Array.from(readFileSync(shared('data/speech-commands/mfcc_labels_u8.bin')), (i) => classes.indexOf(names[i]));
  const features = new Float32Array(new Uint8Array(mfcc).buffer);
  writeNpy(join(folder, 'x.npy'), { dtype: 'float32', shape: [labels.length, 490], data: features });
  writeNpy(join(folder, 'y.npy'), { dtype: 'uint8', shape: [labels.length], data: labels });
  const float = model('mlperf_tiny_kws_dscnn');
  const made = await ask(folder, 'quantize', float, '--data', 'npy:.', '--calibration', '200', '-o', 'int8.onnx');
  t.is(made.code, 0);
  t.true(made.data.bytesAfter < made.data.bytesBefore / 2);
  const before = await ask(folder, 'eval', float, '--data', 'npy:.');
  const after = await ask(folder, 'eval', 'int8.onnx', '--data', 'npy:.');
  t.true(before.data.top1 > 0.9, String(before.data.top1));
  t.true(after.data.top1 > before.data.top1 - 0.01, `${before.data.top1} ${after.data.top1}`);
  t.true((await ask(folder, 'verify', 'int8.onnx', '--data', 'npy:.', '--samples', '4')).data.equal);
});

real('a depthwise network on images (skipped where the shared data is absent)', async (t) => {
  const folder = temporaryFolder();
  const float = model('mobilenet_v1_0.25_224');
  const images = ['--data', `images:${shared('data/imagenet500')}`, '--crop', '224', '--scale', '127.5', '--mean', '1'];
  const made = await ask(folder, 'quantize', float, ...images, '--calibration', '24', '-o', 'int8.onnx');
  t.is(made.data.quantizedLayers, 28);
  const [before, after] = [
    await ask(folder, 'eval', float, ...images, '--skip', '100', '--limit', '200'),
    await ask(folder, 'eval', 'int8.onnx', ...images, '--skip', '100', '--limit', '200'),
  ];
  t.true(before.data.top1 > 0.5, String(before.data.top1));
  t.true(after.data.top1 > before.data.top1 - 0.12, `${before.data.top1} ${after.data.top1}`);
  // Without its biases corrected, or its layers equalized, it has one per cent of one scale a weight.
  const corrected = ['--per-tensor', '--equalize', '--correct-bias', 'empirical'];
  t.is((await ask(folder, 'quantize', float, ...images, '--calibration', '24', ...corrected, '-o', 'even.onnx')).code, 0);
  const even = await ask(folder, 'eval', 'even.onnx', ...images, '--skip', '100', '--limit', '200');
  t.true(even.data.top1 > before.data.top1 - 0.12, `${before.data.top1} ${even.data.top1}`);
});
