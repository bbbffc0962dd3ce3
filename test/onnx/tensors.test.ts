import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { DataLocation, DataType, type Dtype, onnxMessage, type TensorData, tensorFromProto, tensorToProto } from 'lowbit';
import { faults } from '../faults.js';
import { temporaryFolder } from '../folder.js';

const roundTrips: [Dtype, TensorData][] = [
  ['float32', Float32Array.of(0.1, -0, Number.NaN, Number.NEGATIVE_INFINITY)],
  ['float64', Float64Array.of(0.1, -0, Number.NaN, 5e-324)],
  ['float16', Uint16Array.of(0x3c00, 0x7e00, 0xfc00, 1)],
  ['bfloat16', Uint16Array.of(0x3f80, 0x7fc0, 0xff80, 1)],
  ['int8', Int8Array.of(-128, -1, 0, 127)],
  ['uint8', Uint8Array.of(0, 1, 128, 255)],
  ['int16', Int16Array.of(-32768, -1, 0, 32767)],
  ['uint16', Uint16Array.of(0, 1, 32768, 65535)],
  ['int32', Int32Array.of(-(2 ** 31), -1, 0, 2 ** 31 - 1)],
  ['uint32', Uint32Array.of(0, 1, 2 ** 31, 2 ** 32 - 1)],
  ['int64', BigInt64Array.of(-(2n ** 63n), -1n, 0n, 2n ** 63n - 1n)],
  ['uint64', BigUint64Array.of(0n, 1n, 2n ** 63n, 2n ** 64n - 1n)],
  ['boolean', Uint8Array.of(0, 1, 1, 0)],
];

for (const [dtype, data] of roundTrips) {
  test(`${dtype} to a TensorProto and back`, (t) => {
    const proto = tensorToProto('w', dtype, [2, 2], data);
    t.deepEqual(proto.dims, [2n, 2n]);
    t.deepEqual(tensorFromProto(proto), { name: 'w', dtype, shape: [2, 2], data });
    const empty = data.slice(0, 0);
    t.deepEqual(tensorFromProto(tensorToProto('e', dtype, [0, 3], empty)), { name: 'e', dtype, shape: [0, 3], data: empty });
    t.deepEqual(tensorFromProto(tensorToProto('s', dtype, [], data.slice(1, 2))).shape, []);
  });
}

test('raw data is little-endian and may lie at any address', (t) => {
  const rawData = Uint8Array.of(9, 1, 0, 0, 0, 2, 0, 0, 0).subarray(1);
  const proto = onnxMessage('TensorProto', { name: 'w', dataType: DataType.INT32, dims: [2n], rawData });
  t.deepEqual(tensorFromProto(proto).data, Int32Array.of(1, 2));
});

test('typed fields', (t) => {
  const read = (fields: object) => tensorFromProto(onnxMessage('TensorProto', { name: 'w', dims: [2n], ...fields })).data;
  t.deepEqual(read({ dataType: DataType.FLOAT, floatData: [1.5, -2] }), Float32Array.of(1.5, -2));
  t.deepEqual(read({ dataType: DataType.DOUBLE, doubleData: [0.1, -2] }), Float64Array.of(0.1, -2));
  t.deepEqual(read({ dataType: DataType.INT64, int64Data: [-1n, 2n ** 62n] }), BigInt64Array.of(-1n, 2n ** 62n));
  t.deepEqual(read({ dataType: DataType.UINT64, uint64Data: [1n, 2n ** 64n - 1n] }), BigUint64Array.of(1n, 2n ** 64n - 1n));
  t.deepEqual(read({ dataType: DataType.UINT32, uint64Data: [1n, 2n ** 32n - 1n] }), Uint32Array.of(1, 2 ** 32 - 1));
  t.deepEqual(read({ dataType: DataType.INT32, int32Data: [-1, 7] }), Int32Array.of(-1, 7));
  t.deepEqual(read({ dataType: DataType.INT8, int32Data: [-128, 7] }), Int8Array.of(-128, 7));
  t.deepEqual(read({ dataType: DataType.UINT8, int32Data: [255, 7] }), Uint8Array.of(255, 7));
  t.deepEqual(read({ dataType: DataType.INT16, int32Data: [-32768, 7] }), Int16Array.of(-32768, 7));
  t.deepEqual(read({ dataType: DataType.UINT16, int32Data: [65535, 7] }), Uint16Array.of(65535, 7));
  t.deepEqual(read({ dataType: DataType.FLOAT16, int32Data: [0x3c00, 0xfc00] }), Uint16Array.of(0x3c00, 0xfc00));
  t.deepEqual(read({ dataType: DataType.BFLOAT16, int32Data: [0x3f80, 0xff80] }), Uint16Array.of(0x3f80, 0xff80));
  t.deepEqual(read({ dataType: DataType.BOOL, int32Data: [256, 0] }), Uint8Array.of(1, 0));
  t.deepEqual(read({ dataType: DataType.BOOL, rawData: Uint8Array.of(2, 0) }), Uint8Array.of(1, 0));
});

test('4-bit integers lie two in a byte, the first in the low half', (t) => {
  const read = (fields: object) => tensorFromProto(onnxMessage('TensorProto', { name: 'w', dims: [3n], ...fields }));
  const rawData = Uint8Array.of(0x8f, 0x07);
  t.deepEqual(read({ dataType: DataType.INT4, rawData }), { name: 'w', dtype: 'int8', shape: [3], data: Int8Array.of(-1, -8, 7) });
  t.deepEqual(read({ dataType: DataType.UINT4, rawData }).data, Uint8Array.of(15, 8, 7));
  t.deepEqual(read({ dataType: DataType.INT4, int32Data: [0x8f, 0x07] }).data, Int8Array.of(-1, -8, 7));
  faults(t, () => read({ dataType: DataType.INT4, rawData: new Uint8Array(3) }), 'format', /3 bytes, expected 2/);
  faults(t, () => read({ dataType: DataType.INT4, rawData: new Uint8Array(1) }), 'format', /1 bytes, expected 2/);
  faults(t, () => read({ dataType: DataType.INT4, int32Data: [1, 2, 3] }), 'format', /3 elements, expected 2/);
  faults(t, () => read({ dataType: DataType.UINT4, int32Data: [256, 0] }), 'format', /element 0 is 256, which does not fit uint8/);
});

test('2-bit integers lie four in a byte, the first in the low bits', (t) => {
  const read = (fields: object) => tensorFromProto(onnxMessage('TensorProto', { name: 'w', dims: [5n], ...fields })).data;
  const rawData = Uint8Array.of(0b11_10_01_00, 0b10);
  t.deepEqual(read({ dataType: DataType.INT2, rawData }), Int8Array.of(0, 1, -2, -1, -2));
  t.deepEqual(read({ dataType: DataType.UINT2, rawData }), Uint8Array.of(0, 1, 2, 3, 2));
  t.deepEqual(read({ dataType: DataType.UINT2, int32Data: [0b11_10_01_00, 0b10] }), Uint8Array.of(0, 1, 2, 3, 2));
  faults(t, () => read({ dataType: DataType.UINT2, rawData: new Uint8Array(3) }), 'format', /3 bytes, expected 2/);
});

const narrow: [keyof typeof DataType, Dtype, readonly number[], bytes: readonly number[]][] = [
  ['INT4', 'int8', [-8, 7, -1, 0, 1], [0x78, 0x0f, 0x01]],
  ['UINT4', 'uint8', [15, 0, 8], [0x0f, 0x08]],
  ['INT2', 'int8', [-2, -1, 0, 1, 1], [0b01_00_11_10, 0b01]],
  ['UINT2', 'uint8', [3, 2, 1, 0], [0b00_01_10_11]],
];

for (const [type, dtype, values, bytes] of narrow) {
  test(`${type} to a TensorProto and back, every number of elements`, (t) => {
    const all = dtype === 'int8' ? Int8Array.from(values) : Uint8Array.from(values);
    t.deepEqual([...tensorToProto('w', dtype, [all.length], all, DataType[type]).rawData], bytes);
    for (let n = 0; n <= all.length; n++) {
      const data = all.slice(0, n);
      t.deepEqual(tensorFromProto(tensorToProto('w', dtype, [n], data, DataType[type])), { name: 'w', dtype, shape: [n], data });
    }
  });
}

test('what a narrow type does not hold is refused', (t) => {
  const write = (dtype: Dtype, data: TensorData, type: number) => () => tensorToProto('w', dtype, [data.length], data, type);
  const outside = /element 1 of "w" is 8, INT4 holds -8 to 7/;
  faults(t, write('int8', Int8Array.of(7, 8), DataType.INT4), 'data', outside);
  faults(t, write('int8', Int8Array.of(-9), DataType.INT4), 'data', /is -9, INT4/);
  faults(t, write('uint8', Uint8Array.of(16), DataType.UINT4), 'data', /is 16, UINT4 holds 0 to 15/);
  faults(t, write('int8', Int8Array.of(2), DataType.INT2), 'data', /is 2, INT2 holds -2 to 1/);
  faults(t, write('uint8', Uint8Array.of(1), DataType.INT4), 'dtype', /"w" as INT4 is uint8, expected int8/);
  faults(t, write('uint8', Uint8Array.of(1), DataType.STRING), 'dtype', /"w" as STRING is uint8/);
});

test('tensors that lie about themselves are refused by name', (t) => {
  const read = (fields: object) => () => tensorFromProto(onnxMessage('TensorProto', { name: 'w', dataType: DataType.FLOAT, ...fields }));
  const rawData = new Uint8Array(8);
  faults(t, read({ dims: [3n], rawData }), 'format', /tensor "w": 8 bytes, expected 12 for shape \[3\]/);
  faults(t, read({ dims: [3n], floatData: [1, 2] }), 'format', /tensor "w": 2 elements, expected 3/);
  faults(t, read({ dims: [3n] }), 'format', /0 bytes, expected 12/);
  faults(t, read({ dims: [-2n], rawData }), 'format', /a dimension is -2/);
  faults(t, read({ dims: [2n ** 40n], rawData }), 'format', /8 bytes, expected/);
  faults(t, read({ dims: [2n ** 40n, 2n ** 40n], rawData }), 'format', /too many elements/);
  faults(t, read({ dims: [2n ** 62n, 0n] }), 'format', /a dimension is/);
  faults(t, read({ dims: [2n], rawData, floatData: [1, 2] }), 'format', /given twice/);
  faults(t, read({ dims: [1n], dataType: DataType.INT8, int32Data: [128] }), 'format', /element 0 is 128, which does not fit int8/);
  faults(t, read({ dims: [1n], dataType: DataType.FLOAT16, int32Data: [-1] }), 'format', /does not fit float16/);
  faults(t, read({ dims: [2n], rawData, segment: { begin: 0n, end: 1n } }), 'format', /segments/);
  for (const type of ['STRING', 'COMPLEX64', 'FLOAT8E4M3FN'] as const) {
    faults(t, read({ dims: [1n], dataType: DataType[type] }), 'dtype', new RegExp(`tensor "w" is ${type}, expected one of float32`));
  }
  faults(t, read({ dataType: 99 }), 'dtype', /tensor "w" is type 99/);
});

test('tensorToProto checks shape and array', (t) => {
  faults(t, () => tensorToProto('w', 'float32', [3], new Float32Array(2)), 'shape', /"w" is \[3\], expected a shape of 2 elements/);
  faults(t, () => tensorToProto('w', 'int8', [2], new Float32Array(2)), 'dtype', /"w" is Float32Array, expected Int8Array/);
});

test('external data is read from inside the folder and nowhere else', (t) => {
  const outside = temporaryFolder({ 'secret.bin': new Uint8Array(8) });
  const folder = temporaryFolder({ 'w.bin': Uint8Array.of(9, 9, 9, 9, 0, 0, 128, 63, 9), 'in/v.bin': new Uint8Array(4) });
  symlinkSync(join(outside, 'secret.bin'), join(folder, 'link.bin'));
  const read = (entries: Record<string, string>, dims = [1n]) => {
    const externalData = Object.entries(entries).map(([key, value]) => ({ key, value }));
    const fields = { name: 'w', dataType: DataType.FLOAT, dims, externalData, dataLocation: DataLocation.EXTERNAL };
    return () => tensorFromProto(onnxMessage('TensorProto', fields), folder);
  };
  t.deepEqual(read({ location: 'w.bin', offset: '4', length: '4' })().data, Float32Array.of(1));
  t.deepEqual(read({ location: 'in/v.bin' })().data, Float32Array.of(0));
  t.deepEqual(read({ location: './in/v.bin', offset: '4' }, [0n])().data, Float32Array.of());
  for (const location of ['', '../secret.bin', 'in/../../x', '/etc/passwd', '\\x', 'C:x', 'in\\..\\..\\x', 'a\0b']) {
    faults(t, read({ location }), 'format', /expected a file in the model's folder/);
  }
  faults(t, read({ location: 'link.bin', length: '4' }), 'format', /expected a file in the model's folder/);
  faults(t, read({ location: 'none.bin' }), 'file', /none\.bin: there is no such file/);
  faults(t, read({ location: 'in', length: '4' }), 'format', /not a file/);
  faults(t, read({ location: 'w.bin', offset: '4' }), 'format', /5 bytes in "w\.bin", expected 4/);
  faults(t, read({ location: 'w.bin', offset: '8', length: '4' }), 'format', /bytes 8 to 12 of "w\.bin" are asked for, it has 9/);
  faults(t, read({ location: 'w.bin', offset: '-4', length: '4' }), 'format', /are asked for/);
  faults(t, read({ location: 'w.bin', length: '9e9' }), 'format', /are asked for/);
  faults(t, read({ location: 'w.bin', length: '4000000000000' }, [10n ** 12n]), 'format', /are asked for, it has 9/);
  faults(t, read({}), 'format', /expected a file/);
});
