/** Graphs of everything that has an opinion about layout, put together by chance. */
import { Graph, ops, type Shape, Tensor, Types, type Value } from 'lowbit';
import type { Dice } from '../dice.js';

const size = (shape: Shape) => shape.reduce((a, b) => a * b, 1);

/** Small whole numbers: sums of them are exact in any order. */
export const wholeNumbers = (shape: Shape, dice: Dice) =>
  Tensor.from(
    Array.from({ length: size(shape) }, () => dice.below(7) - 3),
    shape,
  );

type Step = (graph: Graph, x: Value, shape: Shape, dice: Dice, others: readonly Value[]) => Value | undefined;

const order = (rank: number, dice: Dice): number[] => {
  const axes = Array.from({ length: rank }, (_, i) => i);
  for (let i = rank - 1; i > 0; i--) {
    const j = dice.below(i + 1);
    [axes[i], axes[j]] = [axes[j], axes[i]];
  }
  return axes;
};
const anAxis = (shape: Shape, dice: Dice) => dice.below(2 * shape.length) - shape.length;
/** A shape that broadcasts with this one, of equal or lower rank. */
const partner = (shape: Shape, dice: Dice) => shape.slice(dice.below(shape.length + 1)).map((n) => (dice.below(2) ? n : 1));
const equal = (a: Shape, b: Shape) => a.join() === b.join();

const steps: Record<string, Step> = {
  transpose: (g, x, shape, dice) => g.add(ops.transpose, [x], { perm: order(shape.length, dice) }),
  toFirst: (g, x, shape) => (shape.length === 4 ? g.add(ops.transpose, [x], { perm: [0, 3, 1, 2] }) : undefined),
  toLast: (g, x, shape) => (shape.length === 4 ? g.add(ops.transpose, [x], { perm: [0, 2, 3, 1] }) : undefined),
  relu: (g, x) => g.add(ops.relu, [x]),
  clip: (g, x) => g.add(ops.clip, [x], { min: -2, max: 3 }),
  addConstant: (g, x, shape, dice) => g.add(ops.add, [x, g.constant(wholeNumbers(partner(shape, dice), dice))]),
  subtractFrom: (g, x, shape, dice) => g.add(ops.sub, [g.constant(wholeNumbers(partner(shape, dice), dice)), x]),
  addValue(g, x, shape, dice, others) {
    const types = new Types(g);
    const fitting = others.filter((value) => equal(types.get(value)!.shape, shape));
    return g.add(dice.below(2) ? ops.add : ops.maximum, [dice.pick(fitting), x]);
  },
  concat: (g, x, shape, dice) =>
    g.add(ops.concat as never, [x, dice.below(2) ? x : g.constant(wholeNumbers(shape, dice))], { axis: anAxis(shape, dice) }),
  pad: (g, x, shape, dice) =>
    g.add(ops.pad, [x], {
      pads: Array.from({ length: 2 * shape.length }, () => dice.below(2)),
      value: 1,
      mode: dice.pick(['constant', 'edge']),
    }),
  slice: (g, x, shape, dice) => g.add(ops.slice, [x], { starts: [1], ends: [9], axes: [anAxis(shape, dice)] }),
  reverse: (g, x, shape, dice) => g.add(ops.slice, [x], { starts: [-1], ends: [-99], axes: [anAxis(shape, dice)], steps: [-1] }),
  sum: (g, x, shape, dice) => g.add(ops.reduceSum, [x], { axes: [anAxis(shape, dice)], keepDims: dice.below(3) > 0 }),
  largest: (g, x, shape, dice) => g.add(ops.reduceMax, [x], { axes: [...new Set([dice.below(shape.length), dice.below(shape.length)])] }),
  argMax: (g, x, shape, dice) => g.add(ops.cast, [g.add(ops.argMax, [x], { axis: anAxis(shape, dice) })], { dtype: 'float32' }),
  cumSum: (g, x, shape, dice) => g.add(ops.cumSum, [x], { axis: anAxis(shape, dice), exclusive: dice.below(2) === 1 }),
  softmax: (g, x, shape, dice) =>
    g.add(ops.round, [g.add(ops.mul, [g.add(ops.softmax, [x], { axis: anAxis(shape, dice) }), g.constant(Tensor.scalar(64))])]),
  batchNorm(g, x, shape, dice) {
    if (shape.length < 2) return undefined;
    const axis = anAxis(shape, dice);
    const list = (numbers: number) => g.constant(Tensor.from(Array(shape.at(axis)!).fill(numbers)));
    return g.add(ops.batchNorm, [x, list(2), list(1), list(-1), list(0.25)], { axis, epsilon: 0 });
  },
  reshape: (g, x, shape) => g.add(ops.reshape, [x], { shape: [shape[0], ...[...shape.slice(1)].reverse()] }),
  gather: (g, x, shape, dice) => g.add(ops.gather, [x, g.constant(Tensor.from([0, -1, 0], [3], 'int64'))], { axis: anAxis(shape, dice) }),
  tile: (g, x, shape, dice) => g.add(ops.tile, [x], { repeats: shape.map(() => 1 + (dice.below(5) === 0 ? 1 : 0)) }),
  conv(g, x, shape, dice) {
    if (shape.length !== 4) return undefined;
    const w = g.constant(wholeNumbers([2, 1, 1, shape[3]], dice));
    return g.add(ops.conv2d, [x, w, g.constant(Tensor.from([1, -1]))]);
  },
  pool: (g, x, shape) => (shape.length === 4 && shape[1] > 1 && shape[2] > 1 ? g.add(ops.maxPool2d, [x], { kernel: [2, 2] }) : undefined),
  codes(g, x, shape, dice) {
    const axis = anAxis(shape, dice);
    const n = shape.at(axis)!;
    const [scale, zero] = [
      g.constant(Tensor.from(Array.from({ length: n }, (_, i) => 2 ** (i % 2)))),
      g.constant(Tensor.from(new Int8Array(n))),
    ];
    return g.add(ops.dequantize, [g.add(ops.quantize, [x, scale, zero], { axis }), scale, zero], { axis });
  },
};

/** A graph of `length` steps, each on a value made before; the last two values are outputs. */
export function randomGraph(dice: Dice, length: number): Graph {
  const graph = new Graph('random');
  const shape = dice.pick([
    [2, 3, 4, 5],
    [1, 3, 2, 2],
    [2, 4, 3],
    [3, 1, 1, 2],
  ]);
  const values: Value[] = [graph.input('x', { dtype: 'float32', shape })];
  while (values.length <= length) {
    const x = dice.below(4) ? values.at(-1)! : dice.pick(values);
    const from = new Types(graph).get(x)!.shape;
    if (size(from) > 2000 || size(from) === 0 || from.length === 0) values.push(values[0]);
    else values.push(dice.pick(Object.values(steps))(graph, x, from, dice, values) ?? x);
  }
  graph.output('y', values.at(-1)!);
  graph.output('z', values.at(-2)!);
  return graph;
}
