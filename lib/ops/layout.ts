/** Elements moved, repeated or made, of any type. Axes may be negative to count from the back. */
import { shapeText } from '../error.js';
import { type Check, defineListOp, defineOp, type Op, required } from '../op.js';
import {
  axisIndex,
  broadcast,
  type Device,
  type Dtype,
  devices,
  dtypes,
  isInteger,
  isReal,
  mayEqual,
  permutedAxis,
  type Shape,
  sizeOf,
  type TensorType,
} from '../shape.js';
import type { Tensor } from '../tensor.js';
import { alongRows, checkSource, type Numbers, realGradient, sumTo, unbroadcast, wholeNumbers } from './basic.js';

const at = <T>(list: readonly T[], order: Numbers) => order.map((i) => list[i]);

// ---- the same elements in another shape or order --------------------------------------------------------------------------------

/**
 * x in another shape with as many elements. One dimension may be -1 and follows from the others; 0 keeps the dimension of x at that
 * place, unless `allowZero` makes it a dimension of no elements.
 */
export const reshape: Op<readonly ['x'], { shape: Numbers; allowZero: boolean }> = defineOp({
  name: 'reshape',
  byRows: true,
  inputs: ['x'],
  params: { shape: required<Numbers>(), allowZero: false as boolean },
  infer([x], { shape, allowZero }, check) {
    wholeNumbers(check, 'shape', shape, -1);
    const kept = shape.map((n, i) => n === 0 && !allowZero && i < x.shape.length);
    check.param(allowZero || shape.every((n, i) => n !== 0 || kept[i]), 'shape', shape, '0 only where x has a dimension to keep');
    check.param(shape.filter((n) => n === -1).length <= 1, 'shape', shape, '-1 at most once');
    // Dimensions that are kept count on both sides, also when they are 0 or unknown.
    const left = sizeOf(x.shape.filter((_, i) => !kept[i]));
    const right = sizeOf(shape.filter((n, i) => n !== -1 && !kept[i]));
    const dims = shape.map((n, i) => (kept[i] ? x.shape[i] : n));
    const open = shape.indexOf(-1);
    if (open < 0) {
      check.param(mayEqual(left, right) || dims.includes(0), 'shape', shape, 'as many elements as x', `x is ${shapeText(x.shape)}`);
      check.param(!dims.includes(0) || mayEqual(sizeOf(x.shape), 0), 'shape', shape, 'as many elements as x', `x is ${shapeText(x.shape)}`);
      return { dtype: x.dtype, shape: dims };
    }
    check.param(right !== 0, 'shape', shape, 'no 0 beside -1', 'any dimension would fit');
    const inferred = left / right;
    check.param(
      Number.isNaN(inferred) || Number.isInteger(inferred),
      'shape',
      shape,
      'a product that divides the elements of x',
      `x is ${shapeText(x.shape)}`,
    );
    return { dtype: x.dtype, shape: dims.with(open, inferred) };
  },
  movesElements: true,
  propagate: ([known]) => known,
  grad: (dy, { inputs: [x] }) => [() => reshape(dy, { shape: x.shape, allowZero: true })],
});

/** Axis d of the result is axis perm[d] of x. */
export const transpose: Op<readonly ['x'], { perm: Numbers }> = defineOp({
  name: 'transpose',
  byRows: (_types, { perm }) => perm[0] === 0,
  inputs: ['x'],
  params: { perm: required<Numbers>() },
  infer([x], { perm }, check) {
    wholeNumbers(check, 'perm', perm, 0);
    const sorted = [...perm].sort((a, b) => a - b);
    const ok = perm.length === x.shape.length && sorted.every((axis, i) => axis === i);
    check.param(ok, 'perm', perm, 'each axis of x once', `x is ${shapeText(x.shape)}`);
    return { dtype: x.dtype, shape: at(x.shape, perm) };
  },
  movesElements: true,
  grad: (dy, { params: { perm } }) => [() => transpose(dy, { perm: perm.map((_, axis) => perm.indexOf(axis)) })],
});

/** x repeated along dimensions of 1 and new leading ones: the numpy broadcast of its shape with `shape`. */
export const expand = defineOp({
  name: 'expand',
  byRows: true,
  inputs: ['x'],
  params: { shape: required<Numbers>() },
  infer([x], { shape }, check) {
    wholeNumbers(check, 'shape', shape, 0);
    const dims = broadcast(x.shape, shape);
    check.param(dims !== undefined, 'shape', shape, 'a shape that broadcasts with x', `x is ${shapeText(x.shape)}`);
    return { dtype: x.dtype, shape: dims as Shape };
  },
  movesElements: true,
  grad: (dy, { inputs: [x] }) => [() => unbroadcast(dy, x)],
});

/** x repeated repeats[d] times along axis d. */
export const tile = defineOp({
  name: 'tile',
  byRows: (_types, { repeats }) => repeats[0] === 1,
  inputs: ['x'],
  params: { repeats: required<Numbers>() },
  infer([x], { repeats }, check) {
    wholeNumbers(check, 'repeats', repeats, 0);
    check.param(repeats.length === x.shape.length, 'repeats', repeats, 'a number per axis', `x is ${shapeText(x.shape)}`);
    return { dtype: x.dtype, shape: x.shape.map((n, d) => n * repeats[d]) };
  },
  permute: ({ repeats }, perm) => ({ repeats: at(repeats, perm) }),
  movesElements: true,
  grad: (dy, { inputs: [x], params: { repeats } }) => [
    () => reshape(sumOfRepeats(dy, x.shape, repeats), { shape: x.shape, allowZero: true }),
  ],
});

/** The sum over what tile repeated, axis by axis: before axis d there are the elements of x, behind it still those of dy. */
function sumOfRepeats(dy: Tensor, shape: Shape, repeats: Numbers): Tensor {
  return repeats.reduce((sum, count, d) => {
    if (count === 1) return sum;
    const before = sizeOf(shape.slice(0, d));
    const behind = shape[d] * sizeOf(dy.shape.slice(d + 1));
    return sumTo(reshape(sum, { shape: [before, count, behind], allowZero: true }), { shape: [before, 1, behind] });
  }, dy);
}

// ---- several tensors, parts and margins -----------------------------------------------------------------------------------------

/** Tensors of one type one after the other along an axis; the other dimensions agree. */
export const concat = defineListOp({
  name: 'concat',
  byRows: alongRows,
  inputs: ['xs'],
  params: { axis: required<number>() },
  infer(xs, { axis }, check) {
    check.param(xs.length > 0, 'xs', '[]', 'at least one tensor');
    const [first] = xs;
    const along = check.axis(axis, 'xs[0]', first);
    const shape = [...first.shape];
    for (const [i, x] of xs.entries()) {
      if (i === 0) continue;
      check.dtype(x.dtype === first.dtype, `xs[${i}]`, x, first.dtype, 'xs[0] has that type');
      const fits = x.shape.length === shape.length && shape.every((n, d) => d === along || mayEqual(n, x.shape[d]));
      check.shape(fits, `xs[${i}]`, x, `${shapeText(shape.with(along, Number.NaN))}`, 'that is how the inputs before it look');
      for (const [d, n] of x.shape.entries()) shape[d] = d === along ? shape[d] + n : Number.isNaN(shape[d]) ? n : shape[d];
    }
    return { dtype: first.dtype, shape };
  },
  permute: ({ axis }, perm) => ({ axis: permutedAxis(axis, perm) }),
  propagate(known, _params, xs) {
    if (known.every((list) => !list) || xs.some((x) => x.shape.length !== 1 || Number.isNaN(x.shape[0]))) return undefined;
    return xs.flatMap((x, i) => known[i] ?? new Array<number>(x.shape[0]).fill(Number.NaN));
  },
  grad(dy, { inputs: xs, params: { axis } }) {
    let end = 0;
    return xs.map(({ shape }) => {
      const start = end;
      end += shape.at(axis) as number;
      const part = { starts: [start], ends: [end], axes: [axis] };
      return () => slice(dy, part);
    });
  },
});

interface SliceParams {
  starts: Numbers;
  ends: Numbers;
  axes: Numbers;
  steps: Numbers;
}

const sliceAxes = ({ starts, axes }: SliceParams) => (axes.length ? axes : starts.map((_, i) => i));

/** The first index of a slice of a dimension and how many there are, by the rules of Python. */
function sliced(n: number, start: number, end: number, step: number): { first: number; count: number } {
  const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value < 0 ? value + n : value, low), high);
  const first = step > 0 ? clamp(start, 0, n) : clamp(start, 0, n - 1);
  const last = step > 0 ? clamp(end, 0, n) : clamp(end, -1, n - 1);
  return { first, count: Math.max(0, Math.ceil((last - first) / step)) };
}

/**
 * Every steps[i]-th element from starts[i] to before ends[i] along axes[i]; as in Python negative bounds count from the back and
 * bounds beyond the axis, infinite ones too, stop at it. No `axes` means the first ones, no `steps` means 1.
 */
export const slice: Op<readonly ['x'], SliceParams> = defineOp({
  name: 'slice',
  byRows: ([x], params) => sliceAxes(params).every((axis) => axisIndex(axis, x.shape.length) !== 0),
  inputs: ['x'],
  params: { starts: required<Numbers>(), ends: required<Numbers>(), axes: [] as Numbers, steps: [] as Numbers },
  infer([x], params, check) {
    const { starts, ends, steps } = params;
    const bounds = (list: Numbers) =>
      Array.isArray(list) && list.every((n) => Number.isNaN(n) || Number.isInteger(n) || Math.abs(n) === Number.POSITIVE_INFINITY);
    check.param(bounds(starts), 'starts', starts, 'a list of whole numbers');
    check.param(bounds(ends) && ends.length === starts.length, 'ends', ends, `${starts.length} whole numbers`, 'there are so many starts');
    check.param(Array.isArray(steps) && steps.every(Number.isInteger), 'steps', steps, 'a list of whole numbers');
    check.param(!steps.includes(0), 'steps', steps, 'no step of 0');
    check.param(!steps.length || steps.length === starts.length, 'steps', steps, `${starts.length} steps`, 'there are so many starts');
    wholeNumbers(check, 'axes', params.axes);
    const axes = sliceAxes(params).map((axis) => check.axis(axis, 'x', x, 'axes'));
    check.param(axes.length === starts.length, 'axes', params.axes, `${starts.length} axes`, 'there are so many starts');
    check.param(new Set(axes).size === axes.length, 'axes', params.axes, 'each axis once');
    const shape = [...x.shape];
    for (const [i, axis] of axes.entries()) shape[axis] = sliced(shape[axis], starts[i], ends[i], steps[i] ?? 1).count;
    return { dtype: x.dtype, shape };
  },
  permute: (params, perm) => ({ ...params, axes: sliceAxes(params).map((axis) => permutedAxis(axis, perm)) }),
  movesElements: true,
  propagate([known], { starts, ends, steps }, [x]) {
    if (!known || x.shape.length !== 1 || !starts.length) return known;
    const step = steps[0] ?? 1;
    const { first, count } = sliced(known.length, starts[0], ends[0], step);
    return Array.from({ length: count }, (_, i) => known[first + i * step]);
  },
  grad: (dy, { inputs: [{ shape }], params }) => [() => sliceGrad(dy, { shape, ...params })],
});

interface PadParams {
  pads: Numbers;
  mode: 'constant' | 'reflect' | 'edge' | 'wrap';
  value: number;
}

const padModes = ['constant', 'reflect', 'edge', 'wrap'] as const;

/**
 * x with margins: `pads` lists how many elements go before each axis and then how many go behind each; negative ones cut.
 * Margins are `value`, or copied from x: mirrored without its border (reflect), the border itself (edge), the other end (wrap).
 */
export const pad: Op<readonly ['x'], PadParams> = defineOp({
  name: 'pad',
  byRows: ([x], { pads }) => pads[0] === 0 && pads[x.shape.length] === 0,
  inputs: ['x'],
  params: { pads: required<Numbers>(), mode: 'constant' as PadParams['mode'], value: 0 },
  choices: { mode: padModes },
  infer([x], { pads, mode }, check) {
    const rank = x.shape.length;
    wholeNumbers(check, 'pads', pads);
    check.param(pads.length === 2 * rank, 'pads', pads, `${2 * rank} numbers`, `x has ${rank} dimensions`);
    const shape = x.shape.map((n, d) => n + pads[d] + pads[rank + d]);
    check.param(!shape.some((n) => n < 0), 'pads', pads, 'margins that cut no more than there is', `x is ${shapeText(x.shape)}`);
    const empty = x.shape.some((n, d) => n === 0 && shape[d] > 0);
    check.shape(mode === 'constant' || !empty, 'x', x, 'elements to copy from', `mode is ${mode}`);
    return { dtype: x.dtype, shape };
  },
  permute: ({ pads, ...rest }, perm) => ({ ...rest, pads: [...at(pads, perm), ...at(pads.slice(perm.length), perm)] }),
  // A margin of constants is cut off again, and what was cut gets zeros.
  grad: (dy, { inputs: [{ shape }], params: { pads, mode } }) => [
    () => (mode === 'constant' ? pad(dy, { pads: pads.map((n) => -n) }) : padGrad(dy, { shape, pads, mode })),
  ],
});

// ---- weighing, masking ----------------------------------------------------------------------------------------------------------

/**
 * A weighted sum of slices of x (real) along an axis: y[o] = Σ_t weight[o, t]·x[index[o, t]], in float32 and in the order of t.
 * index is int32 (out, taps) from 0, weight float32 (out, taps), beside a float64 x also float64. Resizing an image is this along its
 * height and then its width. The tables follow from sizes, so only x has a gradient.
 */
export const resample = defineOp({
  name: 'resample',
  byRows: alongRows,
  inputs: ['x', 'index', 'weight'],
  params: { axis: required<number>() },
  infer([x, index, weight], { axis }, check) {
    const along = checkTables('x', x, index, weight, axis, check);
    return { dtype: x.dtype, shape: x.shape.with(along, index.shape[0]) };
  },
  grad: (dy, { inputs: [x, index, weight], params: { axis } }) => [
    () => resampleGrad(dy, index, weight, { axis, size: x.shape.at(axis) as number }),
    undefined,
    undefined,
  ],
  // The tables have two dimensions, and would pass for inputs of full rank beside a matrix.
  permute: ({ axis }, perm) => (perm.length === 2 ? undefined : { axis: permutedAxis(axis, perm) }),
});

/** The axis that the tables of a resize are for. */
function checkTables(name: string, x: TensorType, index: TensorType, weight: TensorType, axis: number, check: Check): number {
  check.dtype(isReal(x.dtype), name, x, 'float32, float64, float16 or bfloat16');
  check.dtype(index.dtype === 'int32', 'index', index, 'int32');
  check.dtype(weight.dtype === 'float32' || (weight.dtype === 'float64' && x.dtype === 'float64'), 'weight', weight, 'float32');
  check.shape(index.shape.length === 2 && index.shape[1] !== 0, 'index', index, '(out, taps) with at least one tap');
  const fits = weight.shape.length === 2 && weight.shape.every((n, d) => mayEqual(n, index.shape[d]));
  check.shape(fits, 'weight', weight, shapeText(index.shape), 'there is a weight for each index');
  return check.axis(axis, name, x);
}

/** x with zeros below (upper) or above its k-th diagonal; matrices are the last two axes. */
export const trilu: Op<readonly ['x'], { upper: boolean; k: number }> = defineOp({
  name: 'trilu',
  inputs: ['x'],
  params: { upper: true as boolean, k: 0 },
  infer([x], { k }, check) {
    check.shape(x.shape.length >= 2, 'x', x, 'at least two dimensions');
    check.param(Number.isInteger(k), 'k', k, 'a whole number');
    return x;
  },
  grad: (dy, { params }) => [() => trilu(dy, params)],
});

// ---- made from shapes and parameters --------------------------------------------------------------------------------------------

/** The dimensions of x from `start` to before `end`, int64; bounds are those of a Python slice. */
export const shape = defineOp({
  name: 'shape',
  inputs: ['x'],
  params: { start: 0, end: Number.POSITIVE_INFINITY },
  infer([x], { start, end }, check) {
    check.param(!Number.isNaN(start), 'start', start, 'a whole number');
    check.param(!Number.isNaN(end), 'end', end, 'a whole number');
    return { dtype: 'int64', shape: [x.shape.slice(start, end).length] };
  },
  propagate: (_known, { start, end }, [x]) => x.shape.slice(start, end),
  grad: 'none',
});

/** Of ops that have no inputs to tell them. */
function deviceParameter(check: Check, device: Device): void {
  check.param(devices.includes(device), 'device', device, `one of ${devices.join(', ')}`);
}

function dtypeParameter(check: Check, dtype: Dtype): void {
  check.param(dtypes.includes(dtype), 'dtype', dtype, `one of ${dtypes.join(', ')}`);
}

/** start, start + delta, ... up to before limit: one dimension of a number type, on the device. */
export const range = defineOp({
  name: 'range',
  inputs: [],
  params: { start: 0, limit: required<number>(), delta: 1, dtype: 'float32' as Dtype, device: 'cpu' as Device },
  infer(_types, { start, limit, delta, dtype, device }, check) {
    dtypeParameter(check, dtype);
    deviceParameter(check, device);
    check.param(dtype !== 'boolean', 'dtype', dtype, 'a number type');
    for (const [name, value] of Object.entries({ start, limit, delta })) {
      const ok = isInteger(dtype) ? Number.isInteger(value) : Number.isFinite(value);
      check.param(ok || Number.isNaN(value), name, value, 'a finite number of the dtype'); // NaN is one that is not known before the run
    }
    check.param(delta !== 0, 'delta', delta, 'a step');
    return { dtype, shape: [Math.max(0, Math.ceil((limit - start) / delta))] };
  },
  grad: 'none',
});

/** A tensor of one value in every place, on the device; the value is converted as by cast. */
export const fill = defineOp({
  name: 'fill',
  inputs: [],
  params: { shape: required<Numbers>(), value: 0, dtype: 'float32' as Dtype, device: 'cpu' as Device },
  infer(_types, { shape, dtype, device }, check) {
    dtypeParameter(check, dtype);
    deviceParameter(check, device);
    wholeNumbers(check, 'shape', shape, 0);
    return { dtype, shape };
  },
  grad: 'none',
});

// ---- gradients: elements of dy added up where they were read --------------------------------------------------------------------

/** The gradient of slice: dy in its places in a tensor of `shape`, of any type, with zeros between them. */
export const sliceGrad = defineOp({
  name: 'sliceGrad',
  inputs: ['dy'],
  params: { shape: required<Numbers>(), ...slice.params },
  infer([dy], { shape, ...cut }, check) {
    wholeNumbers(check, 'shape', shape, 0);
    checkSource(dy, slice.infer([{ dtype: dy.dtype, shape }], cut, check).shape, check);
    return { dtype: dy.dtype, shape };
  },
  grad: 'none',
});

/** The gradient of pad: every element of x gets the sum of dy over its copies, in their order. */
export const padGrad = defineOp({
  name: 'padGrad',
  inputs: ['dy'],
  params: { shape: required<Numbers>(), pads: required<Numbers>(), mode: 'constant' as PadParams['mode'] },
  choices: { mode: padModes },
  infer([dy], { shape, pads, mode }, check) {
    realGradient(dy, check);
    wholeNumbers(check, 'shape', shape, 0);
    checkSource(dy, pad.infer([{ dtype: dy.dtype, shape }], { pads, mode, value: 0 }, check).shape, check);
    return { dtype: dy.dtype, shape };
  },
  grad: 'none',
});

/** The gradient of resample: slice i of the `size` slices of x gets the sum of weight[o, t]·dy[o] over index[o, t] = i. */
export const resampleGrad = defineOp({
  name: 'resampleGrad',
  inputs: ['dy', 'index', 'weight'],
  params: { axis: required<number>(), size: required<number>() },
  infer([dy, index, weight], { axis, size }, check) {
    const along = checkTables('dy', dy, index, weight, axis, check);
    wholeNumbers(check, 'size', [size], 0);
    checkSource(dy, dy.shape.with(along, index.shape[0]), check);
    return { dtype: dy.dtype, shape: dy.shape.with(along, size) };
  },
  grad: 'none',
});
