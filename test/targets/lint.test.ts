import test from 'ava';
import {
  DataType,
  type Finding,
  lintModel,
  type OnnxModel,
  onnxMessage,
  type Severity,
  type TargetName,
  targetNames,
  tensorToProto,
} from 'lowbit';
import { faults } from '../faults.js';
import { type CodedLayer, codedLayer, fileOf, one, type Step } from './files.js';

const { DOUBLE, FLOAT, FLOAT16, INT64 } = DataType;

const said = (model: OnnxModel, target: TargetName, severity: Severity) =>
  lintModel(model, target).filter((finding) => finding.severity === severity);

const briefly = (findings: readonly Finding[]) => findings.map(({ op, nodes, fix }) => [op, nodes.join(), fix]);

/** One operator of x, of a type. */
const single = (step: Partial<Step> & { op: string }, type: number = FLOAT, opset?: number) =>
  fileOf({ opset, inputs: { x: type }, steps: [{ inputs: ['x'], output: 'y', ...step }] });

/** Nothing to say anywhere. */
test('a small float network is for every target', (t) => {
  for (const target of targetNames) t.deepEqual(lintModel(single({ op: 'Relu' }), target), [], target);
});

test('an unknown target is refused', (t) => {
  faults(t, () => lintModel(single({ op: 'Relu' }), 'ort' as TargetName), 'option', /name is "ort", expected one of ort-node/);
});

test('opsets that a target does not read', (t) => {
  const of = (opset: number, target: TargetName) => briefly(said(single({ op: 'Relu' }, FLOAT, opset), target, 'refuses'));
  const refused = [['', '', 'opset']];
  t.deepEqual(of(6, 'ort-node'), refused);
  t.deepEqual(of(7, 'ort-node'), []);
  t.deepEqual(of(26, 'ort-web-wasm'), []);
  t.deepEqual(of(27, 'ort-web-wasm'), refused);
  t.deepEqual(of(12, 'generic'), refused);
  t.deepEqual(of(17, 'generic'), []);
  t.deepEqual(of(18, 'generic'), refused);
});

test('operators and types without a kernel', (t) => {
  const of = (model: OnnxModel, target: TargetName) => briefly(said(model, target, 'refuses'));
  t.deepEqual(of(single({ op: 'Conv' }, DOUBLE), 'ort-node'), [['Conv', 'y', undefined]]);
  t.deepEqual(of(single({ op: 'Gemm' }, DOUBLE), 'ort-node'), []);
  t.deepEqual(of(single({ op: 'Gemm' }, DOUBLE), 'generic'), [['Gemm', 'y', undefined]]);
  t.deepEqual(of(single({ op: 'NoSuchThing' }), 'ort-node'), [['NoSuchThing', 'y', undefined]]);
  t.deepEqual(of(single({ op: 'Gelu', domain: 'com.microsoft' }), 'ort-node'), []);
  t.deepEqual(of(single({ op: 'Gelu', domain: 'com.microsoft' }), 'generic'), [['com.microsoft.Gelu', 'y', undefined]]);
  t.deepEqual(of(single({ op: 'GlobalLpPool' }, FLOAT, 21), 'ort-node'), []);
  t.deepEqual(of(single({ op: 'GlobalLpPool' }, FLOAT, 22), 'ort-node'), [['GlobalLpPool', 'y', undefined]]);
});

test('types follow from operators', (t) => {
  const steps: Step[] = [
    { op: 'Cast', inputs: ['x'], output: 'a', attributes: { to: DOUBLE } },
    { op: 'Reshape', inputs: ['a', 'shape'], output: 'b' },
    { op: 'Shape', inputs: ['b'], output: 'c' },
    { op: 'Elu', inputs: ['b'], output: 'd' },
    { op: 'Neg', inputs: ['c'], output: 'e' },
    { op: 'Elu', inputs: ['unheard-of'], output: 'f' },
  ];
  const model = fileOf({ steps, inputs: { x: FLOAT, shape: INT64 }, outputs: ['d', 'e', 'f'] });
  t.deepEqual(briefly(said(model, 'ort-node', 'refuses')), [['Elu', 'd', undefined]]);
});

test('graphs inside nodes are looked at, functions of the file are known', (t) => {
  const inner = single({ op: 'Elu', output: 'inside', inputs: ['wide'] }).proto.graph!;
  const model = single({ op: 'If', inputs: ['x'] }, DataType.BOOL);
  const { graph } = model.proto;
  graph!.initializer.push(tensorToProto('wide', 'float64', [1], Float64Array.of(1)));
  graph!.node[0].attribute.push(onnxMessage('AttributeProto', { name: 'then_branch', type: 5, g: inner }));
  t.deepEqual(briefly(said(model, 'ort-node', 'refuses')), [['Elu', 'inside', undefined]]);

  const calling = single({ op: 'Twice', domain: 'mine' });
  t.is(said(calling, 'ort-node', 'refuses').length, 1);
  const node = [onnxMessage('NodeProto', { opType: 'Relu', input: ['a'], output: ['b'] })];
  calling.proto.functions.push(onnxMessage('FunctionProto', { domain: 'mine', name: 'Twice', input: ['a'], output: ['b'], node }));
  t.deepEqual(said(calling, 'ort-node', 'refuses'), []);
});

test('packed weights are ours alone', (t) => {
  const step = { op: 'UnpackLevels', domain: 'lowbit' };
  for (const target of targetNames)
    t.deepEqual(briefly(said(single(step, DataType.UINT8), target, 'refuses')), [['lowbit.UnpackLevels', 'y', 'unpackedWeights']]);
});

test('half precision is cast where it has no kernels', (t) => {
  t.deepEqual(briefly(said(single({ op: 'Conv' }, FLOAT16), 'ort-node', 'slow')), [['Conv', 'y', undefined]]);
  t.deepEqual(said(single({ op: 'Transpose' }, FLOAT16), 'ort-node', 'slow'), []);
  t.deepEqual(lintModel(single({ op: 'Conv' }, FLOAT16), 'ort-web-webgpu'), []);
  t.is(said(single({ op: 'Conv' }, FLOAT16), 'generic', 'refuses').length, 1);
});

test('what a card has no kernel for is copied to the processor', (t) => {
  t.deepEqual(briefly(said(single({ op: 'Unique' }), 'ort-web-webgpu', 'slow')), [['Unique', 'y', undefined]]);
  t.deepEqual(said(single({ op: 'Unique' }), 'ort-web-wasm', 'slow'), []);
  t.is(said(single({ op: 'Conv' }, DOUBLE), 'ort-web-webgpu', 'refuses').length, 1);
  const coded = codedLayer({ weights: [1, 2] });
  t.deepEqual(briefly(said(coded, 'ort-web-webgpu', 'slow')), [['QuantizeLinear', 'x.codes,y.codes', undefined]]);
  t.deepEqual(briefly(said(coded, 'ort-web-webgpu', 'inexact')), [['Gemm', 'layer', undefined]]);
});

// ---- sums of 16 bits -------------------------------------------------------------------------------------------------------------

/** What vpmaddubsw and an addition in 32 bits make of codes and weights: each two neighbours are added in 16 bits. */
function cutSum(codes: readonly number[], weights: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < codes.length; i += 2) {
    const pair = codes[i] * weights[i] + (codes[i + 1] ?? 0) * (weights[i + 1] ?? 0);
    sum += Math.min(Math.max(pair, -32768), 32767);
  }
  return sum;
}

const exactSum = (codes: readonly number[], weights: readonly number[]) => codes.reduce((sum, code, i) => sum + code * weights[i], 0);

const isCut = (layer: CodedLayer, target: TargetName = 'ort-node') =>
  said(codedLayer(layer), target, 'inexact').some(({ fix }) => fix === 'unsignedWeights');

test('int8 weights are safe as far as the largest codes times two of them fit 16 bits', (t) => {
  const pairs: [number[], boolean][] = [
    [[64, 64], false],
    [[65, 64], true],
    [[-64, -64], false],
    [[-64, -65], true],
    [[127, 1], false],
    [[127, 2], true],
    [[-128, 0], false],
    [[-128, -1], true],
    [[127, -127], false],
    [[1, 127, 0, 3], true], // which two meet depends on the kernel
  ];
  for (const [weights, cut] of pairs) {
    const [a, b] = weights.toSorted((x, y) => Math.abs(y) - Math.abs(x));
    t.is(cutSum([255, 255], [a, b]) !== exactSum([255, 255], [a, b]), cut, `${weights}`);
    for (const op of ['Conv', 'Gemm', 'MatMul'] as const) t.is(isCut({ op, weights }), cut, `${op} ${weights}`);
  }
});

test('only where such sums are', (t) => {
  const weights = [127, 127, 127, 127];
  t.true(isCut({ weights, activations: 'int8' })); // onnxruntime makes them unsigned on x86
  t.false(isCut({ weights, weightType: 'uint8' }));
  t.false(isCut({ weights }, 'ort-web-wasm'));
  t.false(isCut({ weights }, 'ort-web-webgpu'));
  t.true(isCut({ weights }, 'generic'));
  t.true(isCut({ op: 'MatMul', weights, coded: false }));
  t.false(isCut({ op: 'Conv', weights, coded: false })); // computed on real numbers
});

test('codes are taken through what only moves them', (t) => {
  const model = codedLayer({ op: 'Conv', weights: [127, 127] });
  const { graph } = model.proto;
  const insert = (opType: string, before: string, input: string, output: string) => {
    const at = graph!.node.findIndex(({ name }) => name === before);
    graph!.node[at].input = graph!.node[at].input.map((value) => (value === input ? output : value));
    graph!.node.splice(at, 0, onnxMessage('NodeProto', { opType, name: output, input: [input], output: [output] }));
  };
  insert('Transpose', 'layer', 'x.real', 'turned');
  insert('MaxPool', 'y.codes', 'layer', 'pooled');
  t.deepEqual(briefly(said(model, 'ort-node', 'inexact')), [['Conv', 'layer', 'unsignedWeights']]);
  insert('Softmax', 'layer', 'turned', 'other');
  t.deepEqual(said(model, 'ort-node', 'inexact'), []);
});

test('a file that goes in circles is no trap', (t) => {
  const steps: Step[] = [
    { op: 'Identity', inputs: ['b'], output: 'a' },
    { op: 'Identity', inputs: ['a'], output: 'b' },
    { op: 'Conv', inputs: ['a', 'b'], output: 'c' },
    { op: 'Relu', inputs: ['c'], output: 'd' },
    { op: 'Relu', inputs: ['d'], output: 'c' },
    { op: 'Add', inputs: ['c', 'c'], output: 'e' },
  ];
  for (const target of targetNames) t.deepEqual(lintModel(fileOf({ steps }), target), [], target);
});

test('weights that are moved before they are read are looked at as a whole', (t) => {
  const model = codedLayer({ op: 'MatMul', weights: [100, 20] });
  const { graph } = model.proto;
  const layer = graph!.node.findIndex(({ name }) => name === 'layer');
  graph!.node[layer].input[1] = 'turned';
  graph!.node.splice(layer, 0, onnxMessage('NodeProto', { opType: 'Transpose', name: 'turned', input: ['w.real'], output: ['turned'] }));
  t.is(said(model, 'ort-node', 'inexact').length, 1); // 100 + 100 of two channels might meet
});

test('weights of one channel never meet those of another', (t) => {
  const across = codedLayer({ op: 'MatMul', weights: [100, 20] });
  t.is(said(across, 'ort-node', 'inexact').length, 0);
  const depthwise = codedLayer({ op: 'Conv', weights: [127, 127] });
  const { graph } = depthwise.proto;
  t.is(said(depthwise, 'ort-node', 'inexact').length, 1);
  graph!.initializer = graph!.initializer.map((tensor) =>
    tensor.name === 'w' ? tensorToProto('w', 'int8', [2, 1, 1, 2], Int8Array.of(127, 127, 127, 127)) : tensor,
  );
  graph!.node.find(({ opType }) => opType === 'Conv')!.attribute.push(onnxMessage('AttributeProto', { name: 'group', type: 2, i: 2n }));
  t.is(said(depthwise, 'ort-node', 'inexact').length, 0); // its kernel adds in 32 bits
});

test('operators on codes are looked at too', (t) => {
  const constants = [
    tensorToProto('w', 'int8', [2, 2], Int8Array.of(127, 0, 127, 0)),
    one('s', 1, 'float32'),
    one('z', 0, 'int8'),
    one('xz', 0, 'uint8'),
  ];
  const model = (inputs: string[], op: string, domain?: string) =>
    fileOf({ constants, inputs: { x: DataType.UINT8 }, steps: [{ op, domain, inputs, output: 'y' }] });
  for (const file of [
    model(['x', 's', 'xz', 'w', 's', 'z', 's', 'xz'], 'QLinearMatMul'),
    model(['x', 'w'], 'MatMulInteger'),
    model(['x', 's', 'xz', 'w', 's', 'z'], 'QGemm', 'com.microsoft'),
  ])
    t.is(said(file, 'ort-node', 'inexact').length, 1);
});

// ---- layers that are not computed on integers ------------------------------------------------------------------------------------

test('weights of 4 bits make products of real numbers', (t) => {
  const model = codedLayer({ weights: [7, -8], weightType: 'int4', opset: 21 });
  t.deepEqual(briefly(said(model, 'ort-node', 'slow')), [['Gemm', 'layer', 'int8Weights']]);
  t.deepEqual(briefly(said(model, 'generic', 'refuses')), [
    ['', '', 'opset'],
    ['DequantizeLinear', 'w.real', 'int8Weights'],
  ]);
  t.deepEqual(lintModel(codedLayer({ weights: [7, -8] }), 'ort-node'), []);
});

test('signed codes times unsigned weights are integers on x86 only', (t) => {
  const mixed = codedLayer({ weights: [200, 3], weightType: 'uint8', activations: 'int8' });
  t.deepEqual(briefly(said(mixed, 'ort-node', 'slow')), [['Gemm', 'layer', 'unsignedActivations']]);
  t.deepEqual(lintModel(codedLayer({ weights: [200, 3], weightType: 'uint8' }), 'ort-node'), []);
});

test('sums of codes are rounded twice without fused multiply-add', (t) => {
  const coded = (name: string, from: string): Step[] => [
    { op: 'QuantizeLinear', inputs: [from, 's', 'z'], output: `${name}.codes` },
    { op: 'DequantizeLinear', inputs: [`${name}.codes`, 's', 'z'], output: name },
  ];
  const constants = [one('s', 1, 'float32'), one('z', 0, 'uint8')];
  const add: Step = { op: 'Add', inputs: ['a', 'a'], output: 'sum' };
  const between = fileOf({ constants, inputs: { x: FLOAT }, steps: [...coded('a', 'x'), add, ...coded('y', 'sum')] });
  t.deepEqual(briefly(said(between, 'ort-web-wasm', 'inexact')), [['Add', 'sum', undefined]]);
  t.deepEqual(said(between, 'ort-node', 'inexact'), []);
  const behind = fileOf({ constants, inputs: { x: FLOAT }, steps: [...coded('a', 'x'), add] });
  t.deepEqual(said(behind, 'ort-web-wasm', 'inexact'), []);
});

test('the same about many nodes is said once, the worst first', (t) => {
  const steps: Step[] = [
    { op: 'Gelu', inputs: ['x'], output: 'a' },
    { op: 'Celu', inputs: ['a'], output: 'b' },
    { op: 'Elu', inputs: ['wide'], output: 'c' },
    { op: 'Celu', inputs: ['b'], output: 'd' },
  ];
  const model = fileOf({ opset: 20, steps, inputs: { x: FLOAT, wide: DOUBLE }, outputs: ['c', 'd'] });
  const found = lintModel(model, 'ort-web-webgpu');
  t.deepEqual(
    found.map(({ severity, op, nodes }) => [severity, op, nodes]),
    [
      ['refuses', 'Elu', ['c']],
      ['slow', 'Celu', ['b', 'd']],
    ],
  );
});
