/**
 * The messages of the ONNX format (onnx.proto up to IR version 10, element types up to 13) as one table.
 * The decoder's descriptors and the TypeScript types below both follow from it; fields of later versions are kept as unknown fields.
 */
import {
  create,
  createFileRegistry,
  type DescMessage,
  fromBinary,
  type Message,
  type MessageInitShape,
  toBinary,
} from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  EnumDescriptorProtoSchema,
  FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';

/** Field name in camel case: number on the wire, type, and `repeated`, `packed` (repeated, in one run of bytes) or the oneof it is part of. */
type Row = readonly [number: number, type: string, label?: 'repeated' | 'packed' | `oneof ${string}`];

export const messages = {
  ModelProto: {
    irVersion: [1, 'int64'],
    producerName: [2, 'string'],
    producerVersion: [3, 'string'],
    domain: [4, 'string'],
    modelVersion: [5, 'int64'],
    docString: [6, 'string'],
    graph: [7, 'GraphProto'],
    opsetImport: [8, 'OperatorSetIdProto', 'repeated'],
    metadataProps: [14, 'StringStringEntryProto', 'repeated'],
    trainingInfo: [20, 'TrainingInfoProto', 'repeated'],
    functions: [25, 'FunctionProto', 'repeated'],
  },
  GraphProto: {
    node: [1, 'NodeProto', 'repeated'],
    name: [2, 'string'],
    initializer: [5, 'TensorProto', 'repeated'],
    docString: [10, 'string'],
    input: [11, 'ValueInfoProto', 'repeated'],
    output: [12, 'ValueInfoProto', 'repeated'],
    valueInfo: [13, 'ValueInfoProto', 'repeated'],
    quantizationAnnotation: [14, 'TensorAnnotation', 'repeated'],
    sparseInitializer: [15, 'SparseTensorProto', 'repeated'],
    metadataProps: [16, 'StringStringEntryProto', 'repeated'],
  },
  NodeProto: {
    input: [1, 'string', 'repeated'],
    output: [2, 'string', 'repeated'],
    name: [3, 'string'],
    opType: [4, 'string'],
    attribute: [5, 'AttributeProto', 'repeated'],
    docString: [6, 'string'],
    domain: [7, 'string'],
    overload: [8, 'string'],
    metadataProps: [9, 'StringStringEntryProto', 'repeated'],
  },
  AttributeProto: {
    name: [1, 'string'],
    f: [2, 'float'],
    i: [3, 'int64'],
    s: [4, 'bytes'],
    t: [5, 'TensorProto'],
    g: [6, 'GraphProto'],
    floats: [7, 'float', 'repeated'],
    ints: [8, 'int64', 'repeated'],
    strings: [9, 'bytes', 'repeated'],
    tensors: [10, 'TensorProto', 'repeated'],
    graphs: [11, 'GraphProto', 'repeated'],
    docString: [13, 'string'],
    tp: [14, 'TypeProto'],
    typeProtos: [15, 'TypeProto', 'repeated'],
    type: [20, 'AttributeProto.AttributeType'],
    refAttrName: [21, 'string'],
    sparseTensor: [22, 'SparseTensorProto'],
    sparseTensors: [23, 'SparseTensorProto', 'repeated'],
  },
  TensorProto: {
    dims: [1, 'int64', 'repeated'],
    dataType: [2, 'int32'],
    segment: [3, 'TensorProto.Segment'],
    floatData: [4, 'float', 'packed'],
    int32Data: [5, 'int32', 'packed'],
    stringData: [6, 'bytes', 'repeated'],
    int64Data: [7, 'int64', 'packed'],
    name: [8, 'string'],
    rawData: [9, 'bytes'],
    doubleData: [10, 'double', 'packed'],
    uint64Data: [11, 'uint64', 'packed'],
    docString: [12, 'string'],
    externalData: [13, 'StringStringEntryProto', 'repeated'],
    dataLocation: [14, 'TensorProto.DataLocation'],
    metadataProps: [16, 'StringStringEntryProto', 'repeated'],
  },
  'TensorProto.Segment': { begin: [1, 'int64'], end: [2, 'int64'] },
  SparseTensorProto: { values: [1, 'TensorProto'], indices: [2, 'TensorProto'], dims: [3, 'int64', 'repeated'] },
  ValueInfoProto: {
    name: [1, 'string'],
    type: [2, 'TypeProto'],
    docString: [3, 'string'],
    metadataProps: [4, 'StringStringEntryProto', 'repeated'],
  },
  TypeProto: {
    tensorType: [1, 'TypeProto.Tensor', 'oneof value'],
    sequenceType: [4, 'TypeProto.Sequence', 'oneof value'],
    mapType: [5, 'TypeProto.Map', 'oneof value'],
    denotation: [6, 'string'],
    opaqueType: [7, 'TypeProto.Opaque', 'oneof value'],
    sparseTensorType: [8, 'TypeProto.SparseTensor', 'oneof value'],
    optionalType: [9, 'TypeProto.Optional', 'oneof value'],
  },
  'TypeProto.Tensor': { elemType: [1, 'int32'], shape: [2, 'TensorShapeProto'] },
  'TypeProto.Sequence': { elemType: [1, 'TypeProto'] },
  'TypeProto.Map': { keyType: [1, 'int32'], valueType: [2, 'TypeProto'] },
  'TypeProto.Opaque': { domain: [1, 'string'], name: [2, 'string'] },
  'TypeProto.SparseTensor': { elemType: [1, 'int32'], shape: [2, 'TensorShapeProto'] },
  'TypeProto.Optional': { elemType: [1, 'TypeProto'] },
  TensorShapeProto: { dim: [1, 'TensorShapeProto.Dimension', 'repeated'] },
  'TensorShapeProto.Dimension': {
    dimValue: [1, 'int64', 'oneof value'],
    dimParam: [2, 'string', 'oneof value'],
    denotation: [3, 'string'],
  },
  OperatorSetIdProto: { domain: [1, 'string'], version: [2, 'int64'] },
  StringStringEntryProto: { key: [1, 'string'], value: [2, 'string'] },
  TensorAnnotation: { tensorName: [1, 'string'], quantParameterTensorNames: [2, 'StringStringEntryProto', 'repeated'] },
  FunctionProto: {
    name: [1, 'string'],
    input: [4, 'string', 'repeated'],
    output: [5, 'string', 'repeated'],
    attribute: [6, 'string', 'repeated'],
    node: [7, 'NodeProto', 'repeated'],
    docString: [8, 'string'],
    opsetImport: [9, 'OperatorSetIdProto', 'repeated'],
    domain: [10, 'string'],
    attributeProto: [11, 'AttributeProto', 'repeated'],
    valueInfo: [12, 'ValueInfoProto', 'repeated'],
    overload: [13, 'string'],
    metadataProps: [14, 'StringStringEntryProto', 'repeated'],
  },
  TrainingInfoProto: {
    initialization: [1, 'GraphProto'],
    algorithm: [2, 'GraphProto'],
    initializationBinding: [3, 'StringStringEntryProto', 'repeated'],
    updateBinding: [4, 'StringStringEntryProto', 'repeated'],
  },
} as const satisfies Record<string, Record<string, Row>>;

/** Which field of an AttributeProto holds the value. */
export const AttributeType = {
  ...{ UNDEFINED: 0, FLOAT: 1, INT: 2, STRING: 3, TENSOR: 4, GRAPH: 5, FLOATS: 6, INTS: 7, STRINGS: 8, TENSORS: 9, GRAPHS: 10 },
  ...{ SPARSE_TENSOR: 11, SPARSE_TENSORS: 12, TYPE_PROTO: 13, TYPE_PROTOS: 14 },
} as const;

/** Element types, in `TensorProto.dataType` and `TypeProto.Tensor.elemType`. */
export const DataType = {
  ...{ UNDEFINED: 0, FLOAT: 1, UINT8: 2, INT8: 3, UINT16: 4, INT16: 5, INT32: 6, INT64: 7, STRING: 8, BOOL: 9, FLOAT16: 10 },
  ...{ DOUBLE: 11, UINT32: 12, UINT64: 13, COMPLEX64: 14, COMPLEX128: 15, BFLOAT16: 16 },
  ...{ FLOAT8E4M3FN: 17, FLOAT8E4M3FNUZ: 18, FLOAT8E5M2: 19, FLOAT8E5M2FNUZ: 20, UINT4: 21, INT4: 22 },
  ...{ FLOAT4E2M1: 23, FLOAT8E8M0: 24, UINT2: 25, INT2: 26 },
} as const;

export const DataLocation = { DEFAULT: 0, EXTERNAL: 1 } as const;

/** The enums that fields of the table have as their type. */
const enums: Record<string, Record<string, number>> = {
  'AttributeProto.AttributeType': AttributeType,
  'TensorProto.DataLocation': DataLocation,
};

// ---- the types ---------------------------------------------------------------------------------------------------------------------

type Table = typeof messages;
export type MessageName = keyof Table;

interface Scalars {
  int32: number;
  int64: bigint;
  uint64: bigint;
  float: number;
  double: number;
  string: string;
  bytes: Uint8Array;
}

type Value<T> = T extends keyof Scalars ? Scalars[T] : T extends MessageName ? OnnxMessage<T> : number;
type LabelOf<R> = R extends readonly [number, string, infer L] ? L : 'optional';
type Labelled<Fields, L> = { [F in keyof Fields as LabelOf<Fields[F]> extends L ? F : never]: Fields[F] };
type TypeOf<R> = R extends readonly [number, infer T, ...unknown[]] ? T : never;

// A scalar that is not in the file reads as zero or empty, as in every protobuf reader; a message that is not there is undefined.
type ScalarFields<Fields> = {
  -readonly [F in keyof Fields as TypeOf<Fields[F]> extends MessageName ? never : F]: Value<TypeOf<Fields[F]>>;
};
type MessageFields<Fields> = {
  -readonly [F in keyof Fields as TypeOf<Fields[F]> extends MessageName ? F : never]?: Value<TypeOf<Fields[F]>>;
};
type Repeated<Fields> = { -readonly [F in keyof Fields]: Value<TypeOf<Fields[F]>>[] };
type OneOf<Fields> = { [F in keyof Fields]: { case: F; value: Value<TypeOf<Fields[F]>> } }[keyof Fields];
type OneOfs<Fields> = {
  -readonly [F in keyof Fields as LabelOf<Fields[F]> extends `oneof ${infer Name}` ? Name : never]:
    | OneOf<Labelled<Fields, `oneof ${string}`>>
    | { case: undefined; value?: undefined };
};

type Messages = {
  [M in MessageName]: Message<`onnx.${M}`> &
    ScalarFields<Labelled<Table[M], 'optional'>> &
    MessageFields<Labelled<Table[M], 'optional'>> &
    Repeated<Labelled<Table[M], 'repeated' | 'packed'>> &
    OneOfs<Table[M]>;
};

/** A decoded message of the table. Its fields are in camel case; a oneof is `{ case, value }`. */
export type OnnxMessage<M extends MessageName> = Messages[M];

export type ModelProto = OnnxMessage<'ModelProto'>;
export type GraphProto = OnnxMessage<'GraphProto'>;
export type NodeProto = OnnxMessage<'NodeProto'>;
export type AttributeProto = OnnxMessage<'AttributeProto'>;
export type TensorProto = OnnxMessage<'TensorProto'>;
export type ValueInfoProto = OnnxMessage<'ValueInfoProto'>;
export type TypeProto = OnnxMessage<'TypeProto'>;
export type FunctionProto = OnnxMessage<'FunctionProto'>;

// ---- the descriptors ---------------------------------------------------------------------------------------------------------------

const scalarTypes: Record<keyof Scalars, Type> = {
  int32: Type.INT32,
  int64: Type.INT64,
  uint64: Type.UINT64,
  float: Type.FLOAT,
  double: Type.DOUBLE,
  string: Type.STRING,
  bytes: Type.BYTES,
};

function fieldOf(name: string, [number, type, label]: Row, oneofs: readonly string[]) {
  const scalar = scalarTypes[type as keyof Scalars];
  return create(FieldDescriptorProtoSchema, {
    name,
    number,
    type: scalar ?? (type in enums ? Type.ENUM : Type.MESSAGE),
    typeName: scalar === undefined ? `.onnx.${type}` : undefined,
    label: label === 'repeated' || label === 'packed' ? Label.REPEATED : Label.OPTIONAL,
    options: label === 'packed' ? { packed: true } : undefined,
    oneofIndex: label?.startsWith('oneof ') ? oneofs.indexOf(label) : undefined,
  });
}

function messageOf(name: string, fields: Record<string, Row>): DescriptorProto {
  const oneofs = [...new Set(Object.values(fields).flatMap(([, , label]) => (label?.startsWith('oneof ') ? [label] : [])))];
  return create(DescriptorProtoSchema, {
    name: lastName(name),
    field: Object.entries(fields).map(([field, row]) => fieldOf(field, row, oneofs)),
    oneofDecl: oneofs.map((label) => ({ name: lastName(label) })),
  });
}

function enumOf(name: string, values: Record<string, number>) {
  const value = Object.entries(values).map(([name, number]) => ({ name, number }));
  return create(EnumDescriptorProtoSchema, { name: lastName(name), value });
}

const lastName = (name: string) => name.split(/[. ]/).at(-1);

function registryOf(table: Record<string, Record<string, Row>>) {
  const all = new Map(Object.entries(table).map(([name, fields]) => [name, messageOf(name, fields)]));
  const parent = (name: string) => all.get(name.slice(0, Math.max(0, name.lastIndexOf('.'))));
  const messageType = [...all].flatMap(([name, message]) => (parent(name)?.nestedType.push(message) ? [] : [message]));
  for (const [name, values] of Object.entries(enums)) parent(name)?.enumType.push(enumOf(name, values));
  const file = create(FileDescriptorProtoSchema, { name: 'onnx.proto', package: 'onnx', syntax: 'proto2', messageType });
  return createFileRegistry(file, () => undefined);
}

const registry = registryOf(messages);

const descriptor = (name: MessageName) => registry.getMessage(`onnx.${name}`) as DescMessage;

/** Reads a message; fields that the table does not know are kept, and written again. Byte fields are views into `bytes`. */
export function decode<M extends MessageName>(name: M, bytes: Uint8Array): OnnxMessage<M> {
  return fromBinary(descriptor(name), bytes) as unknown as OnnxMessage<M>;
}

export function encode(name: MessageName, message: Message): Uint8Array {
  return toBinary(descriptor(name), message);
}

/** What a new message is made of: any of its fields, nested messages as plain objects or as messages. */
type Init<T> = T extends Uint8Array | string | number | bigint | undefined
  ? T
  : T extends (infer Item)[]
    ? Init<Item>[]
    : T extends { case: infer Case; value: infer V }
      ? { case: Case; value: Init<V> }
      : { [F in keyof T as F extends `$${string}` ? never : F]?: Init<T[F]> };

/** A new message: `onnxMessage('NodeProto', { opType: 'Relu', input: ['x'], output: ['y'] })`. */
export function onnxMessage<M extends MessageName>(name: M, fields: Init<OnnxMessage<M>>): OnnxMessage<M> {
  return create(descriptor(name), fields as MessageInitShape<DescMessage>) as unknown as OnnxMessage<M>;
}
