/** Sums, products, joins and averages of codes. The arithmetic is docs/integers.md. */
import { type Check, defineListOp, defineOp, required } from '../op.js';
import { axisIndex, broadcast, type Dtype, mayEqual, permutedAxis, type Shape, type TensorType } from '../shape.js';
import { alongRows } from './basic.js';
import { checkCodes, checkMultiplier, checkSteps, requantized } from './codes.js';
import { windowSize } from './window.js';

const anyLayout = <P>(params: P) => params;

/** Where the output lies: its zero point, the codes it may use, and its type. */
const output = () => ({ yZero: 0, qmin: required<number>(), qmax: required<number>(), dtype: required<Dtype>() });

function pairShape(check: Check, a: TensorType, b: TensorType): Shape {
  const shape = broadcast(a.shape, b.shape);
  check.shape(shape !== undefined, 'b', b, `a shape that broadcasts with [${a.shape}]`);
  return shape as Shape;
}

/**
 * a + b with numpy broadcasting: y = clamp(rne((a - aZero)·aMultiplier + (b - bZero)·bMultiplier) + yZero, qmin, qmax).
 * a and b uint8 or int8, each multiplier the scale of its input / the scale of y.
 */
export const qadd = defineOp({
  name: 'qadd',
  byRows: true,
  integer: true,
  grad: 'none',
  inputs: ['a', 'b'],
  params: { aMultiplier: required<number>(), aZero: 0, bMultiplier: required<number>(), bZero: 0, ...output() },
  infer([a, b], params, check) {
    checkCodes(check, 'a', a, 'aZero', params.aZero);
    checkCodes(check, 'b', b, 'bZero', params.bZero);
    checkMultiplier(check, 'aMultiplier', params.aMultiplier);
    checkMultiplier(check, 'bMultiplier', params.bMultiplier);
    return requantized(check, pairShape(check, a, b), params);
  },
  permute: anyLayout,
  broadcasts: true,
});

/** a·b with numpy broadcasting: y = clamp(rne((a - aZero)·(b - bZero)·multiplier) + yZero, qmin, qmax), multiplier = s_a·s_b / s_y. */
export const qmul = defineOp({
  name: 'qmul',
  byRows: true,
  integer: true,
  grad: 'none',
  inputs: ['a', 'b'],
  params: { aZero: 0, bZero: 0, multiplier: required<number>(), ...output() },
  infer([a, b], params, check) {
    checkCodes(check, 'a', a, 'aZero', params.aZero);
    checkCodes(check, 'b', b, 'bZero', params.bZero);
    checkMultiplier(check, 'multiplier', params.multiplier);
    return requantized(check, pairShape(check, a, b), params);
  },
  permute: anyLayout,
  broadcasts: true,
});

/**
 * Tensors of codes joined along `axis`, each brought to the output's scale: clamp(rne((x - zeros[i])·multipliers[i]) + yZero, qmin, qmax).
 * Inputs uint8 or int8, equal in all other dimensions.
 */
export const qconcat = defineListOp({
  name: 'qconcat',
  byRows: alongRows,
  integer: true,
  grad: 'none',
  inputs: ['xs'],
  params: { axis: required<number>(), multipliers: required<readonly number[]>(), zeros: required<readonly number[]>(), ...output() },
  infer(xs, params, check) {
    const { multipliers, zeros } = params;
    check.param(xs.length > 0, 'xs', xs.length, 'at least one tensor');
    check.param(multipliers.length === xs.length, 'multipliers', multipliers, `${xs.length} numbers`, 'there are that many inputs');
    check.param(zeros.length === xs.length, 'zeros', zeros, `${xs.length} numbers`, 'there are that many inputs');
    const first = xs[0].shape;
    const axis = axisIndex(params.axis, first.length);
    check.param(axis !== undefined, 'axis', params.axis, `an axis of a tensor of ${first.length} dimensions`);
    for (const [i, x] of xs.entries()) {
      checkCodes(check, `xs[${i}]`, x, `zeros[${i}]`, zeros[i]);
      checkMultiplier(check, `multipliers[${i}]`, multipliers[i]);
      const fits = x.shape.length === first.length && x.shape.every((n, d) => d === axis || mayEqual(n, first[d]));
      check.shape(fits, `xs[${i}]`, x, `[${first}] but for axis ${axis}`, 'xs[0] has that shape');
    }
    const shape = first.map((_, d) => (d === axis ? xs.reduce((sum, x) => sum + x.shape[d], 0) : knownOf(xs.map((x) => x.shape[d]))));
    return requantized(check, shape, params);
  },
  permute: (params, perm) => ({ ...params, axis: permutedAxis(params.axis, perm) }),
});

const knownOf = (sizes: readonly number[]) => sizes.find((n) => !Number.isNaN(n)) ?? Number.NaN;

/**
 * Averages over windows of an NHWC image: y = clamp(rne(Σ (x - xZero)·(multiplier / taps)) + yZero, qmin, qmax), multiplier = s_x / s_y.
 * Taps in the padding add 0 and count only with `countIncludePad`. Pads are top, left, bottom, right, each smaller than the kernel.
 */
export const qaveragePool2d = defineOp({
  name: 'qaveragePool2d',
  byRows: true,
  integer: true,
  grad: 'none',
  inputs: ['x'],
  params: {
    ...{ kernel: required<readonly number[]>(), strides: [1, 1] as readonly number[], pads: [0, 0, 0, 0] as readonly number[] },
    ...{ ceil: false, countIncludePad: false, multiplier: required<number>(), xZero: 0 },
    ...output(),
  },
  infer([x], params, check) {
    const { kernel, strides, pads, ceil } = params;
    checkCodes(check, 'x', x, 'xZero', params.xZero);
    checkMultiplier(check, 'multiplier', params.multiplier);
    check.shape(x.shape.length === 4, 'x', x, '(n, h, w, c)');
    checkSteps(check, 'kernel', kernel, 2, 1);
    checkSteps(check, 'strides', strides, 2, 1);
    checkSteps(check, 'pads', pads, 4, 0);
    check.param(
      pads.every((pad, i) => pad < kernel[i % 2]),
      'pads',
      pads,
      `less than the kernel, ${kernel}`,
      'a window would hold no pixel',
    );
    const [n, height, width, channels] = x.shape;
    const rows = windowSize(height, kernel[0], strides[0], 1, pads[0], pads[2], ceil);
    const columns = windowSize(width, kernel[1], strides[1], 1, pads[1], pads[3], ceil);
    check.shape(!(rows < 1 || columns < 1), 'x', x, `an image that with its padding holds the ${kernel.join(' × ')} kernel`);
    return requantized(check, [n, rows, columns, channels], params);
  },
});

/** The average over all axes but the first and the last, which stay as 1: x (n, .., c) to y (n, 1.., c); the formula of `qaveragePool2d`. */
export const qglobalAveragePool = defineOp({
  name: 'qglobalAveragePool',
  byRows: true,
  integer: true,
  grad: 'none',
  inputs: ['x'],
  params: { multiplier: required<number>(), xZero: 0, ...output() },
  infer([x], params, check) {
    checkCodes(check, 'x', x, 'xZero', params.xZero);
    checkMultiplier(check, 'multiplier', params.multiplier);
    check.shape(x.shape.length >= 3, 'x', x, '(n, .., c)');
    const shape = x.shape.map((n, i) => (i === 0 || i === x.shape.length - 1 ? n : 1));
    return requantized(check, shape, params);
  },
});
