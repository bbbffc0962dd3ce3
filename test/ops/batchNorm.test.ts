import test from 'ava';
import {
  batchNormTraining,
  batchStatistics,
  LowbitError,
  movingAverage,
  mul,
  reduceSum,
  runOp,
  scope,
  Tensor,
  valueAndGradients,
} from 'lowbit';
import { random, randomNumbers } from './case.js';

/** Σ y·weights of a batch normalization with the statistics of its own x. */
function lossOf(x: Tensor, scale: Tensor, bias: Tensor, weights: Tensor, params: { axis?: number; activation: 'none' | 'relu' }): Tensor {
  const y = batchNormTraining(x, scale, bias, batchStatistics(x, { axis: params.axis }), params);
  return reduceSum(mul(y, weights), { axes: x.shape.map((_, d) => d), keepDims: false });
}

const step = 1e-5;

for (const activation of ['none', 'relu'] as const) {
  for (const [shape, axis] of [
    [[9, 5], -1],
    [[2, 3, 4, 3], -1],
    [[2, 3, 4, 3], 1],
  ] as const) {
    test(`gradients of [${shape}] along ${axis} with ${activation} are the slopes, statistics moving with x`, (t) => {
      scope(() => {
        const channels = shape.at(axis)!;
        const tensors = [
          random(shape, -2, 2, 1, 'float64'),
          random([channels], 0.5, 2, 2, 'float64'),
          random([channels], -1, 1, 3, 'float64'),
        ];
        const weights = random(shape, -1, 1, 7, 'float64');
        const f = ([x, scale, bias]: readonly Tensor[]) => lossOf(x, scale, bias, weights, { axis, activation });
        const { gradients } = valueAndGradients(() => f(tensors), tensors);
        for (const [k, tensor] of tensors.entries()) {
          const values = tensor.toNumbers();
          const gradient = gradients.get(tensor)!.toNumbers();
          for (const seed of [900, 901, 902]) {
            const v = randomNumbers(values.length, -1, 1, seed);
            const at = (h: number) => {
              const moved = Tensor.from(
                values.map((value, i) => value + h * v[i]),
                tensor.shape,
                'float64',
              );
              return f(tensors.with(k, moved)).item();
            };
            const slope = (at(step) - at(-step)) / (2 * step);
            const got = gradient.reduce((sum, g, i) => sum + g * v[i], 0);
            // As in gradients.test.ts: third derivatives below 1e3 give 2e-8, rounding of some 70 terms 1e-9.
            t.true(Math.abs(got - slope) <= 1e-7 * Math.max(1, ...gradient.map(Math.abs)), `input ${k}: ${got} and ${slope}`);
          }
        }
      });
    });
  }
}

test('a mean of 1000 costs the variance nothing', (t) => {
  // ±1 around 1000, half of each: mean 1000, variance 1, exactly.
  const x = Tensor.from(
    Float32Array.from({ length: 20000 * 4 }, (_, i) => (Math.floor(i / 4) % 2 ? 999 : 1001)),
    [20000, 4],
  );
  for (const row of ['reference', undefined]) {
    t.deepEqual(runOp(batchStatistics, [x], {}, row).toNumbers(), [1000, 1000, 1000, 1000, 1, 1, 1, 1]);
  }
});

test('running statistics take a row of the batch statistics', (t) => {
  const statistics = batchStatistics(Tensor.from([1, 2, 3, 6], [2, 2]));
  const [mean, variance] = [Tensor.from([0, 0]), Tensor.from([1, 1])];
  const control = Tensor.from([0.1, 1, 1]);
  movingAverage(mean, statistics, control, { momentum: 0.5 });
  movingAverage(variance, statistics, control, { momentum: 0.5, row: 1, factor: 2 / (2 - 1) });
  t.deepEqual(mean.toNumbers(), [1, 2]);
  t.deepEqual(variance.toNumbers(), [1.5, 4.5]); // unbiased: 2 and 8
});

test('refused: statistics of nothing, and of other channels', (t) => {
  const empty = t.throws(() => scope(() => batchStatistics(random([0, 4]))), { instanceOf: LowbitError });
  t.regex(empty?.message ?? '', /x is \[0, 4\], expected at least one element in a channel/);
  const other = t.throws(() => scope(() => batchNormTraining(random([3, 4]), random([4]), random([4]), random([2, 5]))));
  t.regex(other?.message ?? '', /statistics is \[2, 5\], expected \[2,4\]/);
});
