import { type Dtype, Tensor } from 'lowbit';
import { type Case, raggedSizes, random } from './case.js';

const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** The channels of a shape and the channel of each element. */
function channelsOf(shape: readonly number[], axis: number): { channels: number; of: (i: number) => number; count: number } {
  const at = axis < 0 ? axis + shape.length : axis;
  const inner = size(shape.slice(at + 1));
  const channels = shape[at];
  return { channels, of: (i) => Math.floor(i / inner) % channels, count: size(shape) / channels };
}

// Rounding of a stored float16 next to values of at least 1; nothing for the others.
const stored = (dtype: Dtype) => (dtype === 'float16' ? 2 ** -11 : 0);
const roundOff = (dtype: Dtype) => (dtype === 'float64' ? 2 ** -53 : 2 ** -24);

function batchNormCase(shape: readonly number[], axis = -1, epsilon = 1e-5, dtype: Dtype = 'float32'): Case {
  const { channels, of } = channelsOf(shape, axis);
  return {
    note: `${dtype} [${shape}] axis ${axis}`,
    inputs: () => [
      random(shape, -2, 2, 1, dtype),
      random([channels], 0.5, 2, 2, dtype),
      random([channels], -1, 1, 3, dtype),
      random([channels], -1, 1, 4, dtype),
      random([channels], 0.25, 2, 5, dtype),
    ],
    params: { axis, epsilon },
    expect: ([x, scale, bias, mean, variance]) =>
      x.map((value, i) => ((value - mean[of(i)]) / Math.sqrt(variance[of(i)] + epsilon)) * scale[of(i)] + bias[of(i)]),
    // |x − mean| ≤ 3 and the factor ≤ 2/0.5, so nothing exceeds 13; six operations each add at most 2^-24 of it.
    bound: 6 * roundOff(dtype) * 13 + stored(dtype),
  };
}

/** Mean and biased variance of every channel, in two passes. */
function statisticsOf(x: readonly number[], shape: readonly number[], axis: number): number[] {
  const { channels, of, count } = channelsOf(shape, axis);
  const means = new Array<number>(channels).fill(0);
  for (const [i, value] of x.entries()) means[of(i)] += value / count;
  const variances = new Array<number>(channels).fill(0);
  for (const [i, value] of x.entries()) variances[of(i)] += (value - means[of(i)]) ** 2 / count;
  return [...means, ...variances];
}

// On a card the double sums are added in another order: `error` is what that changes, and float32 is rounded to the next number then.
const otherOrder = (error: number, dtype: Dtype) => error + (dtype === 'float64' ? 0 : 2 ** -23);

function statisticsCase(shape: readonly number[], axis = -1, [low, high] = [-2, 2], dtype: Dtype = 'float32'): Case {
  return {
    note: `${dtype} [${shape}] axis ${axis} from ${low} to ${high}`,
    inputs: () => [random(shape, low, high, 1, dtype)],
    params: { axis },
    expect: ([x]) => statisticsOf(x, shape, axis),
    // Differences from the first element are at most 4 and rounded once, so the mean is off by 4·2^-24 and the variance, a mean of
    // squares of up to 16, by 2·16·2^-24; then each is rounded. The plain loop above is off by less than 1e-9 of a mean of 1000.
    bound: 33 * 2 ** -24 + 2 ** -24,
    // Squares up to 16, so sums up to 16·n with a rounding for each term; over n.
    cudaBound: otherOrder(2 * 16 * channelsOf(shape, axis).count * 2 ** -53, dtype),
  };
}

interface TrainingShape {
  x: readonly number[];
  axis?: number;
  epsilon?: number;
  activation?: 'none' | 'relu';
  dtype?: Dtype;
}

/** x, scale, bias and statistics that are not those of x: here they are numbers like any others. */
const trainingInputs = ({ x, axis = -1, dtype = 'float32' }: TrainingShape) => {
  const { channels } = channelsOf(x, axis);
  const moments = [...random([channels], -1, 1, 4).toNumbers(), ...random([channels], 0.25, 2, 5).toNumbers()];
  return [
    random(x, -2, 2, 1, dtype),
    random([channels], 0.5, 2, 2, dtype),
    random([channels], -1, 1, 3, dtype),
    Tensor.from(moments, [2, channels], dtype),
  ];
};

const paramsOf = ({ x: _x, dtype: _dtype, ...params }: TrainingShape) => params;
const title = (shape: TrainingShape) => JSON.stringify(shape);

/** What normalization makes of every element: x̂, y, and whether ReLU lets it pass. */
function normalizedOf({ x: shape, axis = -1, epsilon = 1e-5, activation }: TrainingShape, [x, scale, bias, statistics]: number[][]) {
  const { channels, of, count } = channelsOf(shape, axis);
  const elements = x.map((value, i) => {
    const c = of(i);
    const inverse = 1 / Math.sqrt(statistics[channels + c] + epsilon);
    const hat = (value - statistics[c]) * inverse;
    const y = hat * scale[c] + bias[c];
    return { c, hat, y, factor: scale[c] * inverse, passes: activation !== 'relu' || y > 0 };
  });
  return { elements, channels, count };
}

function trainingCase(shape: TrainingShape): Case {
  return {
    note: title(shape),
    inputs: () => trainingInputs(shape),
    params: paramsOf(shape),
    expect: (inputs) => normalizedOf(shape, inputs).elements.map(({ y, passes }) => (passes ? y : 0)),
    bound: 6 * roundOff(shape.dtype ?? 'float32') * 13, // as above
    gradient: false, // statistics are not those of x here; batchNorm.test.ts checks the gradient through them
  };
}

function sumsOf(shape: TrainingShape, dy: number[], inputs: number[][]): number[] {
  const { elements, channels } = normalizedOf(shape, inputs);
  const sums = new Array<number>(2 * channels).fill(0);
  for (const [i, { c, hat, passes }] of elements.entries()) {
    if (!passes) continue;
    sums[c] += dy[i];
    sums[channels + c] += dy[i] * hat;
  }
  return sums;
}

function sumsCase(shape: TrainingShape): Case {
  const { count } = channelsOf(shape.x, shape.axis ?? -1);
  return {
    note: title(shape),
    inputs: () => [random(shape.x, -1, 1, 9, shape.dtype), ...trainingInputs(shape)],
    params: paramsOf(shape),
    expect: ([dy, ...inputs]) => sumsOf(shape, dy, inputs),
    // |dy| ≤ 1 and |x̂| ≤ 6; x − mean is rounded once (2^-24 of 3, times an inverse of 2), the sum once.
    bound: roundOff(shape.dtype ?? 'float32') * 8 * Math.max(1, count),
    cudaBound: otherOrder(2 * 6 * count * count * 2 ** -53, shape.dtype ?? 'float32'), // terms up to 6
  };
}

function inputGradCase(shape: TrainingShape): Case {
  return {
    note: title(shape),
    inputs: () => {
      const inputs = trainingInputs(shape);
      const dy = random(shape.x, -1, 1, 9, shape.dtype);
      const sums = sumsOf(
        shape,
        dy.toNumbers(),
        inputs.map((x) => x.toNumbers()),
      );
      return [dy, ...inputs, Tensor.from(sums, [2, sums.length / 2], shape.dtype ?? 'float32')];
    },
    params: paramsOf(shape),
    expect: ([dy, x, scale, bias, statistics, sums]) => {
      const { elements, channels, count } = normalizedOf(shape, [x, scale, bias, statistics]);
      return elements.map(({ c, hat, factor, passes }, i) => {
        return factor * ((passes ? dy[i] : 0) - sums[c] / count - (hat * sums[channels + c]) / count);
      });
    },
    // The factor is at most 4, g − Σg/n at most 2 and x̂·Σ(g·x̂)/n at most 36: under 160 after some ten roundings.
    bound: 10 * 160 * roundOff(shape.dtype ?? 'float32'),
  };
}

const trainingShapes: TrainingShape[] = [
  ...raggedSizes.map((n) => ({ x: [3, n], activation: n % 2 ? ('relu' as const) : ('none' as const) })),
  { x: [2, 3, 4, 5], activation: 'relu' },
  { x: [2, 3, 4, 5], axis: 1, activation: 'relu' },
  { x: [2, 3, 4, 5], axis: -3, epsilon: 0.5 },
  { x: [6], axis: 0 },
  { x: [4, 0] },
  { x: [5000, 19], activation: 'relu' },
  { x: [129, 260] },
  { x: [2, 5], dtype: 'float64', activation: 'relu' },
  { x: [2, 5, 3], axis: 1, dtype: 'float64' },
];
const emptyBatch: TrainingShape = { x: [0, 4] };

export const batchNormCases: Record<string, Case[]> = {
  batchNorm: [
    ...raggedSizes.map((n) => batchNormCase([3, n])),
    batchNormCase([2, 3, 4, 5]),
    batchNormCase([2, 3, 4, 5], 1),
    batchNormCase([6], 0),
    batchNormCase([0, 4]),
    batchNormCase([4, 0]),
    batchNormCase([3000, 17]),
    batchNormCase([2, 5], -1, 0.5),
    batchNormCase([2, 5], -1, 1e-5, 'float64'),
    batchNormCase([2, 5], -1, 1e-3, 'float16'),
  ],
  batchStatistics: [
    ...raggedSizes.map((n) => statisticsCase([3, n])),
    ...[63, 64, 65, 4095, 4096, 4097, 5000].map((pixels) => statisticsCase([pixels, 5])),
    statisticsCase([2, 7, 8, 33]),
    statisticsCase([2, 3, 4, 5], 1),
    statisticsCase([2, 3, 40, 50], 1),
    statisticsCase([3, 1, 3000], 1),
    statisticsCase([300, 33]),
    statisticsCase([6], 0),
    statisticsCase([4, 0]),
    statisticsCase([3000, 4], -1, [998, 1002]),
    statisticsCase([300, 4], -1, [-2, 2], 'float64'),
    { note: 'a constant channel', inputs: () => [Tensor.from([0.1, 0.1, 0.1], [3, 1])], expect: [Math.fround(0.1), 0] },
    { note: 'NaN', inputs: () => [Tensor.from([1, NaN, 2, 3], [2, 2])], expect: [1.5, NaN, 0.25, NaN] },
  ],
  batchNormTraining: [
    ...[...trainingShapes, emptyBatch].map(trainingCase),
    {
      note: 'NaN goes through ReLU',
      inputs: () => [Tensor.from([NaN, -1], [2, 1]), Tensor.from([1]), Tensor.from([0]), Tensor.from([0, 1], [2, 1])],
      params: { activation: 'relu', epsilon: 0 },
      expect: [NaN, 0],
      gradient: false,
    },
  ],
  batchNormSums: [...trainingShapes, emptyBatch].map(sumsCase),
  batchNormInputGrad: trainingShapes.map(inputGradCase),
};
