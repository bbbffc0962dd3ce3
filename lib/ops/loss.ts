/** Losses: one number, the mean over rows or elements, of float32 or float64; summed in double in an order that the shape alone decides. */
import { shapeText } from '../error.js';
import { type Check, defineOp } from '../op.js';
import { type Dtype, mayEqual, type Shape, shapesMayEqual, type TensorType } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { mul } from './elementwise.js';
import { fill } from './layout.js';

const isFloat = (dtype: Dtype) => dtype === 'float32' || dtype === 'float64';

/** A float tensor, and others of its type and shape. */
function checkAlike(types: Record<string, TensorType>, check: Check): TensorType {
  const [[name, first], ...others] = Object.entries(types);
  check.dtype(isFloat(first.dtype), name, first, 'float32 or float64');
  for (const [other, type] of others) {
    check.dtype(type.dtype === first.dtype, other, type, first.dtype, `${name} has that type`);
    check.shape(shapesMayEqual(type.shape, first.shape), other, type, `the shape of ${name}, ${shapeText(first.shape)}`);
  }
  return first;
}

function checkRows(name: string, type: TensorType, check: Check): void {
  check.shape(type.shape.length === 2, name, type, '(n, classes)');
}

function checkScalar(dy: TensorType, like: TensorType, check: Check): void {
  check.dtype(dy.dtype === like.dtype, 'dy', dy, like.dtype, 'the loss has that type');
  check.shape(dy.shape.length === 0, 'dy', dy, 'no dimensions');
}

const scalarOf = ({ dtype }: TensorType): TensorType => ({ dtype, shape: [] as Shape });

// ---- classes --------------------------------------------------------------------------------------------------------------------

const labelled = { labelSmoothing: 0, ignoreIndex: -100 };

function checkLabelled(logits: TensorType, labels: TensorType, { labelSmoothing, ignoreIndex }: typeof labelled, check: Check): void {
  checkAlike({ logits }, check);
  checkRows('logits', logits, check);
  check.dtype(labels.dtype === 'int32' || labels.dtype === 'int64', 'labels', labels, 'int32 or int64');
  const fits = labels.shape.length === 1 && mayEqual(labels.shape[0], logits.shape[0]);
  check.shape(fits, 'labels', labels, `[${logits.shape[0]}]`, 'logits have that many rows');
  check.param(labelSmoothing >= 0 && labelSmoothing <= 1, 'labelSmoothing', labelSmoothing, 'a number from 0 to 1');
  check.param(Number.isInteger(ignoreIndex), 'ignoreIndex', ignoreIndex, 'a whole number');
}

/** The gradient of crossEntropy: (softmax − smoothed one-hot)·dy / n, 0 in rows that are ignored. */
export const crossEntropyGrad = defineOp({
  name: 'crossEntropyGrad',
  inputs: ['dy', 'logits', 'labels'],
  params: labelled,
  infer([dy, logits, labels], params, check) {
    checkLabelled(logits, labels, params, check);
    checkScalar(dy, logits, check);
    return logits;
  },
  grad: 'none',
});

/**
 * The mean over rows of −Σ t·log softmax(logits), t the one-hot label smoothed: (1 − labelSmoothing)·one-hot + labelSmoothing / classes
 * (Szegedy et al., "Rethinking the Inception architecture", 2016), as in PyTorch. NaN where no row counts.
 * @param logits (n, classes)
 * @param labels (n), int32 or int64; rows whose label is `ignoreIndex` do not count
 * @throws LowbitError "data" for a label that is no class; on a card nobody waits to see it, the loss and its gradient are NaN then
 */
export const crossEntropy = defineOp({
  name: 'crossEntropy',
  inputs: ['logits', 'labels'],
  params: labelled,
  infer([logits, labels], params, check) {
    checkLabelled(logits, labels, params, check);
    return scalarOf(logits);
  },
  grad: (dy, { inputs: [logits, labels], params }) => [() => crossEntropyGrad(dy, logits, labels, params), undefined],
});

/** The gradient of softCrossEntropy: (softmax·Σ targets − targets)·dy / n. */
export const softCrossEntropyGrad = defineOp({
  name: 'softCrossEntropyGrad',
  inputs: ['dy', 'logits', 'targets'],
  params: {},
  infer([dy, logits, targets], _params, check) {
    checkRows('logits', checkAlike({ logits, targets }, check), check);
    checkScalar(dy, logits, check);
    return logits;
  },
  grad: 'none',
});

/**
 * The mean over rows of −Σ targets·log softmax(logits), for labels that are mixtures of classes. Targets of 0 count nothing, and get no
 * gradient.
 * @param logits (n, classes)
 * @param targets (n, classes), probabilities
 */
export const softCrossEntropy = defineOp({
  name: 'softCrossEntropy',
  inputs: ['logits', 'targets'],
  params: {},
  infer([logits, targets], _params, check) {
    checkRows('logits', checkAlike({ logits, targets }, check), check);
    return scalarOf(logits);
  },
  grad: (dy, { inputs: [logits, targets] }) => [() => softCrossEntropyGrad(dy, logits, targets), undefined],
});

function checkTemperature({ temperature }: { temperature: number }, check: Check): void {
  check.param(temperature > 0 && temperature < Infinity, 'temperature', temperature, 'a finite number above 0');
}

/** The gradient of distillation: temperature·(p − q)·dy / n with p and q the softmax of student and teacher over the temperature. */
export const distillationGrad = defineOp({
  name: 'distillationGrad',
  inputs: ['dy', 'student', 'teacher'],
  params: { temperature: 1 },
  infer([dy, student, teacher], params, check) {
    checkRows('student', checkAlike({ student, teacher }, check), check);
    checkScalar(dy, student, check);
    checkTemperature(params, check);
    return student;
  },
  grad: 'none',
});

/**
 * temperature²·the mean over rows of Σ q·(log q − log p), p = softmax(student / temperature), q = softmax(teacher / temperature) (Hinton,
 * Vinyals, Dean, "Distilling the knowledge in a neural network", 2015). The teacher gets no gradient.
 * @param student logits (n, classes)
 * @param teacher logits (n, classes)
 */
export const distillation = defineOp({
  name: 'distillation',
  inputs: ['student', 'teacher'],
  params: { temperature: 1 },
  infer([student, teacher], params, check) {
    checkRows('student', checkAlike({ student, teacher }, check), check);
    checkTemperature(params, check);
    return scalarOf(student);
  },
  grad: (dy, { inputs: [student, teacher], params }) => [() => distillationGrad(dy, student, teacher, params), undefined],
});

// ---- distances ------------------------------------------------------------------------------------------------------------------

/** The gradient of meanSquaredError by x: 2·(x − target)·dy / elements. */
export const meanSquaredErrorGrad = defineOp({
  name: 'meanSquaredErrorGrad',
  inputs: ['dy', 'x', 'target'],
  params: {},
  infer([dy, x, target], _params, check) {
    checkAlike({ x, target }, check);
    checkScalar(dy, x, check);
    return x;
  },
  grad: 'none',
});

/** The mean over all elements of (x − target)². */
export const meanSquaredError = defineOp({
  name: 'meanSquaredError',
  inputs: ['x', 'target'],
  params: {},
  infer: ([x, target], _params, check) => scalarOf(checkAlike({ x, target }, check)),
  grad: (dy, { inputs: [x, target] }) => [() => meanSquaredErrorGrad(dy, x, target), () => meanSquaredErrorGrad(dy, target, x)],
});

/** dy·factor·x for a gradient of one element. */
const scaled = (x: Tensor, dy: Tensor, factor: number) => mul(x, mul(dy, fill({ shape: [], value: factor, dtype: dy.dtype })));

/**
 * Σ target·(log target − logP) / n, the Kullback-Leibler divergence of target from e^logP, as PyTorch's kl_div with reduction
 * "batchmean". Targets of 0 count nothing, and get no gradient.
 * @param logP (n, ...) logarithms of probabilities, as logSoftmax gives them
 * @param target probabilities of the same shape
 */
export const klDivergence = defineOp({
  name: 'klDivergence',
  inputs: ['logP', 'target'],
  params: {},
  infer([logP, target], _params, check) {
    checkAlike({ logP, target }, check);
    check.shape(logP.shape.length > 0, 'logP', logP, 'at least one dimension');
    return scalarOf(logP);
  },
  grad: (dy, { inputs: [logP, target] }) => [() => scaled(target, dy, -1 / logP.shape[0]), undefined],
});
