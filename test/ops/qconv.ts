import { type Dtype, Tensor } from 'lowbit';
import { extremes, f32, indices, int8, type Range, randomCodes, req, uint8 } from './arithmetic.js';
import { type Case, randomInts, randomNumbers } from './case.js';

const float = { ...uint8, dtype: 'float32' } as const;

interface Conv {
  note: string;
  /** (n, h, w, c) */
  x: readonly [number, number, number, number];
  /** (out, kh, kw) */
  w: readonly [number, number, number];
  type?: 'uint8' | 'int8';
  params: Range & {
    dtype: Dtype;
    strides?: readonly number[];
    pads?: readonly number[];
    dilations?: readonly number[];
    groups?: number;
    xZero?: number;
    wZero?: number;
  };
  fill?: [readonly number[], readonly number[]];
}

function convCase({ note, x, w, type = 'uint8', params, fill }: Conv): Case {
  const { strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1, xZero = 0, wZero = 0 } = params;
  const [batch, height, width, channels] = x;
  const [outputs, kh, kw] = w;
  const depth = channels / groups;
  const weights = [outputs, kh, kw, depth];
  const rows = Math.floor((height + pads[0] + pads[2] - dilations[0] * (kh - 1) - 1) / strides[0]) + 1;
  const columns = Math.floor((width + pads[1] + pads[3] - dilations[1] * (kw - 1) - 1) / strides[1]) + 1;
  return {
    note: `${note}: (${x}) ${type} with (${weights}) to ${params.dtype}`,
    inputs: () => [
      fill ? Tensor.from(extremes(batch * height * width * channels, fill[0]), x, type) : randomCodes(x, type, channels),
      fill ? Tensor.from(extremes(outputs * kh * kw * depth, fill[1]), weights, 'int8') : randomInts(weights, 'int8', -128, 127, outputs),
      randomInts([outputs], 'int32', -5000, 5000, 3),
      Tensor.from(
        randomNumbers(outputs, 0.2, 2).map((s) => s / (100 * Math.sqrt(kh * kw * depth))),
        [outputs],
        'float32',
      ),
    ],
    params,
    expect: ([image, kernel, bias, scale]) =>
      indices([batch, rows, columns, outputs]).map(([n, oh, ow, o]) => {
        const from = Math.floor(o / (outputs / groups)) * depth;
        let acc = bias[o];
        for (let a = 0; a < kh; a++) {
          for (let b = 0; b < kw; b++) {
            const ih = oh * strides[0] - pads[0] + a * dilations[0];
            const iw = ow * strides[1] - pads[1] + b * dilations[1];
            if (ih < 0 || ih >= height || iw < 0 || iw >= width) continue;
            for (let i = 0; i < depth; i++) {
              const code = image[((n * height + ih) * width + iw) * channels + from + i];
              acc += (code - xZero) * (kernel[((o * kh + a) * kw + b) * depth + i] - wZero);
            }
          }
        }
        const v = f32(f32(acc) * scale[o]);
        return params.dtype === 'float32' ? v : req(v, params);
      }),
  };
}

const around = [1, 1, 1, 1];
const widths = [1, 3, 4, 8, 15, 16, 17, 33, 64, 65];
const qconv2d: Case[] = [
  ...widths.map((c) =>
    convCase({ note: 'channels', x: [1, 5, 6, c], w: [5, 3, 3], params: { pads: around, xZero: 117, yZero: 9, ...uint8 } }),
  ),
  ...widths.map((o) =>
    convCase({ note: 'outputs', x: [1, 4, 5, 6], w: [o, 3, 3], type: 'int8', params: { pads: around, xZero: -9, yZero: 5, ...int8 } }),
  ),
  ...[1, 6, 7, 12, 13, 14, 15, 28, 29, 31].map((columns) =>
    convCase({ note: 'columns', x: [2, 3, columns, 5], w: [17, 3, 3], params: { pads: around, xZero: 4, ...uint8 } }),
  ),
  ...widths.map((c) =>
    convCase({ note: 'depthwise', x: [2, 5, 7, c], w: [c, 3, 3], params: { groups: c, pads: around, xZero: 77, yZero: 12, ...uint8 } }),
  ),
  convCase({
    note: 'depthwise, stride 2',
    x: [1, 9, 8, 40],
    w: [40, 3, 3],
    params: { groups: 40, strides: [2, 2], pads: [0, 0, 1, 1], xZero: 5, ...uint8 },
  }),
  convCase({
    note: 'depthwise 5 × 5',
    x: [1, 9, 8, 70],
    w: [70, 5, 5],
    type: 'int8',
    params: { groups: 70, pads: [2, 2, 2, 2], xZero: -5, yZero: -3, ...int8 },
  }),
  convCase({ note: 'depthwise 1 × 2, dilated', x: [1, 4, 9, 33], w: [33, 1, 2], params: { groups: 33, dilations: [1, 3], ...float } }),
  convCase({
    note: 'depthwise, two outputs a channel',
    x: [1, 5, 5, 6],
    w: [12, 3, 3],
    params: { groups: 6, pads: around, xZero: 8, ...uint8 },
  }),
  convCase({ note: 'two groups', x: [1, 6, 5, 10], w: [34, 3, 3], params: { groups: 2, pads: around, xZero: 8, ...uint8 } }),
  convCase({ note: 'groups of four', x: [2, 5, 5, 12], w: [9, 2, 3], type: 'int8', params: { groups: 3, xZero: 8, ...int8 } }),
  convCase({ note: 'stem', x: [2, 15, 17, 3], w: [18, 7, 7], params: { strides: [2, 2], pads: [3, 3, 3, 3], xZero: 114, ...uint8 } }),
  convCase({ note: '1 × 1', x: [2, 7, 9, 20], w: [24, 1, 1], params: { xZero: 3, ...uint8 } }),
  convCase({ note: '1 × 1, signed', x: [2, 7, 9, 20], w: [24, 1, 1], type: 'int8', params: { xZero: 3, ...uint8 } }),
  convCase({ note: '1 × 1, odd channels', x: [1, 7, 9, 7], w: [33, 1, 1], params: { xZero: 255, ...int8 } }),
  convCase({ note: '1 × 1, stride 2', x: [1, 7, 9, 20], w: [24, 1, 1], params: { strides: [2, 2], ...uint8 } }),
  convCase({
    note: 'uneven strides',
    x: [1, 11, 13, 6],
    w: [8, 3, 2],
    params: { strides: [3, 2], pads: [0, 1, 2, 0], xZero: 99, ...uint8 },
  }),
  convCase({
    note: 'uneven dilations',
    x: [1, 11, 13, 6],
    w: [8, 3, 2],
    params: { dilations: [2, 3], pads: [2, 0, 1, 3], xZero: 99, ...uint8 },
  }),
  convCase({
    note: 'dilated rows',
    x: [1, 11, 13, 5],
    w: [8, 3, 3],
    type: 'int8',
    params: { dilations: [3, 1], pads: [3, 1, 3, 1], xZero: -99, ...int8 },
  }),
  convCase({ note: 'padding only', x: [1, 1, 1, 5], w: [8, 3, 3], params: { pads: [4, 4, 4, 4], strides: [3, 3], xZero: 99, ...uint8 } }),
  convCase({ note: 'kernel as large as the image', x: [3, 4, 5, 8], w: [17, 4, 5], params: { xZero: 99, ...uint8 } }),
  convCase({ note: 'tall', x: [1, 70, 3, 4], w: [16, 3, 3], params: { pads: around, xZero: 99, ...uint8 } }),
  convCase({ note: 'large tiles', x: [1, 18, 19, 16], w: [130, 3, 3], params: { pads: around, xZero: 99, yZero: 3, ...uint8 } }),
  convCase({
    note: 'narrow tiles, two groups',
    x: [2, 31, 9, 64],
    w: [40, 3, 3],
    type: 'int8',
    params: { groups: 2, strides: [2, 1], pads: around, xZero: -99, ...int8 },
  }),
  convCase({
    note: 'small tiles',
    x: [1, 7, 5, 48],
    w: [70, 2, 3],
    params: { dilations: [2, 1], pads: [2, 1, 0, 3], xZero: 9, wZero: -5, ...uint8 },
  }),
  convCase({ note: 'parts of the depth', x: [1, 5, 6, 112], w: [33, 3, 3], params: { pads: around, xZero: 9, wZero: -5, ...uint8 } }),
  // More tiles of warpgroups (qgemm.ts) than the emulation has at a time; windows of one pixel are rows of a matrix.
  convCase({ note: 'wide tiles in turns', x: [1, 16, 17, 16], w: [260, 3, 3], params: { pads: around, xZero: 99, yZero: 3, ...uint8 } }),
  convCase({ note: 'square tiles in turns', x: [2, 20, 18, 32], w: [72, 3, 3], params: { pads: [1, 0, 1, 2], xZero: 7, ...int8 } }),
  convCase({
    note: 'narrow tiles of groups in turns',
    x: [1, 18, 15, 160],
    w: [60, 3, 3],
    type: 'int8',
    params: { groups: 2, dilations: [1, 2], pads: [1, 2, 1, 2], xZero: -99, ...int8 },
  }),
  convCase({ note: '1 × 1, a matrix', x: [3, 16, 16, 144], w: [40, 1, 1], type: 'int8', params: { xZero: -3, yZero: 8, ...uint8 } }),
  convCase({
    note: '1 × 1, as many windows as pixels and no matrix',
    x: [200, 2, 2, 16],
    w: [20, 1, 1],
    params: { strides: [2, 2], pads: [0, 0, 1, 1], xZero: 3, ...float },
  }),
  convCase({ note: 'words', x: [2, 15, 15, 20], w: [66, 3, 3], type: 'int8', params: { pads: around, xZero: 9, ...int8 } }),
  convCase({ note: 'depthwise, large kernel', x: [1, 29, 30, 2], w: [2, 28, 28], params: { groups: 2, xZero: 9, ...uint8 } }),
  convCase({ note: 'depthwise to float', x: [1, 9, 9, 132], w: [132, 3, 3], params: { groups: 132, wZero: 3, xZero: 9, ...float } }),
  convCase({ note: 'deep', x: [1, 3, 3, 300], w: [4, 3, 3], params: { xZero: 128, ...uint8 } }),
  convCase({ note: 'float', x: [1, 5, 6, 9], w: [37, 3, 3], params: { pads: around, xZero: 3, ...float } }),
  convCase({
    note: 'narrow range',
    x: [1, 5, 6, 9],
    w: [37, 3, 3],
    params: { pads: around, xZero: 3, yZero: 30, ...uint8, qmin: 30, qmax: 90 },
  }),
  convCase({ note: 'weights with a zero point', x: [1, 5, 6, 9], w: [37, 3, 3], params: { pads: around, xZero: 3, wZero: 5, ...uint8 } }),
  convCase({ note: 'no images', x: [0, 5, 6, 9], w: [7, 3, 3], params: { ...uint8 } }),
  ...(
    [
      ['uint8', 0, [255], [-128]],
      ['uint8', 0, [255], [127]],
      ['uint8', 255, [0], [-128]],
      ['int8', 127, [-128], [-128]],
      ['int8', -128, [127], [127, -128]],
    ] as const
  ).flatMap(([type, xZero, image, kernel]) =>
    [1, 32].map((groups) =>
      convCase({
        note: `all ${image} × ${kernel}`,
        x: [1, 4, 5, 32],
        w: [32, 3, 3],
        type,
        params: { groups, pads: around, xZero, ...float },
        fill: [image, kernel],
      }),
    ),
  ),
];

export const qconvCases: Record<string, Case[]> = { qconv2d };
