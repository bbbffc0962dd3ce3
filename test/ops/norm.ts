import { type Dtype, Tensor } from 'lowbit';
import { type Case, raggedSizes, random } from './case.js';

const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Splits a shape at an axis: (outer, length, inner). */
function split(shape: readonly number[], axis: number): [number, number, number] {
  const at = axis < 0 ? axis + shape.length : axis;
  return [size(shape.slice(0, at)), shape[at], size(shape.slice(at + 1))];
}

// Rounding of a stored float16 next to values of at least 1; nothing for the others.
const stored = (dtype: Dtype) => (dtype === 'float16' ? 2 ** -11 : 0);

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
    // Doubles until the one rounding to float32, relative to the result.
    bound: 2 ** -23 + stored(dtype),
  };
}

function softmaxCases(finish: (x: number, sum: number) => number): Case[] {
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
      // Doubles until the one rounding to the stored type.
      bound: 2 ** -23 + stored(dtype),
    };
  };
  return [
    ...raggedSizes.map((n) => along([2, n], -1)),
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
    ...raggedSizes.map((n) => layerNormCase({ x: [2, n] })),
    layerNormCase({ x: [2, 3, 4], axis: -2 }),
    layerNormCase({ x: [2, 3, 4], axis: -2, scale: [4] }),
    layerNormCase({ x: [2, 3, 4], axis: -2, scale: [3, 1] }),
    layerNormCase({ x: [2, 3, 4], axis: -3, scale: [1] }),
    layerNormCase({ x: [2, 3, 4], axis: -1, scale: [] }),
    layerNormCase({ x: [0, 4] }),
    layerNormCase({ x: [2, 9], dtype: 'float64' }),
    layerNormCase({ x: [2, 9], dtype: 'float16' }),
  ],
  softmax: softmaxCases((x, sum) => Math.exp(x) / sum),
  logSoftmax: softmaxCases((x, sum) => x - Math.log(sum)),
};
