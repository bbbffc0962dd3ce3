/** Tensors made from the positions of their elements: 0, 1, ... along an axis, compared with what is wanted there. */
import type { Value } from '../../graph/graph.js';
import * as ops from '../../ops/index.js';
import { isReal } from '../../shape.js';
import type { ImportNode } from '../importNode.js';
import type { Operator } from '../operator.js';
import { dataTypeName, dtypeOf } from '../tensors.js';

// 0, 1, ... up to before the limit, standing along the first axis of `behind` + 1.
function counting(node: ImportNode, limit: number | Value, behind: number): Value {
  const line = node.add(ops.range, [], { limit, dtype: 'int64' });
  return behind ? node.add(ops.reshape, [line], { shape: [-1, ...Array(behind).fill(1)] }) : line;
}

/** The position of each element of x along an axis, int64; broadcasts to the shape of x. */
export function positions(node: ImportNode, x: Value, axis: number): Value {
  return counting(node, sizeAlong(node, x, axis), node.rank(x) - axis - 1);
}

// Read when the model runs, where it is not known.
function sizeAlong(node: ImportNode, x: Value, axis: number): number | Value {
  const n = node.shape(x)?.[axis] ?? Number.NaN;
  return Number.isNaN(n) ? node.add(ops.gather, [node.add(ops.shape, [x]), node.scalar(axis, 'int64')]) : n;
}

/** A number of any type, maybe in a list of one, as an int64 scalar. */
function integerOf(node: ImportNode, value: Value): Value {
  const integer = node.cast(value, 'int64');
  return node.rank(value) === 0 ? integer : node.reshaped(integer, []);
}

// An index may be negative to count from the back; one outside the depth is on nowhere.
const oneHot: Operator = {
  type: 'OneHot',
  import(node) {
    const [indices, values] = [node.input(0), node.input(2)];
    const depth = integerOf(node, node.input(1));
    const rank = node.rank(indices);
    const axis = node.axis(node.int('axis', -1), rank + 1);
    const whole = isReal(node.dtype(indices)) ? node.cast(indices, 'int64') : indices;
    const places = node.add(ops.cast, [counting(node, depth, rank - axis)], { dtype: node.dtype(whole) });
    const spread = node.reshaped(
      whole,
      Array.from({ length: rank + 1 }, (_, i) => (i === axis ? 1 : { of: whole, axis: i < axis ? i : i - 1 })),
    );
    const fromFront = node.add(ops.equal, [spread, places]);
    const fromBack = node.add(ops.equal, [spread, node.add(ops.sub, [places, node.cast(depth, node.dtype(whole))])]);
    const on = node.dtype(whole).startsWith('uint') ? fromFront : node.add(ops.or, [fromFront, fromBack]);
    const [off, hot] = [0, 1].map((i) => node.add(ops.gather, [values, node.scalar(i, 'int64')]));
    return node.add(ops.where, [on, hot, off]);
  },
};

// y[i, i + k] = 1
const eyeLike: Operator = {
  type: 'EyeLike',
  import(node) {
    const x = node.input(0);
    if (node.rank(x) !== 2) node.refuse(`the input has ${node.rank(x)} dimensions, not the 2 of a matrix`);
    const to = node.int('dtype', 0);
    const dtype = to ? (dtypeOf(to) ?? node.refuse(`element type ${dataTypeName(to)} is not supported`)) : node.dtype(x);
    const shifted = node.add(ops.add, [positions(node, x, 0), node.scalar(node.int('k', 0), 'int64')]);
    return node.add(ops.cast, [node.add(ops.equal, [shifted, positions(node, x, 1)])], { dtype });
  },
};

// The first lengths[b] steps of sequence b backwards: step t < length comes from length - 1 - t, the others stay.
const reverseSequence: Operator = {
  type: 'ReverseSequence',
  import(node) {
    const x = node.input(0);
    const [batch, time] = [node.int('batch_axis', 1), node.int('time_axis', 0)];
    if (batch + time !== 1 || batch * time) node.refuse(`batch_axis is ${batch} and time_axis ${time}, they have to be 0 and 1`);
    const rank = node.rank(x);
    if (rank < 2) node.refuse(`the input has ${rank} dimension${rank === 1 ? '' : 's'}, it has to have a batch and a time`);
    const perm = Array.from({ length: rank }, (_, axis) => (axis < 2 ? [batch, time][axis] : axis));
    const turned = (value: Value) => (batch ? node.add(ops.transpose, [value], { perm }) : value);
    const sequences = turned(x);
    const steps = counting(node, sizeAlong(node, x, time), 0);
    const lengths = node.reshaped(node.cast(node.input(1), 'int64'), [-1, 1]);
    const mirrored = node.add(ops.sub, [node.add(ops.sub, [lengths, node.scalar(1, 'int64')]), steps]);
    const from = node.add(ops.where, [node.add(ops.less, [steps, lengths]), mirrored, steps]);
    const tuples = node.reshaped(from, [{ of: sequences, axis: 0 }, { of: sequences, axis: 1 }, 1]);
    return turned(node.add(ops.gatherND, [sequences, tuples], { batchDims: 1 }));
  },
};

export const positional: readonly Operator[] = [oneHot, eyeLike, reverseSequence];
