/** Products with weights, and normalizations. */
import type { Value } from '../../graph/graph.js';
import type { AnyOp } from '../../op.js';
import * as ops from '../../ops/index.js';
import { type Dtype, sizeOf } from '../../shape.js';
import type { ImportNode } from '../importNode.js';
import type { Operator } from '../operator.js';
import { positions } from './positions.js';
import { flattened } from './reshaping.js';
import { widened } from './widened.js';

const swap = [1, 0];

/** Weights worth keeping packed: constants, and what is made of their codes alone. */
function isWeight(node: ImportNode, value: Value): boolean {
  if (node.constantOf(value)) return true;
  const maker = value.producer;
  return maker !== undefined && unfolded.includes(maker.op) && isWeight(node, maker.inputs[0]);
}

const unfolded: readonly AnyOp[] = [ops.dequantize, ops.reshape, ops.transpose, ops.unpackLevels];

const isWide = (dtype: Dtype) => dtype === 'float32' || dtype === 'float64';

/** A number for each of n columns, of what is added to a product: undefined where it differs between rows. */
function biasOf(node: ImportNode, c: Value | undefined, n: number, dtype: Dtype): Value | undefined {
  if (Number.isNaN(n)) return undefined;
  if (!c) return node.zeros([n], dtype);
  const shape = node.shape(c);
  if (!shape || shape.slice(0, -1).some((size) => size !== 1)) return undefined;
  if (shape.at(-1) === n) return shape.length === 1 ? c : node.reshaped(c, [n]);
  return sizeOf(shape) === 1 ? node.add(ops.expand, [node.reshaped(c, [1])], { shape: [n] }) : undefined;
}

const gemm: Operator = {
  type: 'Gemm',
  import(node) {
    const [a, b] = [node.input(0), node.input(1)];
    const c = node.optional(2);
    const alpha = node.float('alpha', 1);
    const beta = node.float('beta', 1);
    const dtype = node.dtype(a);
    const times = (value: Value, factor: number) => (factor === 1 ? value : node.add(ops.mul, [value, node.scalar(factor, dtype)]));
    const left = node.flag('transA') ? node.transposed(a, swap) : a;
    const [columns, rows] = node.flag('transB') ? [() => node.transposed(b, swap), () => b] : [() => b, () => node.transposed(b, swap)];
    const n = node.shape(b)?.[node.flag('transB') ? 0 : 1] ?? Number.NaN;
    const bias = biasOf(node, c && times(c, beta), n, dtype);
    if (bias && isWide(dtype) && (alpha === 1 || node.constantOf(b))) return node.add(ops.gemm, [left, times(rows(), alpha), bias]);
    const product = times(node.add(ops.matmul, [left, columns()]), alpha);
    return c ? node.add(ops.add, [product, times(c, beta)]) : product;
  },
  op: ops.gemm,
  export(node) {
    const [a, b, bias] = node.node.inputs;
    if (node.rank(a) === 2) {
      const inputs = [node.in(a), node.in(b)];
      if (!node.isZero(2) || node.opset < 11) inputs.push(node.in(bias));
      return node.done(node.emit('Gemm', inputs, { transB: { i: 1 } }));
    }
    const product = node.emit('MatMul', [node.in(a), node.in(b, swap)]);
    node.done(node.isZero(2) ? product : node.emit('Add', [product, node.in(bias)]));
  },
};

/** A weight as a matrix, dimensions of 1 before it left out. */
function flatWeight(node: ImportNode, b: Value): Value | undefined {
  const shape = isWeight(node, b) ? node.shape(b) : undefined;
  if (!shape || shape.length < 2 || shape.slice(0, -2).some((size) => size !== 1)) return undefined;
  return shape.length === 2 ? b : node.constantOf(b) && node.reshaped(b, shape.slice(-2));
}

/** The last two axes change places. */
export function lastTurned(node: ImportNode, x: Value): Value {
  const rank = node.rank(x);
  const perm = Array.from({ length: rank }, (_, i) => i);
  return rank < 2 ? x : node.transposed(x, [...perm.slice(0, -2), rank - 1, rank - 2]);
}

const matmul: Operator = {
  type: 'MatMul',
  import(node) {
    const [a, b] = [node.input(0), node.input(1)];
    const dtype = node.dtype(a);
    const ranks = [a, b].map((value) => node.shape(value)?.length ?? 0);
    const linear = (x: Value, rows: Value) => node.add(ops.gemm, [x, rows, node.zeros([node.shape(rows)![0]], dtype)]);
    const weight = flatWeight(node, b);
    if (weight && isWide(dtype) && ranks[0] >= Math.max(2, ranks[1])) return linear(a, node.transposed(weight, swap));
    // W·x = (xᵀ·Wᵀ)ᵀ
    if (isWeight(node, a) && ranks[0] === 2 && ranks[1] >= 2 && isWide(dtype)) return lastTurned(node, linear(lastTurned(node, b), a));
    return node.add(ops.matmul, [a, b]);
  },
  op: ops.matmul,
  export: (node) => node.plain('MatMul'),
};

const batchNorm: Operator = {
  type: 'BatchNormalization',
  import(node) {
    const [x, scale, bias, mean, variance] = [0, 1, 2, 3, 4].map((i) => node.input(i));
    const epsilon = node.float('epsilon', 1e-5);
    if (!node.flag('training_mode')) return node.add(ops.batchNorm, [x, scale, bias, mean, variance], { axis: 1, epsilon });
    // Statistics of the batch; running ones are momentum·old + (1 − momentum)·batch.
    const axes = Array.from({ length: node.rank(x) }, (_, i) => i).filter((i) => i !== 1);
    const channels = (value: Value) => node.reshaped(value, [-1]);
    const center = node.add(ops.reduceMean, [x], { axes, keepDims: true });
    const apart = node.add(ops.sub, [x, center]);
    const spread = node.add(ops.reduceMean, [node.add(ops.mul, [apart, apart])], { axes, keepDims: true });
    const [batchMean, batchVariance] = [channels(center), channels(spread)];
    const momentum = node.float('momentum', 0.9);
    const mixed = (old: Value, batch: Value) =>
      node.add(ops.add, [node.add(ops.mul, [old, node.scalar(momentum)]), node.add(ops.mul, [batch, node.scalar(1 - momentum)])]);
    const y = node.add(ops.batchNorm, [x, scale, bias, batchMean, batchVariance], { axis: 1, epsilon });
    return [y, mixed(mean, batchMean), mixed(variance, batchVariance)];
  },
  op: ops.batchNorm,
  export(node) {
    // ONNX has channels second.
    const rank = node.rank(node.node.inputs[0]);
    if (rank < 2) node.refuse('the format wants a dimension before the channels');
    const axis = Number(node.params.axis);
    const channel = axis < 0 ? axis + rank : axis;
    const others = Array.from({ length: rank }, (_, i) => i).filter((i) => i !== channel);
    const perm = [others[0], channel, ...others.slice(1)];
    const [x, ...statistics] = node.node.inputs;
    node.done(
      node.emit('BatchNormalization', [node.in(x, perm), ...statistics.map((value) => node.in(value))], {
        epsilon: { f: Number(node.params.epsilon) },
      }),
      perm,
    );
  },
};

const layerNorm: Operator = {
  type: 'LayerNormalization',
  import(node) {
    const x = node.input(0);
    const rank = node.rank(x);
    const axis = node.axis(node.int('axis', -1), rank);
    const epsilon = node.float('epsilon', 1e-5);
    const scale = node.input(1);
    const bias = node.optional(2) ?? node.add(ops.sub, [scale, scale]);
    const y = node.add(ops.layerNorm, [x, scale, bias], { axis, epsilon });
    if (!node.wants(1) && !node.wants(2)) return y;
    const axes = Array.from({ length: rank - axis }, (_, i) => axis + i);
    const mean = node.add(ops.reduceMean, [x], { axes, keepDims: true });
    const apart = node.add(ops.sub, [x, mean]);
    const variance = node.add(ops.reduceMean, [node.add(ops.mul, [apart, apart])], { axes, keepDims: true });
    const deviation = node.add(ops.sqrt, [node.add(ops.add, [variance, node.scalar(epsilon, node.dtype(x))])]);
    return [y, mean, node.add(ops.reciprocal, [deviation])];
  },
  op: ops.layerNorm,
  export(node) {
    const inputs = node.node.inputs.map((value) => node.in(value));
    const { axis, epsilon } = node.params as { axis: number; epsilon: number };
    if (node.opset >= 17) return node.done(node.emit('LayerNormalization', inputs, { axis: { i: axis }, epsilon: { f: epsilon } }));
    const rank = node.rank(node.node.inputs[0]);
    const first = axis < 0 ? axis + rank : axis;
    const axes = { axes: { ints: Array.from({ length: rank - first }, (_, i) => first + i) } };
    const [x, scale, bias] = inputs;
    const apart = node.emit('Sub', [x, node.emit('ReduceMean', [x], axes)]);
    const variance = node.emit('ReduceMean', [node.emit('Mul', [apart, apart])], axes);
    const deviation = node.emit('Sqrt', [node.emit('Add', [variance, node.scalar(epsilon, node.dtype())])]);
    node.done(node.emit('Add', [node.emit('Mul', [node.emit('Div', [apart, deviation]), scale]), bias]));
  },
};

/** (x − mean) / sqrt(variance + epsilon) over some axes. */
function standardized(node: ImportNode, x: Value, axes: number[], epsilon: number): Value {
  const apart = node.add(ops.sub, [x, node.add(ops.reduceMean, [x], { axes, keepDims: true })]);
  const variance = node.add(ops.reduceMean, [node.add(ops.mul, [apart, apart])], { axes, keepDims: true });
  return node.add(ops.div, [apart, node.add(ops.sqrt, [node.add(ops.add, [variance, node.scalar(epsilon, node.dtype(x))])])]);
}

// A list over channels as (c, 1, 1 ...), to stand against (n, c, h, w ...).
const overChannels = (node: ImportNode, value: Value, rank: number) => node.reshaped(value, [-1, ...Array<number>(rank - 2).fill(1)]);

function affine(node: ImportNode, x: Value, scale: Value, bias: Value): Value {
  const rank = node.rank(x);
  if (rank < 2) node.refuse(`the input has ${rank} dimensions, and no channels`);
  return node.add(ops.add, [node.add(ops.mul, [x, overChannels(node, scale, rank)]), overChannels(node, bias, rank)]);
}

const instanceNorm: Operator = {
  type: 'InstanceNormalization',
  import(node) {
    const x = node.input(0);
    const axes = Array.from({ length: node.rank(x) - 2 }, (_, i) => i + 2);
    return affine(node, standardized(node, x, axes, node.float('epsilon', 1e-5)), node.input(1), node.input(2));
  },
};

const groupNorm: Operator = {
  type: 'GroupNormalization',
  import(node) {
    const x = node.input(0);
    const groups = node.int('num_groups', 1);
    const shape = node.knownChannels(x);
    const grouped = node.reshaped(x, [-1, groups, (shape[1] / groups) * shape.slice(2).reduce((a, b) => a * b, 1)]);
    const y = node.reshaped(standardized(node, grouped, [2], node.float('epsilon', 1e-5)), [-1, ...shape.slice(1)]);
    // Before opset 21 scale and bias are one number a group.
    const perChannel = (value: Value) =>
      node.opset >= 21 || groups === shape[1]
        ? value
        : node.reshaped(node.add(ops.expand, [node.reshaped(value, [groups, 1])], { shape: [groups, shape[1] / groups] }), [-1]);
    return affine(node, y, perChannel(node.input(1)), perChannel(node.input(2)));
  },
};

const meanVarianceNorm: Operator = {
  type: 'MeanVarianceNormalization',
  import: (node) => standardized(node, node.input(0), node.ints('axes') ?? [0, 2, 3], 1e-9),
};

const lpNorm: Operator = {
  type: 'LpNormalization',
  import(node) {
    const x = node.input(0);
    const axes = [node.int('axis', -1)];
    const first = node.int('p', 2) === 1;
    const sum = node.add(ops.reduceSum, [first ? node.add(ops.abs, [x]) : node.add(ops.mul, [x, x])], { axes, keepDims: true });
    const length = first ? sum : node.add(ops.sqrt, [sum]);
    // Nothing has no direction: it stays 0.
    const [zero, one] = [0, 1].map((value) => node.scalar(value, node.dtype(x)));
    return node.add(ops.div, [x, node.add(ops.where, [node.add(ops.equal, [length, zero]), one, length])]);
  },
};

// f along the axis; before opset 13 everything from the axis on is one dimension.
function alongAxis(node: ImportNode, f: (x: Value, axis: number) => Value): Value {
  const x = node.input(0);
  const rank = node.rank(x);
  if (node.opset >= 13) return f(x, node.axis(node.int('axis', -1), rank));
  const axis = node.axis(node.int('axis', 1), rank);
  if (axis === rank - 1) return f(x, axis);
  const flat = f(flattened(node, x, axis), 1);
  return node.reshaped(
    flat,
    Array.from({ length: rank }, (_, i) => ({ of: x, axis: i })),
  );
}

// 1 at the first of the largest elements along the axis, 0 elsewhere.
const hardmax: Operator = {
  type: 'Hardmax',
  import: (node) =>
    alongAxis(node, (x, axis) => {
      const first = node.add(ops.argMax, [x], { axis });
      return node.add(ops.cast, [node.add(ops.equal, [first, positions(node, x, axis)])], { dtype: node.dtype(x) });
    }),
};

function softmax(type: string, op: AnyOp): Operator {
  return {
    type,
    import: (node) => alongAxis(node, (x, axis) => node.add(op, [x], { axis })),
    op,
    export(node) {
      if (node.opset >= 13) return node.first(type, { axis: { i: Number(node.layoutParams().axis) } });
      // The old form is the same over the last dimension.
      const rank = node.rank(node.node.inputs[0]);
      const axis = (Number(node.params.axis) + rank) % rank;
      const perm = [...Array.from({ length: rank }, (_, i) => i).filter((i) => i !== axis), axis];
      node.done(node.emit(type, [node.in(node.node.inputs[0], perm)], { axis: { i: rank - 1 } }), perm);
    },
  };
}

export const norm: readonly Operator[] = [
  widened(gemm),
  widened(matmul),
  batchNorm,
  layerNorm,
  instanceNorm,
  groupNorm,
  meanVarianceNorm,
  lpNorm,
  softmax('Softmax', ops.softmax),
  softmax('LogSoftmax', ops.logSoftmax),
  hardmax,
];
