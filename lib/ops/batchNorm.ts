/** Batch normalization: with known statistics, and in training with those of the batch. */
import { type Check, defineOp, type Op } from '../op.js';
import { axisIndex, type Dtype, shapesMayEqual, sizeOf, type TensorType } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { alongRows, lazily } from './basic.js';
import { concat, fill, reshape, slice } from './layout.js';

const realTypes: readonly Dtype[] = ['float32', 'float64', 'float16'];
const trainedTypes: readonly Dtype[] = ['float32', 'float64'];

/** Refuses inputs that have not the type and the channels of x; `statistics` and `sums` have two rows of them. */
function checkChannels(x: TensorType, axis: number, others: Record<string, TensorType>, check: Check, types = trainedTypes): void {
  check.dtype(types.includes(x.dtype), 'x', x, types.join(', '));
  const channels = x.shape[check.axis(axis, 'x', x)];
  for (const [name, type] of Object.entries(others)) {
    check.dtype(type.dtype === x.dtype, name, type, x.dtype, 'x has that type');
    const shape = name === 'statistics' || name === 'sums' ? [2, channels] : [channels];
    check.shape(shapesMayEqual(type.shape, shape), name, type, `[${shape}]`, 'x has that many channels');
  }
}

function checkEpsilon(epsilon: number, check: Check): void {
  check.param(epsilon >= 0 && epsilon < Infinity, 'epsilon', epsilon, 'a finite number from 0');
}

function checkGradient(dy: TensorType, x: TensorType, check: Check): void {
  check.dtype(dy.dtype === x.dtype, 'dy', dy, x.dtype, 'x has that type');
  check.shape(shapesMayEqual(dy.shape, x.shape), 'dy', dy, `[${x.shape}]`, 'x has that shape');
}

/** The same axis of a tensor that is stored transposed. */
function movedAxis<P extends { axis: number }>(params: P, perm: readonly number[]): P | undefined {
  const index = axisIndex(params.axis, perm.length);
  return index === undefined ? undefined : { ...params, axis: perm.indexOf(index) };
}

/** A row of (2, channels) as (channels). */
function rowOf(pair: Tensor, index: number): Tensor {
  const row = slice(pair, { starts: [index], ends: [index + 1], axes: [0] });
  return reshape(row, { shape: [pair.shape[1]], allowZero: true });
}

interface BatchNormParams {
  axis: number;
  epsilon: number;
}

/**
 * y = fma(x − mean, scale / √(variance + epsilon), bias) for every channel, the quotient computed once a channel; every operation is
 * rounded to the type of x (to float32 for float16). The statistics are constants: they get no gradient.
 * @param x any shape with channels on `axis`
 * @param scale (channels), like bias, mean and variance
 */
export const batchNorm: Op<readonly ['x', 'scale', 'bias', 'mean', 'variance'], BatchNormParams> = defineOp({
  name: 'batchNorm',
  byRows: alongRows,
  inputs: ['x', 'scale', 'bias', 'mean', 'variance'],
  params: { axis: -1, epsilon: 1e-5 },
  infer([x, scale, bias, mean, variance], { axis, epsilon }, check) {
    checkChannels(x, axis, { scale, bias, mean, variance }, check, realTypes);
    checkEpsilon(epsilon, check);
    return x;
  },
  permute: movedAxis,
  grad(dy, { inputs: [x, scale, bias, mean, variance], params }) {
    const sums = lazily(() => {
      const statistics = reshape(concat([mean, variance], { axis: 0 }), { shape: [2, mean.size], allowZero: true });
      return batchNormSums(dy, x, scale, bias, statistics, params);
    });
    const zeros = lazily(() => fill({ shape: mean.shape, dtype: mean.dtype, device: mean.device }));
    return [
      () => batchNorm(dy, scale, zeros(), zeros(), variance, params),
      () => rowOf(sums(), 1),
      () => rowOf(sums(), 0),
      undefined,
      undefined,
    ];
  },
  learns: ['scale', 'bias'],
});

/**
 * Mean and variance (biased: Σ (x − mean)² / n) of every channel over all else, in double: sums of x − x₀ and (x − x₀)², x₀ the channel's
 * first element, so that a large mean costs no digits. Its gradient is part of that of `batchNormTraining`; on its own it has none.
 * @param x any shape with channels on `axis`, float32 or float64
 * @returns (2, channels): means, variances
 */
export const batchStatistics = defineOp({
  name: 'batchStatistics',
  inputs: ['x'],
  params: { axis: -1 },
  infer([x], { axis }, check) {
    checkChannels(x, axis, {}, check);
    const index = check.axis(axis, 'x', x);
    check.shape(sizeOf(x.shape.toSpliced(index, 1)) !== 0, 'x', x, 'at least one element in a channel');
    return { dtype: x.dtype, shape: [2, x.shape[index]] };
  },
  grad: 'none',
});

/** What can follow a batch normalization in the same pass over memory. */
export type FusedActivation = 'none' | 'relu';

const activations: readonly FusedActivation[] = ['none', 'relu'];
const trainingDefaults = { axis: -1, epsilon: 1e-5, activation: 'none' as FusedActivation };

/**
 * Batch normalization with the statistics of its own batch, y = fma(x − mean, scale / √(variance + epsilon), bias), and where
 * `activation` is "relu" the larger of that and 0.
 *
 * The gradient takes `statistics` for `batchStatistics(x)`: the way through mean and variance is part of the gradient of x, and
 * statistics get none (Ioffe and Szegedy, Batch Normalization, 2015, section 3).
 * @param x any shape with channels on `axis`, float32 or float64
 * @param scale (channels), like bias
 * @param statistics (2, channels): means, biased variances
 */
export const batchNormTraining = defineOp({
  name: 'batchNormTraining',
  inputs: ['x', 'scale', 'bias', 'statistics'],
  params: trainingDefaults,
  choices: { activation: activations },
  infer([x, scale, bias, statistics], { axis, epsilon }, check) {
    checkChannels(x, axis, { scale, bias, statistics }, check);
    checkEpsilon(epsilon, check);
    return x;
  },
  // Statistics have two dimensions, and would pass for an input of full rank beside a matrix.
  permute: (params, perm) => (perm.length === 2 ? undefined : movedAxis(params, perm)),
  grad(dy, { inputs: [x, scale, bias, statistics], params }) {
    const sums = lazily(() => batchNormSums(dy, x, scale, bias, statistics, params));
    return [
      () => batchNormInputGrad(dy, x, scale, bias, statistics, sums(), params),
      () => rowOf(sums(), 1),
      () => rowOf(sums(), 0),
      undefined,
    ];
  },
  learns: ['scale', 'bias'],
});

/**
 * Σ g and Σ g·(x − mean)/√(variance + epsilon) of every channel, in double: the gradients of bias and scale. g is dy, with the activation
 * "relu" only where the normalized x is above 0.
 * @returns (2, channels)
 */
export const batchNormSums = defineOp({
  name: 'batchNormSums',
  inputs: ['dy', 'x', 'scale', 'bias', 'statistics'],
  params: trainingDefaults,
  choices: { activation: activations },
  infer([dy, x, scale, bias, statistics], { axis, epsilon }, check) {
    checkChannels(x, axis, { scale, bias, statistics }, check);
    checkGradient(dy, x, check);
    checkEpsilon(epsilon, check);
    return { dtype: x.dtype, shape: statistics.shape };
  },
  grad: 'none',
});

/**
 * The gradient of x in `batchNormTraining`: scale/√(variance + epsilon)·(g − Σg/n − x̂·Σ(g·x̂)/n), x̂ the normalized x before scale and bias
 * and n the elements of a channel.
 * @param sums (2, channels), the result of `batchNormSums` with the same inputs and parameters
 */
export const batchNormInputGrad = defineOp({
  name: 'batchNormInputGrad',
  inputs: ['dy', 'x', 'scale', 'bias', 'statistics', 'sums'],
  params: trainingDefaults,
  choices: { activation: activations },
  infer([dy, x, scale, bias, statistics, sums], { axis, epsilon }, check) {
    checkChannels(x, axis, { scale, bias, statistics, sums }, check);
    checkGradient(dy, x, check);
    checkEpsilon(epsilon, check);
    return x;
  },
  grad: 'none',
});
