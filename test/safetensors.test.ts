import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import {
  type Dtype,
  decodeSafetensors,
  dtypes,
  encodeSafetensors,
  LowbitError,
  memory,
  readSafetensors,
  scope,
  Tensor,
  writeSafetensors,
} from 'lowbit';
import { Dice } from './dice.js';
import { faults } from './faults.js';
import { temporaryFolder } from './folder.js';
import { damagedBytes } from './onnx/mutate.js';

/** A file from a header, as text or as an object, and its data. */
function file(header: object | string, data: Uint8Array | number = 0): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, typeof data === 'number' ? Buffer.alloc(data) : data]);
}
const entry = (dtype: string, shape: unknown, start: number, end: number) => ({ dtype, shape, data_offsets: [start, end] });

test('every element type and shape comes back', (t) => {
  const path = join(temporaryFolder(), 'all.safetensors');
  const written = new Map<string, Tensor>();
  for (const dtype of dtypes) {
    const values = dtype.startsWith('u') || dtype === 'boolean' ? [0, 1, 1, 0, 1, 0] : [-1, 0, 1, -2, 3, 4];
    for (const shape of [[6], [2, 3], [1, 2, 1, 3, 1, 1, 1, 1]]) written.set(`${dtype}.${shape.length}`, Tensor.from(values, shape, dtype));
    written.set(`${dtype}.scalar`, Tensor.scalar(1, dtype));
    written.set(`${dtype}.none`, Tensor.from([], [3, 0], dtype));
  }
  const metadata = { format: 'lowbit', 'ключ "§"': 'line\nline', '': '' };
  writeSafetensors(path, written, metadata);
  const read = readSafetensors(path);
  t.deepEqual(read.metadata, metadata);
  t.deepEqual([...read.tensors.keys()].sort(), [...written.keys()].sort());
  for (const [name, { dtype, shape, data }] of [...read.tensors].map(([name, x]) => [name, { ...x, data: x.data() }] as const)) {
    const expected = written.get(name)!;
    t.deepEqual({ dtype, shape, data }, { dtype: expected.dtype, shape: expected.shape, data: expected.data() }, name);
  }
});

test('the bytes are those that the format asks for', (t) => {
  const bytes = encodeSafetensors({ b: Tensor.from([1, -2], [2, 1]), a: Tensor.from([7], [1], 'uint8') }, { z: '1', k: 'v' });
  const header =
    '{"__metadata__":{"k":"v","z":"1"},"b":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"a":{"dtype":"U8","shape":[1],"data_offsets":[8,9]}}';
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
  t.deepEqual(Buffer.from(bytes), file(padded, Buffer.from([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 7])));
  const empty = encodeSafetensors({});
  t.deepEqual(Buffer.from(empty), file('{}      '));
  t.is(decodeSafetensors(empty).tensors.size, 0);
});

test('the bytes do not depend on the order of the tensors, and all start at a multiple of their element size', (t) => {
  const list = dtypes.map((dtype: Dtype, i): [string, Tensor] => [`t${i}`, Tensor.from(new Array(2 * i + 1).fill(1), undefined, dtype)]);
  const bytes = encodeSafetensors(new Map(list));
  t.deepEqual(encodeSafetensors(new Map(list.toReversed())), bytes);
  const start = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  t.is(start % 8, 0);
  const header = JSON.parse(Buffer.from(bytes.subarray(8, start)).toString());
  for (const [name, tensor] of list) t.is(header[name].data_offsets[0] % (tensor.bytes / tensor.size), 0, name);
});

test('headers of other writers are read: any order of the entries, spaces, booleans beyond 1, data at odd places', (t) => {
  const header = { 'x/y': entry('I16', [2], 1, 5), __metadata__: {}, first: entry('BOOL', [], 0, 1) };
  const { tensors, metadata } = decodeSafetensors(file(JSON.stringify(header, undefined, 2), Buffer.of(9, 1, 0, 0xff, 0xff)));
  t.deepEqual(metadata, {});
  t.deepEqual([...tensors.get('x/y')!.data()], [1, -1]);
  t.is(tensors.get('first')!.item(), 1);
  const names = decodeSafetensors(file('{"__proto__":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}', 1)).tensors;
  t.deepEqual([...names.keys()], ['__proto__']);
});

const two = { a: entry('U8', [4], 0, 4), b: entry('F32', [2], 4, 12) };
const raw = (a: string, b = '{"dtype":"U8","shape":[],"data_offsets":[1,2]}') =>
  file(`{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},${a}:${b}}`, 2);

const refused: [what: string, bytes: Uint8Array, message: RegExp][] = [
  ['nothing', Buffer.alloc(0), /0 bytes are too few for the length/],
  ['half a length', Buffer.alloc(7), /7 bytes are too few/],
  [
    'a header beyond the end',
    Buffer.concat([file(two, 12).subarray(0, 30)]),
    /its header has 107 bytes, but only 22 follow \(it may be cut\)/,
  ],
  ['a header of 2^64 - 1 bytes', Buffer.alloc(20, 255), /its header has 1844\d+ bytes, at most 100000000 are allowed/],
  ['no text', file('\xff{'.repeat(3)).fill(0xff, 8), /not UTF-8/],
  ['no JSON', file('{"a":'), /not JSON \(/],
  ['a list', file('[]'), /not a JSON object/],
  ['null', file('null'), /not a JSON object/],
  ['a name twice', raw('"a"'), /"a" is in its header twice/],
  ['a name twice, written otherwise', raw('"\\u0061" '), /"a" is in its header twice/],
  ['a key twice', raw('"b"', '{"dtype":"F32","dtype":"U8","shape":[],"data_offsets":[1,2]}'), /"dtype" is in its header twice/],
  ['an entry that is a number', file({ a: 3 }), /tensor "a": its entry is not an object/],
  ['an unknown key', file({ a: { ...two.a, extra: 1 } }, 4), /tensor "a": its entry has an unknown key "extra"/],
  ['an unknown dtype', file({ a: entry('F8_E5M2', [4], 0, 4) }, 4), /tensor "a": dtype "F8_E5M2", expected one of F64, F32/],
  ['no dtype', file({ a: { shape: [], data_offsets: [0, 1] } }, 1), /tensor "a": dtype missing/],
  ['dtype of an object', file({ a: entry('constructor', [4], 0, 4) }, 4), /tensor "a": dtype "constructor"/],
  ['a negative dimension', file({ a: entry('U8', [-1, -4], 0, 4) }, 4), /tensor "a": shape \[-1,-4\], expected a list of whole numbers/],
  ['half a dimension', file({ a: entry('U8', [0.5, 8], 0, 4) }, 4), /tensor "a": shape \[0.5,8\]/],
  ['text as shape', file({ a: entry('U8', '4', 0, 4) }, 4), /tensor "a": shape "4"/],
  ['nine dimensions', file({ a: entry('U8', [1, 1, 1, 1, 1, 1, 1, 1, 4], 0, 4) }, 4), /tensor "a": 9 dimensions, at most 8/],
  ['a product beyond all files', file({ a: entry('U8', [2 ** 52, 2 ** 52], 0, 4) }, 4), /tensor "a": 4 bytes, expected 2\.02/],
  ['another size', file({ a: entry('F32', [2], 0, 4) }, 4), /tensor "a": 4 bytes, expected 8 for F32\[2\]/],
  ['an end before its start', file({ a: entry('U8', [4], 4, 0) }, 4), /tensor "a": data_offsets \[4,0\], expected \[start, end\]/],
  ['three offsets', file({ a: { ...two.a, data_offsets: [0, 2, 4] } }, 4), /tensor "a": data_offsets \[0,2,4\]/],
  ['an overlap', file({ ...two, b: entry('F32', [2], 3, 11) }, 11), /tensor "b": it starts at byte 3, within another one that ends at 4/],
  ['the same range twice', file({ a: two.a, b: two.a }, 4), /tensor "b": it starts at byte 0, within another/],
  ['a hole', file({ ...two, b: entry('F32', [2], 5, 13) }, 13), /tensor "b": it starts at byte 5, and bytes 4 to 4 belong to none/],
  ['a cut file', file(two, 11), /tensor "b": it ends at byte 12, but the data has 11 bytes \(the file may be cut\)/],
  ['bytes behind the end', file(two, 14), /2 bytes at its end belong to no tensor/],
  ['metadata that is a number', file({ __metadata__: 3 }), /__metadata__ is not an object/],
  ['metadata of numbers', file({ __metadata__: { epoch: 3 } }), /__metadata__: "epoch" is not text/],
];

for (const [what, bytes, message] of refused) {
  test(`${what} is refused`, (t) => faults(t, () => decodeSafetensors(bytes, 'some/file'), 'format', message));
}

test('messages name the file and stay short', (t) => {
  const error = t.throws(() => decodeSafetensors(file({ [`a\n${'x'.repeat(5000)}`]: 3 }), 'some/file'))!;
  t.regex(error.message, /^some\/file: not a valid safetensors file: tensor "a\\nx+\.\.\.": /);
  t.true(error.message.length < 200);
  faults(t, () => readSafetensors('not/there'), 'file', /^not\/there: there is no such file/);
});

test('what cannot be written is refused, and nothing is left behind', (t) => {
  const folder = temporaryFolder({ 'a.safetensors': 'old' });
  const path = join(folder, 'a.safetensors');
  faults(t, () => writeSafetensors(path, { __metadata__: Tensor.scalar(1) }), 'data', /cannot be named "__metadata__"/);
  faults(t, () => writeSafetensors(path, {}, { epoch: 3 as unknown as string }), 'option', /metadata\.epoch is 3, expected text/);
  const gone = Tensor.scalar(1);
  gone.dispose();
  faults(t, () => writeSafetensors(path, { gone }), 'disposed', /used after dispose/);
  t.is(readFileSync(path, 'utf8'), 'old');
  t.deepEqual(readdirSync(folder), ['a.safetensors']);
});

test('damaged files are read or refused, and leave no tensors', (t) => {
  const names = ['conv.weight', 'conv.bias', 'steps', 'flags'];
  const types = ['float32', 'bfloat16', 'int64', 'boolean'] as const;
  const intact = scope(() =>
    encodeSafetensors(new Map(names.map((name, i) => [name, Tensor.from([1, 0, 1, 1, 0, 1], [2, 3], types[i])])), { epoch: '3' }),
  );
  const before = memory().tensors;
  const seen = { read: 0, refused: 0 };
  for (let number = 0; number < 4000; number++) {
    const dice = new Dice(number);
    // Nearly all damage belongs into the header, which is most of the file.
    const bytes = damagedBytes(intact, dice);
    try {
      scope(() => void decodeSafetensors(bytes));
      seen.read++;
    } catch (error) {
      if (!(error instanceof LowbitError) || error.code !== 'format') t.fail(`damage ${number}: ${error}`);
      seen.refused++;
    }
  }
  t.log(seen);
  t.true(seen.read > 50 && seen.refused > 1000);
  t.is(memory().tensors, before);
});
