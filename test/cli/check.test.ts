import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { exportOnnx, importOnnx, inspect, lintModel, readModel } from 'lowbit';
import { temporaryFolder } from '../folder.js';
import { lowbitNet } from '../graph/lowbit.js';
import { calibrated, smallNetwork } from '../recipes/models.js';
import { json, lowbit } from './lowbit.js';

const folder = temporaryFolder();

test.before(async () => {
  exportOnnx(lowbitNet({ bits: 1 }), join(folder, 'packed.onnx'), { weights: 'packed' });
  exportOnnx(smallNetwork(), join(folder, 'float.onnx'));
  exportOnnx(await calibrated(smallNetwork()), join(folder, 'int8.onnx'));
});

const narrow = (text: string) => text.split('\n').every((line) => line.length <= 80);
const weightTypes = (name: string) =>
  readModel(join(folder, name))
    .proto.graph!.initializer.filter(({ dims }) => dims.length > 1)
    .map(({ dataType }) => dataType);

test('check says what is wrong, and fails where a target refuses', async (t) => {
  const { code, data } = await json(folder, ['check', 'int8.onnx', '--target', 'ort-node']);
  t.is(code, 0);
  t.deepEqual(Object.keys(data).sort(), ['findings', 'fixes', 'golden', 'output', 'target']);
  const findings = data.findings as { severity: string; op: string; nodes: string[]; fix?: string }[];
  t.deepEqual(
    findings.map(({ severity, op, nodes, fix }) => [severity, op, nodes.length, fix]),
    [
      ['inexact', 'Conv', 1, 'unsignedWeights'],
      ['inexact', 'Gemm', 1, 'unsignedWeights'],
    ],
  );
  t.deepEqual([data.fixes, data.golden, data.output], [[], null, null]);
  const fine = await lowbit(folder, ['check', 'int8.onnx', '--target', 'ort-web-wasm']);
  t.is(fine.stdout, 'onnxruntime-web (wasm) runs this model as it is.\n');
  const { code: refused, stdout } = await lowbit(folder, ['check', 'packed.onnx', '--target', 'generic']);
  t.is(refused, 1);
  t.regex(
    stdout,
    /^refuses: lowbit\.UnpackLevels: .*\n {2}packed weights are lowbit's own, any ONNX runtime does not know them\.\n {2}Write/,
  );
  t.true(narrow(stdout), stdout);
});

test('--fix writes a model that the target has nothing against', async (t) => {
  const { code, stdout } = await lowbit(folder, ['check', 'int8.onnx', '--target', 'ort-node', '--fix', '-o', 'fixed.onnx']);
  t.is(code, 0);
  t.regex(
    stdout,
    /^onnxruntime-node runs this model as it is\.\n\nmended: weights are uint8 with zero point 128\n {2}\S+, \S+\n\nwrote fixed\.onnx\n$/,
  );
  t.deepEqual(lintModel(readModel(join(folder, 'fixed.onnx')), 'ort-node'), []);
  const unpacked = await json(folder, ['check', 'packed.onnx', '--target', 'generic', '--fix', '-o', 'unpacked.onnx']);
  t.is(unpacked.code, 0);
  const bits = inspect(importOnnx(join(folder, 'unpacked.onnx'))).codedWeights.map((weight) => weight.bits);
  t.true(bits.length > 0 && bits.every((n) => n === 8));
});

test('--golden writes outputs of the model that is written', async (t) => {
  const base = ['check', 'int8.onnx', '--target', 'ort-node', '--golden', '2', '--data', 'digits:10'];
  const { data } = await json(folder, [...base, '--fix', '-o', 'shipped.onnx']);
  t.deepEqual(data.golden, { folder: 'shipped.golden', samples: 2, outputs: { logits: { ulps: 64 } } });
  t.is(JSON.parse(readFileSync(join(folder, 'shipped.golden', 'golden.json'), 'utf8')).model, '../shipped.onnx');
  await lowbit(folder, base);
  const { known } = JSON.parse(readFileSync(join(folder, 'int8.golden', 'golden.json'), 'utf8'));
  t.regex(known[0], /^Conv: int8 weights of which two add up to more than 128/);
});

test('mistakes of the command', async (t) => {
  const fails = async (args: readonly string[], message: RegExp) => {
    const { code, stderr } = await lowbit(folder, ['check', 'int8.onnx', ...args]);
    t.is(code, 2);
    t.regex(stderr, message);
  };
  await fails([], /required option '--target <name>'/);
  await fails(['--target', 'tflite'], /Allowed choices are ort-node, ort-web-wasm, ort-web-webgpu, generic/);
  await fails(['--target', 'generic', '--fix'], /required option '-o, --output <file>'/);
  await fails(['--target', 'ort-web-webgpu', '--golden', '2'], /needs a target that runs in Node\.js/);
});

test('quantize --target writes what the target computes exactly', async (t) => {
  const base = ['quantize', 'float.onnx', '--data', 'digits:30', '-o'];
  const { data } = await json(folder, [...base, 'node.onnx', '--target', 'ort-node']);
  const { fixes, findings } = data.target as { fixes: { fix: string }[]; findings: unknown[] };
  t.deepEqual([fixes.map(({ fix }) => fix), findings], [['unsignedWeights'], []]);
  const [int8, uint8] = [3, 2];
  t.deepEqual(weightTypes('node.onnx'), [uint8, uint8]);
  await lowbit(folder, [...base, 'wasm.onnx', '--target', 'ort-web-wasm', '--weight-bits', '4']);
  t.deepEqual(weightTypes('wasm.onnx'), [int8, int8]); // 4 bits would be multiplied as real numbers
  const { stdout } = await lowbit(folder, [...base, 'gpu.onnx', '--target', 'ort-web-webgpu']);
  t.regex(stdout, /\n\nslow: QuantizeLinear: /);
  t.true(narrow(stdout), stdout);
});
