import { type Case, random } from './case.js';

interface ConvShape {
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

function convCase(shape: ConvShape, expect: (inputs: number[][]) => number[]): Case {
  const { x, w, ...params } = shape;
  // K steps round once each, a partial sum is at most K + 1 (all factors are within ±1): K·2^-24·(K + 1).
  const depth = weightShape(shape)
    .slice(1)
    .reduce((a, b) => a * b, 1);
  return {
    note: `(${x}) by (${w})${Object.entries(params).map(([name, value]) => ` ${name} ${value}`)}`,
    inputs: () => [random(x, -1, 1, 1), random(weightShape(shape), -1, 1, 2), random([w[0]], -1, 1, 3)],
    params,
    expect,
    bound: depth * 2 ** -24 * (depth + 1),
  };
}

const same3 = { pads: [1, 1, 1, 1] } as const;

// Tiles are up to 14 pixels of one row by 32 outputs, or 6 by 16.
const convShapes: ConvShape[] = [
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

export const convCases: Record<string, Case[]> = {
  conv2d: convShapes.map((shape) => convCase(shape, convExpect(shape))),
  convTranspose2d: transposeShapes.map((shape) => convCase(shape, transposeExpect(shape))),
};
