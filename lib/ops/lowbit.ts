/**
 * Low-bit weights: codes 0 .. 2^bits − 1 of 1 to 4 bits, packed. A row of bytes is one output channel, its weights in the order of the
 * weight tensor: code i at bit i·bits, low bits of a byte first, zero bits up to a multiple of 64.
 */
import { type Check, defineOp, required } from '../op.js';
import type { Dtype, Shape, TensorType } from '../shape.js';
import { checkCodes, checkOutputs, checkPacked, packedRowBytes, requantized, rowOf } from './codes.js';
import { checkWindow } from './window.js';

export { packedRowBytes };

/**
 * What integer level a code stands for: 2·code − (2^bits − 1), evenly around zero without having it ('uniform': −1, 1; −3, −1, 1, 3; ...),
 * or code − 2^(bits − 1) ('zero': −2 .. 1; ...; from 2 bits on).
 */
export type Grid = 'uniform' | 'zero';

/** How codes are packed, and what they stand for. */
export interface Packing {
  bits: number;
  grid: Grid;
}

const grids: readonly Grid[] = ['uniform', 'zero'];

/** The integer levels of a grid, by code. */
export const levelsOf = (bits: number, grid: Grid): number[] =>
  Array.from({ length: 2 ** bits }, (_, code) => (grid === 'uniform' ? 2 * code - (2 ** bits - 1) : code - 2 ** (bits - 1)));

function checkGrid(check: Check, { bits, grid }: Packing): void {
  const least = grid === 'zero' ? 2 : 1;
  check.param(Number.isInteger(bits) && bits >= least && bits <= 4, 'bits', bits, `a whole number from ${least} to 4`);
}

/**
 * The int8 levels of packed codes.
 * @param packed uint8 [out, 8·ceil(row·bits / 64)], row being the number of weights of an output channel
 * @param params.shape of the weights, (out, ...)
 */
export const unpackLevels = defineOp({
  name: 'unpackLevels',
  neverFolds: true,
  inputs: ['packed'],
  params: { bits: required<number>(), grid: 'uniform' as Grid, shape: required<Shape>() },
  choices: { grid: grids },
  infer([packed], params, check) {
    const { bits, shape } = params;
    checkGrid(check, params);
    const isShape = Array.isArray(shape) && shape.length >= 1 && shape.every((n) => Number.isSafeInteger(n) && n >= 0);
    check.param(isShape, 'shape', shape, 'at least one dimension, whole numbers from 0');
    checkPacked(check, 'packed', packed, shape, bits);
    return { dtype: 'int8', shape };
  },
  grad: 'none',
});

/**
 * The packed codes of int8 levels, what `unpackLevels` reads; a level that is not on the grid is a fault 'data'.
 * @param levels int8 (out, ...)
 */
export const packLevels = defineOp({
  name: 'packLevels',
  inputs: ['levels'],
  params: { bits: required<number>(), grid: 'uniform' as Grid },
  choices: { grid: grids },
  infer([levels], params, check) {
    checkGrid(check, params);
    check.dtype(levels.dtype === 'int8', 'levels', levels, 'int8');
    check.shape(levels.shape.length >= 1, 'levels', levels, '(out, ...)');
    return { dtype: 'uint8', shape: [levels.shape[0], packedRowBytes(rowOf(levels.shape), params.bits)] };
  },
  grad: 'none',
});

const ofGrid = { bits: required<number>(), grid: 'uniform' as Grid };
const ofWindow = {
  kernel: required<readonly number[]>(),
  strides: [1, 1] as readonly number[],
  /** Top, left, bottom, right. */
  pads: [0, 0, 0, 0] as readonly number[],
  dilations: [1, 1] as readonly number[],
  groups: 1,
};
const ofOutput = { qmin: required<number>(), qmax: required<number>(), dtype: required<Dtype>() };

/** The output shape of a linear layer. */
function checkGemm(check: Check, [a, b, , scale]: readonly TensorType[], params: Packing): Shape {
  checkGrid(check, params);
  check.shape(a.shape.length >= 1, 'a', a, 'at least one dimension');
  const outputs = scale.shape[0];
  checkPacked(check, 'b', b, [outputs, a.shape[a.shape.length - 1]], params.bits);
  return [...a.shape.slice(0, -1), outputs];
}

/** The output shape of a convolution. */
function checkConv(check: Check, [x, w, , scale]: readonly TensorType[], params: typeof ofWindow & Packing): Shape {
  const { kernel, groups } = params;
  checkGrid(check, params);
  const [height, width] = checkWindow(x, kernel, params, check);
  const [images, , , channels] = x.shape;
  const outputs = scale.shape[0];
  const whole = Number.isSafeInteger(groups) && groups >= 1;
  check.param(whole && !(channels % groups), 'groups', groups, 'a divisor of the channels', `x has ${channels}`);
  check.param(!(outputs % groups), 'groups', groups, 'a divisor of the outputs', `there are ${outputs}`);
  checkPacked(check, 'w', w, [outputs, ...kernel, channels / groups], params.bits);
  return [images, height, width, outputs];
}

/**
 * `qgemm` with packed weights: the same bytes as with b = unpackLevels, bZero 0.
 * @param a (.., k) uint8 or int8
 * @param b uint8, the packed codes of weights (n, k)
 * @param bias int32 [n]
 * @param scale float32 [n]: scale of a · scale of b / scale of y
 * @returns (.., n), uint8 or int8; float32 is f32(acc)·scale[c] and ignores yZero, qmin and qmax
 */
export const lowbitGemm = defineOp({
  name: 'lowbitGemm',
  byRows: true,
  integer: true,
  inputs: ['a', 'b', 'bias', 'scale'],
  params: { aZero: 0, yZero: 0, ...ofOutput, ...ofGrid },
  choices: { grid: grids },
  infer(types, params, check) {
    const [a, , bias, scale] = types;
    checkCodes(check, 'a', a, 'aZero', params.aZero);
    checkOutputs(check, bias, scale, 'int32');
    return requantized(check, checkGemm(check, types, params), params, ['float32']);
  },
  grad: 'none',
});

/**
 * `qconv2d` with packed weights: the same bytes as with w = unpackLevels, wZero 0.
 * @param x (n, h, w, c) uint8 or int8
 * @param w uint8, the packed codes of weights (out, kh, kw, c / groups)
 * @param bias int32 [out]
 * @param scale float32 [out]: scale of x · scale of w / scale of y
 * @param params.kernel kh and kw
 * @returns (n, oh, ow, out), uint8 or int8; float32 is f32(acc)·scale[o] and ignores yZero, qmin and qmax
 */
export const lowbitConv2d = defineOp({
  name: 'lowbitConv2d',
  byRows: true,
  integer: true,
  inputs: ['x', 'w', 'bias', 'scale'],
  params: { ...ofWindow, xZero: 0, yZero: 0, ...ofOutput, ...ofGrid },
  choices: { grid: grids },
  infer(types, params, check) {
    const [x, , bias, scale] = types;
    checkCodes(check, 'x', x, 'xZero', params.xZero);
    checkOutputs(check, bias, scale, 'int32');
    return requantized(check, checkConv(check, types, params), params, ['float32']);
  },
  grad: 'none',
});

/**
 * `gemm` with packed weights: the same bytes as with b = dequantize(unpackLevels), that is f32(level·scale[c]).
 * @param a (.., k) float32
 * @param b uint8, the packed codes of weights (n, k)
 * @param bias float32 [n]
 * @param scale float32 [n], of the levels
 * @returns (.., n) float32
 */
export const lowbitGemmFloat = defineOp({
  name: 'lowbitGemmFloat',
  byRows: true,
  inputs: ['a', 'b', 'bias', 'scale'],
  params: { ...ofGrid },
  choices: { grid: grids },
  infer(types, params, check) {
    const [a, , bias, scale] = types;
    check.dtype(a.dtype === 'float32', 'a', a, 'float32');
    checkOutputs(check, bias, scale, 'float32');
    return { dtype: 'float32', shape: checkGemm(check, types, params) };
  },
  grad: 'none',
});

/**
 * `conv2d` with packed weights: the same bytes as with w = dequantize(unpackLevels), that is f32(level·scale[o]).
 * @param x (n, h, w, c) float32
 * @param w uint8, the packed codes of weights (out, kh, kw, c / groups)
 * @param bias float32 [out]
 * @param scale float32 [out], of the levels
 * @param params.kernel kh and kw
 * @returns (n, oh, ow, out) float32
 */
export const lowbitConv2dFloat = defineOp({
  name: 'lowbitConv2dFloat',
  byRows: true,
  inputs: ['x', 'w', 'bias', 'scale'],
  params: { ...ofWindow, ...ofGrid },
  choices: { grid: grids },
  infer(types, params, check) {
    const [x, , bias, scale] = types;
    check.dtype(x.dtype === 'float32', 'x', x, 'float32');
    checkOutputs(check, bias, scale, 'float32');
    return { dtype: 'float32', shape: checkConv(check, types, params) };
  },
  grad: 'none',
});
