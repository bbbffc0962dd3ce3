/** Parts of tensors, tensors put together, margins. */
import type { NodeParams, Value } from '../../graph/graph.js';
import type { ParamValue } from '../../op.js';
import * as ops from '../../ops/index.js';
import type { ExportNode } from '../exportNode.js';
import type { Attributes } from '../fileGraph.js';
import type { ImportNode } from '../importNode.js';
import type { Operator } from '../operator.js';

const concat: Operator = {
  type: 'Concat',
  import: (node) => node.add(ops.concat, node.inputs(), { axis: node.int('axis', 1) }),
  op: ops.concat,
  export: (node) => node.elementwise('Concat', { axis: { i: Number(node.layoutParams().axis) } }),
};

// Infinite bounds of a slice, as numbers that an attribute can hold.
const farEnd = 2 ** 31 - 1;

/** Bounds of a slice as every reader takes them: an open end is the largest int32. */
export const bounded = (list: readonly number[]) => list.map((n) => Math.min(Math.max(n, -farEnd), farEnd));

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

export const slicing: readonly Operator[] = [concat, slice, split, ...gathers, ...scatters, pad];
