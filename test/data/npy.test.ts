import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { type Dtype, openDataset, readNpy, type TensorData, writeNpy } from 'lowbit';
import { faults, faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { whole } from './batches.js';

function npy(header: string, data: Uint8Array, version = 1): Buffer {
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) length.writeUInt16LE(header.length);
  else length.writeUInt32LE(header.length);
  return Buffer.concat([Buffer.from('\x93NUMPY', 'latin1'), Buffer.of(version, 0), length, Buffer.from(header), data]);
}
const dict = (descr: string, shape: string, fortran = 'False') => `{'descr': ${descr}, 'fortran_order': ${fortran}, 'shape': ${shape}, }\n`;

const samples: [Dtype, TensorData][] = [
  ['float32', Float32Array.of(0.1, -0, 3, 4, 5, 6)],
  ['float64', Float64Array.of(0.1, -0, 3, 4, 5, 6)],
  ['float16', Uint16Array.of(0x3c00, 1, 2, 3, 4, 5)],
  ['int8', Int8Array.of(-128, 127, 0, 1, 2, 3)],
  ['uint8', Uint8Array.of(0, 255, 1, 2, 3, 4)],
  ['int16', Int16Array.of(-32768, 32767, 1, 2, 3, 4)],
  ['uint16', Uint16Array.of(0, 65535, 1, 2, 3, 4)],
  ['int32', Int32Array.of(-(2 ** 31), 2 ** 31 - 1, 1, 2, 3, 4)],
  ['uint32', Uint32Array.of(0, 2 ** 32 - 1, 1, 2, 3, 4)],
  ['int64', BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n, 1n, 2n, 3n, 4n)],
  ['uint64', BigUint64Array.of(0n, 2n ** 64n - 1n, 1n, 2n, 3n, 4n)],
  ['boolean', Uint8Array.of(0, 1, 1, 0, 1, 0)],
];

for (const [dtype, data] of samples) {
  test(`${dtype} is written and read`, (t) => {
    const path = join(temporaryFolder(), 'a.npy');
    for (const shape of [[6], [2, 3], [1, 6, 1]]) {
      writeNpy(path, { dtype, shape, data });
      t.deepEqual(readNpy(path), { dtype, shape, data });
    }
    writeNpy(path, { dtype, shape: [], data: data.slice(0, 1) });
    t.deepEqual(readNpy(path).shape, []);
    writeNpy(path, { dtype, shape: [0, 3], data: data.slice(0, 0) });
    t.deepEqual(readNpy(path), { dtype, shape: [0, 3], data: data.slice(0, 0) });
  });
}

test('the elements of a written file start at a multiple of 64 bytes', (t) => {
  const path = join(temporaryFolder(), 'a.npy');
  writeNpy(path, { dtype: 'uint8', shape: [1], data: Uint8Array.of(7) });
  const bytes = readFileSync(path);
  t.is((bytes.length - 1) % 64, 0);
  t.is(bytes.at(-2), 10);
  t.is(bytes.readUInt16LE(8) + 10, bytes.length - 1);
});

test('versions 2 and 3, big-endian files, booleans beyond 1', (t) => {
  for (const version of [2, 3]) t.deepEqual(readNpy(npy(dict("'|u1'", '(2,)'), Uint8Array.of(1, 2), version)).data, Uint8Array.of(1, 2));
  t.deepEqual(readNpy(npy(dict("'>i2'", '(2,)'), Uint8Array.of(1, 2, 0xff, 0xfe))).data, Int16Array.of(258, -2));
  t.deepEqual(readNpy(npy(dict("'>f4'", '()'), Uint8Array.of(0x3f, 0x80, 0, 0))).data, Float32Array.of(1));
  t.deepEqual(readNpy(npy(dict("'>i8'", '(1,)'), Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 5))).data, BigInt64Array.of(5n));
  t.deepEqual(readNpy(npy(dict("'|b1'", '(2,)'), Uint8Array.of(2, 0))).data, Uint8Array.of(1, 0));
});

test('other files are refused', (t) => {
  const good = npy(dict("'<f4'", '(2,)'), new Uint8Array(8));
  for (let length = 0; length < good.length; length++) faults(t, () => readNpy(good.subarray(0, length)), 'format', /not a valid npy file/);
  faults(t, () => readNpy(Buffer.concat([good, Buffer.of(0)])), 'format', /expected/);
  faults(t, () => readNpy(npy(dict("'<f4'", '(2,)'), new Uint8Array(8), 4)), 'format', /version 4/);
  faults(t, () => readNpy(npy(dict("'<f4'", '(2, 2)', 'True'), new Uint8Array(16))), 'format', /column by column.*ascontiguousarray/);
  faults(t, () => readNpy(npy(dict("'<c8'", '(1,)'), new Uint8Array(8))), 'format', /its elements are <c8, expected one of f4/);
  faults(t, () => readNpy(npy(dict("'|O'", '(1,)'), new Uint8Array(8))), 'format', /its elements are \|O/);
  faults(t, () => readNpy(npy(dict("[('a', '<f4')]", '(1,)'), new Uint8Array(4))), 'format', /its elements are/);
  faults(t, () => readNpy(npy(dict("'<f4'", '(99999999999999999999,)'), new Uint8Array(8))), 'format', /cannot be understood/);
  faults(t, () => readNpy(npy(dict("'<f4'", '(9999999999999, 9999999999)'), new Uint8Array(8))), 'format', /expected/);
  faults(t, () => readNpy(npy(dict("'<f4'", '(-2,)'), new Uint8Array(8))), 'format', /cannot be understood/);
  faults(t, () => readNpy(join(temporaryFolder(), 'none.npy')), 'file', /none\.npy/);
  faults(t, () => writeNpy('x', { dtype: 'bfloat16', shape: [1], data: Uint16Array.of(0) }), 'dtype', /bfloat16/);
  faults(t, () => writeNpy('x', { dtype: 'float32', shape: [2], data: Float32Array.of(0) }), 'shape', /\[2\]/);
});

function folderOf(x: [Dtype, number[], TensorData], y?: [Dtype, number[], TensorData]): string {
  const folder = temporaryFolder();
  writeNpy(join(folder, 'x.npy'), { dtype: x[0], shape: x[1], data: x[2] });
  if (y) writeNpy(join(folder, 'y.npy'), { dtype: y[0], shape: y[1], data: y[2] });
  return folder;
}

test('a folder of x and y is a data set; values are taken as they are unless told otherwise', async (t) => {
  const folder = folderOf(['uint8', [2, 2, 2], Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 255)], ['int64', [2, 1], BigInt64Array.of(3n, -1n)]);
  const set = await openDataset(`npy:${folder}`);
  t.deepEqual([set.length, set.hasLabels, set.shape], [2, true, [2, 2]]);
  const batch = await whole(set);
  t.deepEqual(batch.data, Float32Array.of(0, 1, 2, 3, 4, 5, 6, 255));
  t.deepEqual(batch.labels, Int32Array.of(3, -1));
  const scaled = await whole(await openDataset(`npy:${folder}`, { mean: [1, 2], std: 2 }));
  t.deepEqual(scaled.data.slice(0, 4), Float32Array.of(-0.5, 0, 0, 0.5));
  const alone = await openDataset(`npy:${join(folder, 'x.npy')}`, { scale: 2 });
  t.false(alone.hasLabels);
  t.is((await whole(alone)).data[6], 3);
});

test('samples by number, and what padding with 0 means', async (t) => {
  const folder = folderOf(['uint8', [3, 2, 1], Uint8Array.of(1, 2, 3, 4, 5, 6)], ['uint8', [3], Uint8Array.of(7, 8, 9)]);
  const set = await openDataset(`npy:${folder}`, { mean: [1, 2], std: 2 });
  t.deepEqual(await set.gather([2, 0]), { values: Float32Array.of(2, 2, 0, 0), labels: Int32Array.of(9, 7) });
  t.deepEqual(set.zero, Float32Array.of(-0.5, -1));
  t.is((await openDataset(`npy:${folder}`)).zero, undefined);
});

test('halves, doubles and one number a sample', async (t) => {
  t.deepEqual(
    (await whole(await openDataset(`npy:${join(folderOf(['float16', [2], Uint16Array.of(0x3c00, 0xc000)]), 'x.npy')}`))).data,
    Float32Array.of(1, -2),
  );
  const tooLarge = folderOf(['float64', [1, 2], Float64Array.of(1, 1e300)]);
  await faultsLater(
    t,
    async () => whole(await openDataset(`npy:${join(tooLarge, 'x.npy')}`)),
    'data',
    /sample 0 contains Infinity \(element 1\)/,
  );
});

test('x and y that do not fit are refused', async (t) => {
  const x: [Dtype, number[], TensorData] = ['float32', [2, 1], Float32Array.of(1, 2)];
  const open = (folder: string) => () => openDataset(`npy:${folder}`);
  await faultsLater(t, open(folderOf(x)), 'file', /y\.npy: there is no such file/);
  await faultsLater(t, open(folderOf(x, ['int32', [3], Int32Array.of(1, 2, 3)])), 'data', /labels of shape \[3\] for 2 samples/);
  await faultsLater(t, open(folderOf(x, ['int32', [2, 2], Int32Array.of(1, 2, 3, 4)])), 'data', /labels of shape \[2, 2\]/);
  await faultsLater(t, open(folderOf(x, ['float32', [2], Float32Array.of(1, 2)])), 'data', /labels of type float32/);
  await faultsLater(t, open(folderOf(x, ['int64', [2], BigInt64Array.of(1n, 2n ** 31n)])), 'data', /label 1 is 2147483648/);
  await faultsLater(t, open(join(folderOf(['float32', [], Float32Array.of(1)]), 'x.npy')), 'data', /one number/);
  await faultsLater(t, open(join(folderOf(['float32', [0, 3], Float32Array.of()]), 'x.npy')), 'data', /no samples/);
  await faultsLater(t, open('/nowhere'), 'file', /nowhere/);
});
