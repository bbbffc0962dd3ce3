import { type Dtype, dtypes, Tensor } from 'lowbit';
import { type Case, raggedSizes, random, randomInts } from './case.js';

type Index = number[];

/** All indices of a shape in row-major order. */
function places(shape: readonly number[]): Index[] {
  return shape.reduce<Index[]>((done, n) => done.flatMap((index) => Array.from({ length: n }, (_, i) => [...index, i])), [[]]);
}
const offset = (shape: readonly number[], index: Index) => shape.reduce((at, n, d) => at * n + index[d], 0);

/** Counts up, so that every element tells where it comes from. */
const counting = (shape: readonly number[], dtype: Dtype = 'float32') =>
  Tensor.from(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => (dtype === 'boolean' ? i % 3 === 0 : i % 120)).map(Number),
    shape,
    dtype,
  );

/** A case whose result is x read at other places: source gives the index in x, or a value. */
function moved(
  note: string,
  from: readonly number[],
  to: readonly number[],
  params: object,
  source: (index: Index) => Index | number,
  dtype?: Dtype,
): Case {
  return {
    note,
    inputs: () => [counting(from, dtype)],
    params,
    expect: ([x]) =>
      places(to).map((index) => {
        const origin = source(index);
        return typeof origin === 'number' ? origin : x[offset(from, origin)];
      }),
  };
}

/** The way back of such a move: every element of x gets the sum of dy over the places that read it. */
const returned: typeof moved = (note, from, to, params, source, dtype = 'float32') => ({
  note,
  inputs: () => [dtype === 'boolean' ? counting(to, dtype) : randomInts(to, dtype, 1, 9, 5)],
  params: { ...params, shape: from },
  expect([dy]) {
    const dx = new Array<number>(from.reduce((a, b) => a * b, 1)).fill(0);
    for (const [i, index] of places(to).entries()) {
      const origin = source(index);
      if (typeof origin !== 'number') dx[offset(from, origin)] += dy[i];
    }
    return dx;
  },
});

/** One case an element type. */
const everyType = (make: (dtype: Dtype) => Case): Case[] => dtypes.map((dtype) => ({ ...make(dtype), note: dtype }));

function transposed(from: number[], perm: number[], dtype?: Dtype): Case {
  const to = perm.map((axis) => from[axis]);
  return moved(`[${from}] by [${perm}]`, from, to, { perm }, (index) => from.map((_, axis) => index[perm.indexOf(axis)]), dtype);
}

const int32 = (values: number[], shape: readonly number[] = [values.length]) => Tensor.from(values, shape, 'int32');
const int64 = (values: number[], shape: readonly number[] = [values.length]) => Tensor.from(values, shape, 'int64');

/** The indices that a Python slice visits, found by stepping and not by a formula. */
function visited(n: number, start: number, end: number, step: number): number[] {
  const fromFront = (value: number) => (value < 0 ? value + n : value);
  const out: number[] = [];
  const last = fromFront(end);
  if (step > 0) for (let i = Math.max(0, fromFront(start)); i < n && i < last; i += step) out.push(i);
  else for (let i = Math.min(n - 1, fromFront(start)); i >= 0 && i > last; i += step) out.push(i);
  return out;
}

interface Cut {
  starts: number[];
  ends: number[];
  axes?: number[];
  steps?: number[];
}

function sliced(from: number[], cut: Cut, dtype?: Dtype, make = moved): Case {
  const indices = from.map((n, d) => {
    const i = cut.axes ? cut.axes.findIndex((axis) => (axis + from.length) % from.length === d) : d < cut.starts.length ? d : -1;
    return i < 0 ? visited(n, 0, n, 1) : visited(n, cut.starts[i], cut.ends[i], cut.steps?.[i] ?? 1);
  });
  const to = indices.map((list) => list.length);
  return make(JSON.stringify([from, cut]), from, to, cut, (index) => index.map((i, d) => indices[d][i]), dtype);
}

/** Where an index outside [0, n) is read, found by walking one step at a time. */
function bounced(i: number, n: number): number {
  let at = 0;
  let direction = 1;
  for (let steps = Math.abs(i); n > 1 && steps > 0; steps--) {
    if (at + direction < 0 || at + direction >= n) direction = -direction;
    at += direction;
  }
  return at;
}
const margins: Record<string, (i: number, n: number) => number> = {
  reflect: bounced,
  edge: (i, n) => Math.min(Math.max(i, 0), n - 1),
  wrap: (i, n) => (i + 1000 * n) % n,
};

function padded(from: number[], pads: number[], mode?: string, value = 0, dtype?: Dtype, make = moved): Case {
  const to = from.map((n, d) => n + pads[d] + pads[d + from.length]);
  const source = (index: Index) => {
    const origin = index.map((i, d) => i - pads[d]);
    if (mode) return origin.map((i, d) => margins[mode](i, from[d]));
    return origin.every((i, d) => i >= 0 && i < from[d]) ? origin : value;
  };
  return make(`[${from}] ${mode ?? 'constant'} [${pads}]`, from, to, { pads, ...(mode ? { mode } : { value }) }, source, dtype);
}

function concatenated(shapes: number[][], axis: number, dtype: Dtype = 'float32'): Case {
  const along = (axis + shapes[0].length) % shapes[0].length;
  const to = shapes[0].map((n, d) => (d === along ? shapes.reduce((total, shape) => total + shape[along], 0) : n));
  return {
    note: `${shapes.map((shape) => `[${shape}]`).join(' ')} along ${axis}`,
    inputs: () => shapes.map((shape, i) => (dtype === 'boolean' ? counting(shape, dtype) : randomInts(shape, dtype, 0, 100, i + 1))),
    params: { axis },
    expect: (xs) =>
      places(to).map((index) => {
        let which = 0;
        const at = [...index];
        while (at[along] >= shapes[which][along]) at[along] -= shapes[which++][along];
        return xs[which][offset(shapes[which], at)];
      }),
  };
}

function gathered(from: number[], indices: () => Tensor, axis: number): Case {
  const along = (axis + from.length) % from.length;
  return {
    note: `[${from}] along ${axis}`,
    inputs: () => [counting(from), indices()],
    params: { axis },
    expect: ([x, picks]) =>
      places(from.slice(0, along)).flatMap((outer) =>
        picks.flatMap((pick) =>
          places(from.slice(along + 1)).map((inner) => x[offset(from, [...outer, (pick + from[along]) % from[along], ...inner])]),
        ),
      ),
  };
}

/** Slices of dy added to those of x that the indices name, along an axis. */
function gatheredBack(from: number[], indices: () => Tensor, axis: number, dtype: Dtype = 'float32'): Case {
  const along = (axis + from.length) % from.length;
  const picks = indices();
  const to = [...from.slice(0, along), ...picks.shape, ...from.slice(along + 1)];
  const tensors = picks.size;
  picks.dispose();
  return {
    note: `${dtype} [${from}] along ${axis}`,
    inputs: () => [randomInts(to, dtype, -3, 3, 4), indices()],
    params: { shape: from, axis },
    expect([dy, index]) {
      const dx = new Array<number>(from.reduce((a, b) => a * b, 1)).fill(0);
      const inner = from.slice(along + 1).reduce((a, b) => a * b, 1);
      for (const [i, value] of dy.entries()) {
        const outer = Math.floor(i / inner / tensors);
        const at = (index[Math.floor(i / inner) % tensors] + from[along]) % from[along];
        dx[(outer * from[along] + at) * inner + (i % inner)] += value;
      }
      return dx;
    },
  };
}

function resampledBack(from: number[], axis: number, out: number, taps: number, dtype: Dtype, bound: number): Case {
  const to = from.with(axis, out);
  return {
    note: `${dtype} [${from}] along ${axis}`,
    inputs: () => [random(to, -2, 2, 1, dtype), randomInts([out, taps], 'int32', 0, from[axis] - 1, 2), random([out, taps], -1, 1, 3)],
    params: { axis, size: from[axis] },
    expect([dy, index, weight]) {
      const dx = new Array<number>(from.reduce((a, b) => a * b, 1)).fill(0);
      for (const [i, place] of places(to).entries()) {
        for (let t = place[axis] * taps; t < (place[axis] + 1) * taps; t++)
          dx[offset(from, place.with(axis, index[t]))] += weight[t] * dy[i];
      }
      return dx;
    },
    bound,
  };
}

function resampled(from: number[], axis: number, out: number, taps: number, dtype: Dtype, bound: number): Case {
  const to = from.with(axis, out);
  return {
    note: `${dtype} [${from}] along ${axis}`,
    inputs: () => [random(from, -2, 2, 1, dtype), randomInts([out, taps], 'int32', 0, from[axis] - 1, 2), random([out, taps], -1, 1, 3)],
    params: { axis },
    expect: ([x, index, weight]) =>
      places(to).map((place) => {
        let total = 0;
        for (let t = 0; t < taps; t++) {
          const tap = place[axis] * taps + t;
          // One rounding an operation where the sum is float32; a float64 sum rounds by itself.
          const round = dtype === 'float64' ? (v: number) => v : Math.fround;
          const product = round(weight[tap] * x[offset(from, place.with(axis, index[tap]))]);
          total = t ? round(total + product) : product;
        }
        return total;
      }),
    bound,
  };
}

const joins: Record<string, (a: number, b: number) => number> = {
  none: (_, b) => b,
  add: (a, b) => a + b,
  mul: (a, b) => a * b,
  max: (a, b) => (Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : Math.max(a, b)),
  min: (a, b) => (Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : Math.min(a, b)),
};

/** Updates of single elements: every place of the indices writes where its index along the axis says. */
function scattered(from: number[], axis: number, shape: number[], reduction: string, dtype: Dtype = 'float32'): Case {
  const along = (axis + from.length) % from.length;
  return {
    note: `${dtype} ${reduction} [${shape}] into [${from}] along ${axis}`,
    inputs: () => [
      dtype === 'boolean' ? counting(from, dtype) : randomInts(from, dtype, 1, 3),
      randomInts(shape, 'int64', -from[along], from[along] - 1, 2),
      dtype === 'boolean' ? counting(shape, dtype) : randomInts(shape, dtype, 1, 2, 3),
    ],
    params: { axis, reduction },
    expect([x, indices, updates]) {
      const y = [...x];
      for (const [i, place] of places(shape).entries()) {
        const at = offset(from, place.with(along, (indices[i] + from[along]) % from[along]));
        y[at] = joins[reduction](y[at], updates[i]);
      }
      return y;
    },
  };
}

/** Updates of slices behind tuples of indices. */
function scatteredSlices(from: number[], tuples: number[], depth: number, reduction: string): Case {
  const behind = from.slice(depth);
  const width = behind.reduce((a, b) => a * b, 1);
  return {
    note: `${reduction} at [${tuples},${depth}] of [${from}]`,
    inputs: () => [
      randomInts(from, 'float32', 1, 3),
      randomInts([...tuples, depth], 'int32', -Math.min(...from), Math.min(...from) - 1, 2),
      randomInts([...tuples, ...behind], 'float32', 1, 3, 3),
    ],
    params: { reduction },
    expect([x, indices, updates]) {
      const y = [...x];
      for (let i = 0; i < updates.length; i++) {
        const tuple = indices.slice(Math.floor(i / width) * depth, (Math.floor(i / width) + 1) * depth);
        const at = offset(
          from.slice(0, depth),
          tuple.map((index, d) => (index + from[d]) % from[d]),
        );
        y[at * width + (i % width)] = joins[reduction](y[at * width + (i % width)], updates[i]);
      }
      return y;
    },
  };
}

const everyJoin = Object.keys(joins);
const hasGradient = (reduction: string) => reduction === 'none' || reduction === 'add';

/** The same element twice, at the ends of each type. */
const joinedTwice = (tuples: boolean): Case[] =>
  (
    [
      ['int8', 'add', 100, [100, 100], 44],
      ['uint8', 'mul', 16, [16, 3], 0],
      ['int32', 'mul', 2 ** 31 - 1, [2, 1], -2],
      ['uint16', 'mul', 65535, [65535, 1], 1],
      ['float16', 'add', 2048, [1, 1], 2048], // each sum is rounded: 2049 is a tie
      ['float32', 'max', Number.NaN, [1, 2], Number.NaN],
      ['float32', 'min', 1, [Number.NaN, 0], Number.NaN],
      ['float64', 'none', 1, [2, 3], 3],
    ] as [Dtype, string, number, number[], number][]
  ).map(([dtype, reduction, start, updates, want]) => ({
    note: `${dtype} ${reduction} twice`,
    inputs: () => [
      Tensor.from([start, 1], undefined, dtype),
      int32([0, -2], tuples ? [2, 1] : [2]),
      Tensor.from(updates, undefined, dtype),
    ],
    params: { reduction },
    expect: [want, 1],
  }));

const made = (params: object, expect: number[], note?: string): Case => ({
  note: note ?? JSON.stringify(params),
  inputs: () => [],
  params,
  expect,
});

const { POSITIVE_INFINITY: infinity } = Number;
const int64Most = 2 ** 63;

export const layoutCases: Record<string, Case[]> = {
  reshape: [
    ...everyType((dtype) =>
      moved('', [2, 3, 4], [24], { shape: [24] }, ([i]) => [Math.floor(i / 12), Math.floor(i / 4) % 3, i % 4], dtype),
    ),
    moved('-1', [2, 6], [3, 4], { shape: [3, -1] }, ([i, j]) => [Math.floor((i * 4 + j) / 6), (i * 4 + j) % 6]),
    moved('0 and -1', [2, 3, 2], [2, 6], { shape: [0, -1] }, ([i, j]) => [i, Math.floor(j / 2), j % 2]),
    moved('one element', [1], [], { shape: [] }, () => [0]),
    { note: 'no elements', inputs: () => [random([0, 3])], params: { shape: [0, -1] }, expect: [] },
    { note: 'no elements, allowZero', inputs: () => [random([0, 3])], params: { shape: [7, 0], allowZero: true }, expect: [] },
    moved('several threads', [300, 200], [60000], { shape: [-1] }, ([i]) => [Math.floor(i / 200), i % 200]),
  ],
  transpose: [
    ...everyType((dtype) => transposed([3, 5], [1, 0], dtype)),
    ...raggedSizes.map((n) => transposed([n, 33], [1, 0])),
    ...['0,2,1', '1,0,2', '1,2,0', '2,0,1', '2,1,0', '0,1,2'].map((perm) => transposed([5, 33, 40], perm.split(',').map(Number))),
    transposed([2, 3, 6, 7], [0, 2, 3, 1]),
    transposed([2, 6, 7, 3], [0, 3, 1, 2]),
    transposed([2, 3, 2, 3, 2], [4, 2, 0, 3, 1]),
    transposed([1, 9, 1, 4], [3, 0, 1, 2]),
    transposed([300, 130], [1, 0]),
    transposed([300, 130], [1, 0], 'int8'),
    ...(['int8', 'float32'] as const).flatMap((dtype) =>
      [2, 3, 4].flatMap((few) => [transposed([2, few, 9, 19], [0, 2, 3, 1], dtype), transposed([2, 9, 19, few], [0, 3, 1, 2], dtype)]),
    ),
    transposed([3, 128, 140], [0, 2, 1], 'uint8'),
    ...(['float16', 'float32', 'float64', 'uint8'] as const).map((dtype) => transposed([2, 9, 2, 67], [0, 2, 3, 1], dtype)),
    transposed([2, 66, 3, 65], [2, 0, 3, 1], 'float16'),
    transposed([1, 17, 3, 16], [0, 2, 3, 1], 'uint8'),
    transposed([0, 3], [1, 0]),
    transposed([], []),
  ],
  concat: [
    ...everyType((dtype) =>
      concatenated(
        [
          [2, 3],
          [2, 1],
        ],
        1,
        dtype,
      ),
    ),
    concatenated(
      [
        [2, 3],
        [4, 3],
        [1, 3],
      ],
      0,
    ),
    concatenated(
      [
        [2, 3, 5],
        [2, 1, 5],
        [2, 0, 5],
        [2, 4, 5],
      ],
      -2,
    ),
    concatenated([[3]], 0),
    concatenated([[0], [2]], 0),
    concatenated(
      [
        [0, 2],
        [0, 3],
      ],
      1,
    ),
    concatenated(
      [
        [200, 3, 70],
        [200, 2, 70],
      ],
      1,
    ),
  ],
  slice: [
    ...everyType((dtype) => sliced([4, 7], { starts: [1, 5], ends: [3, 0], steps: [1, -2] }, dtype)),
    sliced([5, 6], { starts: [1], ends: [4] }),
    sliced([5, 6], { starts: [-3], ends: [infinity], axes: [1] }),
    sliced([5, 6], { starts: [2, 1], ends: [int64Most, -1], axes: [-1, 0], steps: [2, 1] }),
    sliced([5, 6], { starts: [-1], ends: [-int64Most], axes: [0], steps: [-1] }),
    sliced([5, 6], { starts: [infinity], ends: [-infinity], axes: [0], steps: [-2] }),
    sliced([5], { starts: [-9], ends: [9], steps: [int64Most] }),
    sliced([5], { starts: [4], ends: [-9], steps: [-int64Most] }),
    sliced([5, 6], { starts: [3], ends: [2] }),
    sliced([5, 6], { starts: [7], ends: [9] }),
    sliced([0, 6], { starts: [-1], ends: [-9], axes: [0], steps: [-1] }),
    sliced([4, 5, 6, 7], { starts: [1, 1], ends: [3, 5], axes: [1, 2] }),
    sliced([300, 200], { starts: [1, 2], ends: [299, 190], steps: [1, 3] }),
    sliced([3], { starts: [], ends: [] }),
  ],
  gather: [
    gathered([5, 3, 2], () => int32([4, 0, -1, 0]), 0),
    gathered([5, 3, 2], () => int64([2, -3, 1, 1], [2, 2]), 1),
    gathered([5, 3, 2], () => int64([1], []), -1),
    gathered([5, 3, 2], () => int64([]), 1),
    gathered([90, 300], () => randomInts([70], 'int32', 0, 89), 0),
    ...[1, 2, 3, 4, 6, 8].map((n) => gathered([3, 5, n], () => int32([4, -5, 2]), 1)),
    ...everyType((dtype) => ({ inputs: () => [counting([4], dtype), int32([3, 3, 0])], expect: ([x]) => [x[3], x[3], x[0]] })),
    { note: 'from nothing, nothing', inputs: () => [random([0, 3]), int32([])], expect: [] },
  ],
  gatherElements: [
    ...everyType((dtype) => ({
      inputs: () => [counting([3, 4], dtype), int32([2, 0, -1, 1, 1, 0, 0, 2], [2, 4])],
      expect: ([x, index]) => index.map((pick, i) => x[((pick + 3) % 3) * 4 + (i % 4)]),
    })),
    {
      note: 'along the last axis',
      inputs: () => [counting([3, 4]), int64([3, 0, 1, -4, 2, 2], [2, 3])],
      params: { axis: -1 },
      expect: ([x, index]) => index.map((pick, i) => x[Math.floor(i / 3) * 4 + ((pick + 4) % 4)]),
    },
    {
      note: 'along a middle axis',
      inputs: () => [counting([2, 3, 4]), randomInts([2, 5, 3], 'int64', -3, 2)],
      params: { axis: 1 },
      expect: ([x, index]) =>
        places([2, 5, 3]).map(([i, j, k]) => x[offset([2, 3, 4], [i, (index[offset([2, 5, 3], [i, j, k])] + 3) % 3, k])]),
    },
    { note: 'empty', inputs: () => [random([2, 3]), int32([], [0, 3])], expect: [] },
  ],
  gatherND: [
    { note: 'elements', inputs: () => [counting([2, 3]), int64([0, 1, -1, -1], [2, 2])], expect: [1, 5] },
    { note: 'slices', inputs: () => [counting([2, 3]), int64([1, 0], [2, 1])], expect: [3, 4, 5, 0, 1, 2] },
    {
      note: 'batches',
      inputs: () => [counting([2, 2, 3]), int32([1, 0, 0, 1], [2, 2, 1])],
      params: { batchDims: 1 },
      expect: [3, 4, 5, 0, 1, 2, 6, 7, 8, 9, 10, 11],
    },
    { note: 'tuples of nothing', inputs: () => [counting([2]), int64([], [2, 0])], expect: [0, 1, 0, 1] },
    { note: 'no tuples', inputs: () => [counting([2]), int64([], [0, 1])], expect: [] },
    ...everyType((dtype) => ({ inputs: () => [counting([4], dtype), int32([3, 0], [2, 1])], expect: ([x]) => [x[3], x[0]] })),
  ],
  scatterElements: [
    ...dtypes.map((dtype) => scattered([3, 4], 0, [2, 3], 'none', dtype)),
    ...everyJoin.flatMap((reduction) =>
      [
        ...[0, 1, -1].map((axis) => scattered([4, 5, 3], axis, [4, 2, 3].with((axis + 3) % 3, 6), reduction)),
        scattered([1], 0, [1], reduction),
        scattered([70, 33], 1, [65, 40], reduction),
        scattered([3, 4], 0, [0, 4], reduction),
        scattered([3, 4], 1, [2, 2], reduction, 'bfloat16'),
        scattered([3, 4], 1, [2, 2], reduction, 'int64'),
      ].map((entry) => ({ ...entry, gradient: hasGradient(reduction) })),
    ),
    ...joinedTwice(false),
    { note: 'into nothing', inputs: () => [random([0, 3]), int64([], [0, 3]), random([0, 3])], expect: [] },
  ],
  scatterND: [
    ...everyJoin.flatMap((reduction) =>
      [
        scatteredSlices([4, 3, 5], [6], 1, reduction),
        scatteredSlices([4, 3, 5], [2, 3], 2, reduction),
        scatteredSlices([4, 3, 5], [7], 3, reduction),
        scatteredSlices([2, 3], [3], 0, reduction),
        scatteredSlices([4, 3], [0], 1, reduction),
        scatteredSlices([65, 33], [64], 1, reduction),
      ].map((entry) => ({ ...entry, gradient: hasGradient(reduction) })),
    ),
    ...everyType((dtype) => ({
      inputs: () => [counting([4], dtype), int64([2, -1], [2, 1]), counting([2], dtype)],
      expect: ([x, , updates]) => [x[0], x[1], updates[0], updates[1]],
    })),
    ...joinedTwice(true),
    { note: 'slices of nothing', inputs: () => [random([3, 0]), int32([1], [1, 1]), random([1, 0])], expect: [] },
  ],
  pad: [
    ...everyType((dtype) => padded([2, 3], [1, 0, 0, 2], undefined, 1, dtype)),
    padded([2, 3, 4], [0, 1, 2, 3, 0, 1], undefined, -7),
    padded([2, 5, 5, 3], [0, 1, 2, 0, 0, 2, 1, 0]),
    padded([4, 5], [-1, 2, -2, -1], undefined, 9),
    padded([3], [0, 0]),
    padded([0, 2], [1, 0, 1, 1], undefined, 5),
    padded([], [], undefined, 5),
    ...['reflect', 'edge', 'wrap'].flatMap((mode) => [
      padded([4], [3, 3], mode),
      padded([3, 4, 2], [1, 2, 0, 2, 1, 0], mode),
      padded([3], [9, 8], mode),
      padded([1, 2], [2, 0, 1, 5], mode),
      padded([5], [-1, 3], mode),
      padded([0, 2], [0, 1, 0, 1], mode),
    ]),
    padded([90, 90, 3], [3, 3, 0, 3, 3, 0]),
    { note: 'saturates', inputs: () => [counting([1], 'uint8')], params: { pads: [1, 0], value: 300 }, expect: [255, 0] },
  ],
  sliceGrad: [
    ...everyType((dtype) => sliced([4, 7], { starts: [1, 5], ends: [3, 0], steps: [1, -2] }, dtype, returned)),
    sliced([5, 6], { starts: [-3], ends: [infinity], axes: [1] }, 'float32', returned),
    sliced([5, 6], { starts: [2, 1], ends: [int64Most, -1], axes: [-1, 0], steps: [2, 1] }, 'float32', returned),
    sliced([5], { starts: [4], ends: [-9], steps: [-int64Most] }, 'float32', returned),
    sliced([5, 6], { starts: [3], ends: [2] }, 'float32', returned),
    sliced([0, 6], { starts: [-1], ends: [-9], axes: [0], steps: [-1] }, 'float32', returned),
    sliced([300, 200], { starts: [1, 2], ends: [299, 190], steps: [1, 3] }, 'float32', returned),
    sliced([3], { starts: [], ends: [] }, 'float64', returned),
  ],
  padGrad: [
    ...['reflect', 'edge', 'wrap'].flatMap((mode) => [
      padded([4], [3, 3], mode, 0, 'float32', returned),
      padded([3, 4, 2], [1, 2, 0, 2, 1, 0], mode, 0, 'float64', returned),
      padded([3], [9, 8], mode, 0, 'float16', returned),
      padded([1, 2], [2, 0, 1, 5], mode, 0, 'bfloat16', returned),
      padded([5], [-1, 3], mode, 0, 'float32', returned),
      padded([5, 6], [0, -2, 0, -3], mode, 0, 'float32', returned),
      padded([0, 2], [0, 1, 0, 1], mode, 0, 'float32', returned),
      padded([9, 20, 20, 17], [0, 2, 2, 0, 0, 2, 2, 0], mode, 0, 'float32', returned),
    ]),
    { note: 'constant', inputs: () => [Tensor.from([1, 2, 3, 4])], params: { shape: [3], pads: [2, -1] }, expect: [3, 4, 0] },
  ],
  gatherGrad: [
    gatheredBack([5, 3, 2], () => int32([4, 0, -1, 0]), 0),
    gatheredBack([5, 3, 2], () => int64([2, -3, 1, 1], [2, 2]), 1),
    gatheredBack([5, 3, 2], () => int64([1], []), -1),
    gatheredBack([5, 3, 2], () => int64([]), 1),
    gatheredBack([90, 300], () => randomInts([70], 'int32', 0, 89), 0),
    gatheredBack([7, 33], () => randomInts([900], 'int32', -7, 6), 0),
    gatheredBack([40, 7, 17], () => randomInts([30], 'int32', 0, 6), 1),
    ...(['float64', 'float16', 'bfloat16'] as Dtype[]).map((dtype) => gatheredBack([3, 5], () => int32([2, 2, 0, 2]), 0, dtype)),
    { note: 'nothing of nothing', inputs: () => [random([0, 3]), int32([])], params: { shape: [0, 3] }, expect: [] },
  ],
  gatherNDGrad: [
    {
      note: 'elements, one twice',
      inputs: () => [Tensor.from([1, 2, 4]), int64([0, 1, -1, -1, 0, 1], [3, 2])],
      params: { shape: [2, 3] },
      expect: [0, 5, 0, 0, 0, 2],
    },
    {
      note: 'slices, float64',
      inputs: () => [Tensor.from([1, 2, 3, 4, 5, 6], [2, 3], 'float64'), int64([1, 1], [2, 1])],
      params: { shape: [2, 3] },
      expect: [0, 0, 0, 5, 7, 9],
    },
    {
      note: 'batches',
      inputs: () => [Tensor.from([1, 2, 3, 4, 5, 6], [2, 3, 1]), int32([1, 1, 0, 0, 1, 0], [2, 3, 1])],
      params: { shape: [2, 2, 1], batchDims: 1 },
      expect: [3, 3, 10, 5],
    },
    {
      note: 'tuples of nothing',
      inputs: () => [Tensor.from([1, 2, 3, 4], [2, 2]), int64([], [2, 0])],
      params: { shape: [2] },
      expect: [4, 6],
    },
    { note: 'no tuples', inputs: () => [random([0]), int64([], [0, 1])], params: { shape: [2] }, expect: [0, 0] },
  ],
  resampleGrad: [
    // Sums of a few products in float32: each operation is off by half a unit in the last place of numbers below 16.
    resampledBack([2, 5, 7], 1, 9, 2, 'float32', 2 ** -18),
    resampledBack([2, 5, 7], 0, 3, 1, 'float32', 2 ** -18),
    resampledBack([2, 5, 7], 2, 4, 3, 'float32', 2 ** -18),
    resampledBack([3, 8, 130], 1, 16, 4, 'float32', 2 ** -18),
    resampledBack([40, 30, 33], 1, 60, 2, 'float32', 2 ** -18),
    resampledBack([2, 5, 7], 1, 9, 2, 'float64', 0),
    resampledBack([2, 5, 7], 1, 3, 1, 'float16', 2 ** -9),
    resampledBack([2, 5, 7], 1, 3, 1, 'bfloat16', 2 ** -6),
    { note: 'empty', inputs: () => [random([0, 1, 3]), int32([1], [1, 1]), random([1, 1])], params: { axis: 1, size: 2 }, expect: [] },
    {
      note: 'no output',
      inputs: () => [random([1, 0, 3]), int32([], [0, 1]), random([0, 1])],
      params: { axis: 1, size: 2 },
      expect: [0, 0, 0, 0, 0, 0],
    },
  ],
  expand: [
    ...everyType((dtype) => moved('', [3, 1], [2, 3, 4], { shape: [2, 1, 4] }, ([, j]) => [j, 0], dtype)),
    moved('x is larger', [2, 3], [2, 3], { shape: [1] }, (index) => index),
    moved('no dimensions', [], [2, 2], { shape: [2, 2] }, () => []),
    moved('to nothing', [1, 3], [0, 3], { shape: [0, 1] }, (index) => index),
    moved('several threads', [70, 1, 30], [70, 20, 30], { shape: [20, 1] }, ([i, , k]) => [i, 0, k]),
  ],
  tile: [
    ...everyType((dtype) => moved('', [2, 3], [4, 9], { repeats: [2, 3] }, ([i, j]) => [i % 2, j % 3], dtype)),
    moved('the middle', [2, 2, 2], [2, 6, 2], { repeats: [1, 3, 1] }, ([i, j, k]) => [i, j % 2, k]),
    moved('never', [2, 3], [0, 3], { repeats: [0, 1] }, (index) => index),
    moved('no dimensions', [], [], { repeats: [] }, () => []),
    moved('eight dimensions', [1, 2, 1, 2, 1, 2, 1, 2], [2, 4, 2, 4, 1, 2, 3, 2], { repeats: [2, 2, 2, 2, 1, 1, 3, 1] }, (index) =>
      index.map((i, d) => i % [1, 2, 1, 2, 1, 2, 1, 2][d]),
    ),
  ],
  shape: [
    { inputs: () => [random([2, 0, 5], 0, 1, 1, 'float16')], expect: [2, 0, 5] },
    { note: 'a part', inputs: () => [random([2, 3, 5])], params: { start: 1, end: 2 }, expect: [3] },
    { note: 'from the back', inputs: () => [random([2, 3, 5])], params: { start: -2 }, expect: [3, 5] },
    { note: 'beyond', inputs: () => [random([2, 3, 5])], params: { start: -9, end: -1 }, expect: [2, 3] },
    { note: 'nothing', inputs: () => [random([2, 3, 5])], params: { start: 7 }, expect: [] },
    { note: 'no dimensions', inputs: () => [Tensor.scalar(1)], expect: [] },
  ],
  range: [
    made({ limit: 4 }, [0, 1, 2, 3]),
    made({ start: 1, limit: 2, delta: 0.25 }, [1, 1.25, 1.5, 1.75]),
    made({ start: 5, limit: -4, delta: -3, dtype: 'int64' }, [5, 2, -1]),
    made({ start: -(2 ** 52), limit: 3 - 2 ** 52, dtype: 'int64' }, [-(2 ** 52), 1 - 2 ** 52, 2 - 2 ** 52]),
    made({ start: 250, limit: 254, dtype: 'uint8' }, [250, 251, 252, 253]),
    made({ start: 1, limit: 3, dtype: 'float16' }, [1, 2]),
    made({ start: 3, limit: 3 }, []),
    made({ start: 3, limit: 1 }, []),
  ],
  fill: [
    ...everyType((dtype) => made({ shape: [2, 2], value: 1, dtype }, [1, 1, 1, 1])),
    made({ shape: [] }, [0]),
    made({ shape: [3, 0], value: 5 }, []),
    made({ shape: [2], value: -1.5, dtype: 'int8' }, [-1, -1]),
    made({ shape: [2], value: Number.NaN, dtype: 'float64' }, [Number.NaN, Number.NaN], 'NaN'),
    made({ shape: [70000], value: 2, dtype: 'int16' }, new Array(70000).fill(2)),
  ],
  trilu: [
    ...everyType((dtype) => moved('', [3, 4], [3, 4], {}, ([i, j]) => (j >= i ? [i, j] : 0), dtype)),
    ...[-9, -1, 0, 2, 9, 2 ** 60].flatMap((k) =>
      [true, false].map((upper) =>
        moved(`${upper ? 'upper' : 'lower'} ${k}`, [2, 4, 3], [2, 4, 3], { k, upper }, ([b, i, j]) =>
          (upper ? j - i >= k : j - i <= k) ? [b, i, j] : 0,
        ),
      ),
    ),
    { note: 'empty', inputs: () => [random([0, 3])], expect: [] },
    { note: 'no columns', inputs: () => [random([3, 0])], expect: [] },
  ],
  resample: [
    resampled([2, 5, 7], 1, 9, 2, 'float32', 0),
    resampled([2, 5, 7], 0, 3, 1, 'float32', 0),
    resampled([2, 5, 7], 2, 4, 3, 'float32', 0),
    resampled([3, 8, 130], 1, 16, 4, 'float32', 0),
    resampled([40, 30, 33], 1, 60, 2, 'float32', 0),
    resampled([2, 5, 7], 1, 9, 2, 'float64', 0),
    resampled([2, 5, 7], 1, 9, 2, 'float16', 2 ** -11 * 1.001),
    resampled([2, 5, 7], 1, 9, 2, 'bfloat16', 2 ** -8 * 1.001),
    { note: 'empty', inputs: () => [random([0, 2, 3]), int32([1], [1, 1]), random([1, 1])], params: { axis: 1 }, expect: [] },
  ],
};
