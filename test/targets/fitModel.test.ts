import { join } from 'node:path';
import test from 'ava';
import {
  encodeModel,
  type FixName,
  fitModel,
  importOnnx,
  lintModel,
  lowerInteger,
  type OnnxModel,
  readModel,
  run,
  type TargetName,
  Tensor,
  writeModel,
} from 'lowbit';
import { temporaryFolder } from '../folder.js';
import { type CodedLayer, codedLayer } from './files.js';
import { runtimeNamed } from './runtime.js';

/** What the integer kernels make of an input, and what the network's real numbers would be without our lowering. */
function results(model: OnnxModel, x: readonly number[], shape: readonly number[]) {
  const { graph } = lowerInteger(importOnnx(encodeModel(model)));
  const { y } = run(graph, { x: Tensor.from(x, shape, 'float32') });
  return [...y.data()].map(Number);
}

const fixNames = (model: OnnxModel, target: TargetName): FixName[] => fitModel(model, target).fixes.map(({ fix }) => fix);

/** The layer, as it should be: Σ codes · weights · 2^-7, rounded to steps of K. */
function expected({ weights, weightType, coded = true }: CodedLayer, x: readonly number[]): number[] {
  const zero = weightType === 'uint8' ? 128 : 0;
  const sum = x.reduce((total, code, i) => total + code * (weights[i] - zero), 0) * 2 ** -7;
  const k = weights.length;
  const rounded = Math.min(Math.max(Math.round(sum / k), -128), 127) * k;
  return [coded ? rounded : sum, coded ? rounded : sum];
}

const cases: { layer: CodedLayer; target: TargetName; fixes: FixName[] }[] = [
  { layer: { op: 'Conv', weights: [127, -127, 127, 5] }, target: 'ort-node', fixes: ['unsignedWeights'] },
  { layer: { op: 'Gemm', weights: [127, -128, 100, 5] }, target: 'ort-node', fixes: ['unsignedWeights'] },
  { layer: { op: 'MatMul', weights: [127, 127, 127, 127], coded: false }, target: 'ort-node', fixes: ['unsignedWeights'] },
  { layer: { weights: [-128, -128, 1, 2], weightZero: null }, target: 'ort-node', fixes: ['unsignedWeights'] },
  { layer: { weights: [127, 127, -3, 2], activations: 'int8' }, target: 'ort-node', fixes: ['unsignedWeights', 'unsignedActivations'] },
  { layer: { weights: [7, -8, 7, 0], weightType: 'int4', opset: 21 }, target: 'ort-node', fixes: ['int8Weights'] },
  { layer: { weights: [7, -8, 7, 0], weightType: 'int4', opset: 21 }, target: 'generic', fixes: ['int8Weights', 'opset'] },
  { layer: { weights: [127, 2, 3, 4], opset: 21 }, target: 'generic', fixes: ['opset', 'unsignedWeights'] },
];

for (const { layer, target, fixes } of cases) {
  test(`${fixes.join(' and ')}: ${layer.op ?? 'Gemm'} of ${JSON.stringify(layer.weights)} on ${target}`, async (t) => {
    const model = codedLayer(layer);
    const before = encodeModel(model);
    const fitted = fitModel(model, target);
    t.deepEqual(fixNames(model, target), fixes);
    t.deepEqual(fitted.findings, []);
    t.deepEqual(lintModel(fitted.model, target), []);
    t.deepEqual(encodeModel(model), before); // the given model stays
    const shape = layer.op === 'Conv' ? [1, 4, 1, 1] : [1, 4];
    for (const x of [
      [255, 255, 255, 255],
      [255, 0, 17, 254],
      [0, 255, 1, 3],
    ]) {
      t.deepEqual(results(fitted.model, x, shape), expected(layer, x));
      t.deepEqual(results(model, x, shape), expected(layer, x));
    }
  });
}

test('a weight of two layers is written once, and the old one is gone', (t) => {
  const model = codedLayer({ op: 'Gemm', weights: [127, 127] });
  const { graph } = model.proto;
  const layer = graph!.node.find(({ name }) => name === 'layer')!;
  for (const name of ['w.real', 'layer']) {
    const node = graph!.node.find((other) => other.name === name)!;
    const copy = {
      ...node,
      name: `${name}2`,
      output: [`${name}2`],
      input: node.input.map((input) => (input === 'w.real' ? 'w.real2' : input)),
    };
    graph!.node.splice(graph!.node.indexOf(layer), 0, copy);
  }
  const fitted = fitModel(model, 'ort-node').model.proto.graph!;
  t.deepEqual(
    fitted.initializer.map(({ name }) => name).filter((name) => name.startsWith('w')),
    ['w.scale', 'w.zero_uint8', 'w_uint8'],
  );
});

test('codes that others read stay signed', (t) => {
  const model = codedLayer({ weights: [200, 3], weightType: 'uint8', activations: 'int8' });
  model.proto.graph!.output.push(...model.proto.graph!.output.map((output) => ({ ...output, name: 'x.codes' })));
  const { model: fitted, findings } = fitModel(model, 'ort-node');
  t.is(findings.length, 1);
  t.deepEqual(
    fitted.proto.graph!.initializer.filter(({ name }) => name.startsWith('x.zero')).map(({ name }) => name),
    ['x.zero'],
  );
});

test('a model with its weights in a file of their own', (t) => {
  const folder = temporaryFolder();
  const path = join(folder, 'model.onnx');
  writeModel(path, codedLayer({ op: 'Gemm', weights: Array.from({ length: 1024 }, (_, i) => (i % 255) - 127) }), { externalData: true });
  const { model, findings } = fitModel(readModel(path), 'ort-node');
  t.deepEqual(findings, []);
  writeModel(join(folder, 'fitted.onnx'), model);
  const x = Array.from({ length: 1024 }, (_, i) => (i * 7) % 256);
  const unfitted = run(lowerInteger(importOnnx(path)).graph, { x: Tensor.from(x, [1, 1024], 'float32') });
  t.deepEqual(results(readModel(join(folder, 'fitted.onnx')), x, [1, 1024]), [...unfitted.y.data()].map(Number));
});

for (const name of ['onnxruntime-node', 'onnxruntime-web'] as const) {
  const runtime = runtimeNamed(name);
  (runtime ? test : test.skip)(
    `${name} gives the same before and after${runtime ? '' : ` (skipped: ${name} is not installed)`}`,
    async (t) => {
      for (const { layer, target } of cases) {
        const shape = layer.op === 'Conv' ? [1, 4, 1, 1] : [1, 4];
        const x = [255, 200, 255, 254];
        for (const model of [codedLayer(layer), fitModel(codedLayer(layer), target).model]) {
          const session = await runtime!.InferenceSession.create(encodeModel(model));
          const { y } = await session.run({ x: new runtime!.Tensor('float32', Float32Array.from(x), shape) });
          await session.release();
          t.deepEqual([...(y.data as Float32Array)], expected(layer, x));
        }
      }
    },
  );
}
