/** What the commands do with models whose weights are low-bit codes. */
import { join } from 'node:path';
import test from 'ava';
import {
  benchModel,
  dataset,
  evaluate,
  exportOnnx,
  Graph,
  importOnnx,
  insertQdq,
  inspect,
  lowerInteger,
  ops,
  packWeights,
  quantize,
  run,
  Tensor,
  toOnnx,
  verifyModel,
} from 'lowbit';
import { temporaryFolder } from '../folder.js';
import { lowbitImages, lowbitNet, lowbitShapes } from '../graph/lowbit.js';
import { randomNumbers } from '../ops/case.js';
import { calibrated, smallNetwork } from './models.js';

const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const elements = lowbitShapes.map(([, shape]) => size(shape));
const biases = 6 + 6 + 4 + 5;
const layers = ['conv', 'depthwise', 'up', 'linear'];

test('inspect names the bits and the packed bytes of each weight', (t) => {
  const found = inspect(lowbitNet({ bits: 2 }));
  // 27, 9, 27 and 676 weights a channel: 64 bits hold 32 of them.
  const bytes = [6 * 8, 6 * 8, 4 * 8, 5 * 176];
  t.deepEqual(
    found.codedWeights,
    layers.map((layer, i) => ({ layer, bits: 2, grid: 'uniform', elements: elements[i], bytes: bytes[i] })),
  );
  const scales = 6 + 6 + 4 + 5;
  t.deepEqual(found.bytesByKind, { '2-bit': bytes.reduce((a, b) => a + b), float32: 4 * (scales + biases), int8: scales });
  t.is(found.parameters, elements.reduce((a, b) => a + b) + biases);
  t.deepEqual(
    found.quantizable.map(({ name, parameters }) => [name, parameters]),
    [
      ['conv', 162 + 6],
      ['depthwise', 54 + 6],
      ['linear', 3380 + 5],
    ],
  );
  t.false(found.quantized);
});

test('inspect of a file with int4 weights, and of plain int8', (t) => {
  const graph = lowbitNet({ bits: 4, grid: 'zero', quantized: true });
  const narrow = inspect(importOnnx(toOnnx(graph, { weights: 'int4' })));
  t.deepEqual(
    narrow.codedWeights,
    layers.map((layer, i) => ({ layer, bits: 4, grid: null, elements: elements[i], bytes: Math.ceil(elements[i] / 2) })),
  );
  // The zero points of each weight are 4 bits as well: 6, 6, 4 and 5 of them.
  const zeros = 3 + 3 + 2 + 3;
  t.is(narrow.bytesByKind['4-bit'], narrow.codedWeights.reduce((sum, { bytes }) => sum + bytes, 0) + zeros);
  const wide = inspect(importOnnx(toOnnx(graph)));
  t.deepEqual([...new Set(wide.codedWeights.map(({ bits, grid }) => `${bits} ${grid}`))], ['8 null']);
  t.false('4-bit' in wide.bytesByKind);
  t.deepEqual([wide.parameters, wide.macs], [narrow.parameters, narrow.macs]);
});

const batches = async function* () {
  yield { image: lowbitImages(16) };
};

test('quantize gives the activations codes and leaves the weights as they are', async (t) => {
  for (const plain of [false, true]) {
    const float = lowbitNet({ bits: 2, plain });
    const { graph, layers: done } = await quantize(float, batches);
    t.deepEqual(
      done.map(({ name, parameters }) => [name, parameters]),
      [
        ['conv', 162 + 6],
        ['depthwise', 54 + 6],
        ['linear', 3380 + 5],
      ],
    );
    t.deepEqual(inspect(graph).codedWeights, inspect(float).codedWeights);
    const image = lowbitImages(4, 9);
    const [want, got] = [float, graph].map((each) => run(each, { image }).y.toNumbers());
    const largest = Math.max(...want.map(Math.abs));
    const worst = Math.max(...want.map((y, i) => Math.abs(y - got[i])));
    t.true(worst > 0 && worst < 0.03 * largest, `${worst} of ${largest}`);
    if (plain)
      t.deepEqual(
        lowerInteger(graph).float.map(({ name }) => name),
        ['up'],
      );
  }
});

test('weights of 1 bit are signs times a mean, and run on packed codes from a file too', async (t) => {
  const float = smallNetwork();
  const flat = await calibrated(float, { weightBits: 1 });
  const graph = packWeights(flat);
  t.deepEqual(
    inspect(graph).codedWeights.map(({ layer, bits, grid }) => [layer, bits, grid]),
    [
      ['conv', 1, 'uniform'],
      ['fc', 1, 'uniform'],
    ],
  );
  for (const layer of ['conv', 'fc']) {
    const [, weight] = flat.nodes.find(({ name }) => name === layer)!.inputs;
    const [codes, scales] = weight.producer!.inputs.map((value) => flat.constantOf(value)!.toNumbers());
    const real = float.constantOf(float.nodes.find(({ name }) => name === layer)!.inputs[1])!.toNumbers();
    const row = real.length / scales.length;
    t.deepEqual(
      codes,
      real.map((w) => (w < 0 ? -1 : 1)),
    );
    for (const [c, scale] of scales.entries()) {
      const mean = real.slice(c * row, (c + 1) * row).reduce((sum, w) => sum + Math.abs(w), 0) / row;
      t.true(Math.abs(scale - mean) < 1e-6 * mean);
    }
  }
  const lowered = lowerInteger(graph);
  t.deepEqual(lowered.float, []);
  t.deepEqual(
    lowered.graph.nodes.filter(({ params }) => params.bits === 1).map(({ op }) => op),
    [ops.lowbitConv2d, ops.lowbitGemm],
  );
  const image = Tensor.from(randomNumbers(4 * 784, 0, 1, 7), [4, 1, 28, 28]);
  const want = run(lowerInteger(flat).graph, { image }).logits.toNumbers();
  t.true(new Set(want).size > 20);
  t.deepEqual(run(lowered.graph, { image }).logits.toNumbers(), want);
  const path = join(temporaryFolder(), 'signs.onnx');
  exportOnnx(graph, path, { weights: 'packed' });
  t.deepEqual(run(lowerInteger(importOnnx(path)).graph, { image }).logits.toNumbers(), want);
  t.deepEqual(run(lowerInteger(importOnnx(toOnnx(flat))).graph, { image }).logits.toNumbers(), want);
});

test('a bias that int32 cannot hold with the scale of given codes stays float', (t) => {
  const graph = new Graph();
  const x = graph.input('x', { dtype: 'float32', shape: [1, 2] });
  const constants = [Tensor.from(Int8Array.of(1, -1), [1, 2]), Tensor.scalar(1e-9), Tensor.scalar(0, 'int8')];
  const w = graph.add(
    ops.dequantize,
    constants.map((tensor) => graph.constant(tensor)),
    { axis: 0 },
  );
  const b = graph.constant(Tensor.from([5]), 'b');
  graph.output('y', graph.add(ops.gemm, [x, w, b], {}, 'fc'));
  const qdq = insertQdq(graph, new Map([['x', { scale: 0.01, zeroPoint: 0, dtype: 'uint8' as const }]]), new Set(['fc']));
  const fc = qdq.nodes.find(({ op }) => op === ops.gemm)!;
  t.deepEqual(qdq.constantOf(fc.inputs[2])!.toNumbers(), [5]);
});

const noise = dataset({
  ...{ description: 'noise', length: 12, hasLabels: true, shape: [3, 7, 7], dtype: 'float32' },
  gather: (numbers) => ({ values: lowbitImages(numbers.length).data() as Float32Array, labels: Int32Array.from(numbers, (n) => n % 5) }),
});

for (const quantized of [false, true]) {
  test(`eval, verify and bench run on packed files, activations ${quantized ? 'uint8' : 'float'}`, async (t) => {
    const path = join(temporaryFolder(), 'packed.onnx');
    const graph = lowbitNet({ bits: 2, quantized });
    exportOnnx(graph, path, { weights: 'packed' });
    const found = await verifyModel(path, { samples: 3 });
    t.true(found.equal && found.rows.length >= 2);
    const packed = importOnnx(path);
    const results = [await evaluate(packed, noise), await evaluate(packed, noise, { mode: 'simulate' })];
    const { top1 } = await evaluate(importOnnx(toOnnx(graph)), noise);
    t.deepEqual(
      results.map((result) => [result.top1, result.mode]),
      [
        [top1, 'integer'],
        [top1, 'simulate'],
      ],
    );
    const timed = await benchModel(path, { seconds: 0.01, threads: [1] });
    t.deepEqual(
      timed.results.filter(({ runtime }) => runtime === 'lowbit').map(({ form }) => form),
      ['fp32', 'int8', 'packed'],
    );
  });
}
