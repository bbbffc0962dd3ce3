import { type Dtype, Tensor } from 'lowbit';
import { type Case, doubleFunctions, random, randomInts } from './case.js';

// A loss below 16 of exponentials within 1 ulp: their sum's logarithm is off by 2^-23, the result rounded to 24 bits of at most 16.
const bound = 2 ** -23;
const doubles = 1e-13;
const boundOf = (dtype: Dtype) => (dtype === 'float64' ? doubles : bound);

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const rowsOf = (x: readonly number[], classes: number) =>
  Array.from({ length: classes ? x.length / classes : 0 }, (_, i) => x.slice(i * classes, (i + 1) * classes));

function logSoftmax(row: readonly number[], temperature = 1): number[] {
  const most = Math.max(...row);
  const logarithm = Math.log(sum(row.map((x) => Math.exp((x - most) / temperature))));
  return row.map((x) => (x - most) / temperature - logarithm);
}

interface Labelled {
  rows?: number;
  classes: number;
  labels?: readonly number[];
  labelSmoothing?: number;
  ignoreIndex?: number;
  labelType?: 'int32' | 'int64';
  dtype?: Dtype;
}

/** What crossEntropy and its gradient say about the same rows. */
function labelled(given: Labelled): { loss: Case; gradient: Case } {
  const { rows = 3, classes, labelSmoothing = 0, ignoreIndex = -100, labelType = 'int32', dtype = 'float32' } = given;
  const labels = given.labels ?? Array.from({ length: rows }, (_, i) => (i * 7 + 3) % classes);
  const counted = labels.filter((label) => label !== ignoreIndex).length;
  const inputs = () => [random([labels.length, classes], -6, 6, 1, dtype), Tensor.from(labels, [labels.length], labelType)];
  const target = (label: number) =>
    Array.from({ length: classes }, (_, j) => (1 - labelSmoothing) * Number(j === label) + labelSmoothing / classes);
  const common = {
    note: `${dtype} ${labelType} [${labels.length}, ${classes}] smoothing ${labelSmoothing} ignoring ${ignoreIndex}`,
    params: { labelSmoothing, ignoreIndex },
    bound: boundOf(dtype),
    cudaBound: doubleFunctions(doubles, dtype),
  };
  return {
    loss: {
      ...common,
      inputs,
      expect: ([x]) => {
        const losses = rowsOf(x, classes).map((row, i) =>
          labels[i] === ignoreIndex ? 0 : -sum(logSoftmax(row).map((logP, j) => logP * target(labels[i])[j])),
        );
        return [sum(losses) / counted];
      },
    },
    gradient: {
      ...common,
      inputs: () => [Tensor.scalar(1.5, dtype), ...inputs()],
      expect: ([[dy], x]) =>
        rowsOf(x, classes).flatMap((row, i) =>
          logSoftmax(row).map((logP, j) => (labels[i] === ignoreIndex ? 0 : ((Math.exp(logP) - target(labels[i])[j]) * dy) / counted)),
        ),
      // Probabilities within 4 ulp of at most 1, three more roundings, times 1.5 / counted.
      bound: dtype === 'float64' ? doubles : 8 * 2 ** -24 * 1.5,
      cudaBound: dtype === 'float64' ? doubles : undefined,
    },
  };
}

const labelledCases = [
  ...[1, 7, 15, 16, 17, 33, 65, 1000].map((classes) => labelled({ classes })),
  labelled({ classes: 10, rows: 900 }),
  labelled({ classes: 10, labelSmoothing: 0.1, labelType: 'int64' }),
  labelled({ classes: 37, labelSmoothing: 1 }),
  labelled({ classes: 10, labels: [4, -100, 9, -100, 0] }),
  labelled({ classes: 10, labels: [4, 0, 9, 0], ignoreIndex: 0, labelSmoothing: 0.2 }),
  labelled({ classes: 19, labelSmoothing: 0.1, dtype: 'float64' }),
];

/** Two tensors of (rows, classes): logits, and probabilities that do not sum to 1 everywhere. */
const pair = (shape: readonly number[], dtype: Dtype) => [random(shape, -4, 4, 1, dtype), random(shape, 0, 1, 2, dtype)];

function softLoss([x, t]: number[][], classes: number): number {
  const targets = rowsOf(t, classes);
  return sum(rowsOf(x, classes).map((row, i) => -sum(logSoftmax(row).map((logP, j) => logP * targets[i][j])))) / targets.length;
}

function softCases(gradient: boolean): Case[] {
  return (
    [
      [3, 5],
      [2, 33],
      [70, 10],
      [1, 1],
      [2, 9, 'float64'],
    ] as [number, number, Dtype?][]
  ).map(([rows, classes, dtype = 'float32']) => ({
    note: `${dtype} [${rows}, ${classes}]`,
    inputs: () => [...(gradient ? [Tensor.scalar(2, dtype)] : []), ...pair([rows, classes], dtype)],
    expect: (inputs) => {
      if (!gradient) return [softLoss(inputs, classes)];
      const [[dy], x, t] = inputs;
      const targets = rowsOf(t, classes);
      return rowsOf(x, classes).flatMap((row, i) =>
        logSoftmax(row).map((logP, j) => ((Math.exp(logP) * sum(targets[i]) - targets[i][j]) * dy) / rows),
      );
    },
    // Losses up to 100, gradients up to 2·Σ t ≤ 34 of exponentials and a sum within 1 ulp each.
    bound: dtype === 'float64' ? doubles : 2 * 34 * 2 ** -23,
    cudaBound: gradient && dtype === 'float32' ? undefined : doubleFunctions(doubles, dtype),
  }));
}

function distillationCases(gradient: boolean): Case[] {
  const shapes: [number, number, number, Dtype?][] = [
    [3, 5, 1],
    [2, 33, 4],
    [70, 10, 2.5],
    [1, 1, 3],
    [2, 9, 2, 'float64'],
  ];
  return shapes.map(([rows, classes, temperature, dtype = 'float32']) => ({
    note: `${dtype} [${rows}, ${classes}] temperature ${temperature}`,
    inputs: () => [
      ...(gradient ? [Tensor.scalar(2, dtype)] : []),
      random([rows, classes], -6, 6, 1, dtype),
      random([rows, classes], -6, 6, 2, dtype),
    ],
    params: { temperature },
    expect: (inputs) => {
      const [student, teacher] = inputs.slice(-2).map((x) => rowsOf(x, classes).map((row) => logSoftmax(row, temperature)));
      if (gradient) {
        return student.flatMap((row, i) =>
          row.map((p, j) => (temperature * (Math.exp(p) - Math.exp(teacher[i][j])) * inputs[0][0]) / rows),
        );
      }
      return [
        (temperature ** 2 * sum(student.flatMap((row, i) => row.map((p, j) => Math.exp(teacher[i][j]) * (teacher[i][j] - p))))) / rows,
      ];
    },
    // In double, rounded once.
    bound: dtype === 'float64' ? 1e-12 : 2 ** -24,
    cudaBound: doubleFunctions(1e-12, dtype),
  }));
}

/** A distance over elements; `shapes` reach past a chunk of 4096. */
function distanceCases(low: number, expect: (inputs: number[][], rows: number) => number[], gradient = false): Case[] {
  const shapes: [readonly number[], Dtype?][] = [[[1, 1]], [[3, 17]], [[2, 5, 7]], [[3, 3001]], [[2, 9], 'float64']];
  return shapes.map(([shape, dtype = 'float32']) => ({
    note: `${dtype} [${shape}]`,
    inputs: () => [
      ...(gradient ? [Tensor.scalar(1.5, dtype)] : []),
      random(shape, low, low + 3, 1, dtype),
      random(shape, 0.01, 1, 2, dtype),
    ],
    expect: (inputs) => expect(inputs, shape[0]),
    // In double, rounded once; the sums of the test are in another order.
    bound: dtype === 'float64' ? 1e-12 : 2 ** -24 * 1.001,
  }));
}

export const lossCases: Record<string, Case[]> = {
  crossEntropy: [
    ...labelledCases.map(({ loss }) => loss),
    { note: 'no rows', inputs: () => [random([0, 4]), randomInts([0], 'int32', 0, 3)], expect: [NaN], gradient: false },
    { note: 'all ignored', inputs: () => [random([2, 4]), Tensor.from([-100, -100], [2], 'int32')], expect: [NaN], gradient: false },
    {
      note: 'huge logits',
      inputs: () => [Tensor.from([1e30, -1e30, 0, -Infinity, 5, 5], [2, 3]), Tensor.from([0, 1], [2], 'int32')],
      expect: [Math.log(2) / 2],
      bound,
      cudaBound: bound,
    },
  ],
  crossEntropyGrad: [
    ...labelledCases.map(({ gradient }) => gradient),
    { note: 'no rows', inputs: () => [Tensor.scalar(1), random([0, 4]), randomInts([0], 'int32', 0, 3)], expect: [] },
    {
      note: 'all ignored',
      inputs: () => [Tensor.scalar(1), random([2, 2]), Tensor.from([-100, -100], [2], 'int32')],
      expect: [0, 0, 0, 0],
    },
  ],
  softCrossEntropy: [
    ...softCases(false),
    {
      note: 'a target of 0 for what is impossible',
      inputs: () => [Tensor.from([0, 0, -Infinity], [1, 3]), Tensor.from([0.5, 0.5, 0], [1, 3])],
      expect: [Math.log(2)],
      bound,
      cudaBound: bound,
      gradient: false,
    },
  ],
  softCrossEntropyGrad: softCases(true),
  distillation: distillationCases(false),
  distillationGrad: distillationCases(true),
  meanSquaredError: [
    ...distanceCases(-2, ([x, target]) => [sum(x.map((v, i) => (v - target[i]) ** 2)) / x.length]),
    { note: 'nothing', inputs: () => [random([0, 3]), random([0, 3])], expect: [NaN], gradient: false },
    { note: 'no dimensions', inputs: () => [Tensor.scalar(3), Tensor.scalar(1)], expect: [4] },
  ],
  meanSquaredErrorGrad: distanceCases(-2, ([[dy], x, target]) => x.map((v, i) => (2 * (v - target[i]) * dy) / x.length), true),
  klDivergence: [
    ...distanceCases(-4, ([logP, target], rows) => [sum(logP.map((v, i) => target[i] * (Math.log(target[i]) - v))) / rows]).map(
      (entry) => ({
        ...entry,
        cudaBound: doubleFunctions(1e-12, entry.note?.startsWith('float64') ? 'float64' : 'float32'),
      }),
    ),
    {
      note: 'a target of 0',
      inputs: () => [Tensor.from([-Infinity, -1], [1, 2]), Tensor.from([0, 1], [1, 2])],
      expect: [1],
      gradient: false,
    },
  ],
};
