import { type Dtype, Tensor } from 'lowbit';
import { type Case, random, randomInts } from './case.js';

interface PoolShape {
  /** n, h, w, c */
  x: readonly number[];
  kernel: readonly [number, number];
  /** Output height and width, worked out by hand. */
  y: readonly [number, number];
  strides?: readonly [number, number];
  pads?: readonly [number, number, number, number];
  dilations?: readonly [number, number];
  ceil?: boolean;
  countIncludePad?: boolean;
}

/** Every window as the places of its taps in x; null for a tap in the padding, none for one beyond it. */
function places(shape: PoolShape): (number | null)[][] {
  const { kernel, strides: [sh, sw] = [1, 1], pads: [top, left, bottom, right] = [0, 0, 0, 0], dilations: [dh, dw] = [1, 1] } = shape;
  const [batch, h, w, channels] = shape.x;
  const [oh, ow] = shape.y;
  const all: (number | null)[][] = [];
  for (let n = 0; n < batch; n++)
    for (let i = 0; i < oh; i++)
      for (let j = 0; j < ow; j++)
        for (let c = 0; c < channels; c++) {
          const taps: (number | null)[] = [];
          for (let p = 0; p < kernel[0]; p++)
            for (let q = 0; q < kernel[1]; q++) {
              const [row, column] = [i * sh + p * dh - top, j * sw + q * dw - left];
              if (row >= h + bottom || column >= w + right) continue;
              const inside = row >= 0 && row < h && column >= 0 && column < w;
              taps.push(inside ? ((n * h + row) * w + column) * channels + c : null);
            }
          all.push(taps);
        }
  return all;
}

/** The values of its taps. */
const windows = (shape: PoolShape, x: readonly number[]) => places(shape).map((taps) => taps.map((at) => (at === null ? null : x[at])));

const isPixel = (tap: number | null): tap is number => tap !== null;

function mean(taps: readonly (number | null)[], countPad: boolean): number {
  const pixels = taps.filter(isPixel);
  const count = countPad ? taps.length : pixels.length;
  return count ? pixels.reduce((a, b) => a + b, 0) / count : 0;
}

const shapes: PoolShape[] = [
  { x: [1, 1, 1, 1], kernel: [1, 1], y: [1, 1] },
  { x: [0, 4, 4, 3], kernel: [2, 2], y: [3, 3] },
  { x: [1, 4, 4, 0], kernel: [2, 2], y: [3, 3] },
  { x: [2, 4, 6, 3], kernel: [2, 2], strides: [2, 2], y: [2, 3] },
  ...[1, 8, 15, 17, 64, 65, 130].map((c) => ({
    x: [1, 5, 6, c],
    kernel: [3, 3] as const,
    strides: [2, 2] as const,
    pads: [1, 1, 1, 1] as const,
    y: [3, 3] as const,
  })),
  { x: [1, 7, 8, 4], kernel: [3, 2], strides: [2, 3], pads: [1, 0, 0, 1], y: [3, 3] },
  { x: [1, 9, 9, 2], kernel: [3, 3], dilations: [2, 3], pads: [2, 1, 0, 3], y: [7, 7] },
  { x: [1, 5, 5, 2], kernel: [2, 2], strides: [2, 2], ceil: true, y: [3, 3] },
  { x: [1, 4, 5, 2], kernel: [3, 3], strides: [2, 2], pads: [0, 0, 1, 1], ceil: true, y: [2, 3] },
  // A third window would start in the end padding: 2·2 = 4 is beyond the 4 pixels, so there are two.
  { x: [1, 4, 4, 2], kernel: [1, 1], strides: [2, 2], pads: [0, 0, 1, 1], ceil: true, y: [2, 2] },
  { x: [1, 6, 6, 2], kernel: [3, 3], strides: [4, 4], pads: [1, 1, 1, 1], ceil: true, y: [2, 2] },
  { x: [1, 7, 7, 2], kernel: [3, 3], strides: [3, 3], ceil: true, y: [3, 3] },
];

// Taps −1 and 1 of a one-pixel image with dilation 2: nothing is inside.
const empty: PoolShape = { x: [1, 1, 1, 2], kernel: [2, 2], dilations: [2, 2], pads: [1, 1, 1, 1], y: [1, 1] };

const title = ({ y: _, ...rest }: PoolShape) => JSON.stringify(rest);
const paramsOf = ({ x: _x, y: _y, ...params }: PoolShape) => params;

function maxCase(shape: PoolShape, dtype: Dtype = 'float32'): Case {
  const codes: Record<string, [number, number]> = { int8: [-128, 127], uint8: [0, 255] };
  return {
    note: `${dtype} ${title(shape)}`,
    inputs: () => [dtype in codes ? randomInts(shape.x, dtype, ...codes[dtype]) : random(shape.x, -2, 2, 1, dtype)],
    params: paramsOf(shape),
    expect: ([x]) => windows(shape, x).map((taps) => Math.max(...taps.filter(isPixel))),
  };
}

// Inputs are within ±2: each of the taps and the division round once, partial sums are at most 2·taps, so the mean is off by
// at most taps·2^-24·2 + 2^-23.
function averageCase(shape: PoolShape, dtype: Dtype = 'float32'): Case {
  const roundOff = { float64: 2 ** -53, float16: 2 ** -24 }[dtype as string] ?? 2 ** -24;
  const stored = dtype === 'float16' ? 2 ** -11 : 0;
  return {
    note: `${dtype} ${title(shape)}`,
    inputs: () => [random(shape.x, -2, 2, 1, dtype)],
    params: paramsOf(shape),
    expect: ([x]) => windows(shape, x).map((taps) => mean(taps, shape.countIncludePad ?? false)),
    bound: 2 * roundOff * (shape.kernel[0] * shape.kernel[1] + 1) + stored,
  };
}

const yShape = ({ x, y }: PoolShape) => [x[0], ...y, x[3]];
const elements = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

// At most nine windows add up at a pixel: sums of at most 9, rounded eight times in float32.
const overlapping = 9 * 8 * 2 ** -24;

function maxGradCase(shape: PoolShape, dtype: Dtype = 'float32', x = () => random(shape.x, -2, 2, 1, dtype)): Case {
  return {
    note: `${dtype} ${title(shape)}`,
    inputs: () => [random(yShape(shape), -1, 1, 2, dtype), x()],
    params: paramsOf(shape),
    expect: ([dy, values]) => {
      const dx = values.map(() => 0);
      for (const [i, taps] of places(shape).entries()) {
        const pixels = taps.filter(isPixel);
        if (!pixels.length) continue;
        const most = Math.max(...pixels.map((at) => values[at]));
        dx[pixels.find((at) => values[at] === most)!] += dy[i];
      }
      return dx;
    },
    bound: overlapping,
  };
}

function averageGradCase(shape: PoolShape, dtype: Dtype = 'float32'): Case {
  return {
    note: `${dtype} ${title(shape)}`,
    inputs: () => [random(yShape(shape), -1, 1, 2, dtype)],
    params: { ...paramsOf(shape), size: shape.x.slice(1, 3) },
    expect: ([dy]) => {
      const dx = new Array<number>(elements(shape.x)).fill(0);
      for (const [i, taps] of places(shape).entries()) {
        const pixels = taps.filter(isPixel);
        for (const at of pixels) dx[at] += dy[i] / (shape.countIncludePad ? taps.length : pixels.length);
      }
      return dx;
    },
    bound: overlapping,
  };
}

const padded = shapes.filter((shape) => shape.pads || shape.ceil);

export const poolCases: Record<string, Case[]> = {
  maxPool2d: [
    ...shapes.map((shape) => maxCase(shape)),
    ...(['float64', 'float16', 'int8', 'uint8'] as const).map((dtype) => maxCase(shapes[7], dtype)),
    ...(['int8', 'uint8'] as const).flatMap((dtype) =>
      [1, 64, 130].map((channels) => maxCase({ x: [2, 9, 8, channels], kernel: [3, 3], strides: [2, 2], y: [4, 3] }, dtype)),
    ),
    { note: 'no pixel', inputs: () => [random(empty.x)], params: paramsOf(empty), expect: [-Infinity, -Infinity], gradient: false },
    { note: 'no pixel, int8', inputs: () => [randomInts(empty.x, 'int8', 1, 9)], params: paramsOf(empty), expect: [-128, -128] },
    {
      note: 'NaN wins, minus infinity does not',
      inputs: () => [Tensor.from([NaN, 1, -Infinity, -Infinity], [1, 1, 4, 1])],
      params: { kernel: [1, 2] },
      expect: [NaN, 1, -Infinity],
    },
  ],
  averagePool2d: [
    ...shapes.map((shape) => averageCase(shape)),
    ...padded.map((shape) => averageCase({ ...shape, countIncludePad: true })),
    averageCase(shapes[7], 'float64'),
    averageCase(shapes[7], 'float16'),
    { note: 'no pixel', inputs: () => [random(empty.x)], params: paramsOf(empty), expect: [0, 0] },
  ],
  maxPool2dGrad: [
    ...shapes.map((shape) => maxGradCase(shape)),
    maxGradCase(shapes[7], 'float64'),
    maxGradCase(empty),
    maxGradCase({ x: [5, 32, 32, 17], kernel: [3, 3], strides: [2, 2], y: [15, 15] }),
    {
      ...maxGradCase(shapes[3], 'float32', () => Tensor.from(new Float32Array(elements(shapes[3].x)), shapes[3].x)),
      note: 'all are the largest',
    },
    {
      note: 'minus infinity is a largest, too',
      inputs: () => [Tensor.from([3], [1, 1, 1, 1]), Tensor.from([-Infinity, -Infinity], [1, 1, 2, 1])],
      params: { kernel: [1, 2] },
      expect: [3, 0],
    },
  ],
  averagePool2dGrad: [
    ...shapes.map((shape) => averageGradCase(shape)),
    ...padded.map((shape) => averageGradCase({ ...shape, countIncludePad: true })),
    averageGradCase(shapes[7], 'float64'),
    averageGradCase(empty),
    averageGradCase({ x: [5, 32, 32, 17], kernel: [3, 3], strides: [2, 2], y: [15, 15] }),
  ],
  globalAveragePool: [
    [1, 1, 1, 1],
    [2, 7, 7, 65],
    [1, 3, 5, 64],
    [0, 2, 2, 3],
    [1, 112, 112, 3],
  ].map(([n, h, w, c]) => ({
    note: `${[n, h, w, c]}`,
    inputs: () => [random([n, h, w, c])],
    // The sum is double, as here; the only rounding that counts is the one to float32.
    expect: ([x]: number[][]) =>
      Array.from({ length: n * c }, (_, at) => {
        let sum = 0;
        for (let pixel = 0; pixel < h * w; pixel++) sum += x[(Math.floor(at / c) * h * w + pixel) * c + (at % c)];
        return sum / (h * w);
      }),
    bound: 2 ** -23,
  })),
};
