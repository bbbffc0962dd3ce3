/** Pooling over windows of NHWC images. */
import { defineOp, required } from '../op.js';
import type { Dtype } from '../shape.js';
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
  inputs: ['x'],
  params: windowDefaults,
  infer([x], params, check) {
    check.dtype(maxTypes.includes(x.dtype), 'x', x, maxTypes.join(', '));
    const [height, width] = checkWindow(x, params.kernel, params, check, params.ceil);
    return { dtype: x.dtype, shape: [x.shape[0], height, width, x.shape[3]] };
  },
  scalesThrough: true,
  movesElements: true,
});

/**
 * The mean of each window. With `countIncludePad` padding counts as zeros, but not what a window of `ceil` mode reaches beyond it.
 * A window without a pixel gives 0.
 * @param x (n, h, w, c)
 * @returns (n, oh, ow, c)
 */
export const averagePool2d = defineOp({
  name: 'averagePool2d',
  inputs: ['x'],
  params: { ...windowDefaults, countIncludePad: false },
  infer([x], params, check) {
    check.dtype(realTypes.includes(x.dtype), 'x', x, realTypes.join(', '));
    const [height, width] = checkWindow(x, params.kernel, params, check, params.ceil);
    return { dtype: x.dtype, shape: [x.shape[0], height, width, x.shape[3]] };
  },
  scalesThrough: true,
});

/** The mean of each channel: (n, h, w, c) to (n, 1, 1, c). */
export const globalAveragePool = defineOp({
  name: 'globalAveragePool',
  inputs: ['x'],
  params: {},
  infer([x], _params, check) {
    check.dtype(realTypes.includes(x.dtype), 'x', x, realTypes.join(', '));
    check.shape(x.shape.length === 4, 'x', x, '(n, h, w, c)');
    check.shape(x.shape[1] !== 0 && x.shape[2] !== 0, 'x', x, 'at least one pixel');
    return { dtype: x.dtype, shape: [x.shape[0], 1, 1, x.shape[3]] };
  },
  scalesThrough: true,
});
