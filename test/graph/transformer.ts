/** A transformer with channels that reach far beyond the others, as those of large language models do. */
import { Graph, ops, Tensor, type Value } from 'lowbit';
import { randomNumbers } from '../ops/case.js';
import { weight } from './graphs.js';

export const width = 16;
export const classes = 5;
export const length = 6;
const outliers = [3, 11];

export interface TransformerOptions {
  /** How far the outlying channels reach: their weights are as much smaller. Default 60. */
  reach?: number;
  /** Norms behind the sums (BERT) and not before the layers. Default false. */
  postNorm?: boolean;
  heads?: number;
}

/** x (n, 6, 16) → two blocks of attention and two dense layers, the norms an op, then spelled out and without a mean → y (n, 5). */
export function transformer({ reach = 60, postNorm = false, heads = 2 }: TransformerOptions = {}): Graph {
  const graph = new Graph('transformer');
  let seed = 1;
  const outlying = (value: number, channel: number) => (outliers.includes(channel) ? value : 1);
  const vector = (name: string, each: (channel: number) => number) => {
    const jitter = randomNumbers(width, 0.8, 1.2, seed++);
    return graph.constant(Tensor.from(jitter.map((x, i) => x * each(i))), name);
  };
  const linear = (x: Value, name: string, [outputs, inputs]: [number, number], isAfterNorm = false): Value => {
    const numbers = randomNumbers(outputs * inputs, -1, 1, seed++).map(
      (w, i) => w / Math.sqrt(inputs) / (isAfterNorm ? outlying(reach, i % inputs) : 1),
    );
    const w = graph.constant(Tensor.from(numbers, [outputs, inputs]), `${name}.weight`);
    return graph.add(ops.gemm, [x, w, weight(graph, `${name}.bias`, [outputs], seed++, -0.1, 0.1)], {}, name);
  };
  const norm = (x: Value, name: string, isSpelledOut: boolean): Value => {
    const gamma = vector(`${name}.gamma`, (i) => outlying(reach, i));
    const beta = vector(`${name}.beta`, (i) => 0.1 * outlying(reach, i));
    if (!isSpelledOut) return graph.add(ops.layerNorm, [x, gamma, beta], {}, name);
    const square = graph.add(ops.mul, [x, x], {}, `${name}.square`);
    const mean = graph.add(ops.reduceMean, [square], { axes: [-1], keepDims: true }, `${name}.mean`);
    const root = graph.add(ops.sqrt, [graph.add(ops.add, [mean, graph.constant(Tensor.scalar(1e-6))])], {}, `${name}.root`);
    return graph.add(ops.mul, [graph.add(ops.div, [x, root]), gamma], {}, name);
  };
  const split = (x: Value, perm: readonly number[]) =>
    graph.add(ops.transpose, [graph.add(ops.reshape, [x], { shape: [0, 0, heads, width / heads] })], { perm });
  const attention = (x: Value, name: string): Value => {
    const [q, k, v] = ['q', 'k', 'v'].map((role) => linear(x, `${name}.${role}`, [width, width], true));
    const scores = graph.add(ops.matmul, [split(q, [0, 2, 1, 3]), split(k, [0, 2, 3, 1])], {}, `${name}.scores`);
    const seen = graph.add(ops.matmul, [graph.add(ops.softmax, [scores]), split(v, [0, 2, 1, 3])], {}, `${name}.seen`);
    const joined = graph.add(
      ops.reshape,
      [graph.add(ops.transpose, [seen], { perm: [0, 2, 1, 3] })],
      { shape: [0, 0, width] },
      `${name}.joined`,
    );
    return linear(joined, `${name}.out`, [width, width]);
  };
  const dense = (x: Value, name: string) =>
    linear(graph.add(ops.gelu, [linear(x, `${name}.fc1`, [4 * width, width], true)], {}, `${name}.gelu`), `${name}.fc2`, [
      width,
      4 * width,
    ]);
  const around = (x: Value, name: string, part: (x: Value, name: string) => Value, isSpelledOut: boolean) =>
    postNorm
      ? norm(graph.add(ops.add, [x, part(x, name)], {}, `${name}.sum`), `${name}.norm`, isSpelledOut)
      : graph.add(ops.add, [x, part(norm(x, `${name}.norm`, isSpelledOut), name)], {}, `${name}.sum`);
  let x = graph.input('x', { dtype: 'float32', shape: [Number.NaN, length, width] });
  if (postNorm) x = norm(x, 'first', false);
  for (const block of ['0', '1']) {
    x = around(x, `${block}.attention`, attention, false);
    x = around(x, `${block}.dense`, dense, true);
  }
  const pooled = graph.add(ops.reduceMean, [x], { axes: [1], keepDims: false }, 'pooled');
  graph.output('y', linear(pooled, 'classifier', [classes, width], postNorm));
  return graph;
}

export const sequences = (count: number, seed = 5): Tensor =>
  Tensor.from(randomNumbers(count * length * width, -2, 2, seed), [count, length, width]);
