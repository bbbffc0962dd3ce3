import type { Dtype } from 'lowbit';
import { type Case, random, roundedBound } from './case.js';
import { type ConvShape, convShapes, outputShape } from './conv.js';

interface Shape extends ConvShape {
  dtype?: Dtype;
}

/** Every product of a pixel of dy with a pixel of x that a window joins goes to the weight it met. */
function expected(shape: Shape) {
  const { groups = 1, strides: [sh, sw] = [1, 1], pads: [top, left] = [0, 0, 0, 0], dilations: [dh, dw] = [1, 1] } = shape;
  const [batch, h, w, channels] = shape.x;
  const [out, kh, kw] = shape.w;
  const [, oh, ow] = outputShape(shape);
  const depth = channels / groups;
  return ([dy, x]: number[][]) => {
    const sums: number[] = Array(out * kh * kw * depth).fill(0);
    for (let n = 0; n < batch; n++)
      for (let i = 0; i < oh; i++)
        for (let j = 0; j < ow; j++)
          for (let p = 0; p < kh; p++)
            for (let q = 0; q < kw; q++) {
              const [row, column] = [i * sh + p * dh - top, j * sw + q * dw - left];
              if (row < 0 || row >= h || column < 0 || column >= w) continue;
              for (let o = 0; o < out; o++) {
                const first = ((n * h + row) * w + column) * channels + Math.floor(o / (out / groups)) * depth;
                const gradient = dy[((n * oh + i) * ow + j) * out + o];
                for (let c = 0; c < depth; c++) sums[((o * kh + p) * kw + q) * depth + c] += gradient * x[first + c];
              }
            }
    return sums;
  };
}

function weightGradCase(shape: Shape): Case {
  const { x, w, dtype = 'float32', ...params } = shape;
  const [, oh, ow] = outputShape(shape);
  const pixels = x[0] * oh * ow;
  return {
    note: `(${x}) by (${w})${Object.entries({ dtype, ...params }).map(([name, value]) => ` ${name} ${value}`)}`,
    inputs: () => [random([x[0], oh, ow, w[0]], -1, 1, 1, dtype), random(x, -1, 1, 2, dtype)],
    params: { kernel: w.slice(1), ...params },
    expect: expected(shape),
    // One rounding a pixel of a sum of at most that many products within ±1.
    bound: pixels * (dtype === 'float64' ? 2 ** -53 : 2 ** -24) * (pixels + 1),
    cudaBound: roundedBound(pixels),
  };
}

const same3 = { pads: [1, 1, 1, 1] } as const;

// Tiles are up to 14 outputs by 32 weights of one output, or 6 by 16; blocks are 256 pixels.
const shapes: Shape[] = [
  ...convShapes,
  ...[13, 14, 15, 16, 28, 29].map((width) => ({ x: [2, 3, width, 4], w: [33, 3, 3], ...same3 })),
  { x: [3, 10, 10, 16], w: [16, 3, 3], ...same3 },
  { x: [2, 9, 11, 16], w: [32, 3, 3], strides: [2, 2], ...same3 },
  { x: [2, 8, 20, 64], w: [64, 3, 3], groups: 4, ...same3 },
  { x: [1, 9, 9, 16], w: [16, 7, 7], groups: 16, pads: [3, 3, 3, 3] },
  // Several chunks, of unequal numbers of lines, and large enough for several threads.
  { x: [5, 41, 43, 3], w: [5, 3, 3], ...same3 },
  { x: [2, 70, 90, 17], w: [8, 1, 1] },
  { x: [3, 61, 80, 19], w: [19, 3, 3], groups: 19, ...same3 },
  { x: [2, 14, 14, 64], w: [64, 3, 3], ...same3 },
  { x: [2, 5, 6, 3], w: [4, 3, 3], ...same3, strides: [2, 1], dtype: 'float64' },
  { x: [5, 41, 43, 2], w: [4, 1, 1], groups: 2, dtype: 'float64' },
];

export const convWeightGradCases: Record<string, Case[]> = { conv2dWeightGrad: shapes.map(weightGradCase) };
