#!/usr/bin/env node
// Runs the model that golden.json names on the inputs beside it, in onnxruntime, and compares with the outputs that lowbit's integer kernels
// gave. Prints "equal", or the first difference and exits with 1. Needs nothing but the package that golden.json names:
// `npm install onnxruntime-node` (or onnxruntime-web), here or in the folder that this is called from.
//
// Equal means: every output element that is a code, or a code times its scale, is the same number. Outputs that real arithmetic makes behind the
// last codes (a last layer without codes, softmax) may differ by `ulps` units in the last place of their largest element; golden.json
// says which and how many.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const golden = JSON.parse(readFileSync(join(folder, 'golden.json'), 'utf8'));

/** By NumPy's names: onnxruntime's names, and the arrays that hold such elements. */
const types = {
  ...{ f4: ['float32', Float32Array], f8: ['float64', Float64Array], f2: ['float16', Uint16Array], b1: ['bool', Uint8Array] },
  ...{ i1: ['int8', Int8Array], i2: ['int16', Int16Array], i4: ['int32', Int32Array], i8: ['int64', BigInt64Array] },
  ...{ u1: ['uint8', Uint8Array], u2: ['uint16', Uint16Array], u4: ['uint32', Uint32Array], u8: ['uint64', BigUint64Array] },
};

process.exitCode = (await firstDifference().then(report, report)) ? 1 : 0;

function report(problem) {
  console.log(problem === undefined ? 'equal' : (problem.message ?? problem));
  return problem !== undefined;
}

async function firstDifference() {
  const path = join(folder, golden.model);
  const bytes = readFileSync(path);
  if (createHash('sha256').update(bytes).digest('hex') !== golden.sha256)
    return `${golden.model} is not the model that these outputs are of`;
  const { InferenceSession, Tensor } = runtime();
  // On one thread; WebAssembly has no files.
  const session = await InferenceSession.create(golden.package === 'onnxruntime-web' ? bytes : path, {
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  for (const [number, { inputs, outputs }] of golden.samples.entries()) {
    const fed = Object.entries(inputs).map(([name, file]) => {
      const { type, shape, data } = readNpy(file);
      return [name, new Tensor(type, data, shape)];
    });
    const came = await session.run(Object.fromEntries(fed));
    for (const [name, file] of Object.entries(outputs)) {
      const where = differs(readNpy(file), came[name], golden.outputs[name].ulps);
      if (where)
        return [`sample ${number}, output ${name}${where}`, ...golden.known.map((why) => `known of this runtime: ${why}`)].join('\n');
    }
  }
  return undefined;
}

function runtime() {
  for (const place of [import.meta.url, join(process.cwd(), 'package.json')]) {
    try {
      const found = createRequire(place)(golden.package);
      if (found.env?.wasm) found.env.wasm.numThreads = 1;
      return found;
    } catch (error) {
      if (error.code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  throw new Error(`${golden.package} is not installed: npm install ${golden.package}`);
}

function differs(expected, came, ulps) {
  if (`${came.dims}` !== `${expected.shape}`) return ` is of shape ${came.dims}, expected ${expected.shape}`;
  if (came.type !== expected.type) return ` is ${came.type}, expected ${expected.type}`;
  const allowed = ulps === 0 ? 0 : ulps * 2 ** -23 * expected.data.reduce((most, value) => Math.max(most, Math.abs(Number(value))), 0);
  const same = (a, b) => Object.is(a, b) || a === b || Math.abs(Number(a) - Number(b)) <= allowed;
  const at = expected.data.findIndex((value, i) => !same(value, came.data[i]));
  return at < 0 ? undefined : `[${at}] is ${came.data[at]}, expected ${expected.data[at]} (${ulps} ulps allowed)`;
}

/** NumPy's .npy files, as far as they are used here: little-endian, row-major. */
function readNpy(file) {
  const bytes = readFileSync(join(folder, file));
  const start = 10 + bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, start);
  const [type, Data] = types[/'descr': '[<|](..)'/.exec(header)[1]];
  const shape = /'shape': \(([^)]*)\)/
    .exec(header)[1]
    .split(',')
    .filter((n) => n.trim() !== '');
  return { type, shape: shape.map(Number), data: new Data(new Uint8Array(bytes.subarray(start)).buffer) };
}
