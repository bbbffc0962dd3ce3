/** The command where parts of an installation are missing, or a stand-in for onnxruntime-node is found. */
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import test from 'ava';
import { exportOnnx } from 'lowbit';
import { temporaryFolder } from '../folder.js';
import { lowbitNet } from '../graph/lowbit.js';
import { calibrated, smallNetwork } from '../recipes/models.js';
import { json, lowbit, script } from './lowbit.js';

const root = dirname(dirname(script));

/** A copy of the package, without the addon, as in a fresh clone that has been compiled in part. */
function copyOfPackage(...parts: string[]): string {
  const folder = temporaryFolder();
  for (const part of ['package.json', 'bin', ...parts]) cpSync(join(root, part), join(folder, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

test('without dist the command says how to build it', async (t) => {
  const folder = copyOfPackage();
  const { code, stderr } = await lowbit(folder, ['doctor'], { file: join(folder, 'bin', 'lowbit.js') });
  t.is(code, 3);
  t.regex(stderr, /not built yet: run `npm install && npm run compile`/);
});

test('without the addon every command says how to build it', async (t) => {
  const folder = copyOfPackage('dist');
  const there = join(folder, 'bin', 'lowbit.js');
  const doctor = await lowbit(folder, ['doctor', '--json'], { file: there });
  t.is(doctor.code, 1);
  t.is(JSON.parse(doctor.stdout).addon, null);
  t.regex(JSON.parse(doctor.stdout).problem, /npx lowbit build/);
  const demo = await lowbit(folder, ['demo'], { file: there });
  t.is(demo.code, 3);
  t.regex(demo.stderr, /native addon could not be loaded.*npx lowbit build/);
});

/** onnxruntime-node's interface over our own float execution of the file; `change` may spoil an output. */
const standIn = (change: string) => `
const { importOnnx, run, Tensor } = require(${JSON.stringify(root)});
class Made { constructor(type, data, dims) { Object.assign(this, { type, data, dims }); } }
const change = ${change};
exports.Tensor = Made;
exports.InferenceSession = {
  async create(file) {
    const graph = importOnnx(file);
    if (graph.nodes.some(({ op }) => op.name === 'unpackLevels')) throw new Error('domain lowbit is not known');
    return {
      async run(feeds) {
        const inputs = Object.entries(feeds).map(([name, { data, dims, type }]) => [name, Tensor.from(data, dims, type)]);
        const outputs = Object.entries(run(graph, Object.fromEntries(inputs)));
        return Object.fromEntries(outputs.map(([name, tensor]) => [name, change(name, new Made(tensor.dtype, tensor.data(), tensor.shape))]));
      },
      async release() {},
    };
  },
};`;

async function userFolder(change: string): Promise<string> {
  const folder = temporaryFolder();
  const place = join(folder, 'node_modules', 'onnxruntime-node');
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, 'package.json'), '{"name":"onnxruntime-node","version":"9.8.7","main":"index.js"}');
  writeFileSync(join(place, 'index.js'), standIn(change));
  exportOnnx(await calibrated(smallNetwork()), join(folder, 'int8.onnx'));
  return folder;
}

function isInstalled(): boolean {
  try {
    createRequire(script).resolve('onnxruntime-node');
    return true;
  } catch {
    return false;
  }
}

const withStandIn = isInstalled() ? test.skip : test;

withStandIn('onnxruntime of the folder that the user is in is compared with (skipped where the package is installed here)', async (t) => {
  const same = await json(await userFolder('(name, tensor) => tensor'), ['verify', 'int8.onnx']);
  const { version, maxSteps, tensors, argmaxAgreement, samples } = same.data.onnxruntime as Record<string, number | string>;
  t.is(version, '9.8.7');
  t.true(Number(maxSteps) <= 1, String(maxSteps)); // floats and integers round differently at ties
  t.true(Number(tensors) >= 3);
  t.is(argmaxAgreement, 1);
  t.is(samples, 16);
});

withStandIn('a code that is off and an answer that is another are seen', async (t) => {
  const change = `(name, tensor) => {
    if (name === 'logits') tensor.data = tensor.data.map((x) => -x);
    if (name === 'relu.codes') tensor.data[5] ^= 128;
    return tensor;
  }`;
  const folder = await userFolder(change);
  const { code, data } = await json(folder, ['verify', 'int8.onnx']);
  const { maxSteps, worst, argmaxAgreement } = data.onnxruntime as Record<string, number | string>;
  t.is(code, 0); // another runtime may differ
  t.true(Number(maxSteps) >= 127 && Number(maxSteps) <= 129, String(maxSteps));
  t.is(worst, 'relu.codes');
  t.true(Number(argmaxAgreement) < 0.2);
  t.regex((await lowbit(folder, ['verify', 'int8.onnx'])).stdout, /onnxruntime 9\.8\.7: codes at most 1\d\d steps away \(relu\.codes\)/);
});

withStandIn('it gets packed weights in a form that it knows', async (t) => {
  const folder = await userFolder('(name, tensor) => tensor');
  exportOnnx(lowbitNet({ bits: 2, quantized: true }), join(folder, 'packed.onnx'), { weights: 'packed' });
  const { data } = await json(folder, ['verify', 'packed.onnx', '--samples', '3']);
  const { maxSteps, tensors, argmaxAgreement } = data.onnxruntime as Record<string, number>;
  t.deepEqual([tensors, argmaxAgreement], [4, 1]);
  t.true(maxSteps <= 1, String(maxSteps)); // floats and integers round differently at ties
  const { code } = await json(folder, ['bench', 'packed.onnx', '--threads', '1', '--time', '0.01']);
  t.is(code, 0);
});

withStandIn('bench has rows for it, and says what is slower', async (t) => {
  const folder = await userFolder('(name, tensor) => tensor');
  const { data } = await json(folder, ['bench', 'int8.onnx', '--threads', '1', '--time', '0.01']);
  t.deepEqual(
    (data.results as { runtime: string; form: string }[]).map(({ runtime, form }) => `${runtime} ${form}`),
    ['lowbit fp32', 'lowbit int8', 'onnxruntime fp32', 'onnxruntime int8'],
  );
  t.is((data.versions as { onnxruntime: string }).onnxruntime, '9.8.7');
  const { stdout } = await lowbit(folder, ['bench', 'int8.onnx', '--threads', '1', '--time', '0.01']);
  t.regex(stdout, /Nothing here is slower than onnxruntime 9\.8\.7|Slower than onnxruntime 9\.8\.7 or our own with more bits:\n/);
});

withStandIn('a model that it does not open is named, and ours are timed', async (t) => {
  const folder = await userFolder('(name, tensor) => tensor');
  const place = join(folder, 'node_modules', 'onnxruntime-node', 'index.js');
  writeFileSync(place, 'exports.InferenceSession = { async create() { throw new Error("no such operator"); } };');
  const { stdout, code } = await lowbit(folder, ['bench', 'int8.onnx', '--threads', '1', '--time', '0.01']);
  t.is(code, 0);
  t.regex(stdout, /lowbit int8 [\s\S]*\nno onnxruntime fp32: no such operator\nno onnxruntime int8: no such operator\n/);
});

withStandIn('without it bench says how to install it', async (t) => {
  const folder = temporaryFolder();
  exportOnnx(smallNetwork(), join(folder, 'float.onnx'));
  const { stdout, code } = await lowbit(folder, ['bench', 'float.onnx', '--threads', '1', '--time', '0.01']);
  t.is(code, 0);
  t.regex(stdout, /\nonnxruntime-node is not installed: `npm install onnxruntime-node` adds the\ncomparison/);
  const { data } = await json(folder, ['bench', 'float.onnx', '--threads', '1', '--time', '0.01']);
  t.is((data.versions as { onnxruntime: string | null }).onnxruntime, null);
});
