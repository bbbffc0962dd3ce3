/** The same elements in another shape or order. */
import type { Value } from '../../graph/graph.js';
import { throughTranspose } from '../../graph/layout.js';
import * as ops from '../../ops/index.js';
import type { Shape } from '../../shape.js';
import type { ImportNode } from '../importNode.js';
import type { Operator } from '../operator.js';

const reshape: Operator = {
  type: 'Reshape',
  import(node) {
    const shape = node.input(1);
    return node.add(ops.reshape, [node.input(0)], { shape, allowZero: node.flag('allowzero') });
  },
  op: ops.reshape,
  export(node) {
    const { shape, allowZero } = node.params;
    const zeros = allowZero && !(Array.isArray(shape) && !shape.includes(0));
    if (zeros && Array.isArray(shape)) node.since(14, 'a dimension of 0');
    node.plain('Reshape', zeros && node.opset >= 14 ? { allowzero: { i: 1 } } : {}, [node.parameter(shape)]);
  },
};

const dimsOf = (value: Value, from: number, to: number) => Array.from({ length: to - from }, (_, i) => ({ of: value, axis: from + i }));

/** The matrix of x whose columns are the dimensions from `split` on. */
export function flattened(node: ImportNode, x: Value, split: number): Value {
  const shape = node.shape(x)!;
  const rows = shape.slice(0, split).reduce((a, b) => a * b, 1);
  const columns = shape.slice(split).reduce((a, b) => a * b, 1);
  if (!Number.isNaN(columns)) return node.reshaped(x, [columns ? -1 : rows, columns]);
  if (!Number.isNaN(rows)) return node.reshaped(x, [rows, -1]);
  const product = node.add(ops.reduceProd, [node.add(ops.shape, [x], { start: 0, end: split })], { axes: [0], keepDims: true });
  const target = node.add(ops.concat, [product, node.constant([-1], [1], 'int64')], { axis: 0 });
  return node.add(ops.reshape, [x], { shape: target });
}

const flatten: Operator = {
  type: 'Flatten',
  import(node) {
    const x = node.input(0);
    const rank = node.rank(x);
    const axis = node.int('axis', 1);
    return flattened(node, x, axis === rank ? rank : node.axis(axis, rank));
  },
};

const squeeze: Operator = {
  type: 'Squeeze',
  import(node) {
    const x = node.input(0);
    const rank = node.rank(x);
    const axes = node.listSince(13, 'axes', 1)?.map((axis) => node.axis(axis, rank));
    const shape = axes ? node.shape(x)! : node.knownShape(x, 'Squeeze without axes');
    const gone = axes ?? shape.flatMap((n, i) => (n === 1 ? [i] : []));
    for (const axis of gone) if (shape[axis] !== 1 && !Number.isNaN(shape[axis])) node.refuse(`dimension ${axis} is ${shape[axis]}, not 1`);
    return node.reshaped(
      x,
      dimsOf(x, 0, rank).filter((_, i) => !gone.includes(i)),
    );
  },
};

const unsqueeze: Operator = {
  type: 'Unsqueeze',
  import(node) {
    const x = node.input(0);
    const axes = node.listSince(13, 'axes', 1) ?? node.refuse('axes are missing');
    const rank = node.rank(x) + axes.length;
    const added = axes.map((axis) => node.axis(axis, rank));
    if (new Set(added).size < added.length) node.refuse(`axes are [${axes}], each has to be there once`);
    let next = 0;
    return node.reshaped(
      x,
      Array.from({ length: rank }, (_, i) => (added.includes(i) ? 1 : { of: x, axis: next++ })),
    );
  },
};

const transpose: Operator = {
  type: 'Transpose',
  import(node) {
    const x = node.input(0);
    const perm = node.ints('perm') ?? Array.from({ length: node.rank(x) }, (_, i) => i).reverse();
    return node.transposed(x, perm);
  },
  op: ops.transpose,
  // The exporter carries transposes along; one is written only where an operator needs the other layout.
  export(node) {
    const { stored, perm } = node.file.layouts.get(node.node.inputs[0]);
    node.done(stored, throughTranspose(perm, node.params.perm as number[]));
  },
};

const expand: Operator = {
  type: 'Expand',
  import: (node) => node.add(ops.expand, [node.input(0)], { shape: node.input(1) }),
  op: ops.expand,
  export: (node) => node.plain('Expand', {}, [node.parameter(node.params.shape)]),
};

const tile: Operator = {
  type: 'Tile',
  import: (node) => node.add(ops.tile, [node.input(0)], { repeats: node.input(1) }),
  op: ops.tile,
  export: (node) => node.plain('Tile', {}, [node.parameter(node.params.repeats)]),
};

function imageShape(node: ImportNode, x: Value): Shape {
  const shape = node.knownChannels(x);
  return shape.length === 4 ? shape : node.refuse(`the input has ${shape.length} dimensions, not the 4 of an image`);
}

function blockSize(node: ImportNode): number {
  const size = node.int('blocksize', 0);
  return size > 0 ? size : node.refuse(`blocksize is ${size}, it has to be at least 1`);
}

// (n, c, h, w) with c = b·b·c': blocks of channels become pixels, and back.
const depthToSpace: Operator = {
  type: 'DepthToSpace',
  import(node) {
    const x = node.input(0);
    const [, c, h, w] = imageShape(node, x);
    const b = blockSize(node);
    if (c % (b * b)) node.refuse(`${c} channels do not divide into blocks of ${b} x ${b}`);
    const crd = node.string('mode', 'DCR') === 'CRD';
    const parts = node.reshaped(x, [-1, ...(crd ? [c / (b * b), b, b] : [b, b, c / (b * b)]), h, w]);
    const moved = node.add(ops.transpose, [parts], { perm: crd ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2] });
    return node.reshaped(moved, [-1, c / (b * b), h * b, w * b]);
  },
};

const spaceToDepth: Operator = {
  type: 'SpaceToDepth',
  import(node) {
    const x = node.input(0);
    const [, c, h, w] = imageShape(node, x);
    const b = blockSize(node);
    if (h % b || w % b) node.refuse(`an image of ${h} x ${w} does not divide into blocks of ${b} x ${b}`);
    const parts = node.reshaped(x, [-1, c, h / b, b, w / b, b]);
    return node.reshaped(node.add(ops.transpose, [parts], { perm: [0, 3, 5, 1, 2, 4] }), [-1, c * b * b, h / b, w / b]);
  },
};

export const reshaping: readonly Operator[] = [reshape, flatten, squeeze, unsqueeze, transpose, expand, tile, depthToSpace, spaceToDepth];
