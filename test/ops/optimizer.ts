import { Tensor } from 'lowbit';
import { type Case, raggedSizes, random } from './case.js';

/** Rounding of a few operations on numbers of at most 4. */
const few = 8 * 4 * 2 ** -24;

const sizes = [...raggedSizes, 0, 40000];

interface Sgd {
  momentum?: number;
  dampening?: number;
  weightDecay?: number;
  nesterov?: boolean;
}

// After PyTorch's documentation of torch.optim.SGD.
function sgdCase(n: number, params: Sgd, step = 2): Case {
  const { momentum = 0, dampening = 0, weightDecay = 0, nesterov = false } = params;
  return {
    note: `${n} ${JSON.stringify(params)}, step ${step}`,
    inputs: () => [random([n]), random([n], -1, 1, 2), random([n], -1, 1, 3), Tensor.from([0.1, 0.5, step])],
    params,
    expect([parameter, gradient, velocity, control]) {
      const [rate, scale] = control;
      const decayed = gradient.map((g, i) => scale * g + weightDecay * parameter[i]);
      const moved = momentum === 0 ? velocity : decayed.map((g, i) => (step === 1 ? g : momentum * velocity[i] + (1 - dampening) * g));
      const along = momentum === 0 ? decayed : nesterov ? decayed.map((g, i) => g + momentum * moved[i]) : moved;
      return [...parameter.map((p, i) => p - rate * along[i]), ...gradient, ...moved, ...control];
    },
    bound: few,
  };
}

interface Adam {
  beta1?: number;
  beta2?: number;
  epsilon?: number;
  weightDecay?: number;
  decoupled?: boolean;
}

// After PyTorch's documentation of torch.optim.Adam and AdamW.
function adamCase(n: number, params: Adam, step = 3): Case {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0, decoupled = false } = params;
  return {
    note: `${n} ${JSON.stringify(params)}, step ${step}`,
    inputs: () => [random([n]), random([n], -1, 1, 2), random([n], -1, 1, 3), random([n], 0.1, 1, 4), Tensor.from([0.01, 0.5, step])],
    params,
    expect([parameter, gradient, m, v, control]) {
      const [rate, scale] = control;
      const grads = gradient.map((g, i) => scale * g + (decoupled ? 0 : weightDecay * parameter[i]));
      const m1 = grads.map((g, i) => beta1 * m[i] + (1 - beta1) * g);
      const v1 = grads.map((g, i) => beta2 * v[i] + (1 - beta2) * g * g);
      const p1 = parameter.map((p, i) => {
        const kept = decoupled ? p - rate * weightDecay * p : p;
        return kept - (rate * (m1[i] / (1 - beta1 ** step))) / (Math.sqrt(v1[i] / (1 - beta2 ** step)) + epsilon);
      });
      return [...p1, ...gradient, ...m1, ...v1, ...control];
    },
    bound: few,
  };
}

function averageCase(
  shape: readonly number[],
  value: readonly number[],
  params: { momentum: number; factor?: number; row?: number },
): Case {
  const { momentum, factor = 1, row = 0 } = params;
  return {
    note: `[${shape}] of [${value}] ${JSON.stringify(params)}`,
    inputs: () => [random(shape), random(value, -1, 1, 2), Tensor.from([0.1, 1, 1])],
    params,
    expect: ([average, values, control]) => [
      ...average.map((a, i) => a + momentum * (factor * values[row * average.length + i] - a)),
      ...values,
      ...control,
    ],
    bound: few,
  };
}

function controlCase(note: string, norm2: number, loss: number, maxNorm: number, expect: number[]): Case {
  return {
    note,
    inputs: () => [Tensor.scalar(norm2), Tensor.from([loss]), Tensor.from(Float64Array.of(0.25, 7))],
    params: { factor: 2, maxNorm },
    expect: [...expect, 7],
    bound: 2 ** -24,
  };
}

const leftOut = (count: number): Case => ({
  note: 'a control of NaN leaves it out',
  inputs: () => [...Array.from({ length: count }, (_, i) => random([19], -1, 1, i + 1)), Tensor.from([NaN, NaN, 2])],
  params: count === 2 ? { momentum: 0.5 } : count === 3 ? { momentum: 0.9 } : {},
  expect: (lists) => lists.flat(),
});

const squares = (lists: readonly (readonly number[])[]) => lists.flat().reduce((sum, x) => sum + x * x, 0);

export const optimizerCases: Record<string, Case[]> = {
  assign: [
    ...sizes.map((n) => ({
      note: `${n}`,
      inputs: () => [random([n]), random([n], -1, 1, 2), Tensor.from([0.1, 1, 1])],
      expect: ([, value, control]: number[][]) => [...value, ...value, ...control],
    })),
    {
      note: 'left out',
      inputs: () => [Tensor.from([1, 2]), Tensor.from([3, 4]), Tensor.from([NaN, NaN, 1])],
      expect: [1, 2, 3, 4, NaN, NaN, 1],
    },
  ],
  sgdUpdate: [
    leftOut(3),
    ...sizes.map((n) => sgdCase(n, { momentum: 0.9, weightDecay: 1e-2 })),
    ...sizes.map((n) => sgdCase(n, {})),
    sgdCase(19, { weightDecay: 0.1 }),
    sgdCase(19, { momentum: 0.9, dampening: 0.5 }, 1),
    sgdCase(19, { momentum: 0.9, dampening: 0.5 }),
    sgdCase(19, { momentum: 0.9, nesterov: true, weightDecay: 0.1 }),
    {
      note: 'the first step does not look at velocity',
      inputs: () => [Tensor.from([1]), Tensor.from([2]), Tensor.from([NaN]), Tensor.from([0.5, 1, 1])],
      params: { momentum: 0.5 },
      expect: [0, 2, 2, 0.5, 1, 1],
    },
  ],
  adamUpdate: [
    leftOut(4),
    ...sizes.map((n) => adamCase(n, {})),
    adamCase(19, { weightDecay: 0.1 }, 1),
    adamCase(19, { weightDecay: 0.1, decoupled: true }, 1),
    adamCase(19, {}, 1001),
    adamCase(19, { beta1: 0.5, beta2: 0.9, epsilon: 0.1 }, 100000),
    adamCase(19, { beta1: 0, beta2: 0 }, 2),
  ],
  movingAverage: [
    leftOut(2),
    ...sizes.map((n) => averageCase([n], [n], { momentum: 0.1 })),
    averageCase([19], [2, 19], { momentum: 0.1, row: 1, factor: 1.25 }),
    averageCase([3, 19], [3, 19], { momentum: 0.01 }),
    averageCase([], [4], { momentum: 0.5, row: 2 }),
  ],
  sumSquares: [
    { note: 'no tensors', inputs: () => [], expect: [0] },
    ...sizes.map((n) => ({
      note: `${n}`,
      inputs: () => [random([n])],
      expect: (lists: number[][]) => [squares(lists)],
      bound: 2 ** -24,
    })),
    {
      note: 'a list of many shapes',
      inputs: () => [random([3, 5]), random([]), random([70001]), random([0, 4]), random([16385], -1, 1, 2)],
      expect: (lists) => [squares(lists)],
      bound: 2 ** -24,
    },
    {
      note: 'as many tensors as networks have',
      inputs: () => Array.from({ length: 130 }, (_, i) => random([i % 3], -1, 1, i)),
      expect: (lists) => [squares(lists)],
      bound: 2 ** -24,
    },
    { note: 'NaN', inputs: () => [Tensor.from([1, NaN])], expect: [NaN] },
  ],
  updateControl: [
    controlCase('above the norm', 16, 1, 1, [0.5, 1 / (4 + 1e-6)]),
    controlCase('below it', 16, 1, 5, [0.5, 1]),
    controlCase('zero', 0, 0, 1, [0.5, 1]),
    controlCase('no limit', 16, 1, Infinity, [0.5, 1]),
    controlCase('an infinite norm', Infinity, 1, 1, [NaN, NaN]),
    controlCase('a norm of NaN', NaN, 1, 1, [NaN, NaN]),
    controlCase('an infinite loss', 16, -Infinity, 1, [NaN, NaN]),
    controlCase('a loss of NaN', 16, NaN, 1, [NaN, NaN]),
  ],
};
