/** NumPy's .npy files, versions 1 to 3: a magic word, a Python dict as text, the elements. */
import { fail, shapeText } from '../error.js';
import { readBytes, writeAtomically } from '../file.js';
import { bytesPerElement, type Dtype, type Shape, sizeOf } from '../shape.js';
import { arrayFor, type TensorData } from '../tensor.js';

export interface NpyArray {
  dtype: Dtype;
  shape: Shape;
  /** Row-major; float16 is its bits, booleans are 0 or 1. */
  data: TensorData;
}

/** NumPy's names of our element types. */
const types: Partial<Record<Dtype, string>> = {
  float32: 'f4',
  float64: 'f8',
  float16: 'f2',
  int8: 'i1',
  uint8: 'u1',
  int16: 'i2',
  uint16: 'u2',
  int32: 'i4',
  uint32: 'u4',
  int64: 'i8',
  uint64: 'u8',
  boolean: 'b1',
};

const magic = Buffer.from('\x93NUMPY', 'latin1');

/**
 * Reads an array from a file or from bytes. Big-endian files are converted.
 * @throws LowbitError 'file' where the file cannot be read; 'format' where it is not an .npy file, its size does not fit its shape, or
 *   its elements are of another kind (strings, records, complex numbers) or stored column by column
 */
export function readNpy(source: string | Uint8Array): NpyArray {
  const path = typeof source === 'string' ? source : undefined;
  const bytes = typeof source === 'string' ? readBytes(source) : source;
  const wrong = (problem: string, todo?: string): never => fail({ code: 'format', format: 'npy', path, problem, todo });

  if (bytes.length < 12 || !magic.equals(bytes.subarray(0, 6))) wrong('it does not start with the magic word of .npy files');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6];
  if (version < 1 || version > 3) wrong(`version ${version}, expected 1 to 3`);
  const start = (version === 1 ? 10 + view.getUint16(8, true) : 12 + view.getUint32(8, true)) as number;
  if (start > bytes.length) wrong('it ends within its header');
  const header = parseHeader(Buffer.from(bytes.subarray(version === 1 ? 10 : 12, start)).toString('latin1'));
  if (!header) return wrong('its header cannot be understood');

  const [, order, type] = /^([<>|=])([a-z]\d+)$/.exec(header.descr) ?? [];
  const dtype = Object.keys(types).find((name) => types[name as Dtype] === type) as Dtype | undefined;
  if (!dtype) return wrong(`its elements are ${header.descr}, expected one of ${Object.values(types).join(', ')}`);
  if (header.fortran) wrong('it is stored column by column', 'Save numpy.ascontiguousarray(array).');
  const size = sizeOf(header.shape);
  const expected = start + size * bytesPerElement(dtype);
  if (bytes.length !== expected) wrong(`${bytes.length} bytes, expected ${expected} for ${dtype}${shapeText(header.shape)}`);

  const data = arrayFor(dtype, size);
  const copy = Buffer.from(data.buffer, 0, data.byteLength);
  copy.set(bytes.subarray(start));
  if (order === '>') swap(copy, bytesPerElement(dtype));
  return { dtype, shape: header.shape, data: dtype === 'boolean' ? (data as Uint8Array).map((value) => Number(value !== 0)) : data };
}

// {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
function parseHeader(text: string): { descr: string; fortran: boolean; shape: number[] } | undefined {
  const descr = /'descr':\s*('[^']*'|\[.*\])/.exec(text)?.[1].replace(/'/g, '');
  const fortran = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const dims = /'shape':\s*\(([\d\s,]*)\)/.exec(text)?.[1];
  if (descr === undefined || fortran === undefined || dims === undefined) return undefined;
  const shape = dims.split(',').flatMap((n) => (n.trim() === '' ? [] : [Number(n)]));
  return shape.every(Number.isSafeInteger) ? { descr, fortran: fortran === 'True', shape } : undefined;
}

function swap(bytes: Buffer, width: number): void {
  if (width === 2) bytes.swap16();
  if (width === 4) bytes.swap32();
  if (width === 8) bytes.swap64();
}

/**
 * Writes an array as an .npy file of version 1.
 * @throws LowbitError 'dtype' for bfloat16, which NumPy does not have, 'shape' where shape and data disagree, 'file' where it cannot be written
 */
export function writeNpy(path: string, { dtype, shape, data }: NpyArray): void {
  const type = types[dtype] ?? fail({ code: 'dtype', op: 'writeNpy', input: 'array', came: dtype, expected: 'a type that NumPy has' });
  if (data.length !== sizeOf(shape)) {
    fail({ code: 'shape', op: 'writeNpy', input: 'array', came: shape, expected: `a shape of ${data.length} elements` });
  }
  const order = bytesPerElement(dtype) === 1 ? '|' : '<';
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${order}${type}', 'fortran_order': False, 'shape': (${dims}), }`;
  const padded = text.padEnd(Math.ceil((10 + text.length + 1) / 64) * 64 - 11); // the elements start at a multiple of 64
  const header = Buffer.concat([magic, Buffer.from([1, 0, 0, 0]), Buffer.from(`${padded}\n`, 'latin1')]);
  header.writeUInt16LE(header.length - 10, 8);
  writeAtomically(path, Buffer.concat([header, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]));
}
