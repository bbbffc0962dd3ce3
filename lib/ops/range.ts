/**
 * Activations whose range follows the batches while a network learns to live with few codes. A range is float32 [3]: smallest, largest, and
 * how many batches it has seen.
 */
import { shapeText } from '../error.js';
import { type Check, defineOp, required } from '../op.js';
import { shapesMayEqual, type TensorType } from '../shape.js';

function checkRange(range: TensorType, check: Check): void {
  check.dtype(range.dtype === 'float32', 'range', range, 'float32');
  check.shape(shapesMayEqual(range.shape, [3]), 'range', range, '[3] (smallest, largest, batches seen)');
}

/**
 * The range after another batch: decay·range + (1 − decay)·batch at both ends, where the batch's ends are moved to hold 0; the first
 * batch sets it. `decay` weights what was known, so one outlier of size M moves an end by (1 − decay)·M.
 * @param batch [2], as from `minMax`
 */
export const followRange = defineOp({
  name: 'followRange',
  inputs: ['range', 'batch'],
  params: { decay: required<number>() },
  infer([range, batch], { decay }, check) {
    checkRange(range, check);
    check.dtype(batch.dtype === 'float32', 'batch', batch, 'float32');
    check.shape(shapesMayEqual(batch.shape, [2]), 'batch', batch, '[2] (smallest, largest)');
    check.param(decay >= 0 && decay < 1, 'decay', decay, 'a number from 0 to below 1');
    return range;
  },
  grad: 'none',
});

interface RangeParams {
  qmax: number;
  delay: number;
}

function checkFake(x: TensorType, range: TensorType, { qmax, delay }: RangeParams, check: Check): void {
  check.dtype(x.dtype === 'float32', 'x', x, 'float32');
  checkRange(range, check);
  check.param(Number.isInteger(qmax) && qmax >= 1 && qmax < 2 ** 16, 'qmax', qmax, 'a whole number from 1 to 65535');
  check.param(Number.isInteger(delay) && delay >= 0, 'delay', delay, 'a whole number from 0');
}

/**
 * `fakeQuantize` of x with the codes 0..qmax of a range: scale = (largest − smallest) / qmax, zero point = clamp(rne(−smallest / scale)).
 * x itself while the range has seen fewer than `delay` batches. The gradient is the straight-through estimate: dy where no code was clamped.
 */
export const fakeQuantizeRange = defineOp({
  name: 'fakeQuantizeRange',
  byRows: true,
  inputs: ['x', 'range'],
  params: {
    ...{ qmax: 255, delay: 0 },
    /** How the range follows the batches while the network learns, see `followRange`; the op itself does not look at it. */
    decay: 0.99,
  },
  infer([x, range], params, check) {
    checkFake(x, range, params, check);
    return x;
  },
  grad: (dy, { inputs: [x, range], params: { qmax, delay } }) => [() => fakeQuantizeRangeGrad(dy, x, range, { qmax, delay }), undefined],
});

/** dy where fakeQuantizeRange clamps no code of x, else 0; operands as there, dy as x. */
export const fakeQuantizeRangeGrad = defineOp({
  name: 'fakeQuantizeRangeGrad',
  inputs: ['dy', 'x', 'range'],
  params: { qmax: 255, delay: 0 },
  infer([dy, x, range], params, check) {
    checkFake(x, range, params, check);
    check.dtype(dy.dtype === 'float32', 'dy', dy, 'float32');
    check.shape(shapesMayEqual(dy.shape, x.shape), 'dy', dy, shapeText(x.shape), 'x has that shape');
    return x;
  },
  grad: 'none',
});
