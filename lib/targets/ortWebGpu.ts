/**
 * The kernels of onnxruntime-web's WebGPU provider, from what onnxruntime publishes: js/web/docs/webgpu-operators.md and the kernels that
 * core/providers/webgpu registers (of its main branch, not of one version). No test can ask for them without a browser and a graphics card.
 */
import { type KernelRows, kernels } from './kernels.js';

const real = 'f16 f32';
const numbers = `${real} i32 u32`;
// Shapes are computed beside the card on purpose: integers of 64 bits and booleans are none of its business.
const moved = `${numbers} i64 bool`;

const standardRows: KernelRows = [
  [
    real,
    'Acos Acosh Asin Asinh Atan Atanh AveragePool BatchNormalization Ceil Conv ConvTranspose Cos Cosh Einsum Elu Erf Exp Floor Gelu Gemm ' +
      'GlobalAveragePool GlobalMaxPool HardSigmoid InstanceNormalization LayerNormalization LeakyRelu Log MatMul MaxPool Reciprocal ReduceL1 ' +
      'ReduceL2 ReduceLogSum ReduceLogSumExp Relu Resize Sigmoid Sin Sinh Softmax Sqrt Tan Tanh ThresholdedRelu',
  ],
  [numbers, 'Abs ArgMax ArgMin Clip CumSum DepthToSpace Neg Pad ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare'],
  [
    moved,
    'Add Cast Concat Constant ConstantOfShape Div Equal Expand Flatten Gather GatherElements Greater GreaterOrEqual Identity Less LessOrEqual Mul Not Pow ' +
      'Range Reshape Shape Slice Split Squeeze Sub Tile Transpose Unsqueeze Where',
  ],
  ['i8 u8 i32', 'DequantizeLinear'],
  ['any', 'If'],
];

const microsoftRows: KernelRows = [
  [
    'any',
    'Attention BiasAdd BiasSplitGelu FastGelu FusedConv GatherBlockQuantized Gelu GroupQueryAttention MatMulNBits MultiHeadAttention QuickGelu ' +
      'RotaryEmbedding SkipLayerNormalization SkipSimplifiedLayerNormalization',
  ],
];

export const ortWebGpu = new Map([...kernels(standardRows), ...kernels(microsoftRows, 'com.microsoft')]);
