/**
 * Quantized graphs put together by chance. Scales are powers of two, so that float arithmetic on them is exact, and zero points are
 * even, so that a tie is one before and after they are added.
 */
import { type CodeType, Graph, ops, type Shape, Tensor, Types, type Value } from 'lowbit';
import type { Dice } from '../dice.js';

const size = (shape: Shape) => shape.reduce((a, b) => a * b, 1);
const whole = (count: number, low: number, high: number, dice: Dice) =>
  Array.from({ length: count }, () => low + dice.below(high - low + 1));

export class QdqBuilder {
  readonly graph = new Graph('quantized');
  constructor(readonly dice: Dice) {}

  shape(x: Value): Shape {
    return new Types(this.graph).get(x)!.shape;
  }
  scalar(value: number, dtype: 'float32' | CodeType = 'float32'): Value {
    return this.graph.constant(Tensor.scalar(value, dtype), 'c');
  }
  /** x through codes of some scale, zero point and type. */
  qdq(x: Value, name = 'q'): Value {
    const dtype = this.dice.pick(['uint8', 'int8'] as const);
    const zero = dtype === 'uint8' ? this.dice.pick([0, 128, 100, 254]) : this.dice.pick([0, -128, 6, 126]);
    const parameters = [this.scalar(2 ** -this.dice.below(5)), this.scalar(zero, dtype)];
    const codes = this.graph.add(ops.quantize, [x, ...parameters], {}, `${name}.codes`);
    return this.graph.add(ops.dequantize, [codes, ...parameters], {}, `${name}.real`);
  }
  /** Codes of a weight behind a dequantize, one scale or one for each output channel. */
  weight(shape: Shape): Value {
    const { dice, graph } = this;
    const dtype = dice.pick(['int8', 'int8', 'uint8'] as const);
    const channels = dice.below(2) ? shape[0] : 1;
    const zero = dtype === 'uint8' ? 128 : 0;
    const list = (numbers: number[], type: 'float32' | CodeType) =>
      graph.constant(Tensor.from(numbers, channels === 1 ? [] : [channels], type));
    const codes = graph.constant(Tensor.from(whole(size(shape), zero - 120, zero + 120, dice), shape, dtype), 'w');
    const scale = list(
      whole(channels, 3, 6, dice).map((n) => 2 ** -n),
      'float32',
    );
    return graph.add(ops.dequantize, [codes, scale, list(Array(channels).fill(zero), dtype)], { axis: 0 }, 'weight');
  }
  bias(channels: number): Value {
    return this.graph.constant(Tensor.from(whole(channels, -9, 9, this.dice)), 'bias');
  }
}

type Step = (to: QdqBuilder, x: Value, others: readonly Value[]) => Value | undefined;

/** Products, sums, joins and pools: their output is quantized behind them, maybe behind a clamp. */
const computed: Record<string, Step> = {
  conv: (to, x) => to.graph.add(ops.conv2d, [x, to.weight([3, 2, 2, to.shape(x)[3]]), to.bias(3)], { pads: [1, 0, 1, 1] }),
  depthwise(to, x) {
    const c = to.shape(x)[3];
    return to.graph.add(ops.conv2d, [x, to.weight([c, 1, 2, 1]), to.bias(c)], { groups: c, strides: [1, 2], pads: [0, 1, 0, 0] });
  },
  linear: (to, x) => to.graph.add(ops.gemm, [x, to.weight([4, to.shape(x)[3]]), to.bias(4)]),
  matmul: (to, x) => to.graph.add(ops.matmul, [x, to.graph.add(ops.transpose, [x], { perm: [0, 1, 3, 2] })]),
  add: (to, x, others) => to.graph.add(ops.add, [x, sameShape(to, x, others)]),
  mul: (to, x, others) => to.graph.add(ops.mul, [sameShape(to, x, others), x]),
  addSummary: (to, x) => to.graph.add(ops.add, [x, to.qdq(to.graph.add(ops.globalAveragePool, [powerOfTwo(to, x)]))]),
  concat: (to, x, others) => to.graph.add(ops.concat as never, [x, sameShape(to, x, others), x], { axis: -1 }),
  average: (to, x) => to.graph.add(ops.averagePool2d, [x], { kernel: [2, 2], pads: [1, 1, 0, 0], countIncludePad: to.dice.below(2) === 1 }),
};

/** Functions of one element, alone or in chains, and a change of scale. */
const tables: Record<string, Step> = {
  sigmoid: (to, x) => to.graph.add(ops.sigmoid, [x]),
  chain: (to, x) => to.graph.add(ops.mul, [to.graph.add(ops.hardSwish, [to.graph.add(ops.add, [x, to.scalar(0.25)])]), to.scalar(-3)]),
  from: (to, x) => to.graph.add(ops.sub, [to.scalar(1), x]),
  clip: (to, x) => to.graph.add(ops.clip, [x], { min: -0.7, max: 0.9 }),
  same: (_to, x) => x,
};

/** What only moves codes: it may go without codes of its own. */
const moves: Record<string, Step> = {
  transpose: (to, x) =>
    to.graph.add(ops.transpose, [x], {
      perm: to.dice.pick([
        [0, 2, 1, 3],
        [0, 3, 1, 2],
        [0, 1, 2, 3],
      ]),
    }),
  reshape: (to, x) => to.graph.add(ops.reshape, [x], { shape: [to.shape(x)[0], 1, -1, to.shape(x)[3]] }),
  slice: (to, x) => to.graph.add(ops.slice, [x], { starts: [-2], ends: [9], axes: [1] }),
  largest: (to, x) => to.graph.add(ops.maxPool2d, [x], { kernel: [1, 2], pads: [0, 1, 0, 1] }),
  pad: (to, x) => to.graph.add(ops.pad, [x], { pads: [0, 1, 0, 0, 0, 0, 1, 0] }),
  gather: (to, x) => to.graph.add(ops.gather, [x, to.graph.constant(Tensor.from([0, 0, -1], [3], 'int64'))], { axis: 3 }),
};

function sameShape(to: QdqBuilder, x: Value, others: readonly Value[]): Value {
  return to.dice.pick(others.filter((value) => to.shape(value).join() === to.shape(x).join()));
}

// Means are exact where they are over 1, 2, 4 ... pixels.
function powerOfTwo(to: QdqBuilder, x: Value): Value {
  const [, h, w] = to.shape(x);
  return Number.isInteger(Math.log2(h * w)) ? x : to.graph.add(ops.slice, [x], { starts: [0, 0], ends: [1, 1], axes: [1, 2] });
}

/** A graph whose input and every computed value are quantized; its last two values are outputs. */
export function randomQdqGraph(dice: Dice, length: number): Graph {
  const to = new QdqBuilder(dice);
  const { graph } = to;
  const values = [to.qdq(graph.input('x', { dtype: 'float32', shape: [2, 4, 4, 3] }), 'x')];
  while (values.length <= length) {
    const x = dice.below(4) ? values.at(-1)! : dice.pick(values);
    const kind = dice.pick([computed, computed, tables, moves]);
    const made = dice.pick(Object.values(kind))(to, x, values);
    if (!made || size(to.shape(made)) > 3000) continue;
    const clamped = kind === computed && dice.below(3) === 0 ? graph.add(ops.relu, [made]) : made;
    values.push(kind === moves && dice.below(2) ? made : to.qdq(clamped));
  }
  graph.output('y', values.at(-1)!);
  graph.output('z', values.at(-2)!);
  return graph;
}
