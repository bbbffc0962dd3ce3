/** Training images (n, c, h, w) cut, mirrored and masked, each as its choices say. Random choices are drawn elsewhere (data/augment). */
import { type Check, defineOp, required } from '../op.js';
import { mayEqual, shapesMayEqual, type TensorType } from '../shape.js';

function checkImages(x: TensorType, check: Check): void {
  check.shape(x.shape.length === 4, 'x', x, '(n, c, h, w)');
}

/** One row of whole numbers for each image. */
function checkRows(input: string, type: TensorType, images: number, columns: number, check: Check): void {
  check.dtype(type.dtype === 'int32', input, type, 'int32');
  check.shape(shapesMayEqual(type.shape, [images, columns]), input, type, `[${images}, ${columns}]`, `x has ${images} images`);
}

/**
 * A window of each image, mirrored left to right where its choice says so. What lies outside the image is `fill` ('constant') or the
 * image mirrored without its border ('reflect').
 * @param x (n, c, h, w) of any type
 * @param choices int32 (n, 3): top and left corner of the window, which may lie outside, and other than 0 to mirror it
 * @param fill (c), of the type of x
 * @param params.size height and width of the window
 */
export const cropFlip = defineOp({
  name: 'cropFlip',
  inputs: ['x', 'choices', 'fill'],
  params: { size: required<readonly number[]>(), mode: 'constant' as 'constant' | 'reflect' },
  choices: { mode: ['constant', 'reflect'] },
  infer([x, choices, fill], { size, mode }, check) {
    checkImages(x, check);
    const [images, channels, height, width] = x.shape;
    checkRows('choices', choices, images, 3, check);
    check.dtype(fill.dtype === x.dtype, 'fill', fill, x.dtype, 'x has that type');
    check.shape(fill.shape.length === 1 && mayEqual(fill.shape[0], channels), 'fill', fill, `[${channels}]`, `x has ${channels} channels`);
    const ok = Array.isArray(size) && size.length === 2 && size.every((n) => Number.isSafeInteger(n) && n >= 1);
    check.param(ok, 'size', size, 'a height and a width from 1');
    check.shape(mode === 'constant' || (height !== 0 && width !== 0), 'x', x, 'pixels to mirror', 'mode is reflect');
    return { dtype: x.dtype, shape: [images, channels, ...size] };
  },
  grad: 'none',
});

/**
 * Images with a square of zeros each (DeVries, Taylor 2017).
 * @param x (n, c, h, w) of any type
 * @param places int32 (n, 2): top and left corner of the square, of which the part inside the image counts
 * @param params.size its side in pixels
 */
export const cutout = defineOp({
  name: 'cutout',
  inputs: ['x', 'places'],
  params: { size: required<number>() },
  infer([x, places], { size }, check) {
    checkImages(x, check);
    checkRows('places', places, x.shape[0], 2, check);
    check.param(Number.isSafeInteger(size) && size >= 0, 'size', size, 'a whole number from 0');
    return x;
  },
  grad: 'none',
});

/**
 * Stored bytes as the numbers they stand for: y[n, c, ...] = levels[c, x[n, c, ...]].
 * @param x uint8 (n, c, ...)
 * @param levels (c, 256), of the type of the result
 */
export const lookupLevels = defineOp({
  name: 'lookupLevels',
  inputs: ['x', 'levels'],
  params: {},
  infer([x, levels], _params, check) {
    check.dtype(x.dtype === 'uint8', 'x', x, 'uint8');
    check.shape(x.shape.length >= 2, 'x', x, '(n, c, ...)');
    check.shape(shapesMayEqual(levels.shape, [x.shape[1], 256]), 'levels', levels, `[${x.shape[1]}, 256]`, 'x has that many channels');
    return { dtype: levels.dtype, shape: x.shape };
  },
  grad: 'none',
});
