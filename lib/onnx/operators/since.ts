/** The opset that brought an operator; those of opset 7 and before are not listed. */
export const since: Readonly<Record<string, number>> = {
  ...{ Expand: 8 },
  ...{ Acosh: 9, Asinh: 9, Atanh: 9, Cosh: 9, Sinh: 9, ConstantOfShape: 9, Erf: 9, IsNaN: 9, Sign: 9, Where: 9 },
  ...{ DequantizeLinear: 10, IsInf: 10, Mod: 10, QuantizeLinear: 10, Resize: 10, ThresholdedRelu: 10 },
  ...{ BitShift: 11, CumSum: 11, GatherElements: 11, GatherND: 11, Range: 11, Round: 11 },
  ...{ Celu: 12, GreaterOrEqual: 12, LessOrEqual: 12 },
  ...{ HardSwish: 14, Trilu: 14, LayerNormalization: 17, Mish: 18, Gelu: 20 },
};

/** The opset that brought an attribute, by operator and name. */
export const attributeSince: Readonly<Record<string, number>> = {
  ...{ 'ArgMax.select_last_index': 12, 'ArgMin.select_last_index': 12, 'GatherND.batch_dims': 12 },
  ...{ 'AveragePool.ceil_mode': 10, 'MaxPool.ceil_mode': 10, 'MaxPool.dilations': 10, 'AveragePool.dilations': 19 },
  ...{ 'DequantizeLinear.axis': 13, 'QuantizeLinear.axis': 13, 'Reshape.allowzero': 14 },
};
