import test from 'ava';
import {
  exportOnnx,
  foldBatchNorm,
  importOnnx,
  insertQdq,
  lowerInteger,
  print,
  type QParams,
  type QuantizedWeight,
  run,
  toOnnx,
} from 'lowbit';
import { faults } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { randomImages, smallNet } from '../graph/graphs.js';

const activations = new Map<string, QParams>([
  ['image', { scale: 2 / 255, zeroPoint: 128, dtype: 'uint8' }],
  ['flat', { scale: 0.02, zeroPoint: 0, dtype: 'uint8' }],
]);
const layers = new Set(['conv', 'linear']);

test('the text of a graph with codes in it', (t) => {
  t.is(
    print(insertQdq(smallNet(), activations, layers)),
    [
      'graph net(image: float32[?, 6, 6, 3])',
      '  image.codes = quantize(image, image.scale: float32[], image.zeroPoint: uint8[]): uint8[?, 6, 6, 3]',
      '  image.dequantized = dequantize(image.codes, image.scale: float32[], image.zeroPoint: uint8[]): float32[?, 6, 6, 3]',
      '  w1 = dequantize(w1.codes: int8[4, 3, 3, 3], w1.scale: float32[4], w1.zeroPoint: int8[4], axis=0): float32[4, 3, 3, 3]',
      '  b1 = dequantize(b1.codes: int32[4], b1.scale: float32[4], b1.zeroPoint: int32[4], axis=0): float32[4]',
      '  conv = conv2d(image.dequantized, w1, b1, pads=[1, 1, 1, 1]): float32[?, 6, 6, 4]',
      '  active = relu(conv): float32[?, 6, 6, 4]',
      '  pool = maxPool2d(active, kernel=[2, 2], strides=[2, 2]): float32[?, 3, 3, 4]',
      '  flat = reshape(pool, shape=[0, -1]): float32[?, 36]',
      '  flat.codes = quantize(flat, flat.scale: float32[], flat.zeroPoint: uint8[]): uint8[?, 36]',
      '  flat.dequantized = dequantize(flat.codes, flat.scale: float32[], flat.zeroPoint: uint8[]): float32[?, 36]',
      '  w2 = dequantize(w2.codes: int8[5, 36], w2.scale: float32[5], w2.zeroPoint: int8[5], axis=0): float32[5, 36]',
      '  b2 = dequantize(b2.codes: int32[5], b2.scale: float32[5], b2.zeroPoint: int32[5], axis=0): float32[5]',
      '  linear = gemm(flat.dequantized, w2, b2): float32[?, 5]',
      '  return y = linear',
    ].join('\n'),
  );
});

for (const perTensor of [false, true]) {
  test(`codes and scales of weights and biases, ${perTensor ? 'one for all' : 'a channel each'}`, (t) => {
    const old = smallNet();
    const graph = insertQdq(old, activations, layers, { perTensor });
    const numbers = (name: string) => graph.constantOf(graph.find(name))!.toNumbers();
    const [w, b] = ['w1', 'b1'].map((name) => old.constantOf(old.find(name))!.toNumbers());
    const row = w.length / 4;
    const most = Array.from({ length: 4 }, (_, c) => Math.max(...w.slice(c * row, (c + 1) * row).map(Math.abs)));
    const scales = (perTensor ? [Math.max(...most)] : most).map((max) => Math.fround(max / 127));
    t.deepEqual(numbers('w1.scale'), scales);
    const at = (c: number) => scales[perTensor ? 0 : c];
    t.deepEqual(
      numbers('w1.codes'),
      w.map((x, i) => Math.round(Math.fround(x / at(Math.floor(i / row))))),
    );
    const products = scales.map((scale) => Math.fround((2 / 255) * scale));
    t.deepEqual(numbers('b1.scale'), products);
    t.deepEqual(
      numbers('b1.codes'),
      b.map((x, c) => Math.round(x / products[perTensor ? 0 : c])),
    );
  });
}

test('the graph with codes is close to the one without, and survives a file', (t) => {
  const graph = insertQdq(foldBatchNorm(smallNet()), activations, layers);
  const image = randomImages(4);
  const want = run(smallNet(), { image }).y.toNumbers();
  const got = run(graph, { image }).y.toNumbers();
  // Half a step of each of the 36 inputs of weights below 1, and half a step of weights on inputs below 4, and the image's.
  for (const [i, value] of want.entries()) t.true(Math.abs(got[i] - value) < 36 * (0.01 + 4 / 254) + 0.5, `${got[i]} for ${value}`);
  t.deepEqual(run(importOnnx(toOnnx(graph)), { image }).y.toNumbers(), got);
});

test('bits by layer: narrow codes that run on integers, and 4 bits in the file', (t) => {
  const graph = insertQdq(smallNet(), activations, layers, { weightBits: new Map([['conv', 4]]) });
  const codes = (name: string) => graph.constantOf(graph.find(name))!.toNumbers();
  t.is(Math.max(...codes('w1.codes').map(Math.abs)), 7);
  t.is(Math.max(...codes('w2.codes').map(Math.abs)), 127);
  const lowered = lowerInteger(graph);
  t.true(['conv', 'linear'].every((name) => lowered.graph.nodes.some((node) => node.name === name && node.op.integer)));
  const image = randomImages(3);
  const want = run(lowered.graph, { image }).y.toNumbers();
  const path = `${temporaryFolder()}/w4.onnx`;
  const { weights } = exportOnnx(graph, path, { weights: 'int4' });
  t.deepEqual(
    weights.map(({ layer, type }) => [layer, type]),
    [
      ['conv', 'int4'],
      ['linear', 'int8'],
    ],
  );
  t.deepEqual(run(lowerInteger(importOnnx(path)).graph, { image }).y.toNumbers(), want);
});

test('powers of two for weights', (t) => {
  const graph = insertQdq(smallNet(), activations, layers, { scales: 'powerOfTwo' });
  for (const name of ['w1.scale', 'w2.scale']) {
    for (const scale of graph.constantOf(graph.find(name))!.toNumbers()) t.true(Number.isInteger(Math.log2(scale)));
  }
});

const given: QuantizedWeight = { codes: Int8Array.from({ length: 180 }, (_, i) => (i % 15) - 7), scales: Float32Array.of(0.5, 1, 2, 3, 4) };

test('a weight that is given keeps its codes and scales, and the bias gets theirs', (t) => {
  const graph = insertQdq(smallNet(), activations, layers, { weightBits: 4, weights: new Map([['linear', given]]) });
  const numbers = (name: string) => graph.constantOf(graph.find(name))!.toNumbers();
  t.deepEqual(numbers('w2.codes'), [...given.codes]);
  t.deepEqual(numbers('w2.scale'), [...given.scales]);
  t.deepEqual(
    numbers('b2.scale'),
    [...given.scales].map((s) => Math.fround(0.02 * s)),
  );
});

for (const [what, weight, message] of [
  ['too few codes', { ...given, codes: new Int8Array(9) }, /given for "linear" has 9 codes, expected 180/],
  ['scales for other channels', { ...given, scales: Float32Array.of(1, 2) }, /has 2 scales, expected 1 or 5/],
  ['codes beyond the bits', { ...given, codes: given.codes.with(3, -8) }, /has the code -8, those of 4 bits are -7 to 7/],
  ['a scale of nothing', { ...given, scales: Float32Array.of(1, 1, 0, 1, 1) }, /has the scale 0/],
  ['a scale that is no number', { ...given, scales: Float32Array.of(Number.NaN) }, /has the scale NaN/],
] as const) {
  test(`a weight that does not fit: ${what}`, (t) =>
    faults(
      t,
      () => insertQdq(smallNet(), activations, layers, { weightBits: 4, weights: new Map([['linear', weight as QuantizedWeight]]) }),
      'data',
      message,
    ));
}

test('bits that no weight can have', (t) =>
  faults(
    t,
    () => insertQdq(smallNet(), activations, layers, { weightBits: 5 as never }),
    'option',
    /weightBits is 5, expected one of 1, 2, 3, 4, 8/,
  ));
