/**
 * Products of signs, ±1 activations with ±1 weights; the arithmetic is docs/integers.md. Signs are bits, 1 for +1: a row of them is a row of
 * packed 1-bit weights, and activations have one row a pixel. Bits after a row's last sign say nothing.
 */
import { type Check, defineOp, required } from '../op.js';
import { mayEqual, type Shape, type TensorType } from '../shape.js';
import { checkCodes, checkMultiplier, checkOutputs, checkPacked, isCode, packedRowBytes, requantized } from './codes.js';
import { checkWindow } from './window.js';

/** What sums of products of signs become: real numbers, codes, or signs for the next layer. */
export type SignOutput = 'float32' | 'uint8' | 'int8' | 'signs';

const outputs: readonly SignOutput[] = ['float32', 'uint8', 'int8', 'signs'];

const ofOutput = { output: 'float32' as SignOutput, yZero: 0, qmin: 0, qmax: 255 };

// float32 has every whole number up to here.
const mostProducts = 2 ** 24;

/** `channels` signs in the last dimension. */
function checkSigns(check: Check, input: string, type: TensorType, parameter: string, channels: number): void {
  check.param(Number.isSafeInteger(channels) && channels >= 0, parameter, channels, 'a whole number from 0');
  check.dtype(type.dtype === 'uint8', input, type, 'uint8');
  check.shape(type.shape.length >= 1, input, type, 'at least one dimension');
  const bytes = packedRowBytes(channels, 1);
  const fits = mayEqual(type.shape[type.shape.length - 1], bytes);
  check.shape(fits, input, type, `(.., ${bytes})`, `that holds ${channels} signs`);
}

/** The output of a product; `shape` counts outputs, not bytes. */
function checkedOutput(check: Check, shape: Shape, params: typeof ofOutput): TensorType {
  const { output } = params;
  if (output === 'signs') return { dtype: 'uint8', shape: [...shape.slice(0, -1), packedRowBytes(shape[shape.length - 1], 1)] };
  return requantized(check, shape, { ...params, dtype: output }, ['float32']);
}

/**
 * The signs of numbers: bit i of a row is 1 where x[.., i] ≥ zero, so that the sign of 0 is +1, and that of NaN −1.
 * @param x (.., c) float32, or uint8 or int8 codes
 * @param params.zero what has the sign +1 with everything above: the zero point of codes
 * @returns uint8 (.., 8·ceil(c / 64)), low bits of a byte first, zeros after the last sign
 */
export const packSigns = defineOp({
  name: 'packSigns',
  byRows: ([x]) => x.shape.length > 1,
  inputs: ['x'],
  params: { zero: 0 },
  infer([x], { zero }, check) {
    check.dtype(x.dtype === 'float32' || isCode(x.dtype), 'x', x, 'float32, uint8 or int8');
    check.shape(x.shape.length >= 1, 'x', x, 'at least one dimension');
    if (x.dtype === 'float32') checkMultiplier(check, 'zero', zero);
    else checkCodes(check, 'x', x, 'zero', zero);
    return { dtype: 'uint8', shape: [...x.shape.slice(0, -1), packedRowBytes(x.shape[x.shape.length - 1], 1)] };
  },
  grad: 'none',
});

/**
 * The numbers ±1 of signs.
 * @param x uint8 (.., 8·ceil(channels / 64)), as from `packSigns`
 * @returns int8 (.., channels)
 */
export const unpackSigns = defineOp({
  name: 'unpackSigns',
  byRows: ([x]) => x.shape.length > 1,
  inputs: ['x'],
  params: { channels: required<number>() },
  infer([x], { channels }, check) {
    checkSigns(check, 'x', x, 'channels', channels);
    return { dtype: 'int8', shape: [...x.shape.slice(0, -1), channels] };
  },
  grad: 'none',
});

/**
 * A linear layer of signs: v = fma(f32(acc), scale[o], bias[o]), acc = Σ_k ±1·±1.
 * @param a (.., 8·ceil(columns / 64)) uint8, the signs of (.., columns)
 * @param b uint8 [n, 8·ceil(columns / 64)], the packed 1-bit codes of weights (n, columns), as from `packLevels`
 * @param bias float32 [n]; with scale it holds what follows the product: the weights' scale, a bias, batch normalization
 * @param scale float32 [n]
 * @param params.output what v becomes: itself; a code clamp(rne(v) + yZero, qmin, qmax); or its sign, v ≥ 0
 * @returns (.., n), of signs (.., 8·ceil(n / 64)); float32 and signs ignore yZero, qmin and qmax
 */
export const binaryGemm = defineOp({
  name: 'binaryGemm',
  byRows: true,
  integer: true,
  inputs: ['a', 'b', 'bias', 'scale'],
  params: { columns: required<number>(), ...ofOutput },
  choices: { output: outputs },
  infer([a, b, bias, scale], params, check) {
    checkSigns(check, 'a', a, 'columns', params.columns);
    check.param(!(params.columns > mostProducts), 'columns', params.columns, `at most ${mostProducts}`, 'sums have to fit float32');
    const n = checkOutputs(check, bias, scale, 'float32');
    checkPacked(check, 'b', b, [n, params.columns], 1);
    return checkedOutput(check, [...a.shape.slice(0, -1), n], params);
  },
  grad: 'none',
});

/**
 * A convolution of signs: v = fma(f32(acc), scale[o], bias[o]), acc = Σ ±1·±1 over the window and the channels of o's group.
 * @param x (n, h, w, 8·ceil(channels / 64)) uint8, the signs of (n, h, w, channels)
 * @param w uint8, the packed 1-bit codes of weights (out, kh, kw, channels / groups), as from `packLevels`
 * @param bias float32 [out]
 * @param scale float32 [out]
 * @param params.kernel kh and kw
 * @param params.padValue what a tap outside the image reads: 0, 1 or −1
 * @param params.output what v becomes: itself; a code clamp(rne(v) + yZero, qmin, qmax); or its sign, v ≥ 0
 * @returns (n, oh, ow, out), of signs (n, oh, ow, 8·ceil(out / 64)); float32 and signs ignore yZero, qmin and qmax
 */
export const binaryConv2d = defineOp({
  name: 'binaryConv2d',
  byRows: true,
  integer: true,
  inputs: ['x', 'w', 'bias', 'scale'],
  params: {
    kernel: required<readonly number[]>(),
    channels: required<number>(),
    strides: [1, 1] as readonly number[],
    /** Top, left, bottom, right. */
    pads: [0, 0, 0, 0] as readonly number[],
    dilations: [1, 1] as readonly number[],
    groups: 1,
    padValue: 0,
    ...ofOutput,
  },
  choices: { output: outputs },
  infer([x, w, bias, scale], params, check) {
    const { kernel, channels, groups, padValue } = params;
    checkSigns(check, 'x', x, 'channels', channels);
    const [height, width] = checkWindow(x, kernel, params, check);
    const out = checkOutputs(check, bias, scale, 'float32');
    const whole = Number.isSafeInteger(groups) && groups >= 1;
    check.param(whole && !(channels % groups), 'groups', groups, 'a divisor of the channels', `there are ${channels}`);
    check.param(!(out % groups), 'groups', groups, 'a divisor of the outputs', `there are ${out}`);
    check.param([0, 1, -1].includes(padValue), 'padValue', padValue, '0, 1 or -1');
    const products = kernel[0] * kernel[1] * (channels / groups);
    check.param(!(products > mostProducts), 'kernel', kernel, `at most ${mostProducts} products`, 'sums have to fit float32');
    checkPacked(check, 'w', w, [out, ...kernel, channels / groups], 1);
    return checkedOutput(check, [x.shape[0], height, width, out], params);
  },
  grad: 'none',
});
