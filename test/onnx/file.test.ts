import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import {
  encodeModel,
  type GraphProto,
  LowbitError,
  type ModelProto,
  onnxMessage,
  readModel,
  tensorFromProto,
  tensorToProto,
  writeModel,
} from 'lowbit';
import { faults } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { shared } from '../shared.js';
import { linear } from './models.js';

const models = shared('models');
const realModels = existsSync(models) ? readdirSync(models).filter((name) => name.endsWith('.onnx')) : [];

for (const name of realModels) {
  test(`${name} is written as the bytes it was read from`, (t) => {
    const bytes = readFileSync(join(models, name));
    const model = readModel(join(models, name));
    t.true(bytes.equals(encodeModel(model)));
    for (const tensor of model.proto.graph?.initializer ?? []) t.is(tensorFromProto(tensor).name, tensor.name);
  });
}
if (realModels.length === 0) test.skip('real models: the shared models are not there', () => {});

test('a model survives a round trip through a file, without its folder gaining anything else', (t) => {
  const folder = temporaryFolder();
  const path = join(folder, 'm.onnx');
  writeModel(path, { proto: linear() });
  const model = readModel(path);
  t.is(model.path, path);
  t.is(model.folder, folder);
  t.deepEqual(encodeModel(model), encodeModel({ proto: linear() }));
  t.deepEqual(readdirSync(folder), ['m.onnx']);
  const type = model.proto.graph?.input[0].type?.value;
  t.is(type?.case, 'tensorType');
  if (type?.case !== 'tensorType') return;
  t.deepEqual(
    type.value.shape?.dim.map((dim) => dim.value),
    [
      { case: 'dimParam', value: 'N' },
      { case: 'dimValue', value: 4n },
    ],
  );
});

test('unknown fields survive, also those of nested messages', (t) => {
  const bytes = Buffer.concat([
    encodeModel({ proto: linear() }),
    Buffer.from([0xc0, 0x3e, 0x96, 0x01]), // field 1000, varint 150
    Buffer.from([0x3a, 0x05, 0xc2, 0x3e, 0x02, 0x68, 0x69]), // graph { field 1000: "hi" }, merged into the graph
  ]);
  const again = Buffer.from(encodeModel(readModel(bytes)));
  t.true(again.includes(Buffer.from([0xc0, 0x3e, 0x96, 0x01])));
  t.true(again.includes(Buffer.from([0xc2, 0x3e, 0x02, 0x68, 0x69])));
  t.true(again.equals(Buffer.from(encodeModel(readModel(again)))));
});

test('fields that are not set read as zero, and are not written', (t) => {
  const node = onnxMessage('NodeProto', { opType: 'Relu' });
  t.is(node.name, '');
  t.deepEqual(node.input, []);
  const explicit = linear();
  const size = encodeModel({ proto: explicit }).length;
  explicit.docString = '';
  t.is(encodeModel({ proto: explicit }).length, size + 2);
});

test('every file that is cut is refused or still a whole model', (t) => {
  const bytes = encodeModel({ proto: linear() });
  let refused = 0;
  for (let length = 0; length < bytes.length; length++) {
    try {
      t.is(readModel(bytes.subarray(0, length)).proto.graph?.node.length, 1);
    } catch (error) {
      refused++;
      t.true(error instanceof LowbitError && error.code === 'format', `${length} bytes: ${error}`);
    }
  }
  t.true(refused >= bytes.length - 2);
});

test('a file with any bit flipped is read or refused, and never crashes', (t) => {
  const bytes = encodeModel({ proto: linear() });
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const damaged = Uint8Array.from(bytes);
    damaged[bit >> 3] ^= 1 << (bit & 7);
    try {
      const model = readModel(damaged);
      for (const tensor of model.proto.graph?.initializer ?? []) tensorFromProto(tensor);
    } catch (error) {
      t.true(error instanceof LowbitError && ['format', 'dtype'].includes(error.code), `bit ${bit}: ${error}`);
    }
  }
  t.pass();
});

test('foreign and empty files are refused', (t) => {
  const deep = Array.from({ length: 5000 }).reduce<Buffer>((inner) => {
    const length = Buffer.alloc(5);
    let n = inner.length;
    for (let i = 0; i < 5; i++, n = Math.floor(n / 128)) length[i] = (n % 128) | (i < 4 ? 128 : 0);
    return Buffer.concat([Buffer.from([0x32]), length, inner]); // attribute.g inside attribute.g, more or less
  }, Buffer.alloc(0));
  faults(t, () => readModel(new Uint8Array()), 'format', /it is empty/);
  faults(t, () => readModel(Buffer.from('{"model": 1}')), 'format', /not a valid onnx file/);
  faults(t, () => readModel(Buffer.from('\x89PNG\r\n\x1a\n')), 'format', /not a valid onnx file/);
  faults(t, () => readModel(Buffer.alloc(100_000, 0x33)), 'format', /not a valid onnx file/);
  faults(t, () => readModel(deep), 'format', /not a valid onnx file/);
});

test('models without their parts are refused', (t) => {
  const broken = (change: Partial<ModelProto>, problem: RegExp) =>
    faults(t, () => readModel(encodeModel({ proto: Object.assign(linear(), change) })), 'format', problem);
  const graph = (change: Partial<GraphProto>) => ({ graph: Object.assign(linear().graph!, change) });
  broken({ irVersion: 0n }, /no IR version/);
  broken({ graph: undefined }, /no graph/);
  broken({ opsetImport: [] }, /which opset/);
  broken(graph({ output: [] }), /no output/);
  broken(graph({ node: [onnxMessage('NodeProto', {})] }), /node 0 of its graph has no op type/);
  broken(graph({ initializer: [onnxMessage('TensorProto', {})] }), /initializer 0 of its graph has no name/);
});

test('graphs nested without end are refused before the stack is', (t) => {
  let graph = onnxMessage('GraphProto', { name: 'innermost' });
  for (let i = 0; i < 200; i++)
    graph = onnxMessage('GraphProto', { node: [{ opType: 'If', attribute: [{ name: 'then_branch', g: graph }] }] });
  const model = linear();
  model.graph!.node[0].attribute[0].g = graph;
  faults(t, () => readModel(encodeModel({ proto: model })), 'format', /recursion depth/);
});

test('files that cannot be read or written are named', (t) => {
  const folder = temporaryFolder({ 'a.txt': 'text' });
  faults(t, () => readModel(join(folder, 'none.onnx')), 'file', /none\.onnx: there is no such file/);
  faults(t, () => readModel(folder), 'file', /this is a folder/);
  faults(t, () => readModel(join(folder, 'a.txt', 'm.onnx')), 'file', /a part of the path is a file/);
  faults(t, () => readModel(join(folder, 'a.txt')), 'format', /a\.txt: not a valid onnx file/);
  faults(t, () => writeModel(join(folder, 'none', 'm.onnx'), { proto: linear() }), 'file', /m\.onnx: there is no such file or folder/);
  faults(t, () => writeModel('m.onnx', { proto: linear() }, { externaldata: true } as object), 'unknownOption', /externalData/);
});

test('external data is written beside the model, read back, and embedded again', (t) => {
  const folder = temporaryFolder();
  const path = join(folder, 'm.onnx');
  writeModel(path, { proto: linear(1000) }, { externalData: true });
  t.deepEqual(readdirSync(folder).sort(), ['m.onnx', 'm.onnx.data']);
  t.is(statSync(`${path}.data`).size, 4000);
  t.true(statSync(path).size < 1000);
  const model = readModel(path);
  const [w, b] = model.proto.graph!.initializer;
  t.is(w.rawData.length, 0);
  t.is(b.rawData.length, 4);
  t.deepEqual(tensorFromProto(w, model.folder), tensorFromProto(linear(1000).graph!.initializer[0]));
  faults(t, () => tensorFromProto(w), 'format', /tensor "w": its data is in the file "m\.onnx\.data"/);

  const elsewhere = join(temporaryFolder(), 'whole.onnx');
  writeModel(elsewhere, model);
  t.true(Buffer.from(encodeModel(readModel(elsewhere))).equals(encodeModel({ proto: linear(1000) })));
  t.is(w.rawData.length, 0, 'the model that was given is not changed');
});

test('external tensors start at a page', (t) => {
  const path = join(temporaryFolder(), 'm.onnx');
  const proto = linear(1000);
  proto.graph!.initializer.push(tensorToProto('v', 'float32', [1000], new Float32Array(1000).fill(7)));
  writeModel(path, { proto }, { externalData: true });
  t.is(statSync(`${path}.data`).size, 4096 + 4000);
  const model = readModel(path);
  t.deepEqual(tensorFromProto(model.proto.graph!.initializer[2], model.folder).data, new Float32Array(1000).fill(7));
});

test('a model that cannot be written leaves the old files', (t) => {
  const folder = temporaryFolder({ 'm.onnx.data': 'old' });
  mkdirSync(join(folder, 'm.onnx'));
  faults(t, () => writeModel(join(folder, 'm.onnx'), { proto: linear() }), 'file', /m\.onnx: this is a folder/);
  t.deepEqual(readdirSync(folder).sort(), ['m.onnx', 'm.onnx.data']);
  writeFileSync(join(folder, 'n.onnx'), 'old');
  const proto = linear();
  proto.irVersion = 'eight' as unknown as bigint;
  faults(t, () => writeModel(join(folder, 'n.onnx'), { proto }), 'format', /n\.onnx: .* cannot be encoded/);
  t.is(readFileSync(join(folder, 'n.onnx'), 'utf8'), 'old');
});
