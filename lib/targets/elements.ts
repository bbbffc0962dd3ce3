/** Element types as the tables of targets write them. */
import { DataType } from '../onnx/schema.js';

export const elements = {
  ...{ f16: DataType.FLOAT16, bf16: DataType.BFLOAT16, f32: DataType.FLOAT, f64: DataType.DOUBLE },
  ...{ i4: DataType.INT4, i8: DataType.INT8, i16: DataType.INT16, i32: DataType.INT32, i64: DataType.INT64 },
  ...{ u4: DataType.UINT4, u8: DataType.UINT8, u16: DataType.UINT16, u32: DataType.UINT32, u64: DataType.UINT64 },
  ...{ bool: DataType.BOOL },
} as const;

export type Element = keyof typeof elements;

const names = new Map(Object.entries(elements).map(([name, type]) => [type as number, name as Element]));

/** The short name of a `DataType`; undefined for those that no table looks at (strings, complex numbers, 8-bit floats). */
export const elementOf = (dataType: number | undefined): Element | undefined => (dataType === undefined ? undefined : names.get(dataType));
