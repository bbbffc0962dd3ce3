/** The element types of the values of a file: what it says, and what follows from the operators. */
import { type AttributeProto, DataType, type GraphProto, type NodeProto } from '../onnx/schema.js';

/** `DataType`s by value name. */
export type ValueTypes = Map<string, number>;

/** The operator of a node: `domain.name` outside the default domain. */
export const operatorOf = ({ domain, opType }: NodeProto): string => (domain && domain !== 'ai.onnx' ? `${domain}.${opType}` : opType);

export const attributeOf = (node: NodeProto, name: string): AttributeProto | undefined => node.attribute.find((item) => item.name === name);

const { BOOL, FLOAT, INT8, INT32, INT64, UINT8 } = DataType;

/** Operators whose first output has one type whatever comes in. */
const fixed: Readonly<Record<string, number>> = {
  ...of('ArgMax ArgMin NonMaxSuppression NonZero SequenceLength Shape Size', INT64),
  ...of('And Equal Greater GreaterOrEqual IsInf IsNaN Less LessOrEqual Not Or Xor', BOOL),
  ...of('ConvInteger MatMulInteger', INT32),
  DynamicQuantizeLinear: UINT8,
  'lowbit.UnpackLevels': INT8,
};

/** Operators whose first output has the type of another input than the first. */
const likeInput: Readonly<Record<string, number>> = {
  ...{ CastLike: 1, Compress: 0, DequantizeLinear: 1, OneHot: 2, QLinearConv: 7, QLinearMatMul: 7, Where: 1 },
  ...{ 'com.microsoft.DequantizeLinear': 1, 'com.microsoft.MatMulIntegerToFloat': 2, 'com.microsoft.QAttention': 3 },
};

/** Operators whose first output has a type that an attribute says, and that type where it is missing. */
const byAttribute: Readonly<Record<string, readonly [attribute: string, otherwise?: number]>> = {
  ...{ Cast: ['to'], EyeLike: ['dtype'], RandomNormal: ['dtype', FLOAT], RandomUniform: ['dtype', FLOAT] },
};

/** Types of further outputs. */
const further: Readonly<Record<string, readonly number[]>> = {
  ...{ TopK: [INT64], MaxPool: [INT64], Dropout: [BOOL], DynamicQuantizeLinear: [FLOAT, UINT8] },
};

/** All of whose outputs are of one type. */
const alike = new Set(['BatchNormalization', 'GRU', 'LSTM', 'RNN', 'Split']);

/** Whose outputs are those of graphs inside, or no tensors. */
const open = /^(If|Loop|Scan|Optional.*|Sequence.*|SplitToSequence|ConcatFromSequence|String.*)$/;

function of(operators: string, type: number): Record<string, number> {
  return Object.fromEntries(operators.split(' ').map((operator) => [operator, type]));
}

/** Adds the types of a graph's values to those that are known: for a graph inside another one, those of the outer graph. */
export function addValueTypes(graph: GraphProto, types: ValueTypes): void {
  for (const { name, dataType } of graph.initializer) types.set(name, dataType);
  for (const { name, type } of [...graph.input, ...graph.valueInfo, ...graph.output]) {
    if (type?.value.case === 'tensorType') types.set(name, type.value.value.elemType);
  }
  for (const node of graph.node) {
    const found = outputTypes(node, types);
    for (const [i, name] of node.output.entries()) {
      const type = found[i] ?? (alike.has(node.opType) ? found[0] : undefined);
      if (name !== '' && type !== undefined && !types.has(name)) types.set(name, type);
    }
  }
}

function outputTypes(node: NodeProto, types: ValueTypes): (number | undefined)[] {
  const operator = operatorOf(node);
  if (open.test(operator)) return [];
  return [firstType(node, operator, types), ...(further[operator] ?? [])];
}

function firstType(node: NodeProto, operator: string, types: ValueTypes): number | undefined {
  const input = (i: number) => types.get(node.input[i] ?? '');
  if (operator in fixed) return fixed[operator];
  if (operator in byAttribute) {
    const [name, otherwise] = byAttribute[operator];
    const said = attributeOf(node, name);
    return said ? Number(said.i) : (otherwise ?? input(0));
  }
  if (operator === 'Constant') return attributeOf(node, 'value')?.t?.dataType;
  if (operator === 'ConstantOfShape') return attributeOf(node, 'value')?.t?.dataType ?? FLOAT;
  if (node.opType === 'QuantizeLinear') return input(2) ?? (Number(attributeOf(node, 'output_dtype')?.i ?? 0) || UINT8);
  return input(likeInput[operator] ?? 0);
}

/** The value whose type decides which kernel is needed: for most operators the first input. */
export function decidingValue(node: NodeProto): string | undefined {
  if (['ConstantOfShape', 'EyeLike', 'QuantizeLinear'].includes(node.opType)) return node.output[0];
  return node.input[{ OneHot: 2, Where: 1 }[node.opType] ?? 0];
}
