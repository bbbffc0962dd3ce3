/** Shapes, slices, gathers: what moves elements. */
import type { NodeParams, Value } from '../../graph/graph.js';
import { throughTranspose } from '../../graph/layout.js';
import type { ParamValue } from '../../op.js';
import * as ops from '../../ops/index.js';
import { type Dtype, isReal, type Shape } from '../../shape.js';
import type { Attributes, ExportNode } from '../exportNode.js';
import type { ImportNode } from '../importNode.js';
import type { Operator } from '../operator.js';

const identity: Operator = { type: 'Identity', import: (node) => node.input(0) };

const constant: Operator = {
  type: 'Constant',
  import(node) {
    const tensor = node.tensor('value');
    if (tensor) return node.folder.constant(tensor, node.name);
    if (node.has('value_float')) return node.scalar(node.float('value_float', 0));
    if (node.has('value_int')) return node.scalar(node.int('value_int', 0), 'int64');
    const floats = node.floats('value_floats');
    if (floats) return node.constant(floats, [floats.length], 'float32');
    const ints = node.ints('value_ints');
    if (ints) return node.constant(ints, [ints.length], 'int64');
    return node.refuse('only tensors, numbers and lists of numbers are supported as constants');
  },
};

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
  const target = node.add(ops.concat as never, [product, node.constant([-1], [1], 'int64')], { axis: 0 });
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

const concat: Operator = {
  type: 'Concat',
  import: (node) => node.add(ops.concat as never, node.inputs(), { axis: node.int('axis', 1) }),
  op: ops.concat as never,
  export: (node) => node.elementwise('Concat', { axis: { i: Number(node.layoutParams().axis) } }),
};

// Infinite bounds of a slice, as numbers that an attribute can hold.
const farEnd = 2 ** 31 - 1;
const bounded = (list: readonly number[]) => list.map((n) => Math.min(Math.max(n, -farEnd), farEnd));

const slice: Operator = {
  type: 'Slice',
  import(node) {
    const x = node.input(0);
    if (node.opset < 10) {
      const starts = node.ints('starts') ?? node.refuse('starts are missing');
      const ends = node.ints('ends') ?? node.refuse('ends are missing');
      return node.add(ops.slice, [x], { starts, ends, axes: node.ints('axes') ?? starts.map((_, i) => i) });
    }
    const params: NodeParams = { starts: node.input(1), ends: node.input(2) };
    const [axes, steps] = [node.optional(3), node.optional(4)];
    if (axes) params.axes = axes;
    if (steps) params.steps = steps;
    return node.add(ops.slice, [x], params);
  },
  op: ops.slice,
  export(node) {
    if (node.opset < 10) {
      const { starts, ends, axes, steps } = node.fixedParams() as Record<string, number[]>;
      if (steps.some((step) => step !== 1)) node.refuse(`steps are [${steps}], which opset ${node.opset} cannot express`);
      const attributes = { starts: { ints: bounded(starts) }, ends: { ints: bounded(ends) } };
      return node.first('Slice', axes.length ? { ...attributes, axes: { ints: axes } } : attributes);
    }
    const { starts, ends, axes, steps } = node.layoutParams();
    // An empty list stands for the first axes and for steps of 1, as an input that is left out does.
    const given = (list: ParamValue | Value) => (Array.isArray(list) && !list.length ? '' : node.parameter(list));
    node.first('Slice', {}, [node.parameter(starts), node.parameter(ends), given(axes), given(steps)]);
  },
};

const split: Operator = {
  type: 'Split',
  import(node) {
    const x = node.input(0);
    const axis = node.axis(node.int('axis', 0), node.rank(x));
    const parts = node.proto.output.length;
    const given = node.opset >= 13 ? node.optional(1) : undefined;
    if (given && !node.known(given)) return splitAt(node, x, axis, given);
    const sizes = node.listSince(13, 'split', 1);
    const count = sizes?.length ?? node.int('num_outputs', parts);
    if (count !== parts) node.refuse(`it splits into ${count} parts and has ${parts} outputs`);
    let start = 0;
    return (sizes ?? equalParts(node, x, axis, parts)).map((size) => {
      start += size;
      return node.add(ops.slice, [x], { starts: [start - size], ends: [start], axes: [axis] });
    });
  },
};

// Sizes that are read when the model runs: part i ends where their running sum says.
function splitAt(node: ImportNode, x: Value, axis: number, sizes: Value): Value[] {
  const sums = (exclusive: boolean) => node.add(ops.cumSum, [sizes], { axis: 0, exclusive });
  const [starts, ends] = [sums(true), sums(false)];
  return node.proto.output.map((_, i) => {
    const [from, to] = [starts, ends].map((list) => node.add(ops.slice, [list], { starts: [i], ends: [i + 1] }));
    return node.add(ops.slice, [x], { starts: from, ends: to, axes: [axis] });
  });
}

function equalParts(node: ImportNode, x: Value, axis: number, parts: number): number[] {
  const length = node.shape(x)![axis];
  if (Number.isNaN(length)) return node.refuse(`dimension ${axis} has to be known to split it`);
  const size = Math.ceil(length / parts);
  if (node.opset < 18 && size * parts !== length) node.refuse(`${length} does not divide into ${parts} equal parts`);
  return Array.from({ length: parts }, (_, i) => Math.max(0, Math.min(size, length - i * size)));
}

const gathers: readonly Operator[] = [
  {
    type: 'Gather',
    import: (node) => node.add(ops.gather, [node.input(0), node.input(1)], { axis: node.int('axis', 0) }),
    op: ops.gather,
    export: (node) => node.plain('Gather', { axis: { i: Number(node.params.axis) } }),
  },
  {
    type: 'GatherElements',
    import: (node) => node.add(ops.gatherElements, [node.input(0), node.input(1)], { axis: node.int('axis', 0) }),
    op: ops.gatherElements,
    export: (node) => node.plain('GatherElements', { axis: { i: Number(node.params.axis) } }),
  },
  {
    type: 'GatherND',
    import: (node) => node.add(ops.gatherND, [node.input(0), node.input(1)], { batchDims: node.int('batch_dims', 0) }),
    op: ops.gatherND,
    export(node) {
      const dims = Number(node.params.batchDims);
      if (dims) node.since(12, 'batch_dims');
      node.plain('GatherND', dims ? { batch_dims: { i: dims } } : {});
    },
  },
];

// Scatter is what ScatterElements was called before opset 11.
function writeScatter(node: ExportNode, type: string, attributes: Attributes): void {
  const reduction = node.params.reduction as string;
  const since = reduction === 'none' ? 9 : reduction === 'add' || reduction === 'mul' ? 16 : 18;
  if (node.opset < since) node.refuse(`reduction ${reduction} needs opset ${since}, not ${node.opset}`);
  node.plain(type, { ...attributes, ...(reduction === 'none' ? {} : { reduction: { s: reduction } }) });
}

function readScatter(node: ImportNode): Value {
  const params = { axis: node.int('axis', 0), reduction: node.string('reduction', 'none') };
  return node.add(ops.scatterElements, [node.input(0), node.input(1), node.input(2)], params);
}

const scatters: readonly Operator[] = [
  { type: 'Scatter', import: readScatter },
  {
    type: 'ScatterElements',
    import: readScatter,
    op: ops.scatterElements,
    export: (node) => writeScatter(node, node.opset < 11 ? 'Scatter' : 'ScatterElements', { axis: { i: Number(node.params.axis) } }),
  },
  {
    type: 'ScatterND',
    import: (node) =>
      node.add(ops.scatterND, [node.input(0), node.input(1), node.input(2)], { reduction: node.string('reduction', 'none') }),
    op: ops.scatterND,
    export(node) {
      if (node.opset < 11) node.refuse(`it needs opset 11, not ${node.opset}`);
      writeScatter(node, 'ScatterND', {});
    },
  },
];

const pad: Operator = {
  type: 'Pad',
  import(node) {
    const x = node.input(0);
    const mode = node.string('mode', 'constant');
    if (node.opset < 11) {
      const pads = node.ints('pads') ?? node.refuse('pads are missing');
      return node.add(ops.pad, [x], { pads, mode, value: node.float('value', 0) });
    }
    const axes = node.numbers(3, 'axes');
    const pads: readonly number[] | Value = axes ? spread(node, node.requiredNumbers(1, 'pads'), axes, node.rank(x)) : node.input(1);
    return node.add(ops.pad, [x], { pads, mode, value: node.optional(2) ?? 0 });
  },
  op: ops.pad,
  export(node) {
    if (node.params.mode === 'wrap') node.since(19, 'mode wrap');
    if (node.opset < 11) {
      const { pads, mode, value } = node.fixedParams() as { pads: number[]; mode: string; value: number };
      return node.first('Pad', { mode: { s: mode }, pads: { ints: pads }, value: { f: value } });
    }
    const { pads, mode, value } = node.layoutParams();
    node.first('Pad', { mode: { s: mode as string } }, [
      node.parameter(pads),
      mode === 'constant' ? node.parameter(value, node.dtype()) : '',
    ]);
  },
};

// Pads for some axes as pads for all of them.
function spread(node: ImportNode, pads: number[], axes: number[], rank: number): number[] {
  if (pads.length !== 2 * axes.length) node.refuse(`pads has ${pads.length} numbers for ${axes.length} axes`);
  const all = Array<number>(2 * rank).fill(0);
  for (const [i, axis] of axes.entries()) {
    all[node.axis(axis, rank)] = pads[i];
    all[node.axis(axis, rank) + rank] = pads[i + axes.length];
  }
  return all;
}

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

const shape: Operator = {
  type: 'Shape',
  import: (node) =>
    node.add(ops.shape, [node.input(0)], { start: node.int('start', 0), ...(node.has('end') ? { end: node.int('end', 0) } : {}) }),
  op: ops.shape,
  export(node) {
    // Written for opset 13 as well, where it has no start and end.
    const { start, end } = { ...ops.shape.params, ...node.params } as { start: number; end: number };
    const whole = node.emit('Shape', [node.in(node.node.inputs[0])]);
    if (start === 0 && end === ops.shape.params.end) return node.done(whole);
    const [starts, ends] = [bounded([start]), bounded([end])];
    if (node.opset < 10) node.done(node.emit('Slice', [whole], { starts: { ints: starts }, ends: { ints: ends } }));
    else node.done(node.emit('Slice', [whole, node.ints(starts), node.ints(ends)]));
  },
};

const size: Operator = {
  type: 'Size',
  import: (node) => node.add(ops.reduceProd, [node.add(ops.shape, [node.input(0)])], { axes: [0], keepDims: false }),
};

const constantOfShape: Operator = {
  type: 'ConstantOfShape',
  import(node) {
    const tensor = node.tensor('value');
    const dtype: Dtype = tensor?.dtype ?? 'float32';
    const value = tensor ? tensor.toNumbers()[0] : 0;
    tensor?.dispose();
    return node.add(ops.fill, [], { shape: node.input(0), value, dtype });
  },
  op: ops.fill,
  export(node) {
    const { shape: target, value, dtype } = node.params;
    const one = { dtype: dtype as Dtype, shape: [1], values: [value as number] };
    node.done(node.emit('ConstantOfShape', [node.parameter(target)], { value: { t: one } }));
  },
};

const range: Operator = {
  type: 'Range',
  import(node) {
    const dtype = node.dtype(node.input(0));
    return node.add(ops.range, [], { start: node.input(0), limit: node.input(1), delta: node.input(2), dtype });
  },
  op: ops.range,
  export(node) {
    const { start, limit, delta, dtype } = node.params;
    node.done(
      node.emit(
        'Range',
        [start, limit, delta].map((param) => node.parameter(param, dtype as Dtype)),
      ),
    );
  },
};

const trilu: Operator = {
  type: 'Trilu',
  import: (node) => node.add(ops.trilu, [node.input(0)], { upper: node.flag('upper', true), k: node.optional(1) ?? 0 }),
  op: ops.trilu,
  export: (node) => node.plain('Trilu', { upper: { i: node.params.upper ? 1 : 0 } }, [node.parameter(node.params.k, 'int64')]),
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

const dropout: Operator = {
  type: 'Dropout',
  import(node) {
    const x = node.input(0);
    const training = node.opset >= 12 && node.numbers(2, 'training_mode')?.[0];
    if (training && (node.numbers(1, 'ratio')?.[0] ?? 0.5) > 0) {
      node.refuse('it is exported in training mode; export the model for inference');
    }
    if (!node.wants(1)) return x;
    const ones = node.add(ops.fill, [], {
      shape: node.add(ops.shape, [x]),
      value: 1,
      dtype: isReal(node.dtype(x)) && node.opset < 10 ? node.dtype(x) : 'boolean',
    });
    return [x, ones];
  },
};

export const layout: readonly Operator[] = [
  identity,
  constant,
  reshape,
  flatten,
  squeeze,
  unsqueeze,
  transpose,
  concat,
  slice,
  split,
  ...gathers,
  ...scatters,
  pad,
  expand,
  tile,
  shape,
  size,
  constantOfShape,
  range,
  trilu,
  depthToSpace,
  spaceToDepth,
  dropout,
];
