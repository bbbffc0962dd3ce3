/** Low-bit weights through files: as int8, as int4, and packed. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import {
  DataType,
  encodeModel,
  exportOnnx,
  Graph,
  importOnnx,
  type ModelProto,
  ops,
  print,
  readModel,
  run,
  Tensor,
  tensorFromProto,
  tensorToProto,
  toOnnx,
} from 'lowbit';
import { faults } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { type LowbitOptions, lowbitImages, lowbitNet, lowbitShapes } from '../graph/lowbit.js';
import { grids } from '../ops/lowbit.js';
import { nodeModel } from './operators.js';

const image = lowbitImages(2);
const outputOf = (graph: Graph) => run(graph, { image }).y.data();
const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const initializersOf = (bytes: Uint8Array) => readModel(bytes).proto.graph!.initializer;
const domainsOf = (bytes: Uint8Array) => readModel(bytes).proto.opsetImport.map(({ domain }) => domain);

/** Bytes of packed codes, 8·ceil(K·b / 64) for each of the output channels. */
const rowsOf = (shape: readonly number[], bits: number) => shape[0] * 8 * Math.ceil((size(shape.slice(1)) * bits) / 64);

const nets: LowbitOptions[] = grids.flatMap(({ bits, grid }) => [false, true].map((quantized) => ({ bits, grid, quantized })));
const titleOf = ({ bits, grid, quantized }: LowbitOptions) => `${bits} bits, ${grid}, activations ${quantized ? 'uint8' : 'float'}`;

for (const options of nets) {
  test(`the same numbers from every file: ${titleOf(options)}`, (t) => {
    const graph = lowbitNet(options);
    const want = outputOf(graph);
    for (const weights of ['int8', 'int4', 'packed'] as const) {
      const bytes = toOnnx(graph, { weights });
      const back = importOnnx(bytes);
      t.deepEqual(outputOf(back), want, weights);
      t.deepEqual(domainsOf(bytes), weights === 'packed' ? ['', 'lowbit'] : [''], weights);
    }
  });

  test(`packed codes go through a file byte for byte: ${titleOf(options)}`, (t) => {
    const graph = lowbitNet(options);
    const packedOf = (each: Graph) =>
      each.nodes.filter(({ op }) => op === ops.unpackLevels).map(({ inputs, params }) => [each.constantOf(inputs[0])!.data(), params]);
    const bytes = toOnnx(graph, { weights: 'packed' });
    const back = importOnnx(bytes);
    t.deepEqual(packedOf(back), packedOf(graph));
    const counted = (each: Graph) => each.nodes.map(({ op }) => op.name).sort();
    t.deepEqual(counted(back), counted(graph), print(back));
    t.deepEqual(packedOf(importOnnx(toOnnx(back, { weights: 'packed' }))), packedOf(graph));
    const held = initializersOf(bytes).filter(({ name }) => name.endsWith('.packed'));
    t.deepEqual(
      held.map(({ rawData }) => rawData.length),
      lowbitShapes.map(([, shape]) => rowsOf(shape, options.bits)),
    );
  });
}

test('a packed file is its header and the rows of packed codes', (t) => {
  const folder = temporaryFolder();
  const headers = [1, 2, 3, 4].map((bits) => {
    const path = join(folder, `w${bits}.onnx`);
    const { weights } = exportOnnx(lowbitNet({ bits }), path, { weights: 'packed' });
    const rows = lowbitShapes.map(([, shape]) => rowsOf(shape, bits));
    t.deepEqual(
      weights.map(({ layer, ...rest }) => [layer, rest]),
      lowbitShapes.map(([, shape], i) => [
        ['conv', 'depthwise', 'up', 'linear'][i],
        { type: 'packed', bits, elements: size(shape), bytes: rows[i] },
      ]),
    );
    return statSync(path).size - rows.reduce((a, b) => a + b);
  });
  // What is left differs by the digits of lengths alone: three numbers a layer, and that of the graph.
  t.true(Math.max(...headers) - Math.min(...headers) <= 3 * lowbitShapes.length + 1, headers.join());
});

test('int4 where the levels fit, int8 where they do not, and why', (t) => {
  const path = join(temporaryFolder(), 'm.onnx');
  for (const { bits, grid } of grids) {
    const fits = bits < 4 || grid === 'zero';
    for (const plain of [false, true]) {
      const { weights } = exportOnnx(lowbitNet({ bits, grid, plain }), path, { weights: 'int4' });
      const elements = lowbitShapes.map(([, shape]) => size(shape));
      t.deepEqual(
        weights.map(({ type, bytes }) => [type, bytes]),
        elements.map((n) => (fits ? ['int4', Math.ceil(n / 2)] : ['int8', n])),
      );
      const reason = fits ? undefined : 'its codes are -15 to 15, int4 holds -8 to 7';
      t.true(weights.every((weight) => weight.reason === reason));
      const types = initializersOf(toOnnx(importOnnx(path), { weights: 'int4' })).map(({ dataType }) => dataType);
      t.is(types.includes(DataType.INT4), fits);
    }
  }
});

test('every runtime reads the default: int8, no operator of our own', (t) => {
  const path = join(temporaryFolder(), 'm.onnx');
  for (const options of [undefined, { weights: 'int8' as const, opset: 21 }]) {
    const { weights } = exportOnnx(lowbitNet({ bits: 2 }), path, options);
    t.deepEqual(
      weights.map(({ type, bits, bytes }) => [type, bits, bytes]),
      lowbitShapes.map(([, shape]) => ['int8', 8, size(shape)]),
    );
    t.deepEqual(readModel(path).proto.opsetImport.length, 1);
  }
});

test('what is not packed in the graph is named when packed codes are asked for', (t) => {
  const path = join(temporaryFolder(), 'm.onnx');
  const { weights } = exportOnnx(lowbitNet({ bits: 2, plain: true }), path, { weights: 'packed' });
  t.true(weights.every(({ type, reason }) => type === 'int8' && reason === 'its codes are not packed in the graph'));
  t.deepEqual(readModel(path).proto.opsetImport.length, 1);
});

/** x · w, the codes and the zero point in a type that the file names. */
function narrowModel(dataType: number, values: readonly number[], zero: number): Uint8Array {
  const dtype = dataType === DataType.UINT4 || dataType === DataType.UINT2 ? 'uint8' : 'int8';
  const array = (list: readonly number[]) => (dtype === 'uint8' ? Uint8Array.from(list) : Int8Array.from(list));
  const proto = nodeModel('MatMul', { operands: [{ shape: [2, 3] }], opset: 21 });
  const { node, initializer } = proto.graph!;
  node[0].input = ['in0', 'w'];
  node.unshift({ ...node[0], name: 'weights', opType: 'DequantizeLinear', input: ['codes', 'scale', 'zero'], output: ['w'] });
  initializer.push(
    tensorToProto('codes', dtype, [3, 1], array(values), dataType),
    tensorToProto('scale', 'float32', [], Float32Array.of(0.5)),
    tensorToProto('zero', dtype, [], array([zero]), dataType),
  );
  return encodeModel({ proto });
}

const came: [keyof typeof DataType, values: number[], zero: number, written: keyof typeof DataType][] = [
  ['INT4', [-8, 7, 1], 0, 'INT4'],
  ['UINT4', [0, 15, 3], 8, 'UINT4'],
  ['INT2', [-2, 1, -1], 0, 'INT4'],
  ['UINT2', [0, 3, 1], 2, 'UINT4'],
];

for (const [type, values, zero, written] of came) {
  test(`a weight that came as ${type} is ${written} again from opset 21 on`, (t) => {
    const graph = importOnnx(narrowModel(DataType[type], values, zero));
    const typesOf = (options: object) => initializersOf(toOnnx(graph, options)).map(({ dataType }) => dataType);
    const [narrow, wide] = [DataType[written], written === 'INT4' ? DataType.INT8 : DataType.UINT8];
    t.deepEqual(typesOf({ opset: 21 }), [narrow, DataType.FLOAT, narrow]);
    t.deepEqual(typesOf({ opset: 21, weights: 'packed' }), [narrow, DataType.FLOAT, narrow]);
    t.deepEqual(typesOf({ weights: 'int4' }), [narrow, DataType.FLOAT, narrow]);
    t.deepEqual(typesOf({}), [wide, DataType.FLOAT, wide]);
    t.deepEqual(typesOf({ opset: 21, weights: 'int8' }), [wide, DataType.FLOAT, wide]);
    const x = Tensor.from([1, 2, 3, 4, 5, 6], [2, 3]);
    const want = [1, 4].map((first) => values.reduce((sum, value, i) => sum + (first + i) * 0.5 * (value - zero), 0));
    for (const each of [graph, importOnnx(toOnnx(graph, { opset: 21 }))]) {
      t.deepEqual([...run(each, { in0: x }).out0.toNumbers()], want);
    }
  });
}

// ---- files that lie ----------------------------------------------------------------------------------------------------------------

const honest = { bits: 2n, grid: 'uniform', shape: [1, 3] };
const codes = { dtype: 'uint8' as const, shape: [1, 8], values: [0b10_01_00, 0, 0, 0, 0, 0, 0, 0] };

function ownModel(attributes: object, operand: object = codes, version = 1n): Uint8Array {
  const proto = nodeModel('UnpackLevels', { operands: [operand as typeof codes], attributes: { ...attributes }, domain: 'lowbit' });
  proto.opsetImport.at(-1)!.version = version;
  return encodeModel({ proto });
}

test('an honest file of our own operator', (t) => {
  t.deepEqual(run(importOnnx(ownModel(honest)), {}).out0.data(), Int8Array.of(-3, -1, 1));
});

const without = (name: string) => Object.fromEntries(Object.entries(honest).filter(([key]) => key !== name));

const lies: [what: string, file: () => Uint8Array, message: RegExp][] = [
  ...['bits', 'grid', 'shape'].map((name): [string, () => Uint8Array, RegExp] => [
    `no ${name}`,
    () => ownModel(without(name)),
    new RegExp(`attribute "${name}" is missing`),
  ]),
  ['no bits at all', () => ownModel({ ...honest, bits: 0n }), /bits is 0, expected a whole number from 1 to 4/],
  ['nine bits', () => ownModel({ ...honest, bits: 9n }), /bits is 9, expected/],
  ['negative bits', () => ownModel({ ...honest, bits: -1n }), /bits is -1, expected/],
  ['bits beyond numbers', () => ownModel({ ...honest, bits: 2n ** 62n }), /bits is 4611686018427388000, expected/],
  ['bits as a list', () => ownModel({ ...honest, bits: [2] }), /attribute "bits" has the wrong type/],
  ['one bit with a zero', () => ownModel({ ...honest, bits: 1n, grid: 'zero' }), /bits is 1, expected a whole number from 2 to 4/],
  ['another grid', () => ownModel({ ...honest, grid: 'hexagonal' }), /grid is "hexagonal", expected one of uniform, zero/],
  ['a negative size', () => ownModel({ ...honest, shape: [-1] }), /shape is \[-1\], expected/],
  ['no dimension', () => ownModel({ ...honest, shape: [] }), /shape is \[\], expected at least one dimension/],
  ['sizes without end', () => ownModel({ ...honest, shape: [2 ** 40, 2 ** 40] }), /packed is \[1, 8\], expected/],
  ['more channels', () => ownModel({ ...honest, shape: [2, 3] }), /packed is \[1, 8\], expected \[2, 8\]/],
  ['rows that are too short', () => ownModel({ ...honest, shape: [1, 33] }), /packed is \[1, 8\], expected \[1, 16\]/],
  ['rows that are too long', () => ownModel({ ...honest, shape: [1, 0] }), /packed is \[1, 8\], expected \[1, 0\]/],
  ['signed bytes', () => ownModel(honest, { ...codes, dtype: 'int8' }), /packed is int8, expected uint8/],
  ['no codes', () => encodeModel({ proto: damaged((proto) => (proto.graph!.node[0].input = [])) }), /input 0 is missing/],
  ['a newer version', () => ownModel(honest, codes, 2n), /version 2 of domain "lowbit" is not known here; update lowbit/],
  ['bytes of 4 bits', () => encodeModel({ proto: damaged(toNibbles) }), /its packed codes are 4-bit integers, expected bytes/],
];

function damaged(change: (proto: ModelProto) => void): ModelProto {
  const { proto } = readModel(ownModel(honest));
  change(proto);
  return proto;
}

function toNibbles(proto: ModelProto): void {
  proto.graph!.initializer = [tensorToProto('in0', 'uint8', [1, 8], new Uint8Array(8), DataType.UINT4)];
}

for (const [what, file, message] of lies) {
  test(`our own operator with ${what} is refused`, (t) => faults(t, () => importOnnx(file()), 'unsupported', message));
}

test('packed codes that end too early are refused by the tensor', (t) => {
  const cut = damaged(({ graph }) => {
    graph!.initializer[0].rawData = graph!.initializer[0].rawData.subarray(1);
  });
  faults(t, () => importOnnx(encodeModel({ proto: cut })), 'format', /tensor "in0": 7 bytes, expected 8/);
  const [whole] = readModel(ownModel(honest)).proto.graph!.initializer;
  t.is(tensorFromProto(whole).data.length, 8);
});

test('options that do not fit are refused, and say what would', (t) => {
  const graph = lowbitNet({ bits: 1 });
  faults(t, () => toOnnx(graph, { weights: 'int2' } as object), 'option', /weights is "int2", expected one of int8, int4, packed/);
  faults(t, () => toOnnx(graph, { weights: 'int4', opset: 17 }), 'option', /opset is 17, expected at least 21 because weights are "int4"/);
  faults(t, () => toOnnx(graph, { opset: 11 }), 'unsupported', /a scale for each channel needs opset 13/);
  faults(t, () => toOnnx(graph, { opset: 11, weights: 'packed' }), 'unsupported', /a scale for each channel needs opset 13/);
});

test('codes that are computed while the model runs can only be written packed', (t) => {
  const graph = new Graph();
  const packed = graph.input('packed', { dtype: 'uint8', shape: [1, 8] });
  graph.output('levels', graph.add(ops.unpackLevels, [packed], { bits: 2, shape: [1, 3] }, 'unpack'));
  faults(
    t,
    () => toOnnx(graph),
    'unsupported',
    /node "unpack" \(unpackLevels\): its codes are not constant.*export with weights: "packed"/,
  );
  const back = importOnnx(toOnnx(graph, { weights: 'packed' }));
  const given = Tensor.from(codes.values, codes.shape, 'uint8');
  t.deepEqual(run(back, { packed: given }).levels.data(), Int8Array.of(-3, -1, 1));
});
