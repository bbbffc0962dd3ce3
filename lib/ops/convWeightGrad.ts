/** What a convolution's weights get of the gradient of its output. */
import { defineOp, required } from '../op.js';
import { mayEqual } from '../shape.js';
import { checkWindow } from './window.js';

/**
 * The gradient of `conv2d` by its weights: dw[o, p, q, c] = Σ dy[n, i, j, o] · x[n, i·sh + p·dh − top, j·sw + q·dw − left, c] over all
 * pixels (n, i, j), x being 0 outside the image.
 * @param dy (n, oh, ow, out), the gradient by the output; float32 or float64
 * @param x (n, h, w, c), the input of the convolution
 * @returns (out, kh, kw, c/groups)
 */
export const conv2dWeightGrad = defineOp({
  name: 'conv2dWeightGrad',
  inputs: ['dy', 'x'],
  params: {
    /** Height and width of the weights. */
    kernel: required<readonly number[]>(),
    strides: [1, 1] as readonly number[],
    /** Top, left, bottom, right. */
    pads: [0, 0, 0, 0] as readonly number[],
    dilations: [1, 1] as readonly number[],
    groups: 1,
  },
  infer([dy, x], params, check) {
    const { kernel, groups } = params;
    check.dtype(dy.dtype === 'float32' || dy.dtype === 'float64', 'dy', dy, 'float32 or float64');
    check.dtype(x.dtype === dy.dtype, 'x', x, dy.dtype, 'dy has that type');
    check.shape(dy.shape.length === 4, 'dy', dy, '(n, oh, ow, out)');
    const [height, width] = checkWindow(x, kernel, params, check);
    const expected = [x.shape[0], height, width];
    const fits = expected.every((n, i) => mayEqual(n, dy.shape[i]));
    check.shape(fits, 'dy', dy, `[${expected}, out]`, 'that is what the convolution of x gives');
    const [channels, out] = [x.shape[3], dy.shape[3]];
    check.param(Number.isSafeInteger(groups) && groups >= 1, 'groups', groups, 'a whole number from 1');
    check.shape(!(channels % groups), 'x', x, `a multiple of ${groups} channels`, `there are ${groups} groups`);
    check.shape(!(out % groups), 'dy', dy, `a multiple of ${groups} channels`, `there are ${groups} groups`);
    return { dtype: dy.dtype, shape: [out, ...kernel, channels / groups] };
  },
  grad: 'none',
});
