/** Elements picked and written by index, of any type. Axes may be negative to count from the back. */
import { fail, shapeText } from '../error.js';
import { type Check, defineOp, type Op, required } from '../op.js';
import { axisIndex, mayEqual, shapesMayEqual, type TensorType } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { alongRows, checkSource, type Numbers, realGradient, wholeNumbers } from './basic.js';
import { equal, where } from './elementwise.js';
import { fill, range, reshape } from './layout.js';

function indexType(indices: TensorType, input: string, check: Check): void {
  check.dtype(indices.dtype === 'int32' || indices.dtype === 'int64', input, indices, 'int32 or int64');
}

// ---- picking by index -----------------------------------------------------------------------------------------------------------

/** Slices of x along an axis, picked by int32 or int64 indices that may be negative; one outside the axis is a fault "data". */
export const gather = defineOp({
  name: 'gather',
  byRows: ([x], { axis }, [fromX, fromIndices]) => fromX !== fromIndices && (axisIndex(axis, x.shape.length) === 0) === fromIndices,
  inputs: ['x', 'indices'],
  params: { axis: 0 },
  infer([x, indices], { axis }, check) {
    indexType(indices, 'indices', check);
    const along = check.axis(axis, 'x', x);
    return { dtype: x.dtype, shape: [...x.shape.slice(0, along), ...indices.shape, ...x.shape.slice(along + 1)] };
  },
  movesElements: true,
  propagate([known, indices], _params, [x, { shape }]) {
    if (!known || !indices || x.shape.length !== 1 || shape.length > 1) return undefined;
    return indices.map((i) => known.at(i) ?? Number.NaN);
  },
  grad: (dy, { inputs: [{ shape }, indices], params: { axis } }) => [() => gatherGrad(dy, indices, { shape, axis }), undefined],
  learns: ['x'],
});

/** For every place of `indices`, the element of x there with the index along the axis replaced by the one in `indices`. */
export const gatherElements: Op<readonly ['x', 'indices'], { axis: number }> = defineOp({
  name: 'gatherElements',
  byRows: (types, params, varying) => !varying.includes(false) && alongRows(types, params),
  inputs: ['x', 'indices'],
  params: { axis: 0 },
  infer([x, indices], { axis }, check) {
    indexType(indices, 'indices', check);
    const along = check.axis(axis, 'x', x);
    const fits = indices.shape.length === x.shape.length && indices.shape.every((n, d) => d === along || !(n > x.shape[d]));
    check.shape(fits, 'indices', indices, `at most ${shapeText(x.shape)} beside axis ${along}`);
    return { dtype: x.dtype, shape: indices.shape };
  },
  grad: (dy, { inputs: [x, indices], params: { axis } }) => [
    () => scatterElements(zeros(x), indices, dy, { axis, reduction: 'add' }),
    undefined,
  ],
});

/** Slices of x picked by tuples of indices: the last axis of `indices`, behind `batchDims` leading axes that both share. */
export const gatherND: Op<readonly ['x', 'indices'], { batchDims: number }> = defineOp({
  name: 'gatherND',
  inputs: ['x', 'indices'],
  params: { batchDims: 0 },
  infer([x, indices], { batchDims }, check) {
    indexType(indices, 'indices', check);
    const most = Math.min(x.shape.length, indices.shape.length) - 1;
    check.param(Number.isInteger(batchDims) && batchDims >= 0 && batchDims <= most, 'batchDims', batchDims, `0 to ${most}`);
    const depth = indices.shape.at(-1) as number;
    check.shape(depth <= x.shape.length - batchDims, 'indices', indices, `a last dimension of 0 to ${x.shape.length - batchDims}`);
    const shared = indices.shape.slice(0, batchDims).every((n, d) => mayEqual(n, x.shape[d]));
    check.shape(shared, 'indices', indices, `the first ${batchDims} dimensions of x, ${shapeText(x.shape)}`);
    return { dtype: x.dtype, shape: [...indices.shape.slice(0, -1), ...x.shape.slice(batchDims + depth)] };
  },
  grad: (dy, { inputs: [{ shape }, indices], params: { batchDims } }) => [() => gatherNDGrad(dy, indices, { shape, batchDims }), undefined],
  learns: ['x'],
});

// ---- writing by index -----------------------------------------------------------------------------------------------------------

/** What an update does with the element in its place; in the order of the indices, also where several go to one place. */
const zeros = ({ shape, dtype, device }: Tensor) => fill({ shape, dtype, device });

const reductions = ['none', 'add', 'mul', 'max', 'min'];

interface ScatterParams {
  reduction: string;
}

/**
 * The gradients of a scatter, given its op and the gather that reads what it writes, both with their parameters filled in. Of updates of one
 * place only the last one counts: each writes its number, and those that find it again have won.
 */
function scatterGradients(
  op: string,
  dy: Tensor,
  [x, indices, updates]: readonly Tensor[],
  reduction: string,
  scatter: (x: Tensor, indices: Tensor, updates: Tensor) => Tensor,
  gather: (x: Tensor, indices: Tensor) => Tensor,
) {
  if (reduction === 'add') return [() => dy, undefined, () => gather(dy, indices)];
  if (reduction !== 'none') fail({ code: 'graph', problem: `${op} has no gradient rule where its reduction is ${reduction}` });
  const won = () => {
    const numbers = reshape(range({ limit: updates.size, dtype: 'int32', device: x.device }), { shape: updates.shape, allowZero: true });
    return equal(gather(scatter(fill({ shape: x.shape, dtype: 'int32', device: x.device }), indices, numbers), indices), numbers);
  };
  return [
    () => scatter(dy, indices, zeros(updates)),
    undefined,
    () => where(won(), gather(dy, indices), fill({ shape: [], dtype: dy.dtype, device: dy.device })),
  ];
}
function updateTypes([x, indices, updates]: readonly TensorType[], reduction: string, check: Check): void {
  indexType(indices, 'indices', check);
  check.dtype(updates.dtype === x.dtype, 'updates', updates, x.dtype, 'x has that type');
  check.dtype(reduction === 'none' || x.dtype !== 'boolean', 'x', x, 'a number type', `reduction is ${reduction}`);
}

/**
 * x with the elements that `gatherElements(x, indices)` would read replaced by `updates`, or their sum, product, larger or smaller one
 * (integers wrap, NaN stays). Indices are int32 or int64, may be negative and may repeat; one outside the axis is a fault "data".
 */
export const scatterElements: Op<readonly ['x', 'indices', 'updates'], ScatterParams & { axis: number }> = defineOp({
  name: 'scatterElements',
  inputs: ['x', 'indices', 'updates'],
  params: { axis: 0, reduction: 'none' },
  choices: { reduction: reductions },
  infer(types, { axis, reduction }, check) {
    const [x, indices, updates] = types;
    updateTypes(types, reduction, check);
    const along = check.axis(axis, 'x', x);
    const fits = indices.shape.length === x.shape.length && indices.shape.every((n, d) => d === along || !(n > x.shape[d]));
    check.shape(fits, 'indices', indices, `at most ${shapeText(x.shape)} beside axis ${along}`);
    check.shape(shapesMayEqual(updates.shape, indices.shape), 'updates', updates, shapeText(indices.shape), 'each index has an update');
    return { dtype: x.dtype, shape: x.shape };
  },
  grad: (dy, { inputs, params: { axis, reduction } }) =>
    scatterGradients(
      'scatterElements',
      dy,
      inputs,
      reduction,
      (x, indices, updates) => scatterElements(x, indices, updates, { axis }),
      (x, indices) => gatherElements(x, indices, { axis }),
    ),
});

/**
 * x with the slices that `gatherND(x, indices)` would read replaced by those of `updates`, or joined with them element by element, as
 * in scatterElements.
 */
export const scatterND: Op<readonly ['x', 'indices', 'updates'], ScatterParams> = defineOp({
  name: 'scatterND',
  inputs: ['x', 'indices', 'updates'],
  params: { reduction: 'none' },
  choices: { reduction: reductions },
  infer(types, { reduction }, check) {
    const [x, indices, updates] = types;
    updateTypes(types, reduction, check);
    const depth = indices.shape.at(-1) ?? Number.POSITIVE_INFINITY;
    check.shape(!(depth > x.shape.length), 'indices', indices, `a last dimension of 0 to ${x.shape.length}`);
    if (Number.isNaN(depth)) return { dtype: x.dtype, shape: x.shape };
    const slices = [...indices.shape.slice(0, -1), ...x.shape.slice(depth)];
    check.shape(shapesMayEqual(updates.shape, slices), 'updates', updates, shapeText(slices), 'each tuple of indices has a slice');
    return { dtype: x.dtype, shape: x.shape };
  },
  grad: (dy, { inputs, params: { reduction } }) => scatterGradients('scatterND', dy, inputs, reduction, scatterND, gatherND),
});

/** The gradient of gather: every slice of x gets the sum of those of dy that are its copies, in the order of the indices. */
export const gatherGrad = defineOp({
  name: 'gatherGrad',
  inputs: ['dy', 'indices'],
  params: { shape: required<Numbers>(), axis: 0 },
  infer([dy, indices], { shape, axis }, check) {
    realGradient(dy, check);
    wholeNumbers(check, 'shape', shape, 0);
    checkSource(dy, gather.infer([{ dtype: dy.dtype, shape }, indices], { axis }, check).shape, check);
    return { dtype: dy.dtype, shape };
  },
  grad: 'none',
});

/** The gradient of gatherND, as gatherGrad. */
export const gatherNDGrad = defineOp({
  name: 'gatherNDGrad',
  inputs: ['dy', 'indices'],
  params: { shape: required<Numbers>(), batchDims: 0 },
  infer([dy, indices], { shape, batchDims }, check) {
    realGradient(dy, check);
    wholeNumbers(check, 'shape', shape, 0);
    checkSource(dy, gatherND.infer([{ dtype: dy.dtype, shape }, indices], { batchDims }, check).shape, check);
    return { dtype: dy.dtype, shape };
  },
  grad: 'none',
});
