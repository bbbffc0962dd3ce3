/** Activations with codes of 16 bits. */
import { join } from 'node:path';
import test from 'ava';
import {
  type Dtype,
  exportOnnx,
  type Graph,
  importOnnx,
  inspect,
  lowerInteger,
  observer,
  observerNames,
  ops,
  type QuantizeOptions,
  qparamsOf,
  quantize,
  readModel,
  referenceRows,
  run,
  Tensor,
  verifyModel,
} from 'lowbit';
import { faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { randomImages, smallNet } from '../graph/graphs.js';
import { randomNumbers } from '../ops/case.js';

const folder = temporaryFolder();
const reason = '16-bit activations, computed in float';

const batches = async function* () {
  yield { image: randomImages(20) };
};
const outputs = (graph: Graph, row?: typeof referenceRows) => run(graph, { image: randomImages(6, 3) }, { row }).y.toNumbers();
const error = (want: readonly number[], got: readonly number[]) => Math.max(...want.map((y, i) => Math.abs(y - got[i])));
const typesOf = (graph: Graph) =>
  Object.fromEntries(
    graph.nodes.filter(({ op }) => op === ops.quantize).map(({ inputs }) => [inputs[0].name, graph.constantOf(inputs[2])!.dtype]),
  );

test('scales and zero points are those of 65 536 codes', (t) => {
  const range = { min: -1.5, max: 4.5 };
  const step = Math.fround(6 / 65535);
  t.deepEqual(qparamsOf(range, 'uint16', false), { scale: step, zeroPoint: Math.round(1.5 / step), dtype: 'uint16' });
  t.deepEqual(qparamsOf(range, 'int16', false), { scale: step, zeroPoint: Math.round(-32768 + 1.5 / step), dtype: 'int16' });
  t.deepEqual(qparamsOf(range, 'uint16', true), { scale: Math.fround(4.5 / 32767), zeroPoint: 32768, dtype: 'uint16' });
  t.deepEqual(qparamsOf(range, 'int16', true), { scale: Math.fround(4.5 / 32767), zeroPoint: 0, dtype: 'int16' });
  t.deepEqual(qparamsOf({ min: 0, max: 1 }, 'uint16', true), { scale: Math.fround(1 / 65535), zeroPoint: 0, dtype: 'uint16' });
});

test('observers that weigh steps against the range need not clip', (t) => {
  const numbers = Tensor.from([...randomNumbers(4000, -0.1, 0.1, 1), -3, 4], [4002]);
  for (const name of observerNames.filter((each) => ['minmax', 'entropy', 'mse'].includes(each))) {
    const watch = observer(name, {});
    watch.observe(numbers);
    t.deepEqual(watch.range('int16', false), { min: -3, max: 4 }, name);
    if (name === 'mse') t.true(watch.range('int8', false).max < 4, name);
  }
});

for (const activations of ['uint16', 'int16'] as const) {
  test(`${activations} everywhere: hundred times closer, and every layer that is float is told`, async (t) => {
    const [narrow, wide] = [await quantize(smallNet(), batches), await quantize(smallNet(), batches, { activations })];
    t.deepEqual([...new Set(Object.values(typesOf(wide.graph)))], [activations]);
    t.deepEqual(
      wide.float.filter(({ op }) => op === 'conv2d' || op === 'gemm'),
      [
        { name: 'conv', op: 'conv2d', reason },
        { name: 'linear', op: 'gemm', reason },
      ],
    );
    const lowered = lowerInteger(wide.graph);
    t.deepEqual([...new Set(lowered.float.map((node) => node.reason))], [reason]);
    t.false(
      lowered.graph.nodes.some(({ inputs, op }) => op === ops.dequantize && lowered.graph.constants.has(inputs[0])),
      'weights are dequantized once',
    );
    t.deepEqual(outputs(lowered.graph), outputs(lowered.graph, referenceRows));
    t.deepEqual(outputs(lowered.graph), outputs(wide.graph));
    // What is left is the rounding of weights: they are compared with the network whose weights alone are rounded.
    const weightsOnly = run(withoutActivations(wide.graph), { image: randomImages(6, 3) }).y.toNumbers();
    const [coarse, fine] = [narrow.graph, wide.graph].map((graph) => error(weightsOnly, outputs(graph)));
    t.true(fine < coarse / 100, `${fine} and ${coarse}`);
  });
}

/** The same graph with real activations, the weights as they were rounded. */
function withoutActivations(graph: Graph): Graph {
  const real = new Map<unknown, unknown>();
  for (const node of graph.nodes) {
    if (node.op === ops.quantize) real.set(node.output, node.inputs[0]);
    node.inputs = node.inputs.map((value) => {
      const codes = value.producer?.op === ops.dequantize ? value.producer.inputs[0] : undefined;
      return (real.get(codes) as typeof value) ?? value;
    });
  }
  return graph;
}

const byLayer: [what: string, options: QuantizeOptions, types: Record<string, Dtype>, float: string[]][] = [
  ['one layer', { activationBits: { linear: 16 } }, { image: 'uint8', active: 'uint16', pool: 'uint16', flat: 'uint16' }, ['linear']],
  ['by a pattern', { activationBits: { '/^con/': 16 }, activations: 'int8' }, { image: 'int16', active: 'int8' }, ['conv']],
  ['all but one', { activationBits: { linear: 8 }, activations: 'int16' }, { image: 'int16', active: 'int8' }, ['conv']],
  ['a number', { activationBits: 16 }, { image: 'uint16', active: 'uint16' }, ['conv', 'linear']],
];

for (const [what, options, types, float] of byLayer) {
  test(`bits by layer: ${what}`, async (t) => {
    const made = await quantize(smallNet(), batches, options);
    const found = typesOf(made.graph);
    for (const [value, dtype] of Object.entries(types)) if (value in found) t.is(found[value], dtype, value);
    t.is(found.image, types.image);
    t.deepEqual(
      made.float.map(({ name }) => name).filter((name) => ['conv', 'linear'].includes(name)),
      float,
    );
    const { graph } = lowerInteger(made.graph);
    t.is(
      graph.nodes.some(({ op }) => op === ops.qconv2d),
      !float.includes('conv'),
    );
    t.is(
      graph.nodes.some(({ op }) => op === ops.qgemm),
      !float.includes('linear'),
    );
    t.deepEqual(outputs(graph), outputs(graph, referenceRows));
  });
}

for (const [opset, domain] of [
  [undefined, ''],
  [17, 'com.microsoft'],
] as const) {
  test(`a file of opset ${opset ?? 21}: rows are equal, and onnxruntime agrees where it is installed`, async (t) => {
    const { graph } = await quantize(smallNet(), batches, { activationBits: { linear: 16 } });
    const path = join(folder, `wide-${opset}.onnx`);
    exportOnnx(graph, path, { opset });
    const { proto } = readModel(path);
    const wide = proto.graph!.node.filter(({ opType, input }) => opType === 'QuantizeLinear' && !input[0].startsWith('image'));
    t.deepEqual([...new Set(wide.map((node) => node.domain))], [domain]);
    t.is(Number(proto.opsetImport.find((each) => each.domain === '')!.version), opset ?? 21);
    t.deepEqual(outputs(importOnnx(path)), outputs(graph));
    t.true(inspect(importOnnx(path)).float.some((node) => node.name === 'linear' && node.reason === reason));
    const { equal, rows, onnxruntime } = await verifyModel(path, { samples: 8 });
    t.true(equal && rows.length > 0);
    // 36 products of one layer: their sums are apart by few units of the last place, so that codes of 16 bits are apart by one step at most.
    if (onnxruntime) t.true(onnxruntime.maxSteps <= 1 && onnxruntime.tensors > 1, `${onnxruntime.maxSteps} steps`);
  });
}

test('bits that are none, and layers that are not there', async (t) => {
  const refused = (options: object, message: RegExp) => faultsLater(t, () => quantize(smallNet(), batches, options), 'option', message);
  await refused({ activationBits: 12 }, /activationBits is 12, expected one of 8, 16/);
  await refused({ activationBits: { linear: 4 } }, /activationBits is 4, expected one of 8, 16/);
  await refused({ activationBits: { linaer: 16 } }, /activationBits is "linaer", expected the name of a layer \(did you mean "linear"/);
  await refused({ activationBits: { pool: 16 } }, /activationBits is "pool", expected names of layers that read codes: conv, /);
  await refused({ activations: 'uint4' }, /activations is "uint4", expected one of uint8, int8, uint16, int16/);
});
