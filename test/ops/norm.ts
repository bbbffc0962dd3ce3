import { type Dtype, Tensor } from 'lowbit';
import { type Case, doubleFunctions, raggedSizes, random } from './case.js';

const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Splits a shape at an axis: (outer, length, inner). */
function split(shape: readonly number[], axis: number): [number, number, number] {
  const at = axis < 0 ? axis + shape.length : axis;
  return [size(shape.slice(0, at)), shape[at], size(shape.slice(at + 1))];
}

// Rounding of a stored float16 next to values of at least 1; nothing for the others.
const stored = (dtype: Dtype) => (dtype === 'float16' ? 2 ** -11 : 0);

// On a card 16 lanes keep the first 256 or 512 elements of a line in registers.
const lengths = [...raggedSizes, 128, 129, 256, 257, 512, 513];

interface LayerNormShape {
  x: readonly number[];
  axis?: number;
  scale?: readonly number[];
  dtype?: Dtype;
}

function layerNormCase({ x: shape, axis = -1, scale: scaleShape, dtype = 'float32' }: LayerNormShape): Case {
  const dims = shape.slice(axis);
  const width = size(dims);
  const [, , inner] = split(shape, axis);
  // Only [width], [inner], [1] and the full shape are used below: a scale repeats with its own period.
  const operand = scaleShape ?? dims;
  const period = size(operand);
  const at = (i: number) => (operand.at(-1) === 1 && period > 1 ? Math.floor(i / inner) % period : i % period);
  return {
    note: `${dtype} [${shape}] axis ${axis} scale [${operand}]`,
    inputs: () => [random(shape, -2, 2, 1, dtype), random(operand, 0.5, 2, 2, dtype), random(dims.slice(-1), -1, 1, 3, dtype)],
    params: { axis },
    expect: ([x, scale, bias]) =>
      x.map((value, i) => {
        const row = x.slice(Math.floor(i / width) * width, (Math.floor(i / width) + 1) * width);
        const mean = row.reduce((a, b) => a + b, 0) / width;
        const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / width;
        return ((value - mean) / Math.sqrt(variance + 1e-5)) * scale[at(i % width)] + bias[i % bias.length];
      }),
    // Differences, the inverse, the products and the sum are rounded, five times half a ulp of at most |x̂·scale| + |bias| < 2·√width + 1;
    // |x̂| < 2.1 for uniform numbers here.
    bound: 5 * 2 ** -24 * 5 + stored(dtype),
  };
}

function layerNormGradCase(name: 'input' | 'scale', { x: shape, axis = -1, scale: scaleShape, dtype = 'float32' }: LayerNormShape): Case {
  const dims = shape.slice(axis);
  const width = size(dims);
  const lines = size(shape) / width;
  const operand = scaleShape ?? dims;
  return {
    note: `${dtype} [${shape}] axis ${axis} scale [${operand}]`,
    inputs: () => [
      random(shape, -1, 1, 6, dtype),
      random(shape, -2, 2, 1, dtype),
      ...(name === 'input' ? [random(operand, 0.5, 2, 2, dtype)] : []),
    ],
    params: { axis },
    expect: ([dy, x, scale]) => {
      const dx: number[] = [];
      const dscale = Array<number>(width).fill(0);
      for (let line = 0; line < lines; line++) {
        const row = x.slice(line * width, (line + 1) * width);
        const mean = row.reduce((a, b) => a + b, 0) / width;
        const inverse = 1 / Math.sqrt(row.reduce((a, b) => a + (b - mean) ** 2, 0) / width + 1e-5);
        const standard = row.map((v) => (v - mean) * inverse);
        const g = row.map((_, i) => dy[line * width + i] * (scale ? scale[i % scale.length] : 1));
        const meanG = g.reduce((a, b) => a + b, 0) / width;
        const slope = g.reduce((a, b, i) => a + b * standard[i], 0) / width;
        dx.push(...g.map((v, i) => inverse * (v - meanG - standard[i] * slope)));
        for (const [i, v] of standard.entries()) dscale[i] += dy[line * width + i] * v;
      }
      return name === 'input' ? dx : dscale;
    },
    // g, x̂, the two sums and the operations on them: eight roundings of at most |g| + |x̂|·|slope| < 2 + 2.1·2, times an inverse below 2 (at
    // width 1 it is 316, and everything is 0).
    bound: 8 * 2 ** -24 * 6.2 * 2 + stored(dtype) * 2,
  };
}

function layerNormGradCases(name: 'input' | 'scale'): Case[] {
  return [
    ...lengths.map((n) => layerNormGradCase(name, { x: [3, n] })),
    layerNormGradCase(name, { x: [100, 37] }),
    layerNormGradCase(name, { x: [2, 3, 4], axis: -2 }),
    layerNormGradCase(name, { x: [2, 3, 4], axis: -2, scale: [4] }),
    layerNormGradCase(name, { x: [2, 3, 4], axis: -1, scale: [] }),
    layerNormGradCase(name, { x: [0, 4] }),
    layerNormGradCase(name, { x: [2, 9], dtype: 'float64' }),
    layerNormGradCase(name, { x: [2, 9], dtype: 'float16' }),
  ];
}

/** Gradients from dy and y along an axis; `element` is one of them from its own dy and y and the line's. */
function softmaxGradCases(
  low: number,
  high: number,
  element: (dy: number, y: number, line: { dy: number[]; y: number[] }) => number,
  cudaBound: (dtype: Dtype) => number | undefined,
): Case[] {
  const along = (shape: readonly number[], axis: number, dtype: Dtype = 'float32'): Case => {
    const [, length, inner] = split(shape, axis);
    return {
      note: `${dtype} [${shape}] axis ${axis}`,
      inputs: () => [random(shape, -1, 1, 3, dtype), random(shape, low, high, 1, dtype)],
      params: { axis },
      expect: ([dy, y]) =>
        y.map((value, at) => {
          const start = at - (Math.floor(at / inner) % length) * inner;
          const indices = Array.from({ length }, (_, i) => start + i * inner);
          return element(dy[at], value, { dy: indices.map((i) => dy[i]), y: indices.map((i) => y[i]) });
        }),
      // The sum is rounded once, the difference and the product too, an exponential of at most 1 is within 1 ulp: 4 roundings of at most
      // 1 + |sum|, and the sums here stay below 40.
      bound: 4 * 41 * 2 ** -24 + stored(dtype) * 2,
      cudaBound: cudaBound(dtype),
    };
  };
  return [
    ...lengths.map((n) => along([2, n], -1)),
    along([3, 5, 4], 1),
    along([3, 5, 4], 0),
    along([40, 5, 33], 2),
    along([0, 5], 1),
    along([5, 0], 1),
    along([2, 9], -1, 'float64'),
    along([2, 9], -1, 'float16'),
  ];
}

function softmaxCases(finish: (x: number, sum: number) => number, cudaBound: (dtype: Dtype) => number | undefined): Case[] {
  const line = (values: readonly number[]) => {
    const most = Math.max(...values);
    const sum = values.reduce((a, b) => a + Math.exp(b - most), 0);
    return values.map((x) => finish(x - most, sum));
  };
  const along = (shape: readonly number[], axis: number, dtype: Dtype = 'float32'): Case => {
    const [, length, inner] = split(shape, axis);
    return {
      note: `${dtype} [${shape}] axis ${axis}`,
      inputs: () => [random(shape, -6, 6, 1, dtype)],
      params: { axis },
      expect: ([x]) => {
        const y = x.slice();
        for (let start = 0; start < x.length; start++) {
          if (Math.floor(start / inner) % length) continue;
          const indices = Array.from({ length }, (_, i) => start + i * inner);
          line(indices.map((i) => x[i])).forEach((value, i) => {
            y[indices[i]] = value;
          });
        }
        return y;
      },
      // Exponentials within 1 ulp, so their sum as well; its inverse and the product are rounded: at most 4 ulp of at most 1, or of the sum's
      // logarithm, which stays below 14.
      bound: 4 * 2 ** -23 + stored(dtype),
      cudaBound: cudaBound(dtype),
    };
  };
  return [
    ...lengths.map((n) => along([2, n], -1)),
    along([1, 2500], 1),
    along([3, 5, 4], 1),
    along([3, 5, 4], 0),
    along([0, 5], 1),
    along([5, 0], 1),
    along([2, 9], -1, 'float64'),
    along([2, 9], -1, 'float16'),
    {
      note: 'huge values',
      inputs: () => [Tensor.from([1e30, 1e30, -1e30, -Infinity])],
      expect: line([1e30, 1e30, -1e30, -Infinity]),
      bound: 2 ** -23,
    },
    { note: 'nothing but minus infinity', inputs: () => [Tensor.from([-Infinity, -Infinity])], expect: [NaN, NaN] },
  ];
}

export const normCases: Record<string, Case[]> = {
  layerNorm: [
    ...lengths.map((n) => layerNormCase({ x: [2, n] })),
    layerNormCase({ x: [2, 3, 4], axis: -2 }),
    layerNormCase({ x: [2, 3, 4], axis: -2, scale: [4] }),
    layerNormCase({ x: [2, 3, 4], axis: -2, scale: [3, 1] }),
    layerNormCase({ x: [2, 3, 4], axis: -3, scale: [1] }),
    layerNormCase({ x: [2, 3, 4], axis: -1, scale: [] }),
    layerNormCase({ x: [0, 4] }),
    layerNormCase({ x: [2, 9], dtype: 'float64' }),
    layerNormCase({ x: [2, 9], dtype: 'float16' }),
  ],
  layerNormInputGrad: layerNormGradCases('input'),
  layerNormScaleGrad: layerNormGradCases('scale'),
  softmaxGrad: softmaxGradCases(
    0,
    1,
    (dy, y, line) => y * (dy - line.dy.reduce((sum, v, i) => sum + v * line.y[i], 0)),
    () => undefined,
  ),
  // An exponential of at most 1 times a sum below 40.
  logSoftmaxGrad: softmaxGradCases(
    -6,
    0,
    (dy, y, line) => dy - Math.exp(y) * line.dy.reduce((sum, v) => sum + v, 0),
    (dtype) => (dtype === 'float32' ? undefined : doubleFunctions(40 * 2 ** -51, dtype)),
  ),
  // Numerator and sum.
  softmax: softmaxCases(
    (x, sum) => Math.exp(x) / sum,
    (dtype) => (dtype === 'float32' ? undefined : doubleFunctions(2 * 2 ** -51, dtype)),
  ),
  // The sum and its logarithm of up to 14.
  logSoftmax: softmaxCases(
    (x, sum) => x - Math.log(sum),
    (dtype) => doubleFunctions(15 * 2 ** -51, dtype),
  ),
};
