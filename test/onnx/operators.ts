/** A small model of one node for every operator that can be read: where mutations start from. */
import {
  AttributeType,
  DataType,
  type Dtype,
  type ModelProto,
  onnxMessage,
  type Shape,
  Tensor,
  type TensorData,
  type TensorProto,
  tensorToProto,
} from 'lowbit';

/** An attribute: 2n is an int, 0.5 a float, [1, 2] ints, a tensor a tensor. */
export type Attribute = bigint | number | string | readonly number[] | TensorProto;

/** An operand: a graph input of this shape (NaN is free), or an initializer with its values. */
export type Operand = { shape: Shape; dtype?: Dtype; values?: readonly number[] } | undefined;

export interface NodeModel {
  operands: readonly Operand[];
  attributes?: Readonly<Record<string, Attribute>>;
  outputs?: number;
  opset?: number;
  domain?: string;
}

/** The model whose only node is this operator. */
export function nodeModel(opType: string, { operands, attributes = {}, outputs = 1, opset = 17, domain = '' }: NodeModel): ModelProto {
  const named = operands.map((operand, i) => operand && { dtype: 'float32' as Dtype, ...operand, name: `in${i}` });
  const given = named.filter((operand) => operand !== undefined);
  const names = Array.from({ length: outputs }, (_, i) => `out${i}`);
  return onnxMessage('ModelProto', {
    irVersion: 8n,
    opsetImport: [
      { domain: '', version: BigInt(opset) },
      { domain: 'com.microsoft', version: 1n },
      ...(domain === 'lowbit' ? [{ domain, version: 1n }] : []),
    ],
    graph: {
      name: opType,
      node: [
        {
          ...{ name: 'node', opType, domain, output: names },
          ...{ input: named.map((operand) => operand?.name ?? ''), attribute: Object.entries(attributes).map(attributeProto) },
        },
      ],
      initializer: given.flatMap(({ name, dtype, shape, values }) =>
        values ? [tensorToProto(name, dtype, shape, arrayOf(dtype, values))] : [],
      ),
      input: given.filter(({ values }) => !values).map(({ name, dtype, shape }) => ({ name, type: tensorType(dtype, shape) })),
      output: names.map((name) => ({ name })),
    },
  });
}

export function attributeProto([name, value]: [string, Attribute]) {
  return onnxMessage('AttributeProto', { name, ...typedValue(value) });
}

function typedValue(value: Attribute) {
  if (typeof value === 'bigint') return { type: AttributeType.INT, i: value };
  if (typeof value === 'number') return { type: AttributeType.FLOAT, f: value };
  if (typeof value === 'string') return { type: AttributeType.STRING, s: new TextEncoder().encode(value) };
  if (Array.isArray(value)) return { type: AttributeType.INTS, ints: value.map(BigInt) };
  return { type: AttributeType.TENSOR, t: value as TensorProto };
}

function arrayOf(dtype: Dtype, values: readonly number[]): TensorData {
  using tensor = Tensor.from(values, undefined, dtype);
  return tensor.data();
}

const elemTypes: Partial<Record<Dtype, number>> = {
  ...{ float32: DataType.FLOAT, int64: DataType.INT64, int32: DataType.INT32, uint8: DataType.UINT8, int8: DataType.INT8 },
  ...{ boolean: DataType.BOOL, float16: DataType.FLOAT16 },
};

function tensorType(dtype: Dtype, shape: Shape) {
  const dim = shape.map((n) => (Number.isNaN(n) ? {} : { value: { case: 'dimValue' as const, value: BigInt(n) } }));
  return { value: { case: 'tensorType' as const, value: { elemType: elemTypes[dtype], shape: { dim } } } };
}

// ---- the operators -----------------------------------------------------------------------------------------------------------------

const x = (...shape: number[]): Operand => ({ shape });
const image = x(1, 4, 6, 6);
const list = (...values: number[]): Operand => ({ shape: [values.length], dtype: 'int64', values });
const numbers = (...values: number[]): Operand => ({ shape: [values.length], values });
const number = (value: number, dtype: Dtype = 'float32'): Operand => ({ shape: [], dtype, values: [value] });
const weight = (...shape: number[]): Operand => {
  const size = shape.reduce((a, b) => a * b, 1);
  return { shape, values: Array.from({ length: size }, (_, i) => ((i * 7) % 11) / 8 - 0.5) };
};
const codes = (dtype: Dtype, ...shape: number[]): Operand => {
  const size = shape.reduce((a, b) => a * b, 1);
  return { shape, dtype, values: Array.from({ length: size }, (_, i) => (i * 37) % 100) };
};
const input = (dtype: Dtype, ...shape: number[]): Operand => ({ shape, dtype });
const operands = (...list: Operand[]): NodeModel => ({ operands: list });

const unary = [
  'Relu',
  'Abs',
  'Neg',
  'Exp',
  'Log',
  'Sqrt',
  'Erf',
  'Sigmoid',
  'Softplus',
  'HardSwish',
  'Round',
  'IsNaN',
  'Identity',
  'Shape',
  'Size',
];
const binary = ['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Less', 'Equal', 'Max', 'Min', 'Sum', 'Mean', 'PRelu', 'Mod'];
const reductions = ['Sum', 'Mean', 'Max', 'Min', 'Prod', 'L1', 'L2', 'SumSquare', 'LogSum', 'LogSumExp'];

/** Operators by name; a number behind the name makes a second case of one. */
const table: Record<string, NodeModel> = {
  ...Object.fromEntries(unary.map((name) => [name, operands(x(2, 3))])),
  ...Object.fromEntries(binary.map((name) => [name, { operands: [x(2, 3), x(3)], attributes: name === 'Mod' ? { fmod: 1n } : {} }])),
  ...Object.fromEntries(reductions.map((name) => [`Reduce${name}`, { operands: [image], attributes: { axes: [1, -1], keepdims: 0n } }])),
  ...{ 'ReduceSum 2': operands(x(2, 3), list(1)), CumSum: operands(x(2, 3), number(1, 'int64')) },
  ...{ ArgMax: { operands: [image], attributes: { axis: 1n, select_last_index: 1n } }, ArgMin: operands(image) },
  Gemm: { operands: [x(2, 3), weight(4, 3), weight(4)], attributes: { alpha: 0.5, beta: 2, transB: 1n } },
  ...{ MatMul: operands(x(2, 3), weight(3, 4)), 'MatMul 2': operands(x(2, 2, 3), x(2, 3, 4)) },
  Conv: {
    operands: [image, weight(2, 4, 3, 3), weight(2)],
    attributes: { pads: [1, 1, 1, 1], strides: [2, 2], kernel_shape: [3, 3], dilations: [1, 1] },
  },
  'Conv 2': { operands: [x(1, 4, 9), weight(4, 2, 3)], attributes: { auto_pad: 'SAME_UPPER', group: 2n } },
  ConvTranspose: {
    operands: [image, weight(4, 3, 3, 3), weight(6)],
    attributes: { strides: [2, 2], group: 2n, output_padding: [1, 1], output_shape: [12, 12] },
  },
  MaxPool: { operands: [image], attributes: { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1n, dilations: [1, 1] } },
  AveragePool: { operands: [image], attributes: { kernel_shape: [3, 3], pads: [1, 0, 1, 0], count_include_pad: 1n } },
  ...{ GlobalAveragePool: operands(image), GlobalMaxPool: operands(image) },
  LRN: { operands: [image], attributes: { size: 3n, alpha: 0.1, beta: 0.5, bias: 1 } },
  BatchNormalization: { operands: [image, weight(4), weight(4), weight(4), numbers(1, 2, 3, 4)], attributes: { epsilon: 0.01 } },
  'BatchNormalization 2': { operands: [image, ...Array<Operand>(4).fill(weight(4))], attributes: { training_mode: 1n }, outputs: 3 },
  LayerNormalization: { operands: [x(2, 3, 4), weight(4), weight(4)], attributes: { axis: -1n }, outputs: 3 },
  InstanceNormalization: operands(image, weight(4), weight(4)),
  GroupNormalization: { operands: [image, weight(2), weight(2)], attributes: { num_groups: 2n }, opset: 18 },
  ...{ MeanVarianceNormalization: operands(image), LpNormalization: { operands: [x(2, 3)], attributes: { p: 1n, axis: 1n } } },
  ...{
    Softmax: { operands: [x(2, 3, 4)], attributes: { axis: 1n } },
    LogSoftmax: { operands: [x(2, 3, 4)], attributes: { axis: 1n }, opset: 11 },
  },
  Clip: operands(x(2, 3), number(-1), number(1)),
  Cast: { operands: [x(2, 3)], attributes: { to: BigInt(DataType.INT64) } },
  LeakyRelu: { operands: [x(2, 3)], attributes: { alpha: 0.2 } },
  BitShift: { operands: [input('uint8', 3), codes('uint8', 3)], attributes: { direction: 'LEFT' } },
  Where: operands(input('boolean', 2, 1), x(2, 3), x(3)),
  Constant: { operands: [], attributes: { value: tensorToProto('', 'float32', [2], Float32Array.of(1, 2)) } },
  ConstantOfShape: { operands: [list(2, 3)], attributes: { value: tensorToProto('', 'float32', [1], Float32Array.of(1)) } },
  'ConstantOfShape 2': operands(input('int64', 2)),
  Range: operands(number(0), number(5), number(2)),
  'Range 2': operands(input('int64'), input('int64'), input('int64')),
  Reshape: { operands: [x(2, 6), list(3, -1)], attributes: { allowzero: 0n } },
  'Reshape 2': operands(x(1, 2), input('int64', 2)),
  Flatten: { operands: [image], attributes: { axis: 2n } },
  Squeeze: operands(x(1, 2, 1, 3), list(0, 2)),
  Unsqueeze: operands(x(2, 3), list(0, -1)),
  Transpose: { operands: [x(2, 3, 4)], attributes: { perm: [2, 0, 1] } },
  Concat: { operands: [x(2, 3), x(2, 1), weight(2, 2)], attributes: { axis: 1n } },
  Slice: operands(x(4, 6), list(-3, 1), list(9, -1), list(0, 1), list(1, 2)),
  'Slice 2': operands(x(4, 6), input('int64', 1), input('int64', 1)),
  Split: { operands: [x(2, 6), list(1, 5)], attributes: { axis: 1n }, outputs: 2 },
  'Split 2': { operands: [x(2, 6)], attributes: { axis: 1n, num_outputs: 4n }, outputs: 4, opset: 18 },
  Gather: { operands: [x(4, 3), list(0, -1)], attributes: { axis: 1n } },
  'Gather 2': operands(x(4, 3), input('int64', 2)),
  GatherElements: operands(x(2, 3), { shape: [1, 2], dtype: 'int64', values: [0, 1] }),
  GatherND: { operands: [x(2, 3), { shape: [2, 1], dtype: 'int64', values: [0, 1] }], attributes: { batch_dims: 0n } },
  TopK: { operands: [x(2, 3), list(2)], attributes: { axis: 1n, largest: 0n, sorted: 1n }, outputs: 2 },
  'TopK 2': { operands: [x(2, 3), input('int64', 1)], outputs: 2 },
  'TopK 3': { operands: [x(2, 3)], attributes: { k: 2n }, outputs: 2, opset: 9 },
  Scatter: { operands: [x(2, 3), { shape: [1, 2], dtype: 'int64', values: [0, 1] }, x(1, 2)], attributes: { axis: 1n }, opset: 9 },
  ScatterElements: {
    operands: [x(2, 3), { shape: [1, 2], dtype: 'int64', values: [0, 1] }, x(1, 2)],
    attributes: { axis: 1n, reduction: 'max' },
    opset: 18,
  },
  ScatterND: {
    operands: [x(2, 3), { shape: [2, 1], dtype: 'int64', values: [0, 1] }, weight(2, 3)],
    attributes: { reduction: 'add' },
  },
  Pad: { operands: [x(2, 3), list(0, 1, 0, 1), number(0.5)], attributes: { mode: 'constant' } },
  'Pad 2': { operands: [x(2, 3), list(1, 1), undefined, list(1)], attributes: { mode: 'reflect' }, opset: 18 },
  Expand: operands(x(1, 3), list(2, 1)),
  Tile: operands(x(2, 3), list(2, 1)),
  OneHot: { operands: [input('int64', 2, 3), number(4, 'int64'), numbers(0, 5)], attributes: { axis: 1n } },
  'OneHot 2': operands(input('int64', 3), input('int64', 1), input('float32', 2)),
  ReverseSequence: { operands: [x(3, 2, 2), input('int64', 2)], attributes: { time_axis: 0n, batch_axis: 1n } },
  EyeLike: { operands: [x(2, 3)], attributes: { k: 1n, dtype: BigInt(DataType.INT32) } },
  Hardmax: { operands: [x(2, 3, 4)], attributes: { axis: 1n } },
  'Hardmax 2': { operands: [x(2, 3, 4)], attributes: { axis: 1n }, opset: 11 },
  Shrink: { operands: [x(2, 3)], attributes: { bias: 0.5, lambd: 1 } },
  Einsum: { operands: [x(2, 3, 4), weight(4, 5)], attributes: { equation: 'bij,jk->bik' } },
  'Einsum 2': { operands: [x(2, 3, 3), x(3), x(1, 4)], attributes: { equation: '...ii,i,...j' } },
  Trilu: { operands: [x(3, 3), number(1, 'int64')], attributes: { upper: 0n } },
  DepthToSpace: { operands: [image], attributes: { blocksize: 2n, mode: 'CRD' } },
  SpaceToDepth: { operands: [image], attributes: { blocksize: 2n } },
  Dropout: { operands: [x(2, 3), number(0.5), number(0, 'boolean')], outputs: 2 },
  Resize: {
    operands: [x(1, 2, 4, 4), undefined, numbers(1, 1, 2, 1.5)],
    attributes: { mode: 'linear', coordinate_transformation_mode: 'align_corners' },
  },
  'Resize 2': {
    operands: [x(1, 2, 4, 4), undefined, undefined, list(3, 5)],
    attributes: { mode: 'cubic', axes: [2, 3], antialias: 1n, keep_aspect_ratio_policy: 'not_larger' },
    opset: 18,
  },
  'Resize 3': {
    operands: [x(1, 1, 4, 4), numbers(0, 0, 0.2, 0.2, 1, 1, 0.8, 1.2), undefined, list(1, 1, 3, 3)],
    attributes: { mode: 'linear', coordinate_transformation_mode: 'tf_crop_and_resize', extrapolation_value: 9 },
  },
  Upsample: { operands: [x(1, 2, 3, 3), numbers(1, 1, 2, 2)], opset: 9 },
  QuantizeLinear: { operands: [x(2, 3), numbers(0.5, 0.25, 1), codes('uint8', 3)], attributes: { axis: 1n } },
  'QuantizeLinear 2': { operands: [x(2, 6), weight(2, 3)], attributes: { axis: 1n, block_size: 2n }, opset: 21 },
  DequantizeLinear: { operands: [codes('int8', 2, 3), numbers(0.5, 0.25, 1), codes('int8', 3)], attributes: { axis: 1n } },
  QLinearConv: operands(
    ...[input('uint8', 1, 2, 4, 4), number(0.1), number(3, 'uint8'), codes('int8', 3, 2, 3, 3), numbers(0.1, 0.2, 0.3), codes('int8', 3)],
    ...[number(0.5), number(9, 'uint8'), codes('int32', 3)],
  ),
  QLinearMatMul: operands(
    ...[
      input('uint8', 2, 3),
      number(0.1),
      number(3, 'uint8'),
      codes('int8', 3, 2),
      number(0.1),
      number(0, 'int8'),
      number(1),
      number(0, 'uint8'),
    ],
  ),
  MatMulInteger: operands(input('uint8', 2, 3), codes('int8', 3, 2), number(4, 'uint8')),
  ConvInteger: operands(input('uint8', 1, 1, 4, 4), codes('uint8', 1, 1, 2, 2), number(4, 'uint8')),
  DynamicQuantizeLinear: { operands: [x(2, 3)], outputs: 3 },
  QLinearAdd: {
    operands: [
      ...[input('uint8', 2, 3), number(0.1), number(3, 'uint8'), input('uint8', 3), number(0.2), number(5, 'uint8')],
      ...[number(0.3), number(1, 'uint8')],
    ],
    domain: 'com.microsoft',
  },
  FusedConv: {
    operands: [image, weight(2, 4, 3, 3), weight(2), x(1, 2, 4, 4)],
    ...{ attributes: { activation: 'Relu', pads: [0, 0, 0, 0] }, domain: 'com.microsoft' },
  },
  SkipLayerNormalization: {
    operands: [x(2, 3, 4), x(2, 3, 4), weight(4), weight(4), weight(4)],
    ...{ domain: 'com.microsoft', attributes: { epsilon: 0.01 } },
  },
  QGemm: {
    operands: [
      ...[input('uint8', 2, 3), number(0.1), number(3, 'uint8'), codes('int8', 3, 2), number(0.2), number(0, 'int8'), codes('int32', 2)],
      ...[number(0.3), number(1, 'uint8')],
    ],
    domain: 'com.microsoft',
  },
  QLinearConcat: {
    operands: [number(0.3), number(1, 'uint8'), input('uint8', 2, 3), number(0.1), number(3, 'uint8')],
    ...{ domain: 'com.microsoft', attributes: { axis: 1n } },
  },
  UnpackLevels: {
    operands: [codes('uint8', 2, 8)],
    attributes: { bits: 3n, grid: 'zero', shape: [2, 3, 7] },
    domain: 'lowbit',
  },
};

/** Every operator of the table once. */
export const operatorNames = [...new Set(Object.keys(table).map((name) => name.split(' ')[0]))];

/** The models by name. */
export const operatorModels = (): [string, ModelProto][] =>
  Object.entries(table).map(([name, model]) => [name, nodeModel(name.split(' ')[0], model)]);
