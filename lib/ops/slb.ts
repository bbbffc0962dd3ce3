/**
 * SLB, searching for low-bit weights (Yang et al., "Searching for Low-Bit Weights in Quantized Neural Networks", NeurIPS 2020): a weight is
 * a choice among a few values, trained as a probability over them.
 *
 * With logits A and temperature T: P = softmax(T·A), weight W = Σ P·v; decided ("hard"), W is the value of the first largest logit.
 * Logits are blocks of 16 weights, (⌈n / 16⌉, k, 16): candidate c of weight i, counted through the weight's tensor, is at
 * [⌊i / 16⌋, c, i mod 16]. Of two values one logit is enough, the difference A[1] − A[0]: k = 1, W = (v0 + v1)/2 + (v1 − v0)/2·tanh(T·A/2).
 */
import { shapeText } from '../error.js';
import { type Check, defineOp, required } from '../op.js';
import { type Shape, shapesMayEqual, sizeOf, type TensorType } from '../shape.js';

/** Weights whose logits lie together. */
export const slbBlock = 16;

/** How many logits a weight may have; one of two values needs only one. */
export const slbLogits = [1, 2, 4, 8, 16] as const;

/** The shape of the logits of a weight. */
export const slbLogitsShape = (weight: Shape, logits: number): Shape => [Math.ceil(sizeOf(weight) / slbBlock), logits, slbBlock];

function checkLogits(logits: TensorType, shape: Shape, check: Check): void {
  check.dtype(logits.dtype === 'float32' || logits.dtype === 'float64', 'logits', logits, 'float32 or float64');
  check.shape(logits.shape.length === 3, 'logits', logits, '(blocks, k, 16)');
  const k = logits.shape[1];
  check.shape(Number.isNaN(k) || slbLogits.some((n) => n === k), 'logits', logits, `k = ${slbLogits.join(', ')}`);
  const wanted = slbLogitsShape(shape, k);
  check.shape(shapesMayEqual(logits.shape, wanted), 'logits', logits, shapeText(wanted), `the weight is ${shapeText(shape)}`);
}

function checkChoice(logits: TensorType, values: TensorType, shape: Shape, temperature: number, check: Check): void {
  checkLogits(logits, shape, check);
  check.dtype(values.dtype === logits.dtype, 'values', values, logits.dtype, 'logits have that type');
  const count = logits.shape[1] === 1 ? 2 : logits.shape[1];
  check.shape(shapesMayEqual(values.shape, [count]), 'values', values, `[${count}]`, `there are ${logits.shape[1]} logits a weight`);
  check.param(temperature > 0 && Number.isFinite(temperature), 'temperature', temperature, 'a finite number above 0');
}

const isShape = (shape: Shape) => shape.every((n) => Number.isSafeInteger(n) && n >= 0);

/** Weights as they are expected, as they are decided, or decided ones with the gradient of the expected ones. */
export const slbModes = ['soft', 'hard', 'straightThrough'] as const;
export type SlbMode = (typeof slbModes)[number];

/**
 * The weights of a search, of the shape given: expected ("soft") or decided ("hard"). T multiplies the logits, so it grows.
 *
 * Soft weights have the exact gradient dW/dA[c] = T·P[c]·(v[c] − W); hard ones have none, or with "straightThrough" that of the soft ones.
 * @param logits (⌈n / 16⌉, k, 16), see above
 * @param values (k), of one-logit searches (2)
 */
export const slbExpectation = defineOp({
  name: 'slbExpectation',
  inputs: ['logits', 'values'],
  params: { shape: required<readonly number[]>(), temperature: 1, mode: 'soft' as SlbMode },
  choices: { mode: slbModes },
  infer([logits, values], { shape, temperature }, check) {
    check.param(isShape(shape), 'shape', shape, 'a shape');
    checkChoice(logits, values, shape, temperature, check);
    return { dtype: logits.dtype, shape };
  },
  neverFolds: true,
  grad: (dy, { inputs: [logits, values], params: { temperature, mode } }) => [
    mode === 'hard' ? undefined : () => slbExpectationGrad(dy, logits, values, { temperature }),
    undefined,
  ],
  learns: ['logits'],
});

/** The gradient of the soft weights by the logits: T·P[c]·(v[c] − W)·dy. */
export const slbExpectationGrad = defineOp({
  name: 'slbExpectationGrad',
  inputs: ['dy', 'logits', 'values'],
  params: { temperature: 1 },
  infer([dy, logits, values], { temperature }, check) {
    check.dtype(dy.dtype === logits.dtype, 'dy', dy, logits.dtype, 'logits have that type');
    checkChoice(logits, values, dy.shape, temperature, check);
    return logits;
  },
  grad: 'none',
});

/** How sure the search is of each weight, the largest of P: from 1 / k to 1. */
export const slbConfidence = defineOp({
  name: 'slbConfidence',
  inputs: ['logits', 'values'],
  params: { shape: required<readonly number[]>(), temperature: 1 },
  infer([logits, values], { shape, temperature }, check) {
    check.param(isShape(shape), 'shape', shape, 'a shape');
    checkChoice(logits, values, shape, temperature, check);
    return { dtype: logits.dtype, shape };
  },
  grad: 'none',
});

/** The codes of the decided weights, uint8 of the shape given: which logit is the largest, the first one of equals. */
export const slbSelect = defineOp({
  name: 'slbSelect',
  inputs: ['logits'],
  params: { shape: required<readonly number[]>() },
  infer([logits], { shape }, check) {
    check.param(isShape(shape), 'shape', shape, 'a shape');
    checkLogits(logits, shape, check);
    return { dtype: 'uint8', shape };
  },
  grad: 'none',
});

function checkSearch(types: Record<string, TensorType>, state: readonly string[], temperature: number, check: Check): void {
  const { weight, gradient, logits, values, control } = types;
  check.dtype(weight.dtype === 'float32', 'weight', weight, 'float32');
  check.dtype(gradient.dtype === 'float32', 'gradient', gradient, 'float32');
  check.shape(shapesMayEqual(gradient.shape, weight.shape), 'gradient', gradient, shapeText(weight.shape), 'weight has that shape');
  check.dtype(logits.dtype === 'float32', 'logits', logits, 'float32');
  checkChoice(logits, values, weight.shape, temperature, check);
  for (const name of state) {
    check.dtype(types[name].dtype === 'float32', name, types[name], 'float32');
    check.shape(shapesMayEqual(types[name].shape, logits.shape), name, types[name], shapeText(logits.shape), 'logits have that shape');
  }
  check.dtype(control.dtype === 'float32', 'control', control, 'float32');
  check.shape(shapesMayEqual(control.shape, [3]), 'control', control, '[3] (learning rate, factor of the gradient, number of the step)');
}

/**
 * A step of `sgdUpdate` on the logits with the gradient of `slbExpectationGrad`, and the weight for the next step, in one pass over memory:
 * 4k + 2 words a weight, and nothing of the logits' size beside the velocity.
 * Writes weight, logits and velocity.
 * @param weight what the search gave last; becomes its next: decided where `hard` is set
 * @param gradient of the weight
 * @param velocity the shape of logits; any tensor where momentum is 0
 * @param control (learning rate, gradientScale, step); NaN leaves all as it is
 */
export const slbSgdUpdate = defineOp({
  name: 'slbSgdUpdate',
  inputs: ['weight', 'gradient', 'logits', 'values', 'velocity', 'control'],
  params: { temperature: 1, hard: false, momentum: 0, dampening: 0, weightDecay: 0, nesterov: false },
  infer([weight, gradient, logits, values, velocity, control], { temperature, momentum, dampening, nesterov }, check) {
    checkSearch({ weight, gradient, logits, values, velocity, control }, momentum === 0 ? [] : ['velocity'], temperature, check);
    check.param(!nesterov || (momentum !== 0 && dampening === 0), 'nesterov', nesterov, 'false', 'it needs momentum and no dampening');
    return weight;
  },
  updates: true,
  grad: 'none',
});

/** The same with a step of `adamUpdate`. Writes weight, logits, m and v. */
export const slbAdamUpdate = defineOp({
  name: 'slbAdamUpdate',
  inputs: ['weight', 'gradient', 'logits', 'values', 'm', 'v', 'control'],
  params: { temperature: 1, hard: false, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, decoupled: false },
  infer([weight, gradient, logits, values, m, v, control], { temperature }, check) {
    checkSearch({ weight, gradient, logits, values, m, v, control }, ['m', 'v'], temperature, check);
    return weight;
  },
  updates: true,
  grad: 'none',
});
