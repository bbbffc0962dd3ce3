/** A network with layers of every kind whose weights are rounded, samples for it, and what became of its weights. */
import { Graph, lowerInteger, ops, run, Tensor, type Value } from 'lowbit';
import { weight } from '../graph/graphs.js';
import { randomNumbers } from '../ops/case.js';

export const size = 8;

/** image (N, 8, 8, 4) → conv, relu → depthwise of stride 2, clip → conv of 2 groups → linear. */
export function severalLayers(): Graph {
  const graph = new Graph('several');
  const image = graph.input('image', { dtype: 'float32', shape: [Number.NaN, size, size, 4] });
  const layer = (x: Value, name: string, shape: number[], params: object) =>
    graph.add(
      ops.conv2d,
      [x, weight(graph, `${name}.w`, shape, name.length), weight(graph, `${name}.b`, [shape[0]], 3)],
      { ...params },
      name,
    );
  const first = graph.add(ops.relu, [layer(image, 'conv', [6, 3, 3, 4], { pads: [1, 1, 1, 1] })]);
  const depth = layer(first, 'depthwise', [6, 3, 3, 1], { groups: 6, strides: [2, 2], pads: [0, 0, 1, 1] });
  const grouped = layer(graph.add(ops.clip, [depth], { min: 0, max: 6 }), 'groups', [8, 2, 2, 3], { groups: 2, dilations: [2, 1] });
  const flat = graph.add(ops.reshape, [grouped], { shape: [0, -1] });
  graph.output('y', graph.add(ops.gemm, [flat, weight(graph, 'l.w', [3, 48], 9), weight(graph, 'l.b', [3], 8)], {}, 'linear'));
  return graph;
}

/** Numbers of [0, 1): what they have in common is where rounding to nearest loses. */
export const samples = (count: number, batch: number, shape = [size, size, 4], name = 'image') =>
  async function* () {
    const numbers = shape.reduce((a, b) => a * b);
    for (let first = 0; first < count; first += batch) {
      const n = Math.min(batch, count - first);
      yield {
        [name]: Tensor.from(Array.from({ length: n }, (_, i) => randomNumbers(numbers, 0, 1, first + i + 1)).flat(), [n, ...shape]),
      };
    }
  };

/** The codes of a layer, and its weights in steps. */
export function stepsOf(graph: Graph, float: Graph, layer: string) {
  const [, coded] = graph.nodes.find(({ name }) => name === layer)!.inputs;
  const [codes, scales] = coded.producer!.inputs.map((value) => graph.constantOf(value)!.toNumbers());
  const real = float.constantOf(float.nodes.find(({ name }) => name === layer)!.inputs[1])!.toNumbers();
  const row = real.length / scales.length;
  return { codes, steps: real.map((w, i) => Math.fround(w / scales[Math.floor(i / row)])) };
}

/** Σ (y − want)² of a quantized form of a graph, on integers, over 60 samples that it was not made with. */
export function distanceFrom(float: Graph): (quantized: Graph) => number {
  const image = Tensor.from(randomNumbers(60 * size * size * 4, 0, 1, 999), [60, size, size, 4]);
  const want = run(float, { image }).y.toNumbers();
  return (quantized) =>
    run(lowerInteger(quantized).graph, { image })
      .y.toNumbers()
      .reduce((sum, y, i) => sum + (y - want[i]) ** 2, 0);
}
