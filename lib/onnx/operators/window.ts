/** The sliding windows of convolutions and pools. */
import type { Value } from '../../graph/graph.js';
import type { ImportNode } from '../importNode.js';

/** A sliding window over the spatial dimensions. */
export interface Window {
  kernel: number[];
  strides: number[];
  dilations: number[];
  /** Before each dimension, then behind each: top, left, bottom, right. */
  pads: number[];
}

/** The window in a node's attributes; `auto_pad` needs the image's size. */
export function windowOf(node: ImportNode, x: Value, kernelShape: readonly number[]): Window {
  const dims = node.rank(x) - 2;
  if (dims < 1) node.refuse(`the input has ${dims + 2} dimensions, none of them spatial`);
  const listed = (name: string, otherwise: number) => {
    const list = node.ints(name) ?? Array<number>(dims).fill(otherwise);
    if (list.length !== dims) node.refuse(`${name} has ${list.length} numbers for ${dims} spatial dimensions`);
    if (list.some((n) => n < 1)) node.refuse(`${name} is [${list}], all have to be at least 1`);
    return list;
  };
  const kernel = node.ints('kernel_shape') ?? [...kernelShape];
  if (kernel.length !== dims) node.refuse(`kernel_shape has ${kernel.length} numbers for ${dims} spatial dimensions`);
  const strides = listed('strides', 1);
  const dilations = listed('dilations', 1);
  const [begin, end] = padding(node, x, { kernel, strides, dilations });
  return { kernel, strides, dilations, pads: [...begin, ...end] };
}

/** The window along some of its dimensions; with none there, a pixel of that dimension stands for itself. */
export function part({ kernel, strides, dilations, pads }: Window, dims: readonly (number | undefined)[]): Window {
  const pick = (list: readonly number[], otherwise: number) => dims.map((d) => (d === undefined ? otherwise : list[d]));
  const [begin, end] = [pads.slice(0, kernel.length), pads.slice(kernel.length)];
  return { kernel: pick(kernel, 1), strides: pick(strides, 1), dilations: pick(dilations, 1), pads: [...pick(begin, 0), ...pick(end, 0)] };
}

/** The window for an image: that of a sequence gets a row. */
export const imageWindow = (window: Window) => (window.kernel.length === 1 ? part(window, [undefined, 0]) : window);

function padding(node: ImportNode, x: Value, { kernel, strides, dilations }: Omit<Window, 'pads'>): [number[], number[]] {
  const auto = node.string('auto_pad', 'NOTSET');
  const zeros = kernel.map(() => 0);
  if (auto === 'VALID') return [zeros, zeros];
  if (auto === 'NOTSET' || auto === '') {
    const pads = node.ints('pads') ?? [...zeros, ...zeros];
    if (pads.length !== 2 * kernel.length) node.refuse(`pads has ${pads.length} numbers, expected ${2 * kernel.length}`);
    if (pads.some((n) => n < 0)) node.refuse(`pads is [${pads}]; negative pads are not supported`);
    return [pads.slice(0, kernel.length), pads.slice(kernel.length)];
  }
  if (auto !== 'SAME_UPPER' && auto !== 'SAME_LOWER') return node.refuse(`auto_pad "${auto}" is not known`);
  const shape = node.shape(x)!;
  const total = kernel.map((k, i) => {
    const length = shape[i + 2];
    if (Number.isNaN(length)) node.refuse('auto_pad SAME needs an image whose size is known');
    return Math.max(0, (Math.ceil(length / strides[i]) - 1) * strides[i] + (k - 1) * dilations[i] + 1 - length);
  });
  return sharedOut(total, auto === 'SAME_UPPER');
}

/** Padding shared out to both ends; an odd pixel goes to the end (upper) or to the beginning. */
export function sharedOut(total: readonly number[], upper: boolean): [number[], number[]] {
  const less = total.map((n) => Math.floor(n / 2));
  const more = total.map((n, i) => n - less[i]);
  return upper ? [less, more] : [more, less];
}
