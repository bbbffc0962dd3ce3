/** What op families share: the arithmetic of windows that slide over an image. */

/**
 * The number of positions of a window of `kernel` taps, `dilation` apart, that moves by `stride` over `input` elements and their
 * padding. With `ceil` the last window may hang over the end, but must start before the padding behind it. NaN stays NaN.
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
  const steps = (input + padBegin + padEnd - dilation * (kernel - 1) - 1) / stride;
  if (!ceil) return Math.floor(steps) + 1;
  const size = Math.ceil(steps) + 1;
  return (size - 1) * stride >= input + padBegin ? size - 1 : size;
}
