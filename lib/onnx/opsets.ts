/** What each opset can say: operators and attributes that are younger than opset 7, and element types that operators took later. */
import { type Dtype, isReal, isWide } from '../shape.js';

const narrow = (dtype: Dtype) => /^u?int(8|16)$/.test(dtype);
const discrete = (dtype: Dtype) => !isReal(dtype);
const boolean = (dtype: Dtype) => dtype === 'boolean';

const operatorSince: Readonly<Record<string, number>> = {
  ...{ Expand: 8, Max: 8, Min: 8, Acosh: 9, Asinh: 9, Atanh: 9, ConstantOfShape: 9, Cosh: 9, Erf: 9, IsNaN: 9, Sign: 9, Sinh: 9, Where: 9 },
  ...{ DequantizeLinear: 10, IsInf: 10, Mod: 10, QuantizeLinear: 10, Resize: 10, ThresholdedRelu: 10 },
  ...{ BitShift: 11, CumSum: 11, GatherElements: 11, GatherND: 11, Range: 11, Round: 11 },
  ...{ Celu: 12, GreaterOrEqual: 12, LessOrEqual: 12, HardSwish: 14, Trilu: 14, LayerNormalization: 17, Mish: 18, Gelu: 20 },
};

const attributeSince: Readonly<Record<string, number>> = {
  ...{ 'ArgMax.select_last_index': 12, 'ArgMin.select_last_index': 12, 'GatherND.batch_dims': 12 },
  ...{ 'AveragePool.ceil_mode': 10, 'MaxPool.ceil_mode': 10, 'MaxPool.dilations': 10, 'AveragePool.dilations': 19 },
  ...{ 'DequantizeLinear.axis': 13, 'DequantizeLinear.block_size': 21, 'QuantizeLinear.axis': 13, 'Reshape.allowzero': 14 },
};

// By operator: which types of its first input came later, and when.
const typesSince: Readonly<Record<string, readonly [(dtype: Dtype) => boolean, number][]>> = {
  ...Object.fromEntries(['Add', 'Sub', 'Mul', 'Div'].map((type) => [type, [[narrow, 14]]])),
  ...Object.fromEntries(['Clip', 'Max', 'Min', 'Pow'].map((type) => [type, [[discrete, 12]]])),
  ...Object.fromEntries(['Flatten', 'Gemm', 'Greater', 'Less', 'MatMul', 'PRelu'].map((type) => [type, [[discrete, 9]]])),
  ...Object.fromEntries(
    ['ReduceMax', 'ReduceMin'].map((type) => [
      type,
      [
        [narrow, 12],
        [boolean, 20],
      ],
    ]),
  ),
  ...{ Relu: [[discrete, 14]], MaxPool: [[discrete, 12]], IsInf: [[(dtype) => dtype === 'float16', 20]] },
  ...{ Equal: [[(dtype) => isReal(dtype) || narrow(dtype), 11]] },
  ...{ CumSum: [[(dtype) => dtype === 'float16', 14]], QuantizeLinear: [[(dtype) => dtype === 'float16', 19]] },
  DequantizeLinear: [[(dtype) => dtype === 'int16' || dtype === 'uint16', 21]],
  Pad: [
    [discrete, 11],
    [boolean, 13],
  ],
};

/** The domain of onnxruntime's own operators. */
export const microsoft = 'com.microsoft';

/** QuantizeLinear or DequantizeLinear for codes of this type: those of 16 bits had operators of their own before opset 21. */
export const codesOperator = (type: 'QuantizeLinear' | 'DequantizeLinear', codes: Dtype | undefined, opset: number): string =>
  isWide(codes) && opset < 21 ? `${microsoft}.${type}` : type;

/** The first opset that has the operator with these attributes. */
export function opsetOf(type: string, attributes: readonly string[]): number {
  return Math.max(operatorSince[type] ?? 0, ...attributes.map((name) => attributeSince[`${type}.${name}`] ?? 0));
}

/** The first opset in which the operator takes an input of this type. */
export function opsetFor(type: string, dtype: Dtype): number {
  const types = (typesSince[type] ?? []).filter(([applies]) => applies(dtype)).map(([, opset]) => opset);
  return Math.max(operatorSince[type] ?? 0, ...types);
}
