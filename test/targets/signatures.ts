/** How to ask for an operator: its inputs, T for the type that the tables of targets look at, and the attributes that it must have. */
import type { AttributeOf } from './files.js';

export interface Signature {
  /** T, an element type, or nothing for an input that is left out. */
  inputs: readonly string[];
  attributes?: Readonly<Record<string, AttributeOf>>;
}

const rows: readonly (readonly [operators: string, inputs: string, attributes?: Signature['attributes']])[] = [
  [
    'Abs Acos Acosh ArgMax ArgMin Asin Asinh Atan Atanh Bernoulli BitwiseNot Ceil Celu Cos Cosh DFT Det Dropout Elu Erf Exp EyeLike Flatten Floor ' +
      'Gelu GlobalAveragePool GlobalLpPool GlobalMaxPool HardSigmoid HardSwish Hardmax Identity IsInf IsNaN LeakyRelu Log LogSoftmax ' +
      'LpNormalization MeanVarianceNormalization Mish Multinomial Neg NonZero Not RandomNormalLike RandomUniformLike Reciprocal ReduceL1 ' +
      'ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Round Selu Shape ' +
      'Shrink Sigmoid Sign Sin Sinh Size Softmax Softplus Softsign Sqrt Squeeze Tan Tanh ThresholdedRelu Transpose Trilu Unique',
    'T',
  ],
  [
    'Add And BitwiseAnd BitwiseOr BitwiseXor Conv ConvInteger ConvTranspose Div Equal Greater GreaterOrEqual Less LessOrEqual MatMul ' +
      'MatMulInteger Max Mean Min Mul NonMaxSuppression Or PRelu Pow Sub Sum Xor',
    'T T',
  ],
  ['Mod', 'T T', { fmod: 1 }],
  ['Concat', 'T T', { axis: 0 }],
  ['BitShift', 'T T', { direction: 'LEFT' }],
  ['Einsum', 'T T', { equation: 'ij,jk->ik' }],
  ['AveragePool LpPool MaxPool', 'T', { kernel_shape: [2, 2] }],
  ['Cast', 'T', { to: 1 }],
  ['CastLike', 'T f32'],
  ['DepthToSpace SpaceToDepth', 'T', { blocksize: 2 }],
  ['LRN', 'T', { size: 3 }],
  ['Split', 'T', { num_outputs: 1 }],
  ['DynamicQuantizeLinear', 'T'],
  ['Compress', 'T bool'],
  ['GridSample', 'T f32'],
  [
    'AffineGrid CumSum Expand Gather GatherElements GatherND NegativeLogLikelihoodLoss Reshape ReverseSequence SoftmaxCrossEntropyLoss Tile ' +
      'TopK Unsqueeze',
    'T i64',
  ],
  ['MaxUnpool', 'T i64', { kernel_shape: [2, 2] }],
  ['Clip Gemm InstanceNormalization LayerNormalization Range', 'T T T'],
  ['GroupNormalization', 'T T T', { num_groups: 2 }],
  ['GRU LSTM RNN', 'T T T', { hidden_size: 2 }],
  ['BatchNormalization', 'T T T T T'],
  ['Col2Im Slice', 'T i64 i64'],
  ['RoiAlign', 'T T i64'],
  ['Pad ScatterElements ScatterND', 'T i64 T'],
  ['Resize', 'T  f32'],
  ['Where', 'bool T T'],
  ['OneHot', 'i64 i64 T'],
  ['DequantizeLinear', 'T f32 T'],
  ['QuantizeLinear', 'f32 f32 T'],
  ['QLinearConv QLinearMatMul', 'T f32 T T f32 T f32 T'],
];

/** By operator. Those that have no input of the type in question (Constant, ConstantOfShape) are not asked for. */
export const signatures: Readonly<Record<string, Signature>> = Object.fromEntries(
  rows.flatMap(([operators, inputs, attributes]) => operators.split(' ').map((op) => [op, { inputs: inputs.split(' '), attributes }])),
);
