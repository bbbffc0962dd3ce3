/** ONNX has images as (n, c, h, w), our ops as (n, h, w, c), so each spatial operator gets a transpose on both sides. */
import type { Value } from '../../graph/graph.js';
import { channelsFirst, channelsLast } from '../../graph/layout.js';
import * as ops from '../../ops/index.js';
import type { ImportNode } from '../importNode.js';

export const toLast = channelsLast(4);
export const toFirst = channelsFirst(4);

/** The image of a spatial operator as (n, h, w, c); sequences get a row dimension. */
export function imageOf(node: ImportNode, x: Value): Value {
  const rank = node.rank(x);
  if (rank === 3) return node.transposed(addRow(node, x), toLast);
  return rank === 4 ? node.transposed(x, toLast) : node.refuse(`${rank - 2} spatial dimensions are not supported; 1 to 3 are`);
}

/** Back to the file's layout and rank. */
export function imageTo(node: ImportNode, y: Value, rank: number): Value {
  const image = node.add(ops.transpose, [y], { perm: toFirst });
  return rank === 3
    ? node.reshaped(
        image,
        [0, 1, 3].map((axis) => ({ of: image, axis })),
      )
    : image;
}

// (a, b, w) -> (a, b, 1, w); of dequantized constants the codes, so that they stay packed.
export function addRow(node: ImportNode, x: Value): Value {
  const producer = x.producer;
  if (producer?.op === ops.dequantize && node.constantOf(producer.inputs[0])) {
    const [codes, scale, zeroPoint] = producer.inputs;
    return node.add(ops.dequantize, [addRow(node, codes), scale, zeroPoint], producer.params);
  }
  return node.reshaped(x, [{ of: x, axis: 0 }, { of: x, axis: 1 }, 1, { of: x, axis: 2 }]);
}
