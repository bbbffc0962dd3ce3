import { type Dtype, Tensor } from 'lowbit';
import { type Case, raggedSizes, random, randomInts } from './case.js';

const rounded = 2 ** -24;

/** What is left of x (n0, n1, n2) when f takes all elements of each group along the axes, in order. */
function reduced(x: number[], shape: readonly number[], axes: readonly number[], f: (group: number[]) => number): number[] {
  const groups = new Map<string, number[]>();
  const visit = (d: number, at: number, key: string): void => {
    if (d === shape.length) {
      const group = groups.get(key) ?? [];
      if (at >= 0) group.push(x[at]);
      groups.set(key, group);
      return;
    }
    const gone = axes.includes(d) || axes.includes(d - shape.length);
    if (gone && shape[d] === 0) visit(d + 1, Number.NEGATIVE_INFINITY, key);
    for (let i = 0; i < shape[d]; i++) visit(d + 1, at * shape[d] + i, gone ? key : `${key},${i}`);
  };
  visit(0, 0, '');
  return [...groups.values()].map(f);
}

const sum = (group: number[]) => group.reduce((a, b) => a + b, 0);
const product = (group: number[]) => group.reduce((a, b) => a * b, 1);
const mean = (group: number[]) => sum(group) / group.length;

function reduction(f: (group: number[]) => number, integer: (group: number[]) => number = f): Case[] {
  const over = (shape: number[], axes: number[], note = `[${shape}] over [${axes}]`, keepDims = true): Case => ({
    note,
    inputs: () => [random(shape, -1.5, 1.5)],
    params: { axes, keepDims },
    expect: ([x]) => reduced(x, shape, axes, f),
    bound: rounded,
    gradient: !shape.includes(0), // of nothing the result is infinite or NaN
  });
  const typed = (dtype: Dtype, low: number, high: number, bound: number, g: (group: number[]) => number): Case => ({
    note: dtype,
    inputs: () => [dtype.includes('int') ? randomInts([3, 2, 5], dtype, low, high) : random([3, 2, 5], low, high, 1, dtype)],
    params: { axes: [1, -1] },
    expect: ([x]) => reduced(x, [3, 2, 5], [1, 2], g),
    bound,
  });
  return [
    ...raggedSizes.map((n) => over([2, n], [1])),
    ...raggedSizes.map((n) => over([3, n], [0])),
    ...[[0], [1], [2], [0, 1], [1, 2], [0, 2], [0, 1, 2], [-1, 0], []].map((axes) => over([4, 3, 5], axes)),
    over([5, 3, 1], [0, 2]),
    over([1, 70, 3, 1, 1], [0, 1, 3]),
    over([4, 3, 5], [1], 'without keepDims', false),
    over([2, 3, 4, 5, 2], [1, 3]),
    over([3, 20, 130], [1], 'several blocks of columns'),
    over([30, 9, 70, 3], [0, 2], 'several threads'),
    over([1, 1], [0, 1]),
    over([], [], 'no dimensions'),
    over([2, 0, 3], [1], 'nothing along the axis'),
    over([2, 0, 3], [0], 'nothing left'),
    { note: 'NaN', inputs: () => [Tensor.from([1, Number.NaN, 3])], params: { axes: [0] }, expect: [Number.NaN] },
    typed('float64', -2, 2, 1e-14, f),
    typed('float16', -1, 1, 2 ** -11 * 1.001, f),
    typed('bfloat16', -1, 1, 2 ** -8 * 1.001, f),
    typed('int8', -1, 2, 0, integer),
    typed('uint8', 0, 2, 0, integer),
    typed('int16', -2, 2, 0, integer),
    typed('uint16', 0, 2, 0, integer),
    typed('int32', -2, 2, 0, integer),
    typed('uint32', 0, 2, 0, integer),
    typed('int64', -2, 2, 0, integer),
    typed('uint64', 0, 2, 0, integer),
  ];
}

function indices(best: (group: number[]) => number): Case[] {
  const along = (shape: number[], axis: number, selectLast: boolean): Case => ({
    note: `[${shape}] along ${axis}${selectLast ? ', the last' : ''}`,
    inputs: () => [randomInts(shape, 'float32', -3, 3)],
    params: { axis, selectLast },
    expect: ([x]) => reduced(x, shape, [axis], (group) => (selectLast ? group.lastIndexOf(best(group)) : group.indexOf(best(group)))),
  });
  const nans = [1, Number.NaN, 9, Number.NaN, -9];
  return [
    ...[false, true].flatMap((last) => [along([4, 9], 0, last), along([4, 9], -1, last), along([3, 33, 70], 1, last), along([1], 0, last)]),
    { note: 'NaN', inputs: () => [Tensor.from(nans)], params: { axis: 0 }, expect: [1] },
    { note: 'the last NaN', inputs: () => [Tensor.from(nans)], params: { axis: 0, selectLast: true, keepDims: false }, expect: [3] },
    { note: 'nothing left', inputs: () => [random([0, 0])], params: { axis: 0 }, expect: [] },
    ...(['int8', 'uint8', 'float16', 'int64', 'uint64'] as Dtype[]).map((dtype) => ({
      note: dtype,
      inputs: () => [Tensor.from([3, 1, 2, 1, 3], undefined, dtype)],
      params: { axis: 0 },
      expect: ([x]: number[][]) => [x.indexOf(best(x))],
    })),
  ];
}

function runningSums(x: number[], [outer, size, inner]: number[], exclusive: boolean, reverse: boolean): number[] {
  return x.map((_, at) => {
    const i = Math.floor(at / inner) % size;
    const start = at - i * inner;
    let total = 0;
    for (let k = 0; k < size; k++) {
      const counts = reverse ? k > i || (k === i && !exclusive) : k < i || (k === i && !exclusive);
      if (counts && at < outer * size * inner) total += x[start + k * inner];
    }
    return total;
  });
}

const cumulative: Case[] = [false, true].flatMap((exclusive) =>
  [false, true].flatMap((reverse) => [
    ...[0, 1, -1].map((axis) => ({
      note: `axis ${axis}${exclusive ? ', exclusive' : ''}${reverse ? ', reverse' : ''}`,
      inputs: () => [random([5, 7, 3])],
      params: { axis, exclusive, reverse },
      expect: ([x]: number[][]) => runningSums(x, axis === 0 ? [1, 5, 21] : axis === 1 ? [5, 7, 3] : [35, 3, 1], exclusive, reverse),
      bound: 2 * rounded, // the reverse sums are added in another order here
    })),
    {
      note: 'int8 wraps',
      inputs: () => [Tensor.from([100, 100, -5], undefined, 'int8')],
      params: { axis: 0, exclusive, reverse },
      expect: exclusive ? (reverse ? [95, -5, 0] : [0, 100, -56]) : reverse ? [-61, 95, -5] : [100, -56, -61],
    },
  ]),
);

/** The first k of all positions of each lane, sorted by JavaScript's stable sort; NaN is larger than every number. */
function bestPositions(x: number[], [outer, size, inner]: number[], k: number, largest: boolean): number[] {
  const height = (value: number) => (Number.isNaN(value) ? [1, 0] : [0, value]);
  const out = Array<number>(outer * k * inner);
  for (let lane = 0; lane < outer * inner; lane++) {
    const [row, column] = [Math.floor(lane / inner), lane % inner];
    const valueAt = (i: number) => height(x[(row * size + i) * inner + column]);
    const order = Array.from({ length: size }, (_, i) => i).sort((i, j) => {
      const [a, b] = [valueAt(i), valueAt(j)];
      const rising = a[0] !== b[0] ? a[0] - b[0] : a[1] === b[1] ? 0 : a[1] < b[1] ? -1 : 1;
      return largest ? -rising : rising;
    });
    for (let i = 0; i < k; i++) out[(row * k + i) * inner + column] = order[i];
  }
  return out;
}

const specials = [1, Number.NaN, Infinity, -0, 0, Number.NaN, -Infinity, Infinity, 1];

const best: Case[] = [true, false].flatMap((largest) => {
  const along = (shape: number[], axis: number, k: number): Case => {
    const d = (axis + shape.length) % shape.length;
    const size = (part: number[]) => part.reduce((a, b) => a * b, 1);
    return {
      note: `${k} of [${shape}] along ${axis}${largest ? '' : ', the smallest'}`,
      inputs: () => [randomInts(shape, 'float32', -9, 9)],
      params: { k, axis, largest },
      expect: ([x]) => bestPositions(x, [size(shape.slice(0, d)), shape[d], size(shape.slice(d + 1))], k, largest),
    };
  };
  return [
    ...raggedSizes.map((n) => along([2, n], -1, Math.ceil(n / 3))),
    ...[0, 1, 2].map((axis) => along([4, 3, 5], axis, 2)),
    along([40, 30, 20], 1, 30),
    along([7], 0, 0),
    along([0, 3], 1, 2),
    along([3, 0], 1, 0),
    {
      note: `NaN, zeros and infinities${largest ? '' : ', the smallest'}`,
      inputs: () => [Tensor.from(specials)],
      params: { k: 9, largest },
      expect: largest ? [1, 5, 2, 7, 0, 8, 3, 4, 6] : [6, 3, 4, 0, 8, 2, 7, 1, 5],
    },
    ...(['float64', 'float16', 'bfloat16', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64'] as Dtype[]).map(
      (dtype): Case => ({
        note: dtype,
        inputs: () => [Tensor.from([3, 1, 100, 1, 3, 7], undefined, dtype)],
        params: { k: 4, largest },
        expect: largest ? [2, 5, 0, 4] : [1, 3, 0, 4],
      }),
    ),
  ];
});

function sumToCase(shape: readonly number[], to: readonly number[], dtype: Dtype = 'float32'): Case {
  const axes = shape.flatMap((n, i) => (i < shape.length - to.length || to[i - shape.length + to.length] !== n ? [i] : []));
  return {
    note: `${dtype} [${shape}] to [${to}]`,
    inputs: () => [dtype.includes('int') ? randomInts(shape, dtype, -2, 2) : random(shape, -1.5, 1.5, 1, dtype)],
    params: { shape: to },
    expect: ([x]) => reduced(x, shape, axes, sum),
    bound: rounded,
  };
}

/** Several chunks, and lanes with a rest; the sums of either order are the same to 1e-12. */
const manyChunks: Case[] = (
  [
    [[40000], [0]],
    [[2, 33000], [1]],
    [[5000, 16], [0]],
    [[2500, 70], [0]],
    [
      [300, 3, 200],
      [0, 2],
    ],
    [[20000, 3], [0]],
    [
      [3, 700, 31],
      [0, 1, 2],
    ],
    [[70, 64], [1]],
    [[70, 100], [1]],
  ] as [number[], number[]][]
).flatMap(([shape, axes]) =>
  (['float32', 'float64'] as Dtype[]).map((dtype) => ({
    note: `${dtype} [${shape}] over [${axes}] in chunks`,
    inputs: () => [random(shape, -1.5, 1.5, 1, dtype)],
    params: { axes },
    expect: ([x]) => reduced(x, shape, axes, sum),
    bound: dtype === 'float64' ? 1e-11 : 2 * rounded,
    gradient: false, // as below, on tensors that take no time
  })),
);

/** dx of a reduction over axes, given the elements behind each result and dy. */
function gradientOver(
  shape: number[],
  axes: number[],
  inputs: (x: Tensor) => Tensor[],
  f: (group: number[], dy: number) => number[],
): Case {
  return {
    note: `[${shape}] over [${axes}]`,
    inputs: () => inputs(randomInts(shape, 'float32', -3, 3)),
    params: { axes },
    expect([dy, x]) {
      const groups = reduced(
        x.map((_, i) => i),
        shape,
        axes,
        (group) => group as unknown as number,
      ) as unknown as number[][];
      const dx = [...x];
      for (const [k, group] of groups.entries()) {
        const values = f(
          group.map((i) => x[i]),
          dy[k],
        );
        for (const [i, at] of group.entries()) dx[at] = values[i];
      }
      return dx;
    },
    bound: rounded,
  };
}

const gradientShapes: [number[], number[]][] = [
  [[7], [0]],
  [[4, 9], [0]],
  [[4, 9], [-1]],
  [
    [3, 4, 5],
    [0, 2],
  ],
  [[3, 5, 130], [1]],
  [[3, 4], []],
  [[2, 0, 3], [1]],
];

const gradientFor = (x: Tensor, axes: number[]) =>
  random(
    x.shape.map((n, d) => (axes.includes(d) || axes.includes(d - x.shape.length) ? 1 : n)),
    -2,
    2,
    9,
  );

const extremeGradients: Case[] = [
  ...gradientShapes.map(([shape, axes]) =>
    gradientOver(
      shape,
      axes,
      (x) => {
        const dy = gradientFor(x, axes);
        return [
          dy,
          x,
          Tensor.from(
            reduced(x.toNumbers(), shape, axes, (group) => Math.max(...group)),
            dy.shape,
          ),
        ];
      },
      (group, dy) => group.map((v) => (v === Math.max(...group) ? dy / group.filter((other) => other === v).length : 0)),
    ),
  ),
  {
    note: 'float64, without the ones',
    inputs: () => [
      Tensor.from([6, 4], [2], 'float64'),
      Tensor.from([1, 5, 5, 2, 0, 1], [2, 3], 'float64'),
      Tensor.from([5, 2], [2], 'float64'),
    ],
    params: { axes: [1] },
    expect: [0, 3, 3, 4, 0, 0],
  },
];

const productGradients: Case[] = [
  ...gradientShapes.map(([shape, axes]) =>
    gradientOver(
      shape,
      axes,
      (x) => [gradientFor(x, axes), x],
      (group, dy) => group.map((_, i) => dy * product(group.filter((_, j) => j !== i))),
    ),
  ),
  {
    note: 'no zero, one, two',
    inputs: () => [Tensor.from([1, 2, 3]), Tensor.from([2, 3, 4, 0, 5, 6, 0, 0, 7], [3, 3])],
    params: { axes: [1] },
    expect: [12, 8, 6, 60, 0, 0, 0, 0, 0],
  },
];

export const reduceCases: Record<string, Case[]> = {
  reduceMaxGrad: extremeGradients,
  reduceProdGrad: productGradients,
  sumTo: [
    ...raggedSizes.map((n) => sumToCase([3, n], [n])),
    ...raggedSizes.map((n) => sumToCase([n, 3], [n, 1])),
    sumToCase([4, 3, 5], []),
    sumToCase([4, 3, 5], [1, 1, 1]),
    sumToCase([4, 3, 5], [4, 1, 5]),
    sumToCase([4, 3, 5], [3, 1]),
    sumToCase([4, 3, 5], [4, 3, 5]),
    sumToCase([4, 1, 5], [1, 5]),
    sumToCase([2, 0, 3], [3]),
    sumToCase([9, 8, 7, 33], [33]),
    sumToCase([4, 3, 5], [5], 'float64'),
    sumToCase([4, 3, 5], [5], 'int32'),
    sumToCase([9000, 5, 3], [5, 1]),
  ],
  reduceSum: [
    ...reduction(sum),
    ...manyChunks,
    { note: 'uint8 wraps', inputs: () => [Tensor.from([200, 100], undefined, 'uint8')], params: { axes: [0] }, expect: [44] },
    // In float32 the ones would be lost beside 2^24.
    { note: 'keeps small terms', inputs: () => [Tensor.from([2 ** 24, 1, 1, 1, 1])], params: { axes: [0] }, expect: [2 ** 24 + 4] },
  ],
  reduceMean: [
    ...reduction(mean, (group) => Math.trunc(mean(group))),
    { note: 'of no integers', inputs: () => [Tensor.from([], [0], 'int32')], params: { axes: [0] }, expect: [0] },
  ],
  reduceMax: [
    ...reduction((group) => Math.max(...group)),
    { note: 'of no integers', inputs: () => [Tensor.from([], [0], 'int8')], params: { axes: [0] }, expect: [-128] },
  ],
  reduceMin: [
    ...reduction((group) => Math.min(...group)),
    { note: 'of no integers', inputs: () => [Tensor.from([], [0], 'uint8')], params: { axes: [0] }, expect: [255] },
  ],
  reduceProd: reduction(product),
  argMax: indices((group) => Math.max(...group)),
  topK: [
    ...best,
    // Beyond 2^53 these would be equal as doubles.
    {
      note: 'large integers',
      inputs: () => [Tensor.from(BigInt64Array.of(2n ** 62n, 2n ** 62n + 1n), [2])],
      params: { k: 1 },
      expect: [1],
    },
  ],
  argMin: indices((group) => Math.min(...group)),
  cumSum: [...cumulative, { note: 'empty', inputs: () => [random([0, 3])], params: { axis: 0 }, expect: [] }],
};
