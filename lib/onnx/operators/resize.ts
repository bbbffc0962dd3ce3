/** Resize and Upsample: each axis becomes a table of source positions and weights. */
import type { Value } from '../../graph/graph.js';
import * as ops from '../../ops/index.js';
import { isReal } from '../../shape.js';
import type { ImportNode } from '../importNode.js';
import type { Operator } from '../operator.js';

/** A pixel near a position, in an axis of this scale. */
type Rounding = (x: number, scale: number) => number;

interface Method {
  mode: 'nearest' | 'linear' | 'cubic';
  coordinates: string;
  rounding: Rounding;
  cubicA: number;
  excludeOutside: boolean;
  antialias: boolean;
}

interface Axis {
  length: number;
  out: number;
  scale: number;
  /** length · scale, which need not be whole where the scale is given. */
  resized: number;
  /** Start and end of the region for tf_crop_and_resize, as fractions. */
  roi: readonly [number, number];
}

/** Source positions and weights of each output position, `taps` of them. */
interface Table {
  index: number[];
  weight: number[];
  taps: number;
  /** Output positions that lie outside the image (tf_crop_and_resize only). */
  outside: boolean[];
}

// Where output o lies, in float32 as readers agree: a third of 3 is 1 though a scale of 1/3 is a little more than that.
const over = (o: number, scale: number) => Math.fround(o / scale);
const coordinate: Record<string, (o: number, axis: Axis) => number> = {
  half_pixel: (o, { scale }) => over(o + 0.5, scale) - 0.5,
  pytorch_half_pixel: (o, { scale, out }) => (out > 1 ? over(o + 0.5, scale) - 0.5 : 0),
  align_corners: (o, { length, resized }) => (resized === 1 ? 0 : over(o * (length - 1), resized - 1)),
  asymmetric: (o, { scale }) => over(o, scale),
  tf_half_pixel_for_nn: (o, { scale }) => over(o + 0.5, scale),
  half_pixel_symmetric: (o, { scale, out, length, resized }) => (length / 2) * (1 - out / resized) + over(o + 0.5, scale) - 0.5,
  tf_crop_and_resize: (o, { length, resized, roi: [start, end] }) =>
    Math.fround(
      resized === 1 ? 0.5 * (start + end) * (length - 1) : start * (length - 1) + (o * (end - start) * (length - 1)) / (resized - 1),
    ),
};

const rounding: Record<string, Rounding> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};
// Before opset 11, which gave rounding names, files are read this way: the pixel behind when the image gets smaller.
const olderRounding: Rounding = (x, scale) => (scale < 1 ? Math.ceil(x) : Math.floor(x));

// Weights of the taps first, first + 1, ... for a position `ratio` in (0, 1] right of tap 0.
function linearTaps(ratio: number, stretch: number) {
  const first = Math.floor(-1 / stretch) + 1;
  const count = 2 - 2 * first;
  return { first, weights: Array.from({ length: count }, (_, i) => Math.max(0, 1 - Math.abs((first + i - ratio) * stretch))) };
}

function cubicTaps(ratio: number, stretch: number, a: number) {
  const first = Math.floor(-2 / stretch) + 1;
  const count = 2 - first - first;
  const weights = Array.from({ length: count }, (_, i) => {
    const x = Math.abs((first + i - ratio) * stretch);
    if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
  });
  return { first, weights };
}

function table(axis: Axis, method: Method): Table {
  const result: Table = { index: [], weight: [], taps: 1, outside: [] };
  const clamp = (i: number) => Math.min(Math.max(i, 0), axis.length - 1);
  for (let o = 0; o < axis.out; o++) {
    const x = coordinate[method.coordinates](o, axis);
    result.outside.push(method.coordinates === 'tf_crop_and_resize' && (x < 0 || x > axis.length - 1));
    if (method.mode === 'nearest') {
      result.index.push(clamp(method.rounding(x, axis.scale)));
      result.weight.push(1);
      continue;
    }
    const base = Math.ceil(x) - 1;
    const stretch = method.antialias ? Math.min(1, axis.scale) : 1;
    const { first, weights } = method.mode === 'linear' ? linearTaps(x - base, stretch) : cubicTaps(x - base, stretch, method.cubicA);
    const positions = weights.map((_, i) => base + first + i);
    const kept = weights.map((w, i) => (method.excludeOutside && positions[i] !== clamp(positions[i]) ? 0 : w));
    const sum = method.excludeOutside || method.antialias ? kept.reduce((a, b) => a + b, 0) : 1;
    result.taps = weights.length;
    result.index.push(...positions.map(clamp));
    result.weight.push(...kept.map((w) => w / sum));
  }
  return result;
}

const isIdentity = ({ index, weight, taps }: Table, length: number) =>
  index.length === length * taps && index.every((from, i) => weight[i] === (from === Math.floor(i / taps) ? 1 : 0));

// Tables are made when the model is read; nothing real is larger.
const longestResized = 2 ** 20;

function resized(node: ImportNode, x: Value, axes: readonly Axis[], method: Method, outsideValue: number): Value {
  const dtype = node.dtype(x);
  if (method.mode !== 'nearest' && !isReal(dtype)) {
    const real = resized(node, node.add(ops.cast, [x], { dtype: 'float32' }), axes, method, outsideValue);
    return node.add(ops.cast, [node.add(ops.round, [real])], { dtype });
  }
  let y = x;
  for (const [i, axis] of axes.entries()) {
    if (Object.is(axis.out, axis.length) && axis.scale === 1 && method.coordinates !== 'tf_crop_and_resize') continue;
    const longest = Math.max(axis.out, axis.length);
    if (!(Number.isInteger(axis.out) && longest <= longestResized))
      node.refuse(`dimension ${i} is resized from ${axis.length} to ${axis.out} elements`);
    const t = table(axis, method);
    if (isIdentity(t, axis.length)) continue;
    if (method.mode === 'nearest') {
      y = node.add(ops.gather, [y, node.constant(t.index, [axis.out], 'int64')], { axis: i });
    } else {
      const index = node.constant(t.index, [axis.out, t.taps], 'int32');
      y = node.add(ops.resample, [y, index, node.constant(t.weight, [axis.out, t.taps], 'float32')], { axis: i });
    }
    if (t.outside.some(Boolean)) {
      const dims = axes.map((_, d) => (d === i ? axis.out : 1));
      y = node.add(ops.where, [node.constant(t.outside.map(Number), dims, 'boolean'), node.scalar(outsideValue, dtype), y]);
    }
  }
  return y;
}

function methodOf(node: ImportNode, coordinates: string, round: string): Method {
  const mode = node.string('mode', 'nearest');
  if (mode !== 'nearest' && mode !== 'linear' && mode !== 'cubic') {
    return node.refuse(`mode "${mode}" is not supported; "nearest", "linear" and "cubic" are`);
  }
  if (!Object.hasOwn(coordinate, coordinates))
    node.refuse(`coordinate_transformation_mode "${coordinates}" is not supported; ${Object.keys(coordinate).join(', ')} are`);
  if (!Object.hasOwn(rounding, round)) node.refuse(`nearest_mode "${round}" is not supported; ${Object.keys(rounding).join(', ')} are`);
  return {
    mode,
    coordinates,
    rounding: rounding[round],
    cubicA: node.float('cubic_coeff_a', -0.75),
    excludeOutside: node.flag('exclude_outside'),
    antialias: node.flag('antialias'),
  };
}

const olderMethod = (node: ImportNode): Method => ({ ...methodOf(node, 'asymmetric', 'floor'), rounding: olderRounding });

// Axes that are not resized may have any length.
function axesOf(node: ImportNode, x: Value, scales: readonly number[], roi: readonly number[] = []): Axis[] {
  const shape = node.shape(x) ?? node.refuse('the rank of the input has to be known');
  const rank = shape.length;
  if (scales.length !== rank) node.refuse(`${scales.length} scales for ${rank} dimensions`);
  return shape.map((length, i) => {
    const region: [number, number] = [roi[i] ?? 0, roi[i + rank] ?? 1];
    if (Number.isNaN(length)) {
      if (scales[i] !== 1) node.refuse(`dimension ${i} is resized, its length has to be known`);
      return { length, out: length, scale: 1, resized: length, roi: region };
    }
    // In float32, as the scale itself is: 10 · 0.7 is 7.
    const resized = Math.fround(length * scales[i]);
    const out = Math.floor(resized);
    if (!(out > 0 && out < 2 ** 24)) node.refuse(`dimension ${i} would get ${out} elements`);
    return { length, out, scale: scales[i], resized, roi: region };
  });
}

function resize(node: ImportNode): Value {
  const x = node.input(0);
  if (node.opset < 11) return resized(node, x, axesOf(node, x, node.requiredNumbers(1, 'scales')), olderMethod(node), 0);
  const method = methodOf(
    node,
    node.string('coordinate_transformation_mode', 'half_pixel'),
    node.string('nearest_mode', 'round_prefer_floor'),
  );
  const shape = node.shape(x) ?? node.refuse('the rank of the input has to be known');
  const rank = shape.length;
  const axes = node.ints('axes')?.map((axis) => node.axis(axis, rank)) ?? shape.map((_, i) => i);
  const full = (list: readonly number[], rest: readonly number[]) => {
    const all = [...rest];
    for (const [i, axis] of axes.entries()) all[axis] = list[i];
    return all;
  };
  const given = (list: number[] | undefined) => (list?.length ? list : undefined);
  const roi = method.coordinates === 'tf_crop_and_resize' ? given(node.numbers(1, 'roi')) : undefined;
  const region = roi && [...full(roi.slice(0, axes.length), Array(rank).fill(0)), ...full(roi.slice(axes.length), Array(rank).fill(1))];
  const scales = given(node.numbers(2, 'scales'));
  if (scales)
    return resized(node, x, axesOf(node, x, full(scales, Array(rank).fill(1)), region), method, node.float('extrapolation_value', 0));
  const sizes = node.partlyKnown(3, 'sizes') ?? node.refuse('scales or sizes are needed');
  const policy = node.string('keep_aspect_ratio_policy', 'stretch');
  const unequal = axes.map((axis, i) => sizes[i] / shape[axis]);
  const common = policy === 'not_larger' ? Math.min(...unequal) : Math.max(...unequal);
  const stretched = policy === 'stretch';
  const wanted = stretched ? sizes : axes.map((axis) => Math.floor(shape[axis] * common + 0.5));
  const resizedAxes = full(wanted, shape).map((out, i): Axis => {
    const length = shape[i];
    const axisRoi: [number, number] = [region?.[i] ?? 0, region?.[i + rank] ?? 1];
    // A free batch keeps its length, as does one of the axes that are left out.
    if (Number.isNaN(length) && Number.isNaN(out) && (i === 0 || !axes.includes(i)))
      return { length, out, scale: 1, resized: out, roi: axisRoi };
    if (Number.isNaN(length)) node.refuse(`dimension ${i} is resized, its length has to be known`);
    if (!(out > 0 && out < 2 ** 24)) node.refuse(`dimension ${i} would get ${out} elements`);
    if (stretched || !axes.includes(i)) return { length, out, scale: out / length, resized: out, roi: axisRoi };
    return { length, out, scale: common, resized: length * common, roi: axisRoi };
  });
  return resized(node, x, resizedAxes, method, node.float('extrapolation_value', 0));
}

function upsample(node: ImportNode): Value {
  const x = node.input(0);
  const scales = node.opset >= 9 ? node.numbers(1, 'scales') : node.floats('scales');
  return resized(node, x, axesOf(node, x, scales ?? node.refuse('scales are missing')), olderMethod(node), 0);
}

// Which coordinate mode of a plain linear Resize gives this table, if any.
function linearModeOf(index: readonly number[], weight: readonly number[], length: number, out: number): string | undefined {
  const axis: Axis = { length, out, scale: out / length, resized: out, roi: [0, 1] };
  return ['half_pixel', 'align_corners', 'asymmetric'].find((coordinates) => {
    const method: Method = { mode: 'linear', coordinates, rounding: Math.floor, cubicA: 0, excludeOutside: false, antialias: false };
    const t = table(axis, method);
    return t.index.every((from, i) => from === index[i]) && t.weight.every((w, i) => Math.fround(w) === weight[i]);
  });
}

export const resizing: readonly Operator[] = [
  {
    type: 'Resize',
    import: resize,
    op: ops.resample,
    export(node) {
      const axis = Number(node.layoutParams().axis);
      const [x, indexValue, weightValue] = node.node.inputs;
      const [index, weight] = [node.constant(indexValue), node.constant(weightValue)];
      const [out, taps] = index.shape;
      const type = node.type(x);
      const length = type ? type.shape[node.perm ? node.perm[axis] : axis] : Number.NaN;
      const mode = taps === 2 ? linearModeOf(index.toNumbers(), weight.toNumbers(), length, out) : undefined;
      // Readers resize images and volumes along their sides, not along n and c.
      const side = type !== undefined && (type.shape.length <= 3 || (type.shape.length <= 5 && axis >= 2));
      if (mode && side && node.opset >= 18) {
        const attributes = { mode: { s: 'linear' }, coordinate_transformation_mode: { s: mode }, axes: { ints: [axis] } };
        return node.done(node.emit('Resize', [node.stored(0), '', '', node.ints([out])], attributes), node.perm);
      }
      // Any other table is a product with a matrix of its weights.
      if (Number.isNaN(length)) node.refuse('its length has to be known');
      if (node.dtype() === 'bfloat16') node.refuse('it becomes a product of matrices, and there is none of bfloat16');
      const matrix = new Float32Array(length * out);
      const from = index.toNumbers();
      for (const [i, w] of weight.toNumbers().entries()) matrix[from[i] * out + Math.floor(i / taps)] += w;
      const rank = type!.shape.length;
      const target = node.perm ? node.perm[axis] : axis;
      const last = [...Array.from({ length: rank }, (_, i) => i).filter((i) => i !== target), target];
      node.done(node.emit('MatMul', [node.in(x, last), node.initializer(node.dtype(), [length, out], matrix)]), last);
    },
  },
  { type: 'Upsample', import: upsample },
];
