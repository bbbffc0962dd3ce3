/** What several op families share: windows that slide over an image. */
import type { Check } from '../op.js';
import type { Shape, TensorType } from '../shape.js';

/** A window over the rows and columns of an image; everything in (vertical, horizontal) order. */
export interface Window {
  strides: readonly number[];
  /** Top, left, bottom, right. */
  pads: readonly number[];
  dilations: readonly number[];
}

/** Pixels from the first to the last tap of a window, both included. */
export const windowExtent = (kernel: number, dilation: number) => (kernel - 1) * dilation + 1;

/**
 * How many windows fit along one axis; NaN where the input is NaN.
 * With `ceil` a last window may hang over the end, but not start in the end padding or beyond it.
 */
export function windowSize(
  input: number,
  kernel: number,
  stride: number,
  dilation: number,
  padBegin: number,
  padEnd: number,
  ceil = false,
): number {
  const steps = (input + padBegin + padEnd - windowExtent(kernel, dilation)) / stride;
  if (!ceil) return Math.floor(steps) + 1;
  const size = Math.ceil(steps) + 1;
  return (size - 1) * stride >= input + padBegin ? size - 1 : size;
}

const whole = (list: readonly number[], length: number, least: number) =>
  list.length === length && list.every((n) => Number.isSafeInteger(n) && n >= least);

/** Checks the numbers of a window: two strides and dilations from 1, four pads from 0, and a kernel of two sizes from 1. */
export function checkWindowParams(kernel: Shape, window: Window, check: Check): void {
  check.param(whole(kernel, 2, 1) || kernel.some(Number.isNaN), 'kernel', kernel, 'two whole numbers from 1');
  check.param(whole(window.strides, 2, 1), 'strides', window.strides, 'two whole numbers from 1');
  check.param(whole(window.pads, 4, 0), 'pads', window.pads, 'four whole numbers from 0 (top, left, bottom, right)');
  check.param(whole(window.dilations, 2, 1), 'dilations', window.dilations, 'two whole numbers from 1');
}

/**
 * Checks a window against an NHWC image.
 * @param kernel height and width
 * @returns the output's height and width
 */
export function checkWindow(x: TensorType, kernel: Shape, window: Window, check: Check, ceil = false): [number, number] {
  check.shape(x.shape.length === 4, 'x', x, '(n, h, w, c)');
  checkWindowParams(kernel, window, check);
  const { strides, pads, dilations } = window;
  for (const i of [0, 1]) {
    const padded = x.shape[1 + i] + pads[i] + pads[2 + i];
    const extent = windowExtent(kernel[i], dilations[i]);
    check.shape(!(padded < extent), 'x', x, `a padded ${['height', 'width'][i]} of at least ${extent}`, 'the window is that large');
  }
  const size = (i: number) => windowSize(x.shape[1 + i], kernel[i], strides[i], dilations[i], pads[i], pads[2 + i], ceil);
  return [size(0), size(1)];
}
