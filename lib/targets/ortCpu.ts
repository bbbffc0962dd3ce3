/**
 * The kernels of onnxruntime's CPU provider, which onnxruntime-node runs natively and onnxruntime-web as WebAssembly: both have the same.
 * Found by asking onnxruntime-node 1.30.0 and onnxruntime-web 1.30.0 for a session of each operator with each element type (opset 21);
 * test/targets/kernels.test.ts asks again where they are installed. Half precision stands in a row only where it has kernels of its own,
 * elsewhere onnxruntime casts to f32 and back. Of onnxruntime's own operators only the names were asked for, not their types.
 */
import { type KernelRows, kernels } from './kernels.js';

const real = 'f32 f64';
const whole = 'i8 u8 i16 u16 i32 u32 i64 u64';
const all = `f16 bf16 ${real} ${whole} bool`;

const standardRows: KernelRows = [
  [
    'f32',
    'Acos Acosh Asin Asinh Atan Atanh AveragePool Celu Col2Im Conv ConvTranspose Cosh Det DynamicQuantizeLinear Elu Erf Gelu ' +
      'GlobalAveragePool GlobalLpPool GlobalMaxPool GridSample HardSigmoid HardSwish Hardmax InstanceNormalization LRN LeakyRelu LpPool ' +
      'MaxUnpool Mean MeanVarianceNormalization Mish Multinomial NonMaxSuppression PRelu RNN Selu Sinh Softplus Softsign Tan ThresholdedRelu',
  ],
  [
    real,
    'AffineGrid BatchNormalization Bernoulli Ceil Cos DFT Dropout Exp Floor GRU Gemm GroupNormalization LSTM Log LogSoftmax ' +
      'LpNormalization NegativeLogLikelihoodLoss RandomNormalLike RandomUniformLike Reciprocal RoiAlign Sigmoid Sin Softmax ' +
      'SoftmaxCrossEntropyLoss Sqrt Sum Tanh',
  ],
  [all, 'Concat Flatten Gather GatherElements GatherND Identity Reshape ScatterElements ScatterND Shape Slice Split Squeeze Unsqueeze'],
  [`${all} i4 u4`, 'Cast Constant ConstantOfShape Transpose'],
  [`bf16 ${real} ${whole} bool i4 u4`, 'CastLike'],
  [`f16 ${real} ${whole} bool`, 'Compress Expand ReverseSequence'],
  [`${real} ${whole} bool`, 'Equal Size Tile'],
  [`f16 bf16 ${real} ${whole}`, 'Sign'],
  [`f16 ${real} ${whole}`, 'Mod Shrink'],
  [`${real} ${whole}`, 'Abs Add Div Greater GreaterOrEqual Less LessOrEqual Mul Sub'],
  [`f16 ${real} i8 u8 i32 u32 i64 u64`, 'Clip Max Min'],
  [`${real} i8 u8 i32 u32 i64 u64 bool`, 'Pad'],
  [`${real} i8 u8 i32 i64 bool`, 'ReduceMax ReduceMin'],
  [`${real} i8 u8 i16 i32 i64`, 'TopK'],
  [`${real} i8 u8 i32 i64`, 'ArgMax ArgMin'],
  [`${real} i8 u8`, 'DepthToSpace MaxPool SpaceToDepth'],
  [`${real} i8 i16 i32 i64`, 'Neg'],
  [`${real} i8 i32`, 'Relu'],
  [`${real} i8 i64`, 'Unique'],
  [`${real} u8 i32 i64`, 'Where'],
  [`${real} i16 i32 i64`, 'Range'],
  [`${real} i32 u32 i64 u64`, 'MatMul'],
  [`${real} i32 i64 u64`, 'EyeLike'],
  [`${real} i32 i64 bool`, 'Trilu'],
  [`${real} i32 i64`, 'CumSum Einsum Pow ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMean ReduceProd ReduceSum ReduceSumSquare'],
  [`f16 ${real}`, 'Round'],
  [`f16 bf16 ${real}`, 'IsInf IsNaN LayerNormalization'],
  ['f32 i8 u8 i32', 'Resize'],
  ['f32 u8 i32 i64 bool', 'NonZero'],
  ['f32 i64', 'OneHot'],
  ['i4 u4 i8 u8 i16 u16 i32', 'DequantizeLinear'],
  ['i4 u4 i8 u8 i16 u16', 'QuantizeLinear'],
  ['i8 u8', 'ConvInteger MatMulInteger QLinearConv QLinearMatMul'],
  [whole, 'BitwiseAnd BitwiseNot BitwiseOr BitwiseXor'],
  ['u8 u32 u64', 'BitShift'],
  ['bool', 'And Not Or Xor'],
  [
    'any',
    'Attention BlackmanWindow CenterCropPad ConcatFromSequence DeformConv HammingWindow HannWindow If ImageDecoder Loop ' +
      'MelWeightMatrix Optional OptionalGetElement OptionalHasElement RMSNormalization RandomNormal RandomUniform RegexFullMatch ' +
      'RotaryEmbedding STFT Scan Scatter SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength ' +
      'SequenceMap SimplifiedLayerNormalization SplitToSequence StringConcat StringNormalizer StringSplit Swish TfIdfVectorizer Upsample',
  ],
];

const microsoftRows: KernelRows = [
  [
    'any',
    'Attention BeamSearch BiasGelu BifurcationDetector CDist ConvTransposeWithDynamicPads CropAndResize DequantizeLinear DynamicQuantizeLSTM ' +
      'DynamicQuantizeMatMul EmbedLayerNormalization ExpandDims FastGelu FusedConv FusedGemm FusedMatMul GatherBlockQuantized GatherND Gelu ' +
      'GreedySearch GridSample GroupQueryAttention Inverse MatMulBnb4 MatMulIntegerToFloat MatMulNBits MaxpoolWithMask MoE MultiHeadAttention ' +
      'MurmurHash3 NGramRepeatBlock NhwcMaxPool Pad QAttention QEmbedLayerNormalization QGemm QLinearAdd QLinearAveragePool QLinearConcat ' +
      'QLinearConv QLinearGlobalAveragePool QLinearLeakyRelu QLinearMul QLinearSigmoid QLinearSoftmax QLinearWhere QMoE QuantizeLinear ' +
      'QuickGelu Range RotaryEmbedding Sampling SkipLayerNormalization SkipSimplifiedLayerNormalization SparseToDenseMatMul Tokenizer ' +
      'TransposeMatMul Trilu Unique WhisperBeamSearch WordConvEmbedding',
  ],
];

/** The operators of the ONNX standard. */
export const ortCpuStandard = kernels(standardRows);

/** All of them: those of the standard, and onnxruntime's own. */
export const ortCpu = new Map([...ortCpuStandard, ...kernels(microsoftRows, 'com.microsoft')]);

/** Operators that lost their kernels: the last opset that has them. */
export const ortCpuUntil: Readonly<Record<string, number>> = Object.fromEntries(
  'Bernoulli GlobalLpPool Multinomial RandomNormalLike RandomUniformLike RoiAlign'.split(' ').map((operator) => [operator, 21]),
);
