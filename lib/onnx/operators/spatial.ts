/** Pools and what else looks at neighbouring pixels. */
import type { Value } from '../../graph/graph.js';
import type { AnyOp } from '../../op.js';
import * as ops from '../../ops/index.js';
import type { ExportNode } from '../exportNode.js';
import type { ImportNode } from '../importNode.js';
import type { Operator } from '../operator.js';
import { imageOf, imageTo, toFirst } from './image.js';
import { maxIndices } from './poolIndices.js';
import { imageWindow, part, type Window, windowOf } from './window.js';

type Slide = (image: Value, window: Window) => Value;

/** A pool over sequences, images or volumes by way of `slide`, which pools images. */
function pooled(node: ImportNode, x: Value, window: Window, slide: Slide): Value {
  const rank = node.rank(x);
  if (rank !== 5) return imageTo(node, slide(imageOf(node, x), imageWindow(window)), rank);
  // A window over a volume is one over rows and columns and then one over depth: largest of largest, mean of means.
  const [, c, d, h, w] = node.knownChannels(x);
  const planes = pooled(node, node.reshaped(x, [-1, c * d, h, w]), part(window, [1, 2]), slide);
  const [oh, ow] = node.shape(planes)!.slice(2);
  const depth = pooled(node, node.reshaped(planes, [-1, c, d, oh * ow]), part(window, [0, undefined]), slide);
  return node.reshaped(depth, [-1, c, node.shape(depth)![2], oh, ow]);
}

// Would the pool have the same size if the last window had to lie inside? Readers differ in how they count those that hang over.
function sameFloored(node: ExportNode): boolean {
  const [from, to] = [node.node.inputs[0], node.node.output].map((value) => node.type(value)?.shape);
  const { kernel, strides, pads, dilations } = node.params as Record<string, number[]>;
  const floored = (i: number) => Math.floor((from![1 + i] + pads[i] + pads[2 + i] - (kernel[i] - 1) * dilations[i] - 1) / strides[i]) + 1;
  return from !== undefined && [0, 1].every((i) => floored(i) === to![1 + i]);
}

function pool(type: string, op: AnyOp, more: (node: ImportNode) => object, attributes: (node: ExportNode) => object): Operator {
  return {
    type,
    import(node) {
      const x = node.input(0);
      const window = windowOf(node, x, node.ints('kernel_shape') ?? node.refuse('kernel_shape is missing'));
      const params = { ceil: node.flag('ceil_mode'), ...more(node) };
      const y = pooled(node, x, window, (image, flat) => node.add(op, [image], { ...flat, ...params }));
      return node.wants(1) && op === ops.maxPool2d ? [y, maxIndices(node, x, y, window)] : y;
    },
    op,
    export(node) {
      const { kernel, strides, pads, dilations, ceil } = node.params as Record<string, number[]> & { ceil: boolean };
      const dilated = dilations.some((n) => n !== 1) ? { dilations: { ints: dilations } } : {};
      if (dilated.dilations) node.since(type === 'AveragePool' ? 19 : 10, 'dilation');
      const hanging = ceil && !sameFloored(node);
      if (hanging) node.since(10, 'ceil_mode');
      const y = node.emit(type, [node.in(node.node.inputs[0], toFirst)], {
        ...{ kernel_shape: { ints: kernel }, strides: { ints: strides }, pads: { ints: pads } },
        ...(hanging ? { ceil_mode: { i: 1 } } : {}),
        ...dilated,
        ...attributes(node),
      });
      node.done(y, toFirst);
    },
  };
}

const spatialAxes = (rank: number) => Array.from({ length: rank - 2 }, (_, i) => i + 2);

const globalAveragePool: Operator = {
  type: 'GlobalAveragePool',
  import(node) {
    const x = node.input(0);
    const rank = node.rank(x);
    if (rank !== 4) return node.add(ops.reduceMean, [x], { axes: spatialAxes(rank), keepDims: true });
    return imageTo(node, node.add(ops.globalAveragePool, [imageOf(node, x)]), rank);
  },
  op: ops.globalAveragePool,
  export: (node) => node.done(node.emit('GlobalAveragePool', [node.in(node.node.inputs[0], toFirst)]), toFirst),
};

// x / (bias + alpha · mean of x² over `size` neighbouring channels)^beta, the mean as a pool down the channels of (n, c, h·w, 1).
const lrn: Operator = {
  type: 'LRN',
  import(node) {
    const x = node.input(0);
    const size = node.int('size', 1);
    const scalar = (name: string, otherwise: number) => node.scalar(node.float(name, otherwise), node.dtype(x));
    const shape = node.knownChannels(x);
    const square = node.reshaped(node.add(ops.mul, [x, x]), [-1, shape[1], shape.slice(2).reduce((a, b) => a * b, 1), 1]);
    const before = Math.floor((size - 1) / 2);
    const mean = node.add(ops.averagePool2d, [square], {
      ...{ kernel: [size, 1], pads: [before, 0, size - 1 - before, 0], countIncludePad: true },
    });
    const scaled = node.add(ops.mul, [node.reshaped(mean, [-1, ...shape.slice(1)]), scalar('alpha', 1e-4)]);
    const base = node.add(ops.add, [scaled, scalar('bias', 1)]);
    return node.add(ops.div, [x, node.add(ops.pow, [base, scalar('beta', 0.75)])]);
  },
};

export const spatial: readonly Operator[] = [
  pool(
    'MaxPool',
    ops.maxPool2d,
    () => ({}),
    () => ({}),
  ),
  pool(
    'AveragePool',
    ops.averagePool2d,
    (node) => ({ countIncludePad: node.flag('count_include_pad') }),
    (node) => (node.params.countIncludePad ? { count_include_pad: { i: 1 } } : {}),
  ),
  globalAveragePool,
  {
    type: 'GlobalMaxPool',
    import: (node) => node.add(ops.reduceMax, [node.input(0)], { axes: spatialAxes(node.rank(node.input(0))), keepDims: true }),
  },
  lrn,
];
