/** Sums, means, extremes and their positions. */
import { isValue, type Value } from '../../graph/graph.js';
import type { AnyOp } from '../../op.js';
import * as ops from '../../ops/index.js';
import type { ExportNode } from '../exportNode.js';
import type { ImportNode } from '../importNode.js';
import type { Operator } from '../operator.js';

type Step = (node: ImportNode, value: Value) => Value;
const same: Step = (_node, value) => value;
const by =
  (op: AnyOp): Step =>
  (node, value) =>
    node.add(op, [value]);
const square: Step = (node, value) => node.add(ops.mul, [value, value]);

// The list of axes is an input since opset 13 (ReduceSum) or 18 (the others).
function axesOf(node: ImportNode, since: number): number[] | Value | undefined {
  const axes = node.opset >= since ? node.optional(1) : undefined;
  const list = axes ? node.known(axes) : node.ints('axes');
  if (list?.length) return list;
  // Axes that are read when the model runs: how many tells whether there are any.
  const count = axes && !list ? node.shape(axes)?.[0] : 0;
  if (count === undefined || Number.isNaN(count)) return node.refuse('axes are computed while the model runs, and how many is not known');
  if (axes && count > 0) return axes;
  if (node.flag('noop_with_empty_axes')) return undefined;
  return Array.from({ length: node.rank(node.input(0)) }, (_, i) => i);
}

function reducing(type: string, op: AnyOp, before: Step = same, after: Step = same, since = 18): Operator {
  return {
    type,
    import(node) {
      const axes = axesOf(node, since);
      const x = before(node, node.input(0));
      // Over no axes each element is a sum of its own.
      return after(node, axes ? reduced(node, op, x, axes) : x);
    },
    ...(before === same && after === same ? { op, export: (node: ExportNode) => writeReduce(node, type, since) } : {}),
  };
}

function reduced(node: ImportNode, op: AnyOp, x: Value, axes: number[] | Value): Value {
  const params = { axes, keepDims: node.flag('keepdims', true) };
  if (node.folder.type(x)?.dtype !== 'boolean') return node.add(op, [x], params);
  // True is larger than false (since opset 20).
  const bits = node.add(ops.cast, [x], { dtype: 'uint8' });
  return node.add(ops.cast, [node.add(op, [bits], params)], { dtype: 'boolean' });
}

function writeReduce(node: ExportNode, type: string, since: number): void {
  const keepdims = { i: node.params.keepDims ? 1 : 0 };
  const { axes } = node.opset >= since ? node.layoutParams() : node.fixedParams();
  if (Array.isArray(axes) && !axes.length) node.done(node.stored(0), node.perm);
  else if (node.opset >= since) node.first(type, { keepdims }, [node.parameter(axes)]);
  else node.first(type, { keepdims, axes: { ints: axes as number[] } });
}

// log Σ exp(x) by way of the largest element, so that nothing overflows.
const logSumExp: Operator = {
  type: 'ReduceLogSumExp',
  import(node) {
    const x = node.input(0);
    const axes = axesOf(node, 18);
    if (!axes) return x;
    const most = node.add(ops.reduceMax, [x], { axes, keepDims: true });
    const sum = node.add(ops.reduceSum, [node.add(ops.exp, [node.add(ops.sub, [x, most])])], { axes, keepDims: true });
    const result = node.add(ops.add, [node.add(ops.log, [sum]), most]);
    return node.flag('keepdims', true) ? result : node.add(ops.reduceSum, [result], { axes, keepDims: false });
  },
};

function arg(type: string, op: AnyOp): Operator {
  return {
    type,
    import: (node) =>
      node.add(op, [node.input(0)], {
        axis: node.int('axis', 0),
        keepDims: node.flag('keepdims', true),
        selectLast: node.flag('select_last_index'),
      }),
    op,
    export(node) {
      const { axis, keepDims, selectLast } = node.layoutParams();
      if (selectLast) node.since(12, 'the last of several');
      node.first(type, {
        axis: { i: Number(axis) },
        keepdims: { i: keepDims ? 1 : 0 },
        ...(selectLast ? { select_last_index: { i: 1 } } : {}),
      });
    },
  };
}

// A number given as a list of one becomes a number.
function scalar(node: ImportNode, value: Value): number | Value {
  return node.known(value)?.[0] ?? (node.rank(value) === 0 ? value : node.reshaped(value, []));
}

// Values and positions; k is an attribute before opset 10.
const topK: Operator = {
  type: 'TopK',
  import(node) {
    const x = node.input(0);
    const axis = node.int('axis', -1);
    if (node.opset < 10 && !node.has('k')) node.refuse('k is missing');
    const k = node.opset < 10 ? node.int('k', 0) : scalar(node, node.input(1));
    const at = node.add(ops.topK, [x], { k, axis, largest: node.flag('largest', true) });
    return [node.add(ops.gatherElements, [x, at], { axis }), at];
  },
  op: ops.topK,
  export(node) {
    const { k, axis, largest } = node.layoutParams();
    if (!largest && node.opset < 11) node.refuse(`the smallest elements need opset 11, not ${node.opset}`);
    const attributes = { axis: { i: Number(axis) }, ...(largest ? {} : { largest: { i: 0 } }) };
    const x = node.stored(0);
    const values = [node.file.uniqueName(`${node.node.output.name}.values`)];
    if (node.opset < 10) {
      return node.done(node.emit('TopK', [x], { ...attributes, k: { i: Number(node.fixedParams().k) } }, values), node.perm);
    }
    const count = isValue(k) ? node.emit('Reshape', [node.in(k), node.ints([1])]) : node.ints([Number(k)]);
    node.done(node.emit('TopK', [x, count], attributes, values), node.perm);
  },
};

export const reduce: readonly Operator[] = [
  reducing('ReduceSum', ops.reduceSum, same, same, 13),
  reducing('ReduceMean', ops.reduceMean),
  reducing('ReduceMax', ops.reduceMax),
  reducing('ReduceMin', ops.reduceMin),
  reducing('ReduceProd', ops.reduceProd),
  reducing('ReduceL1', ops.reduceSum, by(ops.abs)),
  reducing('ReduceL2', ops.reduceSum, square, by(ops.sqrt)),
  reducing('ReduceSumSquare', ops.reduceSum, square),
  reducing('ReduceLogSum', ops.reduceSum, same, by(ops.log)),
  logSumExp,
  arg('ArgMax', ops.argMax),
  arg('ArgMin', ops.argMin),
  topK,
  {
    type: 'CumSum',
    import: (node) =>
      node.add(ops.cumSum, [node.input(0)], {
        axis: scalar(node, node.input(1)),
        exclusive: node.flag('exclusive'),
        reverse: node.flag('reverse'),
      }),
    op: ops.cumSum,
    export(node) {
      const { axis, exclusive, reverse } = node.params;
      node.plain('CumSum', { exclusive: { i: exclusive ? 1 : 0 }, reverse: { i: reverse ? 1 : 0 } }, [node.parameter(axis)]);
    },
  },
];
