import { type Dtype, Tensor } from 'lowbit';
import { type Case, finishes, random, roundedBound } from './case.js';

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

export interface ConvShape {
  /** n, h, w, c */
  x: readonly number[];
  /** out, kh, kw */
  w: readonly number[];
  groups?: number;
  strides?: readonly [number, number];
  pads?: readonly [number, number, number, number];
  dilations?: readonly [number, number];
  outputPads?: readonly [number, number];
}

const weightShape = ({ x, w, groups = 1 }: ConvShape) => [...w, x[3] / groups];

const noteOf = ({ x, w, ...params }: ConvShape) => `(${x}) by (${w})${Object.entries(params).map(([name, value]) => ` ${name} ${value}`)}`;

/** K steps round once each, a partial sum is at most K + 1 (all factors are within ±1). */
const roundingBound = (depth: number) => depth * 2 ** -24 * (depth + 1);

/** Adds x[n, i, j, c]·w[o, p, q, c] for every pixel that a tap of y's window touches. */
function convExpect(shape: ConvShape) {
  const { groups = 1, strides: [sh, sw] = [1, 1], pads: [top, left, bottom, right] = [0, 0, 0, 0], dilations: [dh, dw] = [1, 1] } = shape;
  const [batch, h, w, channels] = shape.x;
  const [out, kh, kw] = shape.w;
  const oh = Math.floor((h + top + bottom - (kh - 1) * dh - 1) / sh) + 1;
  const ow = Math.floor((w + left + right - (kw - 1) * dw - 1) / sw) + 1;
  const depth = channels / groups;
  return ([x, weights, bias]: number[][]) => {
    const y: number[] = [];
    for (let n = 0; n < batch; n++)
      for (let i = 0; i < oh; i++)
        for (let j = 0; j < ow; j++)
          for (let o = 0; o < out; o++) {
            let sum = bias[o];
            const first = Math.floor(o / (out / groups)) * depth;
            for (let p = 0; p < kh; p++)
              for (let q = 0; q < kw; q++) {
                const [row, column] = [i * sh + p * dh - top, j * sw + q * dw - left];
                if (row < 0 || row >= h || column < 0 || column >= w) continue;
                for (let c = 0; c < depth; c++)
                  sum += x[((n * h + row) * w + column) * channels + first + c] * weights[((o * kh + p) * kw + q) * depth + c];
              }
            y.push(sum);
          }
    return y;
  };
}

/** The same sum from the other side: every pixel of x scatters its window into y. */
function transposeExpect(shape: ConvShape) {
  const { groups = 1, strides: [sh, sw] = [1, 1], pads: [top, left, bottom, right] = [0, 0, 0, 0], dilations: [dh, dw] = [1, 1] } = shape;
  const [extraRows, extraColumns] = shape.outputPads ?? [0, 0];
  const [batch, h, w, channels] = shape.x;
  const [out, kh, kw] = shape.w;
  const oh = (h - 1) * sh + (kh - 1) * dh + 1 + extraRows - top - bottom;
  const ow = (w - 1) * sw + (kw - 1) * dw + 1 + extraColumns - left - right;
  const depth = channels / groups;
  return ([x, weights, bias]: number[][]) => {
    const y = Array.from({ length: batch * oh * ow * out }, (_, i) => bias[i % out]);
    for (let n = 0; n < batch; n++)
      for (let i = 0; i < h; i++)
        for (let j = 0; j < w; j++)
          for (let o = 0; o < out; o++)
            for (let p = 0; p < kh; p++)
              for (let q = 0; q < kw; q++) {
                const [row, column] = [i * sh + p * dh - top, j * sw + q * dw - left];
                if (row < 0 || row >= oh || column < 0 || column >= ow) continue;
                const first = Math.floor(o / (out / groups)) * depth;
                for (let c = 0; c < depth; c++)
                  y[((n * oh + row) * ow + column) * out + o] +=
                    x[((n * h + i) * w + j) * channels + first + c] * weights[((o * kh + p) * kw + q) * depth + c];
              }
    return y;
  };
}

/** Every window of dy hands its products back to the pixels of x that it lay on, on top of what they have. */
function inputGradExpect(shape: ConvShape) {
  const { groups = 1, strides: [sh, sw] = [1, 1], pads: [top, left] = [0, 0, 0, 0], dilations: [dh, dw] = [1, 1] } = shape;
  const [batch, h, w, channels] = shape.x;
  const [out, kh, kw] = shape.w;
  const [, oh, ow] = outputShape(shape);
  const depth = channels / groups;
  return ([dy, weights, plus]: number[][]) => {
    const dx = plus.length ? [...plus] : new Array<number>(batch * h * w * channels).fill(0);
    for (let n = 0; n < batch; n++)
      for (let r = 0; r < oh; r++)
        for (let s = 0; s < ow; s++)
          for (let o = 0; o < out; o++)
            for (let p = 0; p < kh; p++)
              for (let q = 0; q < kw; q++) {
                const [row, column] = [r * sh + p * dh - top, s * sw + q * dw - left];
                if (row < 0 || row >= h || column < 0 || column >= w) continue;
                const first = Math.floor(o / (out / groups)) * depth;
                for (let c = 0; c < depth; c++)
                  dx[((n * h + row) * w + column) * channels + first + c] +=
                    dy[((n * oh + r) * ow + s) * out + o] * weights[((o * kh + p) * kw + q) * depth + c];
              }
    return dx;
  };
}

/** n, oh, ow, out of a convolution. */
export function outputShape({ x: [batch, h, w], w: [out, kh, kw], ...window }: ConvShape) {
  const { strides: [sh, sw] = [1, 1], pads: [top, left, bottom, right] = [0, 0, 0, 0], dilations: [dh, dw] = [1, 1] } = window;
  return [
    batch,
    Math.floor((h + top + bottom - (kh - 1) * dh - 1) / sh) + 1,
    Math.floor((w + left + right - (kw - 1) * dw - 1) / sw) + 1,
    out,
  ];
}

function inputGradCase(shape: ConvShape, plus: readonly number[] = [0], dtype: Dtype = 'float32'): Case {
  const { x, w, ...window } = shape;
  const depth = (w[0] / (shape.groups ?? 1)) * w[1] * w[2];
  return {
    note: `${noteOf(shape)}${plus.length > 1 ? ', plus' : ''} ${dtype}`,
    inputs: () => [random(outputShape(shape), -1, 1, 4, dtype), random(weightShape(shape), -1, 1, 2, dtype), random(plus, -1, 1, 3, dtype)],
    params: { inputShape: x.slice(1, 3), ...window },
    expect: inputGradExpect(shape),
    bound: roundingBound(depth),
    cudaBound: roundedBound(depth),
  };
}

type EdgeInput = 'x' | 'dy' | 'w' | 'bias' | 'plus' | 'nothing';

/**
 * What padding adds, where it can be seen: -0 becomes +0 or stays, an infinite weight makes NaN or nothing. The rows must agree with the
 * reference; these are the bytes that they agree on.
 */
function edgeCase(shape: ConvShape, names: readonly EdgeInput[], weights: readonly number[], params: object): Case {
  const shapes = { x: shape.x, dy: outputShape(shape), w: weightShape(shape), bias: [shape.w[0]], plus: shape.x, nothing: [0] };
  const values = { x: [-0, 1, -1], dy: [-0, 1, -1], w: weights, bias: [-0], plus: [-0], nothing: [] };
  const cycled = (count: number, list: readonly number[]) => Array.from({ length: count }, (_, i) => list[i % list.length]);
  return {
    note: `${noteOf(shape)}, weights ${weights}`,
    inputs: () => names.map((name) => Tensor.from(cycled(sizeOf(shapes[name]), values[name]), shapes[name], 'float32')),
    params,
    cudaBound: roundedBound(0), // small integers are not rounded
    gradient: false,
  };
}

function convCase(shape: ConvShape, expect: (inputs: number[][]) => number[], dtype: Dtype = 'float32'): Case {
  const { x, w, ...params } = shape;
  const depth = weightShape(shape)
    .slice(1)
    .reduce((a, b) => a * b, 1);
  return {
    note: `${noteOf(shape)} ${dtype}`,
    inputs: () => [random(x, -1, 1, 1, dtype), random(weightShape(shape), -1, 1, 2, dtype), random([w[0]], -1, 1, 3, dtype)],
    params,
    expect,
    bound: roundingBound(depth),
    cudaBound: roundedBound(depth),
  };
}

const same3 = { pads: [1, 1, 1, 1] } as const;

// Tiles are up to 14 pixels of one row by 32 outputs, or 6 by 16.
export const convShapes: ConvShape[] = [
  { x: [1, 1, 1, 1], w: [1, 1, 1] },
  { x: [1, 3, 3, 2], w: [4, 3, 3] },
  { x: [0, 5, 5, 3], w: [8, 3, 3], ...same3 },
  { x: [1, 4, 4, 0], w: [3, 3, 3] },
  { x: [1, 4, 4, 3], w: [0, 3, 3] },
  ...[1, 3, 8, 15, 16, 17, 33, 64, 65].flatMap((c) => [
    { x: [1, 4, 7, c], w: [17, 3, 3], ...same3 },
    { x: [2, 3, 5, 7], w: [c, 3, 3], ...same3 },
    { x: [1, 3, 5, c], w: [c, 1, 1] },
    { x: [1, 5, 9, c], w: [c, 3, 3], groups: c, ...same3 },
  ]),
  ...[5, 6, 7, 12, 13, 14, 15, 16, 28, 29].map((width) => ({ x: [1, 3, width, 4], w: [33, 3, 3], ...same3 })),
  { x: [2, 9, 11, 3], w: [16, 3, 3], strides: [2, 2], pads: [0, 0, 1, 1] },
  { x: [1, 33, 35, 3], w: [40, 7, 7], strides: [2, 2], pads: [3, 3, 3, 3] },
  { x: [1, 9, 10, 6], w: [8, 5, 5], pads: [2, 2, 2, 2] },
  { x: [1, 9, 10, 6], w: [8, 5, 5], pads: [4, 0, 1, 3], strides: [1, 2] },
  { x: [1, 2, 2, 3], w: [4, 5, 5], pads: [4, 4, 4, 4] },
  { x: [1, 10, 30, 5], w: [9, 3, 3], dilations: [2, 3], pads: [2, 3, 2, 3] },
  { x: [1, 1, 1, 3], w: [4, 2, 2], dilations: [2, 2], pads: [1, 1, 1, 1] },
  { x: [1, 8, 20, 12], w: [8, 3, 3], groups: 4, pads: [1, 1, 1, 1] },
  { x: [1, 8, 20, 12], w: [18, 3, 2], groups: 2, pads: [1, 2, 0, 1], strides: [2, 1], dilations: [1, 2] },
  { x: [1, 6, 9, 4], w: [8, 3, 3], groups: 4, ...same3 },
  { x: [2, 6, 7, 5], w: [13, 1, 1], strides: [2, 3] },
  { x: [1, 3, 3, 4], w: [5, 1, 1], pads: [1, 0, 0, 1] },
  { x: [1, 13, 30, 65], w: [65, 5, 5], groups: 65, pads: [2, 2, 2, 2], strides: [2, 2] },
  { x: [1, 9, 20, 33], w: [33, 3, 3], groups: 33, pads: [2, 0, 1, 4], dilations: [2, 2] },
  // Large enough for several threads.
  { x: [1, 14, 14, 64], w: [64, 3, 3], ...same3 },
  { x: [1, 28, 28, 64], w: [96, 1, 1] },
  { x: [1, 56, 56, 48], w: [48, 3, 3], groups: 48, ...same3 },
  // Just past half of the larger tiles of graphics cards, in fours and not.
  { x: [3, 4, 24, 68], w: [68, 3, 2], pads: [1, 0, 1, 1] },
  { x: [3, 4, 24, 3], w: [67, 3, 3], ...same3 },
  { x: [1, 5, 40, 5], w: [33, 3, 3], ...same3 },
];

const transposeShapes: ConvShape[] = [
  { x: [1, 1, 1, 1], w: [1, 1, 1] },
  { x: [0, 2, 2, 1], w: [1, 2, 2] },
  { x: [2, 3, 4, 3], w: [5, 3, 3] },
  { x: [1, 4, 5, 8], w: [3, 4, 4], strides: [2, 2], pads: [1, 1, 1, 1] },
  { x: [1, 3, 3, 4], w: [6, 3, 3], strides: [2, 3], pads: [0, 1, 2, 1], outputPads: [1, 2] },
  { x: [1, 4, 4, 4], w: [6, 3, 2], dilations: [2, 3], groups: 2 },
  { x: [1, 3, 5, 7], w: [7, 2, 2], strides: [2, 2], groups: 7 },
  { x: [1, 2, 2, 3], w: [4, 1, 1], strides: [3, 3], outputPads: [2, 1] },
  { x: [1, 2, 17, 9], w: [33, 3, 3], strides: [1, 2], pads: [1, 2, 1, 1] },
  { x: [2, 3, 29, 5], w: [17, 5, 4], strides: [3, 1], pads: [4, 0, 4, 3], outputPads: [1, 0] },
  { x: [1, 1, 1, 3], w: [65, 2, 5], pads: [0, 2, 0, 2] },
  // Large enough for several threads.
  { x: [1, 14, 14, 32], w: [64, 4, 4], strides: [2, 2], pads: [1, 1, 1, 1] },
];

// Strides that leave pixels without a window, or see some remainders through no tap at all.
const gradientShapes: ConvShape[] = [
  { x: [1, 6, 7, 5], w: [4, 1, 1], strides: [2, 3] },
  { x: [1, 7, 8, 5], w: [4, 2, 2], strides: [3, 3] },
  { x: [2, 8, 8, 17], w: [33, 3, 3], strides: [2, 2], ...same3 },
  { x: [1, 9, 13, 6], w: [4, 3, 5], strides: [3, 2], dilations: [2, 2], pads: [1, 4, 2, 0], groups: 2 },
  { x: [1, 9, 13, 6], w: [4, 3, 5], strides: [4, 6], dilations: [2, 3], pads: [1, 4, 2, 0] },
  { x: [1, 9, 13, 6], w: [4, 1, 3], strides: [3, 1], dilations: [2, 1], pads: [0, 1, 0, 1] },
  { x: [1, 12, 14, 19], w: [19, 3, 3], strides: [2, 2], groups: 19, ...same3 },
  // The zeros beside x would be wider than it.
  { x: [1, 2, 3, 4], w: [5, 1, 2], dilations: [1, 80], pads: [0, 40, 0, 40] },
  { x: [1, 2, 3, 1], w: [5, 1, 2], dilations: [1, 80], pads: [0, 80, 0, 0] },
  { x: [1, 56, 56, 32], w: [16, 3, 3], strides: [2, 2], ...same3 },
];

const edgeShapes: ConvShape[] = [
  { x: [1, 4, 5, 3], w: [3, 3, 3], ...same3 },
  { x: [1, 4, 5, 18], w: [17, 3, 3], strides: [2, 2], ...same3 },
  { x: [1, 4, 5, 6], w: [6, 3, 3], groups: 6, ...same3 },
];

function edgeCases(names: readonly EdgeInput[], params: (shape: ConvShape) => object): Case[] {
  return edgeShapes.flatMap((shape) =>
    [
      [-1, -0],
      [Number.POSITIVE_INFINITY, 1, -1, 2],
    ].map((weights) => edgeCase(shape, names, weights, params(shape))),
  );
}

/** A convolution whose sums are finished in every way. */
const finishedCases = (shape: ConvShape): Case[] =>
  finishes(
    convCase(shape, convExpect(shape)),
    outputShape(shape),
    roundingBound(
      weightShape(shape)
        .slice(1)
        .reduce((a, b) => a * b, 1) + 1,
    ),
  );

const smallGroups: ConvShape = { x: [2, 5, 6, 4], w: [6, 3, 2], groups: 2, strides: [2, 1], pads: [1, 1, 0, 1] };

const windowOf = ({ x: _, w: __, ...window }: ConvShape) => window;

export const convCases: Record<string, Case[]> = {
  conv2d: [
    ...[...convShapes, ...gradientShapes].map((shape) => convCase(shape, convExpect(shape))),
    ...edgeCases(['x', 'w', 'bias'], windowOf),
    convCase(smallGroups, convExpect(smallGroups), 'float64'),
  ],
  conv2dAddClip: [
    ...[...convShapes, ...gradientShapes].filter((_, i) => i % 3 === 0).flatMap(finishedCases),
    ...(['dy', 'nothing'] as const).flatMap((plus) => edgeCases(['x', 'w', 'bias', plus], (shape) => ({ ...windowOf(shape), min: 0 }))),
  ],
  convTranspose2d: [
    ...transposeShapes.map((shape) => convCase(shape, transposeExpect(shape))),
    ...edgeCases(['x', 'w', 'bias'], windowOf),
    convCase(smallGroups, transposeExpect(smallGroups), 'float64'),
  ],
  conv2dInputGrad: [
    ...[...convShapes, ...gradientShapes].flatMap((shape) => [inputGradCase(shape), inputGradCase(shape, shape.x)]),
    inputGradCase(smallGroups, smallGroups.x, 'float64'),
    ...(['plus', 'nothing'] as const).flatMap((start) =>
      edgeCases(['dy', 'w', start], (shape) => ({ inputShape: shape.x.slice(1, 3), ...windowOf(shape) })),
    ),
  ],
};
