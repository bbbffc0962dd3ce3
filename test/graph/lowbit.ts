/** Networks whose weights are low-bit codes, as a search leaves them. */
import { Graph, type Grid, ops, type Shape, Tensor, type Value } from 'lowbit';
import { randomNumbers } from '../ops/case.js';
import { randomLevels } from '../ops/lowbit.js';
import { weight } from './graphs.js';

export interface LowbitOptions {
  bits: number;
  grid?: Grid;
  /** Levels as int8 constants instead of packed codes. */
  plain?: boolean;
  /** Codes of 8 bits for activations, and int32 biases. */
  quantized?: boolean;
}

/** The weights of `lowbitNet`: name and shape. */
export const lowbitShapes: readonly [name: string, shape: Shape][] = [
  ['w1', [6, 3, 3, 3]],
  ['w2', [6, 3, 3, 1]],
  ['w3', [4, 3, 3, 3]],
  ['w4', [5, 13 * 13 * 4]],
];

/** image (N, 7, 7, 3) → conv → relu → depthwise → grouped transposed conv (N, 13, 13, 4) → linear → y (N, 5). */
export function lowbitNet(options: LowbitOptions): Graph {
  const graph = new Graph('net');
  const layer = layersOf(graph, options);
  const image = graph.input('image', { dtype: 'float32', shape: [Number.NaN, 7, 7, 3] }, ['N']);
  const conv = layer('conv', ops.conv2d, image, 0, { pads: [1, 1, 1, 1] });
  const active = graph.add(ops.relu, [conv], {}, 'active');
  const depthwise = layer('depthwise', ops.conv2d, active, 1, { pads: [1, 1, 1, 1], groups: 6 });
  const wide = layer('up', ops.convTranspose2d, depthwise, 2, { strides: [2, 2], pads: [1, 1, 1, 1], groups: 2 });
  const flat = graph.add(ops.reshape, [wide], { shape: [0, -1] }, 'flat');
  graph.output('y', layer('linear', ops.gemm, flat, 3, {}));
  return graph;
}

/** Images for it. */
export const lowbitImages = (count: number, seed = 7) => Tensor.from(randomNumbers(count * 147, -1, 1, seed), [count, 7, 7, 3]);

function layersOf(graph: Graph, { bits, grid = 'uniform', plain = false, quantized = false }: LowbitOptions) {
  const scalesOf = (shape: Shape, seed: number) => Tensor.from(randomNumbers(shape[0], 0.02, 0.1, seed), [shape[0]]);

  function codes(name: string, shape: Shape, seed: number): Value {
    const levels = randomLevels(shape, bits, grid, seed);
    if (plain) return graph.constant(levels, `${name}.levels`);
    return graph.add(
      ops.unpackLevels,
      [graph.constant(ops.packLevels(levels, { bits, grid }), `${name}.packed`)],
      { bits, grid, shape },
      `${name}.levels`,
    );
  }

  function dequantized(value: Value, scale: Tensor, zero: Tensor, name: string): Value {
    const parameters = [graph.constant(scale, `${name}.scale`), graph.constant(zero, `${name}.zeroPoint`)];
    return graph.add(ops.dequantize, [value, ...parameters], { axis: 0 }, name);
  }

  function activation(x: Value, scale: number, zero: number): Value {
    const parameters = [graph.constant(Tensor.scalar(scale)), graph.constant(Tensor.scalar(zero, 'uint8'))];
    return graph.add(ops.dequantize, [graph.add(ops.quantize, [x, ...parameters], {}, `${x.name}.codes`), ...parameters]);
  }

  return (name: string, op: typeof ops.conv2d | typeof ops.convTranspose2d | typeof ops.gemm, x: Value, i: number, params: object) => {
    const [w, shape] = lowbitShapes[i];
    const scales = scalesOf(shape, i + 1);
    const kernel = dequantized(codes(w, shape, i + 1), scales, Tensor.from(new Int8Array(shape[0])), w);
    if (!quantized) return graph.add(op, [x, kernel, weight(graph, `b${i + 1}`, [shape[0]], i + 20)], params as never, name);
    const [scale, zero] = i === 0 ? [2 / 255, 128] : [0.05, 100];
    const products = Tensor.from((scales.data() as Float32Array).map((s) => s * Math.fround(scale)));
    const sums = graph.constant(Tensor.from(Int32Array.from(randomNumbers(shape[0], -200, 200, i + 20))), `b${i + 1}.codes`);
    const bias = dequantized(sums, products, Tensor.from(new Int32Array(shape[0])), `b${i + 1}`);
    return graph.add(op, [activation(x, scale, zero), kernel, bias], params as never, name);
  };
}
