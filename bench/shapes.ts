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
  depthwise?: boolean;
}

const convolutions: Conv[] = [
  { from: 'ResNet-18 stem', size: 224, channels: 3, out: 64, kernel: 7, stride: 2 },
  { from: 'ResNet-18 layer1', size: 56, channels: 64, out: 64, kernel: 3 },
  { from: 'ResNet-18 layer2', size: 28, channels: 128, out: 128, kernel: 3 },
  { from: 'ResNet-18 layer3', size: 14, channels: 256, out: 256, kernel: 3 },
  { from: 'ResNet-18 layer4', size: 7, channels: 512, out: 512, kernel: 3 },
  { from: 'ResNet-20 layer1', size: 32, channels: 16, out: 16, kernel: 3 },
  { from: 'MobileNetV2 expand', size: 28, channels: 32, out: 192, kernel: 1 },
  { from: 'MobileNetV2 depthwise', size: 28, channels: 192, out: 192, kernel: 3, depthwise: true },
];

const matrices = [
  { from: 'BERT feed-forward', m: 128, k: 768, n: 3072 },
  { from: 'ResNet-18 classifier', m: 1, k: 512, n: 1000 },
  { from: 'one row', m: 1, k: 4096, n: 4096 },
];

const widths = [1, 2, 4];

const requantized = { qmin: 0, qmax: 255, dtype: 'uint8' };

function convCalls({ from, size, channels, out, kernel, stride = 1, depthwise = false }: Conv): BenchCall[] {
  const pad = (kernel - 1) >> 1;
  const params = { strides: [stride, stride], pads: [pad, pad, pad, pad], groups: depthwise ? channels : 1 };
  const x = [1, size, size, channels];
  const w = [out, kernel, kernel, depthwise ? 1 : channels];
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
      inputs: () => [fill([1, Math.ceil(size / stride), Math.ceil(size / stride), out], 'float32'), fill(x, 'float32')],
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
    ...(depthwise ? [] : binaryConvCalls(from, params, x, w, macs)),
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

export const benchCalls: BenchCall[] = [
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
