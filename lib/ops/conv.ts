/** Convolutions of NHWC images with weights (out, kh, kw, in/groups). */
import { fail, shapeText } from '../error.js';
import { type Check, defineOp, required } from '../op.js';
import { type Dtype, mayEqual, shapesMayEqual, type TensorType } from '../shape.js';
import { scope, Tensor } from '../tensor.js';
import { checkFinish, noBounds, sumTo } from './basic.js';
import { fill, reshape, transpose } from './layout.js';
import { checkWindow, checkWindowParams, windowExtent } from './window.js';

const windowDefaults = {
  strides: [1, 1] as readonly number[],
  /** Top, left, bottom, right. */
  pads: [0, 0, 0, 0] as readonly number[],
  dilations: [1, 1] as readonly number[],
  groups: 1,
};

/** Checks that all inputs are float32 or all are float64. */
function checkFloats(types: Readonly<Record<string, TensorType>>, check: Check): Dtype {
  const [[first, { dtype }], ...others] = Object.entries(types);
  check.dtype(dtype === 'float32' || dtype === 'float64', first, types[first], 'float32 or float64');
  for (const [name, type] of others) check.dtype(type.dtype === dtype, name, type, dtype, `${first} has that type`);
  return dtype;
}

const checkGroups = (groups: number, check: Check) =>
  check.param(Number.isSafeInteger(groups) && groups >= 1, 'groups', groups, 'a whole number from 1');

/** Checks what both directions share: types, ranks, and that channels, groups, weights and bias fit together. */
function checkConv([x, w, bias]: readonly TensorType[], groups: number, check: Check): void {
  checkFloats({ x, w, bias }, check);
  check.shape(x.shape.length === 4, 'x', x, '(n, h, w, c)');
  check.shape(w.shape.length === 4, 'w', w, '(out, kh, kw, in/groups)');
  checkGroups(groups, check);
  const [channels, out] = [x.shape[3], w.shape[0]];
  check.shape(mayEqual(w.shape[3] * groups, channels), 'w', w, `${channels / groups} channels`, `x has ${channels} in ${groups} groups`);
  check.shape(!(out % groups), 'w', w, `a multiple of ${groups} outputs`, `there are ${groups} groups`);
  check.shape(shapesMayEqual(bias.shape, [out]), 'bias', bias, `[${out}]`, 'w has that many outputs');
}

/**
 * y[n, i, j, o] = bias[o] + Σ x[n, i·sh + p·dh − top, j·sw + q·dw − left, c] · w[o, p, q, c] over the taps (p, q) inside the image
 * and the channels c of o's group.
 * @param x (n, h, w, c), float32 or float64, as are w and bias
 * @param w (out, kh, kw, c/groups)
 * @param bias (out)
 * @returns (n, oh, ow, out)
 */
export const conv2d = defineOp({
  name: 'conv2d',
  byRows: true,
  inputs: ['x', 'w', 'bias'],
  params: windowDefaults,
  infer(types, params, check) {
    checkConv(types, params.groups, check);
    const [x, w] = types;
    const [height, width] = checkWindow(x, w.shape.slice(1, 3), params, check);
    return { dtype: x.dtype, shape: [x.shape[0], height, width, w.shape[0]] };
  },
  quantizes: { weight: 'w', axis: 0 },
  grad: (dy, { inputs: [x, w, bias], params }) => [
    (before) => conv2dInputGrad(dy, w, before ?? nothing(w), { ...params, inputShape: x.shape.slice(1, 3) }),
    () => conv2dWeightGrad(dy, x, { ...params, kernel: w.shape.slice(1, 3) }),
    () => sumTo(dy, { shape: bias.shape }),
  ],
  learns: ['w', 'bias'],
});

/**
 * min(max(conv2d(x, w, bias) + plus, min), max) with the bytes of conv2d, add and clip one after another: what sessions make of them.
 * @param plus (n, oh, ow, out) or (out); or [0], and nothing is added
 */
export const conv2dAddClip = defineOp({
  name: 'conv2dAddClip',
  byRows: true,
  inputs: ['x', 'w', 'bias', 'plus'],
  params: { ...windowDefaults, ...noBounds },
  infer([x, w, bias, plus], { min, max, ...window }, check) {
    const y = conv2d.infer([x, w, bias], window, check);
    checkFinish(plus, y, { min, max }, check);
    return y;
  },
  streams: ['plus'],
  grad: 'none',
});

/**
 * The convolution run backwards: every pixel of x adds its w-weighted window to y. ONNX ConvTranspose with explicit pads:
 * the output has (h − 1)·sh + (kh − 1)·dh + 1 + outputPad − top − bottom rows.
 * @param x (n, h, w, c), float32 or float64, as are w and bias
 * @param w (out, kh, kw, c/groups), not (c, ...) as in ONNX
 * @param bias (out)
 */
export const convTranspose2d = defineOp({
  name: 'convTranspose2d',
  byRows: true,
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
    return { dtype: x.dtype, shape: [x.shape[0], height, width, w.shape[0]] };
  },
  quantizes: { weight: 'w', axis: 0 },
  grad(dy, { inputs: [x, w, bias], params: { outputPads, ...window } }) {
    if (outputPads.some((n, i) => n >= window.strides[i])) {
      fail({ code: 'graph', problem: 'convTranspose2d has a gradient only where outputPads are smaller than strides' });
    }
    return [
      () => transposedInputGrad(dy, w, window),
      () => transposedWeightGrad(dy, x, w.shape.slice(1, 3), window),
      () => sumTo(dy, { shape: bias.shape }),
    ];
  },
  learns: ['w', 'bias'],
});

/** A transposed convolution is the input gradient of a convolution, so its own input gradient is that convolution. */
function transposedInputGrad(dy: Tensor, w: Tensor, window: typeof windowDefaults): Tensor {
  return scope(() => {
    const swapped = swapChannels(w, window.groups);
    return conv2d(dy, swapped, fill({ shape: [swapped.shape[0]], value: 0, dtype: w.dtype, device: w.device }), window);
  });
}

/** What was the image of that convolution is dy here, and what was its dy is x. */
function transposedWeightGrad(dy: Tensor, x: Tensor, kernel: readonly number[], window: typeof windowDefaults): Tensor {
  return scope(() => swapChannels(conv2dWeightGrad(x, dy, { ...window, kernel }), window.groups));
}

/** Weights (out, kh, kw, in/groups) as (in, kh, kw, out/groups). */
function swapChannels(w: Tensor, groups: number): Tensor {
  const [out, kh, kw, groupIn] = w.shape;
  return scope(() => {
    const grouped = transpose(reshape(w, { shape: [groups, out / groups, kh, kw, groupIn] }), { perm: [0, 4, 2, 3, 1] });
    return reshape(grouped, { shape: [groups * groupIn, kh, kw, out / groups] });
  });
}

/** The `plus` of conv2dInputGrad that adds nothing. */
const nothing = ({ dtype, device }: Tensor) => Tensor.uninitialized(dtype, [0], device);

/**
 * The gradient of conv2d to its image: dx[n, i, j, c] = plus[n, i, j, c] + Σ dy[n, r, s, o] · w[o, p, q, c] over the taps (p, q) of the
 * windows (r, s) that lie on pixel (i, j). A convolution of dy with the turned weights.
 * @param dy (n, oh, ow, out), float32 or float64, as are w and plus
 * @param w (out, kh, kw, c/groups)
 * @param plus (n, h, w, c): a gradient that x has from elsewhere, with which the sums begin; or [0], and they begin at 0
 * @param params those of the convolution, and the `inputShape` [h, w] of its x
 * @returns (n, h, w, c)
 */
export const conv2dInputGrad = defineOp({
  name: 'conv2dInputGrad',
  inputs: ['dy', 'w', 'plus'],
  params: { inputShape: required<readonly number[]>(), ...windowDefaults },
  infer([dy, w, plus], params, check) {
    const dtype = checkFloats({ dy, w, plus }, check);
    const { inputShape, groups } = params;
    check.shape(dy.shape.length === 4, 'dy', dy, '(n, oh, ow, out)');
    check.shape(w.shape.length === 4, 'w', w, '(out, kh, kw, c/groups)');
    checkGroups(groups, check);
    const wholeSizes = inputShape.length === 2 && inputShape.every((n) => Number.isSafeInteger(n) && n >= 0);
    check.param(wholeSizes, 'inputShape', inputShape, 'two whole numbers from 0 (rows, columns)');
    check.shape(!(w.shape[0] % groups), 'w', w, `a multiple of ${groups} outputs`, `there are ${groups} groups`);
    const x = { dtype, shape: [dy.shape[0], ...inputShape, w.shape[3] * groups] };
    const windows = checkWindow(x, w.shape.slice(1, 3), params, check);
    const expected = [dy.shape[0], ...windows, w.shape[0]];
    check.shape(shapesMayEqual(dy.shape, expected), 'dy', dy, shapeText(expected), 'that is what the convolution gives');
    const adds = shapesMayEqual(plus.shape, x.shape) || shapesMayEqual(plus.shape, [0]);
    check.shape(adds, 'plus', plus, `${shapeText(x.shape)} or [0]`, 'it is added to the gradient');
    return x;
  },
  grad: 'none',
});

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
    ...windowDefaults,
  },
  infer([dy, x], params, check) {
    const { kernel, groups } = params;
    const dtype = checkFloats({ dy, x }, check);
    check.shape(dy.shape.length === 4, 'dy', dy, '(n, oh, ow, out)');
    const [height, width] = checkWindow(x, kernel, params, check);
    const expected = [x.shape[0], height, width];
    const fits = expected.every((n, i) => mayEqual(n, dy.shape[i]));
    check.shape(fits, 'dy', dy, `[${expected}, out]`, 'that is what the convolution of x gives');
    const [channels, out] = [x.shape[3], dy.shape[3]];
    checkGroups(groups, check);
    check.shape(!(channels % groups), 'x', x, `a multiple of ${groups} channels`, `there are ${groups} groups`);
    check.shape(!(out % groups), 'dy', dy, `a multiple of ${groups} channels`, `there are ${groups} groups`);
    return { dtype, shape: [out, ...kernel, channels / groups] };
  },
  grad: 'none',
});
