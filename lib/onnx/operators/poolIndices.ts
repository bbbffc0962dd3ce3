/** The second output of MaxPool: where each largest element lies in the input, as an index into all of it. */
import type { Value } from '../../graph/graph.js';
import * as ops from '../../ops/index.js';
import type { ImportNode } from '../importNode.js';
import { imageWindow, type Window } from './window.js';

/**
 * @param x (n, c, h, w) or (n, c, w), all of it known
 * @param y the pooled tensor
 * @returns int64, the shape of y
 */
export function maxIndices(node: ImportNode, x: Value, y: Value, window: Window): Value {
  const shape = node.knownShape(x, 'the second output of MaxPool');
  const out = node.knownShape(y, 'the second output of MaxPool');
  const [images, pixels] = [shape[0] * shape[1], shape.slice(2).reduce((a, b) => a * b, 1)];
  if (shape.length > 4) node.refuse('indices of volumes are not supported');
  const [h, w] = shape.length === 3 ? [1, shape[2]] : shape.slice(2);
  const places = placesOf(h, w, out.length === 3 ? [1, out[2]] : out.slice(2), imageWindow(window));
  const [windows, taps] = [out.slice(2).reduce((a, b) => a * b, 1), window.kernel.reduce((a, b) => a * b, 1)];
  const list = (numbers: number[], dims = [numbers.length]) => node.constant(numbers, dims, 'int64');

  // Every window as a row of its elements, of which the first largest wins.
  const elements = node.add(ops.gather, [node.reshaped(x, [images, pixels]), list(places)], { axis: 1 });
  const winner = node.add(ops.argMax, [node.reshaped(elements, [images, windows, taps])], { axis: 2, keepDims: false });
  const tap = node.add(ops.add, [winner, list(Array.from({ length: windows }, (_, i) => i * taps))]);
  const columnMajor = node.flag('storage_order');
  const named = columnMajor ? places.map((place) => (place % w) * h + Math.floor(place / w)) : places;
  const start = list(
    Array.from({ length: images }, (_, i) => i * pixels),
    [images, 1],
  );
  return node.reshaped(node.add(ops.add, [node.add(ops.gather, [list(named), tap]), start]), [...out]);
}

// The pixel under each tap of each window. A tap on the padding stands on the window's first pixel instead, which changes no winner.
function placesOf(h: number, w: number, [oh, ow]: readonly number[], { kernel, strides, dilations, pads }: Window): number[] {
  const places: number[] = [];
  for (let i = 0; i < oh; i++) {
    for (let j = 0; j < ow; j++) {
      const window: number[] = [];
      for (let p = 0; p < kernel[0]; p++) {
        for (let q = 0; q < kernel[1]; q++) {
          const [row, column] = [i * strides[0] + p * dilations[0] - pads[0], j * strides[1] + q * dilations[1] - pads[1]];
          window.push(row >= 0 && row < h && column >= 0 && column < w ? row * w + column : -1);
        }
      }
      const first = window.find((place) => place >= 0) ?? 0;
      places.push(...window.map((place) => (place < 0 ? first : place)));
    }
  }
  return places;
}
