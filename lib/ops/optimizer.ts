/**
 * Optimizer steps and averages, in place: an op here writes its first input, and the state beside it, and returns the first input. All is
 * float32, done in one pass over memory. Learning rate and gradient scale are a tensor, `control`, so that what was computed by ops (a clip
 * factor) needs no way through JavaScript. A control of NaN leaves everything as it is: see `updateControl`.
 */
import { type Check, defineListOp, defineOp, required } from '../op.js';
import { shapesMayEqual, type TensorType } from '../shape.js';

/** Refuses state that is not float32 or has not the shape of what it belongs to. */
function checkState(first: string, owner: TensorType, state: Record<string, TensorType>, check: Check): void {
  check.dtype(owner.dtype === 'float32', first, owner, 'float32');
  for (const [name, type] of Object.entries(state)) {
    check.dtype(type.dtype === 'float32', name, type, 'float32');
    check.shape(shapesMayEqual(type.shape, owner.shape), name, type, `[${owner.shape}]`, `${first} has that shape`);
  }
}

function checkControl(control: TensorType, check: Check): void {
  check.dtype(control.dtype === 'float32', 'control', control, 'float32');
  check.shape(shapesMayEqual(control.shape, [3]), 'control', control, '[3] (learning rate, factor of the gradient, number of the step)');
}

function checkFinite(params: Record<string, number>, check: Check): void {
  for (const [name, value] of Object.entries(params)) check.param(Number.isFinite(value), name, value, 'a finite number');
}

/** A decay rate of a moving average. */
const isRate = (value: number) => value >= 0 && value < 1;

/**
 * A step of stochastic gradient descent, as torch.optim.SGD documents it
 * (https://pytorch.org/docs/stable/generated/torch.optim.SGD.html):
 *
 *   g = gradientScale·gradient + weightDecay·parameter
 *   velocity = step = 1 ? g : momentum·velocity + (1 − dampening)·g
 *   parameter −= learningRate·(nesterov ? g + momentum·velocity : velocity)
 *
 * Writes parameter and velocity; what that held before the first step does not matter. Without momentum it is parameter −= learningRate·g, and velocity is neither read nor written.
 * @param gradient the shape of parameter, like velocity
 * @param velocity any tensor where momentum is 0
 * @param control (learning rate, gradientScale, step)
 */
export const sgdUpdate = defineOp({
  name: 'sgdUpdate',
  inputs: ['parameter', 'gradient', 'velocity', 'control'],
  params: {
    momentum: 0,
    dampening: 0,
    weightDecay: 0,
    nesterov: false,
  },
  infer([parameter, gradient, velocity, control], { momentum, dampening, weightDecay, nesterov }, check) {
    checkState('parameter', parameter, momentum === 0 ? { gradient } : { gradient, velocity }, check);
    checkControl(control, check);
    checkFinite({ momentum, dampening, weightDecay }, check);
    check.param(!nesterov || (momentum !== 0 && dampening === 0), 'nesterov', nesterov, 'false', 'it needs momentum and no dampening');
    return parameter;
  },
  updates: true,
  grad: 'none',
});

/**
 * A step of Adam or AdamW, as torch.optim.Adam and torch.optim.AdamW document them
 * (https://pytorch.org/docs/stable/generated/torch.optim.AdamW.html):
 *
 *   decoupled: parameter −= learningRate·weightDecay·parameter,   else g = gradientScale·gradient + weightDecay·parameter
 *   m = beta1·m + (1 − beta1)·g,   v = beta2·v + (1 − beta2)·g²
 *   parameter −= learningRate·(m / (1 − beta1^step)) / (√(v / (1 − beta2^step)) + epsilon)
 *
 * Writes parameter, m and v.
 * @param gradient the shape of parameter, like m and v, which begin as zeros
 * @param control (learning rate, gradientScale, step)
 */
export const adamUpdate = defineOp({
  name: 'adamUpdate',
  inputs: ['parameter', 'gradient', 'm', 'v', 'control'],
  params: {
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0,
    /** AdamW: the decay does not go through m and v. */
    decoupled: false,
  },
  infer([parameter, gradient, m, v, control], { beta1, beta2, epsilon, weightDecay }, check) {
    checkState('parameter', parameter, { gradient, m, v }, check);
    checkControl(control, check);
    check.param(isRate(beta1), 'beta1', beta1, 'a number from 0 to below 1');
    check.param(isRate(beta2), 'beta2', beta2, 'a number from 0 to below 1');
    checkFinite({ epsilon, weightDecay }, check);
    return parameter;
  },
  updates: true,
  grad: 'none',
});

/**
 * average += momentum·(factor·value − average). Writes average.
 *
 * Running statistics of batch normalization take row 0 (means) or 1 (variances) of `batchStatistics`, the variances with the factor
 * n / (n − 1) that makes them unbiased, n elements a channel; weights that are averaged over steps take the weights.
 * @param value the shape of average, or that with a dimension of rows before it, of which `row` is taken
 * @param control not used but for leaving the update out where it is NaN
 */
export const movingAverage = defineOp({
  name: 'movingAverage',
  inputs: ['average', 'value', 'control'],
  params: { momentum: required<number>(), factor: 1, row: 0 },
  infer([average, value, control], { momentum, factor, row }, check) {
    checkControl(control, check);
    const rows = value.shape.length === average.shape.length ? 1 : value.shape[0];
    const shape = value.shape.slice(value.shape.length - average.shape.length);
    const fits = value.shape.length - average.shape.length <= 1 && shapesMayEqual(shape, average.shape);
    check.shape(fits, 'value', value, `[${average.shape}], or rows of it`, 'average has that shape');
    checkState('average', average, { value: { ...value, shape } }, check);
    checkFinite({ momentum, factor }, check);
    check.param(Number.isInteger(row) && row >= 0 && !(row >= rows), 'row', row, `a row of value, which has ${rows}`);
    return average;
  },
  updates: true,
  grad: 'none',
});

/** x = value, of the same shape; left out where control is NaN, like every update. Writes x. */
export const assign = defineOp({
  name: 'assign',
  inputs: ['x', 'value', 'control'],
  params: {},
  infer([x, value, control], _params, check) {
    checkState('x', x, { value }, check);
    checkControl(control, check);
    return x;
  },
  updates: true,
  grad: 'none',
});

/** Σ x² over all elements of a list of float32 tensors, in double, rounded once: the squared norm of all gradients. */
export const sumSquares = defineListOp({
  name: 'sumSquares',
  inputs: ['xs'],
  params: {},
  infer(xs, _params, check) {
    for (const [i, x] of xs.entries()) check.dtype(x.dtype === 'float32', `xs[${i}]`, x, 'float32');
    return { dtype: 'float32', shape: [] };
  },
  grad: 'none',
});

/**
 * The control of an update: (factor·rate, min(1, maxNorm / (√norm2 + 1e-6)), step), the second of which clips gradients to a norm as
 * torch.nn.utils.clip_grad_norm_ does. Where the loss or the norm is not finite the first two are NaN, and the update is left out.
 * @param norm2 one number, the squared norm of all gradients
 * @param loss one number
 * @param schedule float64, (learning rate, number of the step from 1)
 * @returns (learning rate, factor of the gradient, number of the step)
 */
export const updateControl = defineOp({
  name: 'updateControl',
  inputs: ['norm2', 'loss', 'schedule'],
  params: { factor: 1, maxNorm: Number.POSITIVE_INFINITY },
  infer([norm2, loss, schedule], { factor, maxNorm }, check) {
    for (const [name, type] of Object.entries({ norm2, loss })) {
      check.dtype(type.dtype === 'float32', name, type, 'float32');
      check.shape(
        type.shape.every((n) => n === 1 || Number.isNaN(n)),
        name,
        type,
        'one element',
      );
    }
    check.dtype(schedule.dtype === 'float64', 'schedule', schedule, 'float64');
    check.shape(shapesMayEqual(schedule.shape, [2]), 'schedule', schedule, '[2] (learning rate, number of the step)');
    checkFinite({ factor }, check);
    check.param(maxNorm > 0, 'maxNorm', maxNorm, 'a number above 0');
    return { dtype: 'float32', shape: [3] };
  },
  grad: 'none',
});
