/** Convolutions and pooling: ONNX has images as (n, c, h, w), our ops as (n, h, w, c), so each gets a transpose on both sides. */
import type { Value } from '../../graph/graph.js';
import { channelsFirst, channelsLast } from '../../graph/layout.js';
import type { AnyOp } from '../../op.js';
import * as ops from '../../ops/index.js';
import type { ExportNode } from '../exportNode.js';
import type { ImportNode } from '../importNode.js';
import type { Operator } from '../operator.js';

const toLast = channelsLast(4);
const toFirst = channelsFirst(4);

/** A sliding window over two dimensions; a sequence is an image of one row. */
interface Window {
  kernel: number[];
  strides: number[];
  dilations: number[];
  /** top, left, bottom, right */
  pads: number[];
}

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

/** The window's attributes; `auto_pad` needs the image's size. */
function windowOf(node: ImportNode, x: Value, kernelShape: readonly number[]): Window {
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
  const row = dims === 1;
  return {
    kernel: row ? [1, ...kernel] : kernel,
    strides: row ? [1, ...strides] : strides,
    dilations: row ? [1, ...dilations] : dilations,
    pads: row ? [0, begin[0], 0, end[0]] : [...begin, ...end],
  };
}

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

// An odd pixel of padding goes to the end (upper) or to the beginning.
function sharedOut(total: readonly number[], upper: boolean): [number[], number[]] {
  const less = total.map((n) => Math.floor(n / 2));
  const more = total.map((n, i) => n - less[i]);
  return upper ? [less, more] : [more, less];
}

const conv: Operator = {
  type: 'Conv',
  import(node) {
    const x = node.input(0);
    const w = node.input(1);
    const rank = node.rank(x);
    if (node.rank(w) !== rank) node.refuse(`the weight has ${node.rank(w)} dimensions, the input ${rank}`);
    const shape = node.shape(w)!;
    const { strides, dilations, pads } = windowOf(node, x, shape.slice(2));
    const weight = node.transposed(rank === 3 ? addRow(node, w) : w, toLast);
    const y = node.add(ops.conv2d, [imageOf(node, x), weight, node.optional(2) ?? node.zeros([shape[0]])], {
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
    const window = windowOf(node, x, shape.slice(2));
    const dims = rank - 2;
    const extra = node.ints('output_padding') ?? Array<number>(dims).fill(0);
    if (extra.length !== dims) node.refuse(`output_padding has ${extra.length} numbers for ${dims} spatial dimensions`);
    const outputPads = row ? [0, ...extra] : extra;
    if (row) w = addRow(node, w);
    const pads = transposePads(node, x, window, outputPads) ?? window.pads;
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
    const y = node.add(ops.convTranspose2d, [imageOf(node, x), weight, node.optional(2) ?? node.zeros([out])], {
      ...{ strides: window.strides, dilations: window.dilations, pads, outputPads, groups },
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

// The pads that give the wanted output: output_shape, or input times stride for auto_pad SAME.
function transposePads(node: ImportNode, x: Value, window: Window, outputPads: readonly number[]): number[] | undefined {
  const auto = node.string('auto_pad', 'NOTSET');
  const same = auto === 'SAME_UPPER' || auto === 'SAME_LOWER';
  const wanted = node.ints('output_shape');
  if (!wanted && !same) return undefined;
  const rank = node.rank(x);
  const spatial = node.knownShape(x, 'output_shape').slice(2);
  const size = rank === 3 ? [1, ...spatial] : spatial;
  const target = wanted?.slice(-(rank - 2)) ?? spatial.map((n, i) => n * window.strides[i + 4 - rank]);
  const out = rank === 3 ? [1, ...target] : target;
  const total = out.map((n, i) =>
    Math.max(0, window.strides[i] * (size[i] - 1) + outputPads[i] + (window.kernel[i] - 1) * window.dilations[i] + 1 - n),
  );
  const [begin, end] = sharedOut(total, auto !== 'SAME_LOWER');
  return [...begin, ...end];
}

function pool(type: string, op: AnyOp, more: (node: ImportNode) => object, attributes: (node: ExportNode) => object): Operator {
  return {
    type,
    import(node) {
      const x = node.input(0);
      const kernel = node.ints('kernel_shape') ?? node.refuse('kernel_shape is missing');
      const y = node.add(op, [imageOf(node, x)], { ...windowOf(node, x, kernel), ceil: node.flag('ceil_mode'), ...more(node) });
      return imageTo(node, y, node.rank(x));
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
    const shape = node.knownChannels(x);
    const square = node.reshaped(node.add(ops.mul, [x, x]), [-1, shape[1], shape.slice(2).reduce((a, b) => a * b, 1), 1]);
    const before = Math.floor((size - 1) / 2);
    const mean = node.add(ops.averagePool2d, [square], {
      ...{ kernel: [size, 1], pads: [before, 0, size - 1 - before, 0], countIncludePad: true },
    });
    const scaled = node.add(ops.mul, [node.reshaped(mean, [-1, ...shape.slice(1)]), node.scalar(node.float('alpha', 1e-4))]);
    const base = node.add(ops.add, [scaled, node.scalar(node.float('bias', 1))]);
    return node.add(ops.div, [x, node.add(ops.pow, [base, node.scalar(node.float('beta', 0.75))])]);
  },
};

export const spatial: readonly Operator[] = [
  conv,
  convTranspose,
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
