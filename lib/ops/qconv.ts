/** Convolutions of codes. The arithmetic is docs/integers.md. */
import { defineOp, required } from '../op.js';
import { type Dtype, mayEqual } from '../shape.js';
import { checkCodes, checkSteps, requantized } from './codes.js';
import { windowSize } from './window.js';

/**
 * A convolution of an NHWC image: y = clamp(rne(acc·scale[o]) + yZero, qmin, qmax), acc = bias[o] + Σ (x - xZero)·(w - wZero).
 * x (n, h, w, c) uint8 or int8, w (o, kh, kw, c / groups) int8, bias int32 [o], scale float32 [o]. Pads are top, left, bottom, right.
 * dtype uint8 or int8; float32 gives f32(acc)·scale[o] and ignores yZero, qmin and qmax.
 */
export const qconv2d = defineOp({
  name: 'qconv2d',
  byRows: true,
  integer: true,
  grad: 'none',
  inputs: ['x', 'w', 'bias', 'scale'],
  params: {
    ...{ strides: [1, 1] as readonly number[], pads: [0, 0, 0, 0] as readonly number[], dilations: [1, 1] as readonly number[] },
    ...{ groups: 1, xZero: 0, wZero: 0, yZero: 0 },
    ...{ qmin: required<number>(), qmax: required<number>(), dtype: required<Dtype>() },
  },
  infer([x, w, bias, scale], params, check) {
    const { strides, pads, dilations, groups } = params;
    checkCodes(check, 'x', x, 'xZero', params.xZero);
    check.dtype(w.dtype === 'int8', 'w', w, 'int8');
    checkCodes(check, 'w', w, 'wZero', params.wZero);
    check.dtype(bias.dtype === 'int32', 'bias', bias, 'int32');
    check.dtype(scale.dtype === 'float32', 'scale', scale, 'float32');
    check.shape(x.shape.length === 4, 'x', x, '(n, h, w, c)');
    check.shape(w.shape.length === 4, 'w', w, '(out, kh, kw, in / groups)');
    checkSteps(check, 'strides', strides, 2, 1);
    checkSteps(check, 'dilations', dilations, 2, 1);
    checkSteps(check, 'pads', pads, 4, 0);
    const [n, height, width, channels] = x.shape;
    const [outputs, kh, kw, depth] = w.shape;
    check.param(Number.isInteger(groups) && groups >= 1, 'groups', groups, 'a whole number from 1');
    check.shape(mayEqual(depth * groups, channels), 'w', w, `in / groups = ${channels / groups}`, `x has ${channels} channels`);
    check.shape(!(outputs % groups), 'w', w, `a multiple of ${groups} outputs`, 'every group has as many');
    check.shape(bias.shape.length === 1 && mayEqual(bias.shape[0], outputs), 'bias', bias, `[${outputs}]`, 'w has that many outputs');
    check.shape(scale.shape.length === 1 && mayEqual(scale.shape[0], outputs), 'scale', scale, `[${outputs}]`, 'w has that many outputs');
    check.shape(!(kh < 1 || kw < 1), 'w', w, 'a kernel of at least 1 × 1');
    const rows = windowSize(height, kh, strides[0], dilations[0], pads[0], pads[2]);
    const columns = windowSize(width, kw, strides[1], dilations[1], pads[1], pads[3]);
    check.shape(!(rows < 1 || columns < 1), 'x', x, `an image that with its padding holds the ${kh} × ${kw} kernel`);
    return requantized(check, [n, rows, columns, outputs], params, ['float32']);
  },
});
