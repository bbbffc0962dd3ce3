/**
 * `npm run bench:lowbit [-- size ...]`: a linear layer of packed weights, one row and 128 rows of float32 by (size, size) weights, 4096 unless
 * said otherwise; one thread. In turns with onnxruntime where onnxruntime-node is installed here: MatMulNBits (accuracy level 4: activations of
 * 8 bits) on the same weights, in blocks of 128 and of 32, and for 8 bits DynamicQuantizeLinear with MatMulInteger. It finds the scale of the
 * activations in every run; ours is a constant, as calibration leaves it. CPU time, medians.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  compile,
  lowbitGemm,
  type NodeProto,
  onnxMessage,
  ops,
  packedRowBytes,
  qgemm,
  Tensor,
  type TensorData,
  tensorToProto,
  threads,
  trace,
  writeModel,
} from 'lowbit';
import { howToInstall, loadOnnxRuntime } from '../lib/recipes/onnxruntime.js';
import { Tensor as FileInput } from '../lib/tensor.js';

const sizes = process.argv.slice(2).map(Number);
const rounds = 11;
const leastMs = 8; // of a round
const scale = 2 ** -12; // of weights
const step = 2 ** -6; // of activations

interface Contender {
  name: string;
  bits: number;
  run(): TensorData | Promise<TensorData>;
  milliseconds: number[];
}

const contender = (name: string, bits: number, run: Contender['run']): Contender => ({ name, bits, run, milliseconds: [] });
const same = (shape: number[], value: number) => Tensor.from(new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value), shape);

/** Codes in rows of bytes, low bits first: of `bits` each, or int8. Those of the grid 'zero' are what MatMulNBits reads. */
function weights(size: number, bits: number): Tensor {
  const row = bits === 8 ? size : packedRowBytes(size, bits);
  const bytes = Uint8Array.from({ length: size * row }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 24);
  return bits === 8 ? Tensor.from(new Int8Array(bytes.buffer), [size, row]) : Tensor.from(bytes, [size, row]);
}

function ours(x: Float32Array, rows: number, size: number, bits: number): Contender {
  const given = Tensor.from(x, [rows, size]);
  const [w, bias, factors] = [weights(size, bits), Tensor.from(new Int32Array(size)), same([size], scale * step)];
  const zero = Tensor.from(new Uint8Array([128]), []);
  const params = { aZero: 128, qmin: 0, qmax: 255, dtype: 'float32' } as const;
  const layer = (a: Tensor) =>
    bits === 8
      ? qgemm(a, w, bias, factors, params)
      : lowbitGemm(a, w, bias, factors, { ...params, bits, grid: bits === 1 ? 'uniform' : 'zero' });
  const session = compile(
    trace(({ a }) => layer(ops.quantize(a, same([], step), zero)), { a: given }),
    {},
  );
  const [name] = session.outputs;
  const y = new Float32Array(rows * size);
  return contender('lowbit', bits, () => session.runSync({ a: x }, { outputs: { [name]: y } })[name]);
}

const node = (opType: string, input: string[], output: string[], ints: Record<string, number> = {}, domain = '') =>
  onnxMessage('NodeProto', {
    opType,
    input,
    output,
    domain,
    attribute: Object.entries(ints).map(([name, i]) => onnxMessage('AttributeProto', { name, i: BigInt(i), type: 2 })),
  });

function real(name: string, shape: number[]) {
  const dim = shape.map((n) => onnxMessage('TensorShapeProto.Dimension', { value: { case: 'dimValue', value: BigInt(n) } }));
  const tensorType = onnxMessage('TypeProto.Tensor', { elemType: 1, shape: onnxMessage('TensorShapeProto', { dim }) });
  return onnxMessage('ValueInfoProto', { name, type: onnxMessage('TypeProto', { value: { case: 'tensorType', value: tensorType } }) });
}

/** A model of nodes from x to y. */
function writeNodes(path: string, nodes: NodeProto[], constants: Record<string, Tensor>, rows: number, size: number): void {
  const initializer = Object.entries(constants).map(([name, tensor]) => tensorToProto(name, tensor.dtype, tensor.shape, tensor.data()));
  const [x, y] = ['x', 'y'].map((name) => real(name, [rows, size]));
  const graph = onnxMessage('GraphProto', { name: 'layer', node: nodes, initializer, input: [x], output: [y] });
  const opsetImport = [
    { domain: '', version: 13n },
    { domain: 'com.microsoft', version: 1n },
  ].map((opset) => onnxMessage('OperatorSetIdProto', opset));
  writeModel(path, { proto: onnxMessage('ModelProto', { irVersion: 8n, opsetImport, graph }) });
}

function writeBlocks(path: string, rows: number, size: number, bits: number, block: number): void {
  const packed = weights(size, bits);
  const attributes = { K: size, N: size, bits, block_size: block, accuracy_level: 4 };
  const constants = {
    w: Tensor.from(packed.data() as Uint8Array, [size, size / block, (block * bits) / 8]),
    s: same([(size * size) / block], scale),
  };
  writeNodes(path, [node('MatMulNBits', ['x', 'w', 's'], ['y'], attributes, 'com.microsoft')], constants, rows, size);
}

function writeDynamic(path: string, rows: number, size: number): void {
  const from = weights(size, 8).data() as Int8Array;
  const turned = Int8Array.from({ length: size * size }, (_, i) => from[(i % size) * size + Math.floor(i / size)]);
  const nodes = [
    node('DynamicQuantizeLinear', ['x'], ['q', 'qs', 'qz']),
    node('MatMulInteger', ['q', 'w', 'qz'], ['sums']),
    node('Cast', ['sums'], ['real'], { to: 1 }),
    node('Mul', ['qs', 's'], ['factor']),
    node('Mul', ['real', 'factor'], ['y']),
  ];
  writeNodes(path, nodes, { w: Tensor.from(turned, [size, size]), s: same([1], scale) }, rows, size);
}

async function theirs(folder: string, x: Float32Array, rows: number, size: number): Promise<Contender[]> {
  const runtime = loadOnnxRuntime();
  if (!runtime) return [];
  const open = async (name: string, bits: number, write: (path: string) => void) => {
    const path = join(folder, 'layer.onnx');
    write(path);
    const run = (await runtime.open(path, 1)).prepare({ x: FileInput.from(x, [rows, size]) });
    return contender(`onnxruntime, ${name}`, bits, async () => (await run()).y.data);
  };
  const all = [await open('dynamic', 8, (path) => writeDynamic(path, rows, size))];
  for (const bits of [4, 2]) {
    for (const block of [128, 32]) {
      all.push(await open(`blocks of ${block}`, bits, (path) => writeBlocks(path, rows, size, bits, block)));
    }
  }
  return all;
}

const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

async function race(all: readonly Contender[]): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    // Another one is the first in each round: what collects garbage now and then does not always meet the same.
    for (const [i] of all.entries()) {
      const { run, milliseconds } = all[(round + i) % all.length];
      await run(); // brings its weights back into the cache
      const start = cpuMs();
      let runs = 0;
      for (; cpuMs() - start < leastMs; runs++) await run();
      milliseconds.push((cpuMs() - start) / runs);
    }
  }
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** The largest difference, as a share of the largest number. */
function distance(a: TensorData, b: TensorData): number {
  let [most, far] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    most = Math.max(most, Math.abs(Number(a[i])));
    far = Math.max(far, Math.abs(Number(a[i]) - Number(b[i])));
  }
  return far / most;
}

async function table(folder: string, rows: number, size: number): Promise<void> {
  const x = Float32Array.from({ length: rows * size }, (_, i) => Math.sin(i * i) * 127 * step);
  const own = [8, 4, 2, 1].map((bits) => ours(x, rows, size, bits));
  const rivals = await theirs(folder, x, rows, size);
  for (const { name, bits, run } of rivals) {
    const far = distance(await own.find((one) => one.bits === bits)!.run(), await run());
    if (far > 0.02) throw new Error(`${name}, ${bits} bits: other numbers, ${far} apart`);
  }
  const all = [...own, ...rivals];
  await race(all);
  console.log(
    `\n${`${rows} × ${size} × ${size}`.padEnd(32)}${'ms'.padStart(8)}${'GOP/s'.padStart(8)}${'GB/s'.padStart(8)}  lowbit is faster by`,
  );
  for (const { name, bits, milliseconds } of all.sort((a, b) => b.bits - a.bits)) {
    const ms = median(milliseconds);
    const rates = [(2 * rows * size ** 2) / ms / 1e6, (size ** 2 * bits) / 8 / ms / 1e6]
      .map((rate) => rate.toFixed(0).padStart(8))
      .join('');
    const ratio = name === 'lowbit' ? '' : `  ${(ms / median(own.find((one) => one.bits === bits)!.milliseconds)).toFixed(2)}`;
    console.log(`${`${bits} bits, ${name}`.padEnd(32)}${ms.toFixed(3).padStart(8)}${rates}${ratio}`);
  }
}

threads(1);
if (!loadOnnxRuntime()) console.log(howToInstall);
const folder = mkdtempSync(join(tmpdir(), 'lowbit-bench-'));
try {
  for (const size of sizes.length ? sizes : [4096]) for (const rows of [1, 128]) await table(folder, rows, size);
} finally {
  rmSync(folder, { recursive: true });
}
