/** What `lowbit quantize` can be told, and `lowbit sensitivity`. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { exportOnnx, importOnnx, inspect, type LadderRecord, type SensitivityRecord, writeNpy } from 'lowbit';
import { temporaryFolder } from '../folder.js';
import { lowbitImages, lowbitNet } from '../graph/lowbit.js';
import { smallNetwork } from '../recipes/models.js';
import { wellFormed } from '../report/html.js';
import { json, lowbit } from './lowbit.js';

const folder = temporaryFolder();

test.before(() => {
  exportOnnx(smallNetwork(), join(folder, 'float.onnx'));
  exportOnnx(lowbitNet({ bits: 1 }), join(folder, 'packed.onnx'), { weights: 'packed' });
});

const keys = (data: object) => Object.keys(data).sort();
const narrow = (text: string) => text.split('\n').every((line) => line.length <= 80);

test('quantize --report leaves a page with the options and what was lost', async (t) => {
  const args = ['quantize', 'float.onnx', '--data', 'digits:60', '--calibration', '20', '--symmetric', '-o', 'reported.onnx'];
  const { code, data } = await json(folder, [...args, '--report', 'reported.html']);
  t.is(code, 0);
  t.deepEqual(data.report, { page: 'reported.html', json: 'reported.json' });
  const record = JSON.parse(readFileSync(join(folder, 'reported.json'), 'utf8'));
  t.deepEqual(record.calibration, { data: 'digits:60', samples: 20 });
  t.is(record.accuracy.quantized.samples, 40, 'those that calibration left out');
  t.true(record.options.symmetric);
  t.is(record.options.observer, 'mse');
  t.is(wellFormed(readFileSync(join(folder, 'reported.html'), 'utf8')), undefined);
  const refused = await lowbit(folder, [...args, '--report', 'float.onnx']);
  t.is(refused.code, 2);
});

test('quantize --auto climbs a ladder, prints it, and goes on from a folder', async (t) => {
  const base = ['quantize', 'float.onnx', '--data', 'digits:60', '--calibration', '20', '--auto', '-o', 'auto.onnx'];
  const easy = await json(folder, [...base, '--max-drop', '100']);
  t.is(easy.code, 0);
  const { met, judged, rungs } = easy.data.ladder as LadderRecord;
  t.true(met);
  t.deepEqual([judged.samples, easy.data.calibrationSamples, rungs.length], [40, 20, 1]);
  const far = [...base, '--min-sqnr', '500', '--evaluation', 'digits:30', '--rounding-iterations', '5', '--folder', 'ladder'];
  const { code, stdout, stderr } = await lowbit(folder, far);
  t.is(code, 0);
  t.is(stderr, '');
  t.regex(stdout, /^target +at least 500 dB/m);
  t.regex(stdout, /^judged by +30 samples$/m);
  t.regex(stdout, /^calibrate +\d+\.\d\d % +\d+\.\d dB +[\d.]+ kB +\d+\.\d s +kept +2 layers on integers$/m);
  t.regex(stdout, /^target +NOT met: this is the best that was found$/m);
  const kept = readFileSync(join(folder, 'ladder', 'ladder.json'), 'utf8');
  const again = await json(folder, far);
  t.is((again.data.ladder as LadderRecord).rungs.length, 11);
  t.is(readFileSync(join(folder, 'ladder', 'ladder.json'), 'utf8'), kept, 'with all its seconds');
});

test('sensitivity: a table, the worst first, also as a file', async (t) => {
  const base = ['sensitivity', 'float.onnx', '--data', 'digits:60', '--calibration', '20', '--evaluation-samples', '30', '--bits', '8,2'];
  const { code, data } = await json(folder, [...base, '--folder', 'layers-sensitivity', '-o', 'layers.csv']);
  t.is(code, 0);
  t.deepEqual(keys(data), ['by', 'calibrationSamples', 'heldOut', 'layers', 'mode', 'samples', 'top1']);
  t.deepEqual([data.samples, data.calibrationSamples, data.heldOut], [30, 20, true]);
  const layers = data.layers as SensitivityRecord[];
  t.deepEqual(layers.map(({ bits }) => bits).toSorted(), [2, 2, 8, 8]);
  t.deepEqual(
    layers.map(({ sqnr }) => sqnr),
    layers.map(({ sqnr }) => sqnr).toSorted((a, b) => a! - b!),
  );
  const [header, first, ...others] = readFileSync(join(folder, 'layers.csv'), 'utf8').trim().split('\n');
  t.is(header, 'name,op,parameters,bits,sqnr,cosine,top1');
  const { name, op, parameters, bits, sqnr, cosine, top1 } = layers[0];
  t.is(first, [name, op, parameters, bits, sqnr, cosine, top1].join());
  t.is(others.length, 3);
  const { stdout, stderr } = await lowbit(folder, [...base, '--folder', 'layers-sensitivity', '-o', 'layers.json']);
  t.is(stderr, '');
  t.regex(stdout, /^(conv +conv2d|fc +gemm) +[\d.]+ k? +2 +[\d.]+ +0\.\d{4} +\d+\.\d\d % +█{12}$/m);
  t.regex(stdout, /^judged by 30 samples, calibrated on 20$/m);
  t.true(narrow(stdout), stdout);
  t.deepEqual(JSON.parse(readFileSync(join(folder, 'layers.json'), 'utf8')), layers);
  const except = await json(folder, ['sensitivity', 'float.onnx', '--data', 'digits:20', '--mode', 'except', '--by', 'accuracy']);
  t.deepEqual([except.data.mode, (except.data.layers as object[]).length, except.data.heldOut], ['except', 2, true]);
});

test('quantize to a size: the file is at most as large', async (t) => {
  const base = ['quantize', 'float.onnx', '--data', 'digits:60', '--calibration', '20'];
  const whole = await json(folder, [...base, '-o', 'whole.onnx']);
  const limit = Math.floor(0.85 * (whole.data.bytesAfter as number));
  const made = await json(folder, [...base, '--max-size', `${limit / 1000}kB`, '--bits', '8,4', '--refinements', '0', '-o', 'small.onnx']);
  t.is(made.code, 0);
  const { bits, used } = made.data.search as { bits: Record<string, number>; used: number };
  t.deepEqual(bits, { conv: 8, fc: 4 });
  t.is(used, statSync(join(folder, 'small.onnx')).size);
  t.true(used <= limit);
  const { stdout } = await lowbit(folder, [...base, '--max-size', '75%', '--bits', '8,2,1', '--folder', 'bits', '-o', 'smaller.onnx']);
  t.regex(stdout, /^bits +(8 in 1, )?[12] in [12](, 1 in 1)? layers$/m);
  t.regex(stdout, /^budget +[\d.]+ (kB|bytes) of [\d.]+ (kB|bytes)$/m);
  t.regex(stdout, /^judged +\d+\.\d\d %, -?[\d.]+ dB, computed -?[\d.]+ dB$/m);
  t.is((await lowbit(folder, ['eval', 'smaller.onnx', '--data', 'digits:20'])).code, 0);
  const slow = await json(folder, [...base, '--max-latency', '1s', '--refinements', '0', '-o', 'fast.onnx']);
  t.deepEqual((slow.data.search as { bits: object }).bits, { conv: 8, fc: 8 });
});

test('weights of 1 bit are packed in the file', async (t) => {
  const base = ['quantize', 'float.onnx', '--data', 'digits:20', '--weight-bits', '1', '-o'];
  t.is((await lowbit(folder, [...base, 'signs.onnx'])).code, 0);
  const { codedWeights } = (await json(folder, ['inspect', 'signs.onnx'])).data;
  t.deepEqual(
    (codedWeights as { bits: number }[]).map(({ bits }) => bits),
    [1, 1],
  );
  const before = await json(folder, ['eval', 'signs.onnx', '--data', 'digits:20']);
  t.is((await lowbit(folder, [...base, 'signs8.onnx', '--weights', 'int8'])).code, 0);
  const after = await json(folder, ['eval', 'signs8.onnx', '--data', 'digits:20']);
  t.deepEqual([before.data.mode, before.data.top5], ['integer', after.data.top5]);
});

test('options of quantize arrive', async (t) => {
  const base = ['quantize', 'float.onnx', '--data', 'digits:20', '--observer', 'percentile', '--percentile', '99', '--activations', 'int8'];
  const { data } = await json(folder, [...base, '--per-tensor', '--symmetric', '--opset', '15', '--exclude', '/^c/', '-o', 'options.onnx']);
  t.deepEqual(data.floatLayers, [{ name: 'conv', op: 'conv2d', reason: 'excluded by name' }]);
  const graph = importOnnx(join(folder, 'options.onnx'));
  const weights = graph.nodes.find(({ op, inputs }) => op.name === 'dequantize' && graph.constantOf(inputs[0])?.dtype === 'int8')!;
  t.is(graph.constantOf(weights.inputs[1])!.size, 1); // per tensor
  const first = graph.nodes.find(({ op }) => op.name === 'quantize')!;
  t.is(graph.constantOf(first.inputs[2])!.dtype, 'int8');
  t.is(graph.constantOf(first.inputs[2])!.item(), 0); // symmetric
});

test('weights of few bits: rounded on the samples, 4 bits in the file', async (t) => {
  const base = ['quantize', 'float.onnx', '--data', 'digits:20', '--weight-bits', '4', 'fc=8', '-o', 'w4.onnx'];
  const { data } = await json(folder, [...base, '--rounding', 'adaround', '--rounding-iterations', '20', '--rounding-folder', 'layers']);
  t.deepEqual(
    (data.rounding as { name: string; bits: number }[]).map(({ name, bits }) => [name, bits]),
    [
      ['conv', 4],
      ['fc', 8],
    ],
  );
  t.deepEqual(readdirSync(join(folder, 'layers')), ['layer-0000.safetensors', 'layer-0001.safetensors']);
  const { codedWeights } = (await json(folder, ['inspect', 'w4.onnx'])).data;
  t.deepEqual(
    (codedWeights as { bits: number }[]).map(({ bits }) => bits),
    [4, 8],
  );
  const again = await json(folder, [...base, '--rounding', 'leastSquares', '--rounding-folder', 'squares']);
  t.deepEqual(
    (again.data.rounding as { bits: number }[]).map(({ bits }) => bits),
    [4, 8],
  );
  t.is(readdirSync(join(folder, 'squares')).length, 2);
  const { code } = await json(folder, [...base, '--scales', 'powerOfTwo', '--weight-range', 'max', '--weights', 'int8']);
  t.is(code, 0);
});

test('steps around the calibration are reported', async (t) => {
  const base = ['quantize', 'float.onnx', '--data', 'digits:20', '-o', 'steps.onnx'];
  const { data: plain } = await json(folder, base);
  t.deepEqual(plain.steps, {});
  const flags = ['--equalize', '--replace-relu6', '--absorb-bias', '--correct-bias', 'empirical'];
  const { data } = await json(folder, [...base, ...flags]);
  const steps = data.steps as Record<string, Record<string, unknown>>;
  t.deepEqual(keys(steps), ['absorbed', 'corrected', 'equalized', 'replacedRelu6']);
  t.is(steps.corrected.method, 'empirical');
  t.is(steps.corrected.layers, 2);
  const { stdout } = await lowbit(folder, [...base, ...flags]);
  t.regex(
    stdout,
    /\nrelu6 +0 made relu\nequalized +\d layers in \d+ sweeps\nabsorbed +biases of \d layers, at most .+\ncorrected +biases of 2 layers, most by /,
  );
});

test('outlying channels move by the share that was given, or the best', async (t) => {
  const base = ['quantize', 'float.onnx', '--data', 'digits:20', '-o', 'smooth.onnx', '--smooth'];
  for (const flag of [[], ['0.5']]) {
    const { code, data } = await json(folder, [...base, ...flag]);
    t.is(code, 0);
    t.deepEqual(keys(data.steps as object), ['smoothed']);
  }
  t.regex((await lowbit(folder, [...base, '0.5'])).stdout, /\nsmoothed +\d+ values? for \d+ layers?\n/);
  const { code, stderr } = await lowbit(folder, [...base, '1.5']);
  t.is(code, 2);
  t.regex(stderr, /smooth is 1.5, expected true, false or a number from 0 to 1/);
});

test('weights alone, with scales for groups of inputs', async (t) => {
  const base = ['quantize', 'float.onnx', '--data', 'digits:20', '--weight-bits', '4', '-o', 'w4a32.onnx', '--weight-group', '32'];
  const { data } = await json(folder, [...base, '--activations', 'float']);
  t.is(data.quantizedLayers, 0);
  t.deepEqual(
    ((await json(folder, ['inspect', 'w4a32.onnx'])).data.codedWeights as { bits: number }[]).map(({ bits }) => bits),
    [4, 4],
  );
  const { code, stderr } = await lowbit(folder, base);
  t.is(code, 2);
  t.regex(stderr, /weightGroup is 32, expected to be left out because activations are no "float"/);
});

test('layers that read 16 bits are told, and the file says so', async (t) => {
  const base = ['quantize', 'float.onnx', '--data', 'digits:20', '-o', 'wide.onnx'];
  const { data } = await json(folder, [...base, '--activation-bits', '8', 'fc=16']);
  t.is(data.quantizedLayers, 1);
  t.deepEqual(
    (data.floatLayers as { name: string; reason: string }[]).find(({ name }) => name === 'fc')!.reason,
    '16-bit activations, computed in float',
  );
  t.true((await json(folder, ['verify', 'wide.onnx', '--samples', '4'])).data.equal as boolean);
  const { data: all } = await json(folder, [...base, '--activations', 'int16']);
  t.is(all.quantizedLayers, 0);
});

test('low-bit weights are shown, and stay packed unless int8 or int4 is asked for', async (t) => {
  const { stdout } = await lowbit(folder, ['inspect', 'packed.onnx']);
  t.regex(stdout, /in a file +568 bytes 1-bit, 168 bytes float32, 21 bytes int8\n/);
  t.regex(stdout, /layer +bits +grid +weights +size\nconv +1 +uniform +162 +48 bytes\n/);
  const images = join(folder, 'images.npy');
  writeNpy(images, { dtype: 'float32', shape: [4, 3, 7, 7], data: lowbitImages(4).data() as Float32Array });
  const quantized = async (...options: string[]) => {
    const { code } = await json(folder, ['quantize', 'packed.onnx', '--data', 'npy:images.npy', ...options, '-o', 'w1a8.onnx']);
    t.is(code, 0);
    return inspect(importOnnx(join(folder, 'w1a8.onnx'))).codedWeights.map(({ bits }) => bits);
  };
  t.deepEqual(await quantized(), [1, 1, 1, 1]);
  t.deepEqual(await quantized('--weights', 'int4'), [4, 4, 4, 4]);
  t.deepEqual(await quantized('--weights', 'int8'), [8, 8, 8, 8]);
});
