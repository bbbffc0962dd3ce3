/** Convolutions and pooling: ONNX has images as (n, c, h, w), our ops as (n, h, w, c), so each gets a transpose on both sides. */
import type { Value } from '../../graph/graph.js';
import { channelsFirst, channelsLast } from '../../graph/layout.js';
import type { AnyOp } from '../../op.js';
import * as ops from '../../ops/index.js';
import type { ExportNode } from '../exportNode.js';
import type { ImportNode } from '../importNode.js';
import type { Operator } from '../operator.js';
import { maxIndices } from './poolIndices.js';
import { imageWindow, part, sharedOut, type Window, windowOf } from './window.js';

const toLast = channelsLast(4);
const toFirst = channelsFirst(4);

/** The image of a spatial operator as (n, h, w, c); sequences get a row dimension. */
function imageOf(node: ImportNode, x: Value): Value {
  const rank = node.rank(x);
  if (rank === 3) return node.transposed(addRow(node, x), toLast);
  return rank === 4 ? node.transposed(x, toLast) : node.refuse(`${rank - 2} spatial dimensions are not supported; 1 and 2 are`);
}

/** Back to the file's layout and rank. */
function imageTo(node: ImportNode, y: Value, rank: number): Value {
  const image = node.add(ops.transpose, [y], { perm: toFirst });
  return rank === 3
    ? node.reshaped(
        image,
        [0, 1, 3].map((axis) => ({ of: image, axis })),
      )
    : image;
}

// (a, b, w) -> (a, b, 1, w); of dequantized constants the codes, so that they stay packed.
function addRow(node: ImportNode, x: Value): Value {
  const producer = x.producer;
  if (producer?.op === ops.dequantize && node.constantOf(producer.inputs[0])) {
    const [codes, scale, zeroPoint] = producer.inputs;
    return node.add(ops.dequantize, [addRow(node, codes), scale, zeroPoint], producer.params);
  }
  return node.reshaped(x, [{ of: x, axis: 0 }, { of: x, axis: 1 }, 1, { of: x, axis: 2 }]);
}

// Convolutions are of float32: half precision is computed in it and rounded at the end.
function widened(operator: Operator): Operator {
  return {
    ...operator,
    import(node) {
      const dtype = node.dtype(node.input(0));
      if (dtype !== 'float16' && dtype !== 'bfloat16') return operator.import!(node);
      const values = new Map(node.inputs().map((value, i) => [node.proto.input[i], node.cast(value, 'float32')]));
      return node.cast(operator.import!(node.with(node.proto, values)) as Value, dtype);
    },
  };
}

const conv: Operator = {
  type: 'Conv',
  import(node) {
    const x = node.input(0);
    const w = node.input(1);
    const rank = node.rank(x);
    if (node.rank(w) !== rank) node.refuse(`the weight has ${node.rank(w)} dimensions, the input ${rank}`);
    const shape = node.shape(w)!;
    const { strides, dilations, pads } = imageWindow(windowOf(node, x, shape.slice(2)));
    const image = imageOf(node, x);
    const weight = node.transposed(rank === 3 ? addRow(node, w) : w, toLast);
    const y = node.add(ops.conv2d, [image, weight, node.optional(2) ?? node.zeros([shape[0]])], {
      ...{ strides, dilations, pads, groups: node.int('group', 1) },
    });
    return imageTo(node, y, rank);
  },
  op: ops.conv2d,
  export(node) {
    const { strides, pads, dilations, groups } = node.params as Record<string, number[]> & { groups: number };
    const inputs = [node.in(node.node.inputs[0], toFirst), node.in(node.node.inputs[1], toFirst)];
    if (!node.isZero(2)) inputs.push(node.in(node.node.inputs[2]));
    const attributes = { strides: { ints: strides }, pads: { ints: pads }, dilations: { ints: dilations }, group: { i: groups } };
    node.done(node.emit('Conv', inputs, attributes), toFirst);
  },
};

const convTranspose: Operator = {
  type: 'ConvTranspose',
  import(node) {
    const x = node.input(0);
    const rank = node.rank(x);
    const groups = node.int('group', 1);
    let w = node.input(1);
    const shape = node.knownShape(w, 'ConvTranspose');
    const out = shape[1] * groups;
    const row = rank === 3;
    const image = imageOf(node, x);
    const window = imageWindow(windowOf(node, x, shape.slice(2)));
    const dims = rank - 2;
    const extra = node.ints('output_padding') ?? Array<number>(dims).fill(0);
    if (extra.length !== dims) node.refuse(`output_padding has ${extra.length} numbers for ${dims} spatial dimensions`);
    const outputPads = row ? [0, ...extra] : extra;
    if (row) w = addRow(node, w);
    const { pads, more } = fitted(node, x, window, outputPads);
    // (in, out/groups, kh, kw) -> (out, kh, kw, in/groups)
    const [kh, kw] = window.kernel;
    const weight =
      groups === 1
        ? node.transposed(w, [1, 2, 3, 0])
        : node.reshaped(node.transposed(node.reshaped(w, [groups, shape[0] / groups, shape[1], kh, kw]), [0, 2, 3, 4, 1]), [
            out,
            kh,
            kw,
            shape[0] / groups,
          ]);
    const y = node.add(ops.convTranspose2d, [image, weight, node.optional(2) ?? node.zeros([out])], {
      ...{ strides: window.strides, dilations: window.dilations, pads, outputPads: more, groups },
    });
    return imageTo(node, y, rank);
  },
  op: ops.convTranspose2d,
  export(node) {
    const { strides, pads, dilations, outputPads, groups } = node.params as Record<string, number[]> & { groups: number };
    const [x, w, bias] = node.node.inputs;
    const inputs = [node.in(x, toFirst), groups === 1 ? node.in(w, [3, 0, 1, 2]) : node.groupedTransposeWeight(w, groups)];
    if (!node.isZero(2)) inputs.push(node.in(bias));
    const attributes = {
      ...{ strides: { ints: strides }, pads: { ints: pads }, dilations: { ints: dilations } },
      ...{ output_padding: { ints: outputPads }, group: { i: groups } },
    };
    node.done(node.emit('ConvTranspose', inputs, attributes), toFirst);
  },
};

// The pads that give the wanted output: output_shape, or input times stride for auto_pad SAME. A larger one gets more output padding.
function fitted(node: ImportNode, x: Value, window: Window, outputPads: readonly number[]): { pads: number[]; more: readonly number[] } {
  const auto = node.string('auto_pad', 'NOTSET');
  const same = auto === 'SAME_UPPER' || auto === 'SAME_LOWER';
  const wanted = node.ints('output_shape');
  if (!wanted && !same) return { pads: window.pads, more: outputPads };
  const rank = node.rank(x);
  const spatial = node.knownShape(x, 'output_shape').slice(2);
  const size = rank === 3 ? [1, ...spatial] : spatial;
  const target = wanted?.slice(-(rank - 2)) ?? spatial.map((n, i) => n * window.strides[i + 4 - rank]);
  const out = rank === 3 ? [1, ...target] : target;
  const excess = out.map(
    (n, i) => window.strides[i] * (size[i] - 1) + outputPads[i] + (window.kernel[i] - 1) * window.dilations[i] + 1 - n,
  );
  const [begin, end] = sharedOut(
    excess.map((n) => Math.max(0, n)),
    auto !== 'SAME_LOWER',
  );
  return { pads: [...begin, ...end], more: outputPads.map((n, i) => n + Math.max(0, -excess[i])) };
}

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
      const dilated = dilations?.some((n) => n !== 1) ? { dilations: { ints: dilations } } : {};
      const y = node.emit(type, [node.in(node.node.inputs[0], toFirst)], {
        ...{ kernel_shape: { ints: kernel }, strides: { ints: strides }, pads: { ints: pads } },
        ...(ceil ? { ceil_mode: { i: 1 } } : {}),
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
  widened(conv),
  widened(convTranspose),
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
