/**
 * Low-bit weights: codes 0 .. 2^bits − 1 of 1 to 4 bits, packed. A row of bytes is one output channel, its weights in the order of the
 * weight tensor: code i at bit i·bits, low bits of a byte first, zero bits up to a multiple of 64.
 */
import { shapeText } from '../error.js';
import { type Check, defineOp, required } from '../op.js';
import { mayEqual, type Shape, type TensorType } from '../shape.js';

/**
 * What integer level a code stands for: 2·code − (2^bits − 1), evenly around zero without having it ('uniform': −1, 1; −3, −1, 1, 3; ...),
 * or code − 2^(bits − 1) ('zero': −2 .. 1; ...; from 2 bits on).
 */
export type Grid = 'uniform' | 'zero';

const grids: readonly Grid[] = ['uniform', 'zero'];

/** Bytes of one output channel of so many weights. */
export const packedRowBytes = (weights: number, bits: number) => 8 * Math.ceil((weights * bits) / 64);

/** Weights of one output channel; axis 0 are the output channels. */
const rowOf = (shape: Shape) => shape.slice(1).reduce((a, b) => a * b, 1);

function checkGrid(check: Check, { bits, grid }: { bits: number; grid: Grid }): void {
  const least = grid === 'zero' ? 2 : 1;
  check.param(Number.isInteger(bits) && bits >= least && bits <= 4, 'bits', bits, `a whole number from ${least} to 4`);
}

/** The packed codes of weights of this shape. */
function checkPacked(check: Check, packed: TensorType, shape: Shape, bits: number): void {
  check.dtype(packed.dtype === 'uint8', 'packed', packed, 'uint8');
  const bytes = packedRowBytes(rowOf(shape), bits);
  const fits = packed.shape.length === 2 && mayEqual(packed.shape[0], shape[0]) && mayEqual(packed.shape[1], bytes);
  check.shape(fits, 'packed', packed, `[${shape[0]}, ${bytes}]`, `that holds ${bits}-bit codes of weights of shape ${shapeText(shape)}`);
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
    checkPacked(check, packed, shape, bits);
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
