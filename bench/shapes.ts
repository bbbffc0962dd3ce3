/** Calls that real networks make, for every op whose speed decides something. The others are timed on their largest test case. */
import { packedRowBytes, Tensor } from 'lowbit';

export interface BenchCall {
  op: string;
  /** The network and layer it is taken from. */
  from: string;
  inputs: () => Tensor[];
  params?: object;
  /** Multiply-adds, for the rate; 0 where bytes matter. */
  macs: number;
}

const arrays = { float32: Float32Array, int8: Int8Array, uint8: Uint8Array, int32: Int32Array };

const fill = (shape: number[], dtype: keyof typeof arrays) => {
  const data = new arrays[dtype](shape.reduce((a, b) => a * b, 1));
  for (let i = 0; i < data.length; i++) data[i] = dtype === 'float32' ? ((i * 7919) % 255) / 127 - 1 : (i * 7919) % 127;
  return Tensor.from(data, shape);
};

/** Weights of any low-bit codes, packed. */
const packed = (out: number, row: number, bits: number) => fill([out, packedRowBytes(row, bits)], 'uint8');

interface Conv {
  from: string;
  size: number;
  channels: number;
  out: number;
  kernel: number;
  stride?: number;
  dilation?: number;
  /** Default 1. */
  groups?: number;
}

const convolutions: Conv[] = [
  { from: 'ResNet-18 stem', size: 224, channels: 3, out: 64, kernel: 7, stride: 2 },
  { from: 'ResNet-18 layer1', size: 56, channels: 64, out: 64, kernel: 3 },
  { from: 'ResNet-18 layer2', size: 28, channels: 128, out: 128, kernel: 3 },
  { from: 'ResNet-18 layer3', size: 14, channels: 256, out: 256, kernel: 3 },
  { from: 'ResNet-18 layer4', size: 7, channels: 512, out: 512, kernel: 3 },
  { from: 'ResNet-18 layer2, first', size: 56, channels: 64, out: 128, kernel: 3, stride: 2 },
  { from: 'ResNet-18 shortcut', size: 56, channels: 64, out: 128, kernel: 1, stride: 2 },
  { from: 'ResNet-20 stem', size: 32, channels: 3, out: 16, kernel: 3 },
  { from: 'ResNet-20 layer1', size: 32, channels: 16, out: 16, kernel: 3 },
  { from: 'ResNet-20 layer3', size: 8, channels: 64, out: 64, kernel: 3 },
  { from: 'ResNeXt-50 layer2', size: 28, channels: 256, out: 256, kernel: 3, groups: 32 },
  { from: 'DeepLabV3 dilated', size: 28, channels: 256, out: 256, kernel: 3, dilation: 2 },
  { from: 'MobileNetV2 stem', size: 224, channels: 3, out: 32, kernel: 3, stride: 2 },
  { from: 'MobileNetV2 expand', size: 28, channels: 32, out: 192, kernel: 1 },
  { from: 'MobileNetV2 project', size: 14, channels: 576, out: 96, kernel: 1 },
  { from: 'MobileNetV2 depthwise', size: 28, channels: 192, out: 192, kernel: 3, groups: 192 },
  { from: 'MobileNetV2 depthwise /2', size: 56, channels: 144, out: 144, kernel: 3, stride: 2, groups: 144 },
  { from: 'MobileNetV3 depthwise 5×5', size: 14, channels: 240, out: 240, kernel: 5, groups: 240 },
  { from: 'MobileNetV3 depthwise 5×5 /2', size: 28, channels: 96, out: 96, kernel: 5, stride: 2, groups: 96 },
];

const matrices = [
  { from: 'BERT feed-forward', m: 128, k: 768, n: 3072 },
  { from: 'ResNet-18 classifier', m: 1, k: 512, n: 1000 },
  { from: 'one row', m: 1, k: 4096, n: 4096 },
];

const widths = [1, 2, 4];

const requantized = { qmin: 0, qmax: 255, dtype: 'uint8' };

function convCalls({ from, size, channels, out, kernel, stride = 1, dilation = 1, groups = 1 }: Conv): BenchCall[] {
  const pad = (dilation * (kernel - 1)) >> 1;
  const params = { strides: [stride, stride], pads: [pad, pad, pad, pad], dilations: [dilation, dilation], groups };
  const x = [1, size, size, channels];
  const w = [out, kernel, kernel, channels / groups];
  const side = Math.ceil(size / stride);
  const macs = side ** 2 * out * kernel * kernel * w[3];
  return [
    { op: 'conv2d', from, inputs: () => [fill(x, 'float32'), fill(w, 'float32'), fill([out], 'float32')], params, macs },
    {
      op: 'conv2dInputGrad',
      from,
      inputs: () => [fill([1, side, side, out], 'float32'), fill(w, 'float32'), fill([0], 'float32')],
      params: { ...params, inputShape: [size, size] },
      macs,
    },
    {
      op: 'conv2dWeightGrad',
      from,
      inputs: () => [fill([1, side, side, out], 'float32'), fill(x, 'float32')],
      params: { ...params, kernel: [kernel, kernel] },
      macs,
    },
    {
      op: 'qconv2d',
      from,
      inputs: () => [fill(x, 'uint8'), fill(w, 'int8'), fill([out], 'int32'), fill([out], 'float32')],
      params: { ...params, ...requantized, xZero: 3 },
      macs,
    },
    ...(groups > 1 ? [] : binaryConvCalls(from, params, x, w, macs)),
    ...widths.flatMap((bits): BenchCall[] => {
      const kernels = () => packed(out, kernel * kernel * w[3], bits);
      const lowbit = { ...params, kernel: [kernel, kernel], bits };
      return [
        {
          op: 'lowbitConv2d',
          from: `${from}, W${bits}`,
          inputs: () => [fill(x, 'uint8'), kernels(), fill([out], 'int32'), fill([out], 'float32')],
          params: { ...lowbit, ...requantized, xZero: 3 },
          macs,
        },
        {
          op: 'lowbitConv2dFloat',
          from: `${from}, W${bits}`,
          inputs: () => [fill(x, 'float32'), kernels(), fill([out], 'float32'), fill([out], 'float32')],
          params: lowbit,
          macs,
        },
      ];
    }),
  ];
}

/** Signs to real numbers, and to signs for a next binary layer. */
const signForms = ['float32', 'signs'];

function binaryConvCalls(from: string, params: object, x: number[], [out, kh, kw, channels]: number[], macs: number): BenchCall[] {
  return signForms.map((output) => ({
    op: 'binaryConv2d',
    from: `${from}, to ${output}`,
    inputs: () => [
      fill([...x.slice(0, 3), packedRowBytes(channels, 1)], 'uint8'),
      packed(out, kh * kw * channels, 1),
      fill([out], 'float32'),
      fill([out], 'float32'),
    ],
    params: { ...params, kernel: [kh, kw], channels, output },
    macs,
  }));
}

/** What lies between the layers: bytes matter. */
function pointwiseCalls(): BenchCall[] {
  const residual = [1, 56, 56, 64];
  const tokens = [1, 128, 768];
  const code = { ...requantized, yZero: 3 };
  const call = (op: string, from: string, inputs: BenchCall['inputs'], params?: object): BenchCall => ({
    op,
    from,
    inputs,
    params,
    macs: 0,
  });
  return [
    call('qadd', 'ResNet-18 layer1', () => [fill(residual, 'uint8'), fill(residual, 'uint8')], {
      ...code,
      ...{ aMultiplier: 0.5, bMultiplier: 0.7 },
    }),
    call('qglobalAveragePool', 'MobileNetV2', () => [fill([1, 7, 7, 1280], 'uint8')], { ...code, multiplier: 0.02 }),
    call('globalAveragePool', 'MobileNetV2', () => [fill([1, 7, 7, 1280], 'float32')]),
    call('maxPool2d', 'ResNet-18 stem', () => [fill([1, 112, 112, 64], 'float32')], {
      kernel: [3, 3],
      strides: [2, 2],
      pads: [1, 1, 1, 1],
    }),
    call('quantize', 'image', () => [fill([1, 224, 224, 3], 'float32'), Tensor.scalar(0.01), Tensor.from(new Uint8Array([3]), [])]),
    call('softmax', 'BERT attention', () => [fill([12, 128, 128], 'float32')], { axis: -1 }),
    call('gelu', 'BERT feed-forward', () => [fill([1, 128, 3072], 'float32')]),
    call('layerNorm', 'BERT', () => [fill(tokens, 'float32'), fill([768], 'float32'), fill([768], 'float32')]),
  ];
}

/** Queries by keys, and what they weigh by values: m × k × n for each head. */
const attention = [
  { from: 'BERT queries × keys', heads: 12, m: 128, k: 64, n: 128 },
  { from: 'BERT weights × values', heads: 12, m: 128, k: 128, n: 64 },
].flatMap(({ from, heads, m, k, n }): BenchCall[] => {
  const sizes = [
    [heads, m, k],
    [heads, k, n],
  ];
  const macs = heads * m * k * n;
  return [
    { op: 'matmul', from, inputs: () => sizes.map((shape) => fill(shape, 'float32')), macs },
    {
      op: 'qmatmul',
      from,
      inputs: () => sizes.map((shape) => fill(shape, 'uint8')),
      params: { ...requantized, aZero: 3, multiplier: 0.01 },
      macs,
    },
  ];
});

export const benchCalls: BenchCall[] = [
  ...pointwiseCalls(),
  ...attention,
  ...convolutions.flatMap(convCalls),
  ...matrices.flatMap(({ from, m, k, n }): BenchCall[] => [
    { op: 'gemm', from, inputs: () => [fill([m, k], 'float32'), fill([n, k], 'float32'), fill([n], 'float32')], macs: m * k * n },
    { op: 'gemmWeightGrad', from, inputs: () => [fill([m, n], 'float32'), fill([m, k], 'float32')], macs: m * k * n },
    {
      op: 'qgemm',
      from,
      inputs: () => [fill([m, k], 'uint8'), fill([n, k], 'int8'), fill([n], 'int32'), fill([n], 'float32')],
      params: { ...requantized, aZero: 3 },
      macs: m * k * n,
    },
    ...signForms.map((output) => ({
      op: 'binaryGemm',
      from: `${from}, to ${output}`,
      inputs: () => [packed(m, k, 1), packed(n, k, 1), fill([n], 'float32'), fill([n], 'float32')],
      params: { columns: k, output },
      macs: m * k * n,
    })),
    ...widths.flatMap((bits): BenchCall[] => [
      {
        op: 'lowbitGemm',
        from: `${from}, W${bits}`,
        inputs: () => [fill([m, k], 'uint8'), packed(n, k, bits), fill([n], 'int32'), fill([n], 'float32')],
        params: { ...requantized, aZero: 3, bits },
        macs: m * k * n,
      },
      {
        op: 'lowbitGemmFloat',
        from: `${from}, W${bits}`,
        inputs: () => [fill([m, k], 'float32'), packed(n, k, bits), fill([n], 'float32'), fill([n], 'float32')],
        params: { bits },
        macs: m * k * n,
      },
    ]),
  ]),
];
