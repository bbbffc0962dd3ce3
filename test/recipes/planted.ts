/** A network with layers that quantize badly, made so by hand. */
import { calibrateNetwork, dataset, Graph, gemm, Judge, type QuantizeOptions, relu, Tensor, type Value } from 'lowbit';
import { randomNumbers } from '../ops/case.js';

/** Channels of every layer. */
export const width = 32;

/**
 * gemm → relu → gemm → relu … → gemm, layers l0, l1 …. Channel 0 behind each ReLU is always 0. In the planted layers the weights
 * of that channel are large: they change nothing, but take so many of the codes that few are left for the others.
 * @param planted the largest weight of a layer, by its name; of the others it is below 0.25
 */
export function plantedNetwork(layers: number, planted: Readonly<Record<string, number>>): Graph {
  const graph = new Graph('planted');
  let x: Value = graph.input('x', { dtype: 'float32', shape: [Number.NaN, width] });
  for (let layer = 0; layer < layers; layer++) {
    const name = `l${layer}`;
    const isLast = layer === layers - 1;
    const numbers = randomNumbers(width * width, -0.25, 0.25, layer + 1);
    const weights = numbers.map((w, i) => (i < width && !isLast ? 0 : layer > 0 && i % width === 0 ? (planted[name] ?? w) : w));
    const bias = Tensor.from(
      Array.from({ length: width }, (_, i) => (i === 0 && !isLast ? 0 : 0.1)),
      [width],
    );
    const w = graph.constant(Tensor.from(weights, [width, width]), `${name}.w`);
    x = graph.add(gemm, [x, w, graph.constant(bias, `${name}.b`)], {}, name);
    if (!isLast) x = graph.add(relu, [x], {}, `${name}.relu`);
  }
  graph.output('y', x);
  return graph;
}

const count = 64;

/** Numbers of −1..1, with labels where they are given. */
export const plantedSamples = (labels?: ArrayLike<number>) =>
  dataset({
    description: 'planted',
    length: count,
    hasLabels: labels !== undefined,
    shape: [width],
    dtype: 'float32',
    gather: (chosen) => ({
      values: Float32Array.from([...chosen].flatMap((n) => randomNumbers(width, -1, 1, n + 1))),
      ...(labels && { labels: Int32Array.from(chosen, (n) => labels[n]) }),
    }),
  });

/** All samples, as batches. */
export const plantedBatches = async function* () {
  const rows = Array.from({ length: count }, (_, n) => randomNumbers(width, -1, 1, n + 1)).flat();
  yield { x: Tensor.from(rows, [count, width]) };
};

/** The network, calibrated, and its judge. */
export async function plantedCase(layers: number, planted: Readonly<Record<string, number>>, options: QuantizeOptions = {}) {
  const graph = plantedNetwork(layers, planted);
  const network = await calibrateNetwork(graph, plantedBatches, { observer: 'minmax', ...options });
  return { graph, network, judge: await Judge.of(graph, plantedSamples()) };
}

/** From now on counts what the judge is asked. */
export function counted(judge: Judge): { scores: number } {
  const count = { scores: 0 };
  const score = judge.score.bind(judge);
  judge.score = (graph) => {
    count.scores++;
    return score(graph);
  };
  return count;
}
