/** Convolutions of NHWC images with weights (out, kh, kw, in/groups). */
import { type Check, defineOp } from '../op.js';
import { mayEqual, shapesMayEqual, type TensorType } from '../shape.js';
import { checkWindow, checkWindowParams, windowExtent } from './window.js';

const windowDefaults = {
  strides: [1, 1] as readonly number[],
  /** Top, left, bottom, right. */
  pads: [0, 0, 0, 0] as readonly number[],
  dilations: [1, 1] as readonly number[],
  groups: 1,
};

/** Checks what both directions share: types, ranks, and that channels, groups, weights and bias fit together. */
function checkConv([x, w, bias]: readonly TensorType[], groups: number, check: Check): void {
  for (const [name, type] of Object.entries({ x, w, bias })) check.dtype(type.dtype === 'float32', name, type, 'float32');
  check.shape(x.shape.length === 4, 'x', x, '(n, h, w, c)');
  check.shape(w.shape.length === 4, 'w', w, '(out, kh, kw, in/groups)');
  check.param(Number.isSafeInteger(groups) && groups >= 1, 'groups', groups, 'a whole number from 1');
  const [channels, out] = [x.shape[3], w.shape[0]];
  check.shape(mayEqual(w.shape[3] * groups, channels), 'w', w, `${channels / groups} channels`, `x has ${channels} in ${groups} groups`);
  check.shape(!(out % groups), 'w', w, `a multiple of ${groups} outputs`, `there are ${groups} groups`);
  check.shape(shapesMayEqual(bias.shape, [out]), 'bias', bias, `[${out}]`, 'w has that many outputs');
}

/**
 * y[n, i, j, o] = bias[o] + Σ x[n, i·sh + p·dh − top, j·sw + q·dw − left, c] · w[o, p, q, c] over the taps (p, q) inside the image
 * and the channels c of o's group.
 * @param x (n, h, w, c), float32
 * @param w (out, kh, kw, c/groups)
 * @param bias (out)
 * @returns (n, oh, ow, out)
 */
export const conv2d = defineOp({
  name: 'conv2d',
  inputs: ['x', 'w', 'bias'],
  params: windowDefaults,
  infer(types, params, check) {
    checkConv(types, params.groups, check);
    const [x, w] = types;
    const [height, width] = checkWindow(x, w.shape.slice(1, 3), params, check);
    return { dtype: 'float32', shape: [x.shape[0], height, width, w.shape[0]] };
  },
  quantizes: { weight: 'w', axis: 0 },
});

/**
 * The convolution run backwards: every pixel of x adds its w-weighted window to y. ONNX ConvTranspose with explicit pads:
 * the output has (h − 1)·sh + (kh − 1)·dh + 1 + outputPad − top − bottom rows.
 * @param x (n, h, w, c), float32
 * @param w (out, kh, kw, c/groups), not (c, ...) as in ONNX
 * @param bias (out)
 */
export const convTranspose2d = defineOp({
  name: 'convTranspose2d',
  inputs: ['x', 'w', 'bias'],
  params: { ...windowDefaults, outputPads: [0, 0] as readonly number[] },
  infer(types, params, check) {
    checkConv(types, params.groups, check);
    const [x, w] = types;
    const kernel = w.shape.slice(1, 3);
    const { strides, pads, dilations, outputPads } = params;
    checkWindowParams(kernel, params, check);
    const wholeOutputPads = outputPads.length === 2 && outputPads.every((n) => Number.isSafeInteger(n) && n >= 0);
    check.param(wholeOutputPads, 'outputPads', outputPads, 'two whole numbers from 0');
    const [height, width] = [0, 1].map((i) => {
      const size = (x.shape[1 + i] - 1) * strides[i] + windowExtent(kernel[i], dilations[i]) + outputPads[i] - pads[i] - pads[2 + i];
      check.shape(!(x.shape[1 + i] < 1 || size < 1), 'x', x, 'a larger image', `the output would have ${['height', 'width'][i]} ${size}`);
      return size;
    });
    return { dtype: 'float32', shape: [x.shape[0], height, width, w.shape[0]] };
  },
  quantizes: { weight: 'w', axis: 0 },
});
