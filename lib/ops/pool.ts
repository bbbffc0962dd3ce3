/** Pooling over windows of NHWC images. */
import { shapeText } from '../error.js';
import { type Check, defineOp, required } from '../op.js';
import { type Dtype, shapesMayEqual, type TensorType } from '../shape.js';
import { checkWindow } from './window.js';

const windowDefaults = {
  kernel: required<readonly number[]>(),
  strides: [1, 1] as readonly number[],
  /** Top, left, bottom, right. */
  pads: [0, 0, 0, 0] as readonly number[],
  dilations: [1, 1] as readonly number[],
  /** Let a last window hang over the end, unless it would start there. */
  ceil: false,
};

const realTypes: readonly Dtype[] = ['float32', 'float64', 'float16'];
const maxTypes: readonly Dtype[] = [...realTypes, 'int8', 'uint8'];

/**
 * The largest value under each window; padding does not take part and NaN wins. A window without a pixel gives the type's lowest value.
 * @param x (n, h, w, c)
 * @returns (n, oh, ow, c)
 */
export const maxPool2d = defineOp({
  name: 'maxPool2d',
  byRows: true,
  inputs: ['x'],
  params: windowDefaults,
  infer([x], params, check) {
    check.dtype(maxTypes.includes(x.dtype), 'x', x, maxTypes.join(', '));
    const [height, width] = checkWindow(x, params.kernel, params, check, params.ceil);
    return { dtype: x.dtype, shape: [x.shape[0], height, width, x.shape[3]] };
  },
  scalesThrough: true,
  movesElements: true,
  grad: (dy, { inputs: [x], params }) => [() => maxPool2dGrad(dy, x, params)],
});

/**
 * The mean of each window. With `countIncludePad` padding counts as zeros, but not what a window of `ceil` mode reaches beyond it.
 * A window without a pixel gives 0.
 * @param x (n, h, w, c)
 * @returns (n, oh, ow, c)
 */
export const averagePool2d = defineOp({
  name: 'averagePool2d',
  byRows: true,
  inputs: ['x'],
  params: { ...windowDefaults, countIncludePad: false },
  infer([x], params, check) {
    check.dtype(realTypes.includes(x.dtype), 'x', x, realTypes.join(', '));
    const [height, width] = checkWindow(x, params.kernel, params, check, params.ceil);
    return { dtype: x.dtype, shape: [x.shape[0], height, width, x.shape[3]] };
  },
  scalesThrough: true,
  grad: (dy, { inputs: [x], params }) => [() => averagePool2dGrad(dy, { ...params, size: [x.shape[1], x.shape[2]] })],
});

/** The mean of each channel: (n, h, w, c) to (n, 1, 1, c). */
export const globalAveragePool = defineOp({
  name: 'globalAveragePool',
  byRows: true,
  inputs: ['x'],
  params: {},
  infer([x], _params, check) {
    check.dtype(realTypes.includes(x.dtype), 'x', x, realTypes.join(', '));
    check.shape(x.shape.length === 4, 'x', x, '(n, h, w, c)');
    check.shape(x.shape[1] !== 0 && x.shape[2] !== 0, 'x', x, 'at least one pixel');
    return { dtype: x.dtype, shape: [x.shape[0], 1, 1, x.shape[3]] };
  },
  scalesThrough: true,
  grad: (dy, { inputs: [x] }) => {
    const size = [x.shape[1], x.shape[2]];
    return [() => averagePool2dGrad(dy, { size, kernel: size })];
  },
});

function checkGradient(dy: TensorType, x: TensorType, params: typeof windowDefaults, check: Check): void {
  const trained: readonly Dtype[] = ['float32', 'float64'];
  check.dtype(trained.includes(dy.dtype), 'dy', dy, trained.join(', '));
  const [height, width] = checkWindow(x, params.kernel, params, check, params.ceil);
  const shape = [x.shape[0], height, width, x.shape[3]];
  check.shape(shapesMayEqual(dy.shape, shape), 'dy', dy, shapeText(shape), 'there are so many windows');
}

/**
 * The gradient of x in `maxPool2d`: each window's dy goes to its first largest pixel, in (kh, kw) order. Where windows overlap their
 * gradients are added, windows in order.
 * @param dy (n, oh, ow, c), float32 or float64
 * @param x (n, h, w, c), the input of maxPool2d
 */
export const maxPool2dGrad = defineOp({
  name: 'maxPool2dGrad',
  inputs: ['dy', 'x'],
  params: windowDefaults,
  infer([dy, x], params, check) {
    check.dtype(x.dtype === dy.dtype, 'x', x, dy.dtype, 'dy has that type');
    checkGradient(dy, x, params, check);
    return x;
  },
  grad: 'none',
});

/**
 * The gradient of x in `averagePool2d`: each pixel gets dy / (what the sum of its window was divided by). Where windows overlap their
 * gradients are added, windows in order.
 * @param dy (n, oh, ow, c), float32 or float64
 * @returns (n, h, w, c)
 */
export const averagePool2dGrad = defineOp({
  name: 'averagePool2dGrad',
  inputs: ['dy'],
  params: {
    /** Height and width of x. */
    size: required<readonly number[]>(),
    ...windowDefaults,
    countIncludePad: false,
  },
  infer([dy], params, check) {
    const { size } = params;
    check.shape(dy.shape.length === 4, 'dy', dy, '(n, oh, ow, c)');
    check.param(size.length === 2 && size.every((n) => Number.isSafeInteger(n) && n >= 0), 'size', size, 'two whole numbers from 0');
    const x = { dtype: dy.dtype, shape: [dy.shape[0], size[0], size[1], dy.shape[3]] };
    checkGradient(dy, x, params, check);
    return x;
  },
  grad: 'none',
});
