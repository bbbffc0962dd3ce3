/** TensorProto to and from typed arrays. */
import { fail, shapeText } from '../error.js';
import { bytesPerElement, type Dtype, type Shape, sizeOf } from '../shape.js';
import { arrayFor, type TensorData } from '../tensor.js';
import { isExternal, readExternal } from './external.js';
import { DataType, decode, onnxMessage, type TensorProto } from './schema.js';

export interface NamedTensor {
  name: string;
  dtype: Dtype;
  shape: Shape;
  /** Row-major; float16 and bfloat16 are their bits, booleans are 0 or 1. */
  data: TensorData;
}

type TypedField = 'floatData' | 'doubleData' | 'int32Data' | 'int64Data' | 'uint64Data';

/** An element type of the format: ours, the field that holds it where rawData does not, and how many share a byte. */
interface ElementType {
  dtype: Dtype;
  field: TypedField;
  perByte: 1 | 2 | 4;
}

const element = (dtype: Dtype, field: TypedField, perByte: 1 | 2 | 4 = 1): ElementType => ({ dtype, field, perByte });

const elementTypes: Partial<Record<number, ElementType>> = {
  [DataType.FLOAT]: element('float32', 'floatData'),
  [DataType.DOUBLE]: element('float64', 'doubleData'),
  [DataType.FLOAT16]: element('float16', 'int32Data'),
  [DataType.BFLOAT16]: element('bfloat16', 'int32Data'),
  [DataType.INT8]: element('int8', 'int32Data'),
  [DataType.UINT8]: element('uint8', 'int32Data'),
  [DataType.INT16]: element('int16', 'int32Data'),
  [DataType.UINT16]: element('uint16', 'int32Data'),
  [DataType.INT32]: element('int32', 'int32Data'),
  [DataType.UINT32]: element('uint32', 'uint64Data'),
  [DataType.INT64]: element('int64', 'int64Data'),
  [DataType.UINT64]: element('uint64', 'uint64Data'),
  [DataType.BOOL]: element('boolean', 'int32Data'),
  [DataType.INT4]: element('int8', 'int32Data', 2),
  [DataType.UINT4]: element('uint8', 'int32Data', 2),
  [DataType.INT2]: element('int8', 'int32Data', 4),
  [DataType.UINT2]: element('uint8', 'int32Data', 4),
};

/** Our element type for a `DataType`, undefined for those without one. Integers of 2 and 4 bits are widened to 8. */
export const dtypeOf = (dataType: number): Dtype | undefined => elementTypes[dataType]?.dtype;

/** Bits of an element where several share a byte: the types that we hold in 8 bits. Undefined for all others. */
export function bitsOf(dataType: number): number | undefined {
  const type = elementTypes[dataType];
  return type && type.perByte > 1 ? 8 / type.perByte : undefined;
}

/** Least and largest value of such a type. */
export function narrowRange(dataType: number): readonly [number, number] | undefined {
  const bits = bitsOf(dataType);
  if (bits === undefined) return undefined;
  return dtypeOf(dataType) === 'uint8' ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
}

/** The `DataType` of an element type. */
export function dataTypeOf(dtype: Dtype): number {
  return Number(Object.keys(elementTypes).find((key) => elementTypes[Number(key)]?.dtype === dtype));
}

/** How people call a `DataType`. */
export const dataTypeName = (dataType: number) =>
  Object.entries(DataType).find(([, number]) => number === dataType)?.[0] ?? `type ${dataType}`;

/**
 * The tensor's elements, from raw bytes, a typed field or an external file.
 * @param folder the model's folder, for external data
 * @throws LowbitError 'dtype' for element types that are not supported (strings, complex numbers, 8-bit floats), 'format' where size and
 *   shape disagree or the tensor is damaged, 'file' where external data cannot be read
 */
export function tensorFromProto(tensor: TensorProto, folder?: string): NamedTensor {
  const type = elementTypes[tensor.dataType];
  if (!type) {
    const supported = [...new Set(Object.values(elementTypes).map((known) => known?.dtype))].join(', ');
    return fail({
      code: 'dtype',
      op: 'onnx',
      input: `tensor "${tensor.name}"`,
      came: dataTypeName(tensor.dataType),
      expected: `one of ${supported}`,
    });
  }
  if (tensor.segment) wrong(tensor, 'it is split into segments, which no exporter does any more');
  const shape = tensor.dims.map(Number);
  const size = checkedSize(tensor, shape);
  return { name: tensor.name, dtype: type.dtype, shape, data: elements(tensor, type, size, folder) };
}

function elements(tensor: TensorProto, { dtype, field, perByte }: ElementType, size: number, folder?: string): TensorData {
  const stored = Math.ceil(size / perByte); // elements of the storage: bytes where two share one
  const bytes = stored * bytesPerElement(dtype);
  const raw = isExternal(tensor) ? readExternal(tensor, folder, bytes) : tensor.rawData;
  const typed = tensor[field];
  if (raw.length > 0 && typed.length > 0) wrong(tensor, `its data is given twice, as raw bytes and as ${field}`);
  const fromRaw = raw.length > 0 || typed.length === 0;
  const [came, expected] = fromRaw ? [raw.length, bytes] : [typed.length, stored];
  if (came !== expected) {
    wrong(tensor, `${came} ${fromRaw ? 'bytes' : 'elements'}, expected ${expected} for shape ${shapeText(tensor.dims.map(Number))}`);
  }
  const storage: Dtype = perByte > 1 ? 'uint8' : dtype;
  const data = fromRaw ? copied(raw, storage) : converted(tensor, typed, storage);
  return perByte > 1 ? apart(data as Uint8Array, dtype, size, perByte) : data;
}

// The product is checked step by step, before anything of that size is allocated.
function checkedSize(tensor: TensorProto, shape: Shape): number {
  let size = 1;
  for (const n of shape) {
    if (!Number.isSafeInteger(n) || n < 0) wrong(tensor, `a dimension is ${n}`);
    size *= n;
    if (!Number.isSafeInteger(size)) wrong(tensor, `shape ${shapeText(shape)} has too many elements`);
  }
  return size;
}

// Raw bytes are little-endian, as is every machine that the addon runs on, and lie anywhere in the file: a view would be unaligned.
function copied(raw: Uint8Array, dtype: Dtype): TensorData {
  const data = arrayFor(dtype, raw.length / bytesPerElement(dtype));
  new Uint8Array(data.buffer).set(dtype === 'boolean' ? raw.map((value) => Number(value !== 0)) : raw);
  return data;
}

function converted(tensor: TensorProto, values: readonly (number | bigint)[], dtype: Dtype): TensorData {
  const data = arrayFor(dtype, values.length);
  const big = data instanceof BigInt64Array || data instanceof BigUint64Array;
  const float = data instanceof Float32Array || data instanceof Float64Array;
  values.forEach((value, i) => {
    const number = dtype === 'boolean' ? Number(value !== 0) : big ? value : Number(value);
    data[i] = number;
    if (!float && data[i] !== number) wrong(tensor, `element ${i} is ${value}, which does not fit ${dtype}`);
  });
  return data;
}

// Elements that share bytes, the first in the lowest bits.
function apart(bytes: Uint8Array, dtype: Dtype, size: number, perByte: number): TensorData {
  const data = arrayFor(dtype, size);
  const [bits, values] = [8 / perByte, 2 ** (8 / perByte)];
  for (let i = 0; i < size; i++) {
    const value = (bytes[Math.floor(i / perByte)] >> ((i % perByte) * bits)) & (values - 1);
    data[i] = dtype === 'int8' && value >= values / 2 ? value - values : value;
  }
  return data;
}

// The inverse; bits that are left over in the last byte are 0.
function together(data: Int8Array | Uint8Array, perByte: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(data.length / perByte));
  const bits = 8 / perByte;
  data.forEach((value, i) => {
    bytes[Math.floor(i / perByte)] |= (value & (2 ** bits - 1)) << ((i % perByte) * bits);
  });
  return bytes;
}

/**
 * The tensor of a file that holds nothing else (test data of the ONNX project: input_0.pb).
 * @throws LowbitError 'format' where the bytes are no tensor, otherwise as `tensorFromProto`
 */
export function readTensor(bytes: Uint8Array): NamedTensor {
  let tensor: TensorProto;
  try {
    tensor = decode('TensorProto', bytes);
  } catch (error) {
    return fail({ code: 'format', format: 'onnx', problem: `it is not a tensor (${(error as Error).message})` });
  }
  return tensorFromProto(tensor);
}

/**
 * A tensor for a model file, as raw bytes.
 * @param dataType how the file holds the elements: INT4 or INT2 for int8, UINT4 or UINT2 for uint8, otherwise the element type's own
 * @throws LowbitError 'shape' where shape and data disagree, 'dtype' where data or dataType is of another type, 'data' where an element
 *   does not fit the dataType
 */
export function tensorToProto(name: string, dtype: Dtype, shape: Shape, data: TensorData, dataType = dataTypeOf(dtype)): TensorProto {
  if (data.length !== sizeOf(shape)) {
    fail({ code: 'shape', op: 'tensorToProto', input: `"${name}"`, came: shape, expected: `a shape of ${data.length} elements` });
  }
  const expected = arrayFor(dtype, 0).constructor;
  if (data.constructor !== expected) {
    fail({ code: 'dtype', op: 'tensorToProto', input: `"${name}"`, came: data.constructor.name, expected: expected.name });
  }
  return onnxMessage('TensorProto', { name, dataType, dims: shape.map(BigInt), rawData: rawBytes(name, dtype, data, dataType) });
}

function rawBytes(name: string, dtype: Dtype, data: TensorData, dataType: number): Uint8Array {
  const type = elementTypes[dataType];
  if (type?.dtype !== dtype) {
    fail({
      code: 'dtype',
      op: 'tensorToProto',
      input: `"${name}" as ${dataTypeName(dataType)}`,
      came: dtype,
      expected: type?.dtype ?? 'another type',
    });
  }
  if (type.perByte === 1) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  const elements = data as Int8Array | Uint8Array;
  const [low, high] = narrowRange(dataType)!;
  const at = elements.findIndex((value) => value < low || value > high);
  if (at >= 0) {
    const problem = `element ${at} of "${name}" is ${elements[at]}, ${dataTypeName(dataType)} holds ${low} to ${high}`;
    fail({ code: 'data', where: 'tensorToProto', problem });
  }
  return together(elements, type.perByte);
}

function wrong(tensor: TensorProto, problem: string): never {
  return fail({ code: 'format', format: 'onnx', problem: `tensor "${tensor.name}": ${problem}` });
}
