import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import test from 'ava';
import { exportOnnx, gemm, importOnnx, lowerInteger, readNpy, run, softmax, Tensor, writeGolden, writeModel } from 'lowbit';
import { faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { repositoryRoot } from '../shared.js';
import { codedLayer } from '../targets/files.js';
import { calibrated, smallNetwork, someDigits } from './models.js';

const folder = temporaryFolder();
const path = join(folder, 'small.onnx');

test.before(async () => {
  exportOnnx(await calibrated(smallNetwork()), path);
});

/** A folder with a package onnxruntime-node that is our own execution; `change` may spoil an output. */
function userFolder(change = '(tensor) => tensor'): string {
  const standIn = `
    const { importOnnx, lowerInteger, run, Tensor } = require(${JSON.stringify(repositoryRoot())});
    class Made { constructor(type, data, dims) { Object.assign(this, { type, data, dims }); } }
    const change = ${change};
    exports.Tensor = Made;
    exports.InferenceSession = { async create(file) {
      const { graph } = lowerInteger(importOnnx(file));
      return { async run(feeds) {
        const inputs = Object.entries(feeds).map(([name, { data, dims, type }]) => [name, Tensor.from(data, dims, type)]);
        const outputs = Object.entries(run(graph, Object.fromEntries(inputs)));
        return Object.fromEntries(outputs.map(([name, tensor]) => [name, change(new Made(tensor.dtype, tensor.data(), tensor.shape), name)]));
      } };
    } };`;
  return temporaryFolder({
    'node_modules/onnxruntime-node/package.json': '{"name":"onnxruntime-node","version":"9.8.7","main":"index.js"}',
    'node_modules/onnxruntime-node/index.js': standIn,
  });
}

function check(golden: string, cwd: string, env: NodeJS.ProcessEnv = { NODE_PATH: '' }) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(golden, 'check.mjs')], {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { status, stdout: stdout.trim(), stderr };
}

test.serial('inputs and outputs of the integer kernels', async (t) => {
  const seen: number[] = [];
  const golden = await writeGolden(path, { dataset: someDigits(), samples: 3, onProgress: (done) => seen.push(done) });
  t.deepEqual(golden, { folder: join(folder, 'small.golden'), samples: 3, outputs: { logits: { ulps: 64 } } });
  t.deepEqual(seen, [1, 2, 3]);
  t.deepEqual(readdirSync(golden.folder).sort(), [
    ...[
      '0.input.0.npy',
      '0.output.0.npy',
      '1.input.0.npy',
      '1.output.0.npy',
      '2.input.0.npy',
      '2.output.0.npy',
      'check.mjs',
      'golden.json',
    ],
  ]);
  const { graph } = lowerInteger(importOnnx(path));
  const image = readNpy(join(golden.folder, '1.input.0.npy'));
  t.deepEqual(image.shape, [1, 1, 28, 28]);
  const { logits } = run(graph, { image: Tensor.from(image.data, image.shape, image.dtype) });
  t.deepEqual(readNpy(join(golden.folder, '1.output.0.npy')).data, logits.data());
  t.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('.')),
    [],
  );
});

test.serial('the script says equal, or what differs first', async (t) => {
  const { folder: golden } = await writeGolden(path, { samples: 2, known: ['Add: rounds twice'] });
  t.deepEqual(check(golden, userFolder()), { status: 0, stdout: 'equal', stderr: '' });
  const off = check(golden, userFolder('(tensor) => { tensor.data[3] += 0.001; return tensor; }'));
  t.is(off.status, 1);
  t.regex(off.stdout, /^sample 0, output logits\[3\] is \S+, expected \S+ \(64 ulps allowed\)\nknown of this runtime: Add: rounds twice$/);
  t.regex(check(golden, userFolder('(tensor) => { tensor.dims = [10]; return tensor; }')).stdout, /logits is of shape 10, expected 1,10/);
  t.regex(check(golden, userFolder('(tensor) => { tensor.type = "int8"; return tensor; }')).stdout, /logits is int8, expected float32/);
  const none = check(golden, folder);
  t.is(none.status, 1);
  t.is(none.stdout, 'onnxruntime-node is not installed: npm install onnxruntime-node');
});

test.serial('outputs of another model are not compared', async (t) => {
  const other = join(folder, 'other.onnx');
  exportOnnx(await calibrated(smallNetwork()), other);
  const { folder: golden } = await writeGolden(other, { samples: 1 });
  exportOnnx(await calibrated(smallNetwork(), { perTensor: true }), other);
  t.is(check(golden, userFolder()).stdout, '../other.onnx is not the model that these outputs are of');
});

test.serial('real arithmetic behind the last codes may differ in the last places', async (t) => {
  const graph = smallNetwork();
  const soft = join(folder, 'soft.onnx');
  graph.output('shares', graph.add(softmax, [graph.outputs[0].value], { axis: 1 }, 'softmax'));
  exportOnnx(await calibrated(graph), soft);
  const golden = await writeGolden(soft, { samples: 1 });
  t.deepEqual(golden.outputs, { logits: { ulps: 64 }, shares: { ulps: 64 } });
  const scaled = (ulps: number) =>
    `(tensor, name) => { if (name === 'shares') tensor.data[0] += ${ulps} * 2 ** -23 * Math.max(...tensor.data); return tensor; }`;
  t.is(check(golden.folder, userFolder(scaled(32))).stdout, 'equal');
  t.regex(check(golden.folder, userFolder(scaled(96))).stdout, /shares\[0\]/);
});

test.serial('outputs that are codes times a scale may not', async (t) => {
  const coded = join(folder, 'coded.onnx');
  writeModel(coded, codedLayer({ weights: [127, -3, 5, 7] }));
  const golden = await writeGolden(coded, { samples: 1 });
  t.deepEqual(golden.outputs, { y: { ulps: 0 } });
  t.is(check(golden.folder, userFolder()).stdout, 'equal');
  t.regex(
    check(golden.folder, userFolder('(tensor) => { tensor.data[0] *= 1 + 2 ** -23; return tensor; }')).stdout,
    /y\[0\].*\(0 ulps allowed\)/,
  );
});

test.serial('real numbers between codes are named', async (t) => {
  const graph = smallNetwork();
  const [{ value }] = graph.outputs;
  const weight = graph.constant(
    Tensor.from(
      Float32Array.from({ length: 30 }, (_, i) => i - 15),
      [3, 10],
    ),
    'last.w',
  );
  const bias = graph.constant(Tensor.from(new Float32Array(3)), 'last.b');
  graph.output('last', graph.add(gemm, [graph.add(softmax, [value], { axis: 1 }, 'softmax'), weight, bias], {}, 'last'));
  const between = join(folder, 'between.onnx');
  exportOnnx(await calibrated(graph), between);
  const known = async (model: string): Promise<string[]> => {
    const { folder: golden } = await writeGolden(model, { samples: 1 });
    return JSON.parse(readFileSync(join(golden, 'golden.json'), 'utf8')).known;
  };
  t.deepEqual(await known(between), ['real numbers between codes (softmax) may be rounded to other codes']);
  t.deepEqual(await known(path), []);
});

test.serial('a folder of an earlier call is replaced, any other is kept', async (t) => {
  const copy = join(folder, 'again.onnx');
  writeFileSync(copy, readFileSync(path));
  await writeGolden(copy, { samples: 2 });
  const { folder: golden } = await writeGolden(copy, { samples: 1 });
  t.false(existsSync(join(golden, '1.input.0.npy')));
  const taken = join(folder, 'taken.onnx');
  writeFileSync(taken, readFileSync(path));
  mkdirSync(join(folder, 'taken.golden'));
  await faultsLater(t, () => writeGolden(taken), 'file', /taken\.golden: this is there already, and has no golden\.json/);
  t.deepEqual(readdirSync(join(folder, 'taken.golden')), []);
});

test.serial('what has no codes is refused', async (t) => {
  const float = join(folder, 'float.onnx');
  exportOnnx(smallNetwork(), float);
  await faultsLater(t, () => writeGolden(float), 'data', /float\.onnx: the model has no quantized values/);
  await faultsLater(t, () => writeGolden(path, { samples: 0 }), 'option', /samples is 0/);
  t.false(existsSync(join(folder, 'float.golden')));
});

for (const runtime of ['onnxruntime-node', 'onnxruntime-web'] as const) {
  const there = isInstalled(runtime);
  (there ? test.serial : test.serial.skip)(
    `${runtime} gives equal outputs${there ? '' : ` (skipped: ${runtime} is not installed)`}`,
    async (t) => {
      const { folder: golden } = await writeGolden(path, { dataset: someDigits(), samples: 4, package: runtime });
      t.is(check(golden, repositoryRoot(), {}).stdout, 'equal');
    },
  );
}

function isInstalled(name: string): boolean {
  try {
    createRequire(join(repositoryRoot(), 'package.json')).resolve(name);
    return true;
  } catch {
    return false;
  }
}
