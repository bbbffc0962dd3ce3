import { fail } from '../error.js';
import type { Graph, Node } from '../graph/graph.js';
import { eachWeight, groupsOf, type LayerPair, layerPairs } from '../graph/layers.js';
import { rewrite } from '../graph/rewrite.js';
import { conv2d, gemm, globalAveragePool, relu } from '../ops/index.js';
import { Tensor } from '../tensor.js';

/** Mean and standard deviation of each channel of values, by value name. */
export type ChannelSpreads = ReadonlyMap<string, { mean: Float64Array; deviation: Float64Array }>;

/** What a layer's output became smaller by, for each of its channels. */
export interface AbsorbedLayer {
  name: string;
  absorbed: Float64Array;
}

/**
 * Moves high biases through a ReLU into the next layer: c = max(0, mean − 3·deviation) of each channel, b₁ −= c, b₂ += Σ W₂·c over taps and
 * input channels. Ranges of activations become shorter by c. ReLU(y) − c = ReLU(y − c) wherever y ≥ c, for normally distributed y in
 * 99.87 % of places. Where the next layer pads with zeros, its border sees c taken away from taps that lie outside and is off by their share.
 * Only through an unclipped ReLU (behind which may be a mean over pixels or a reshape), and only where one layer reads it.
 * Source: Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, 2019.
 * @param statistics of the outputs of layers, by value name
 * @returns the graph; the layers something was absorbed of; layers before a ReLU that have no statistics
 */
export function absorbBias(graph: Graph, statistics: ChannelSpreads): { graph: Graph; layers: AbsorbedLayer[]; skipped: string[] } {
  const absorbed = new Map<Node, Float64Array>();
  const shifts = new Map<Node, Float64Array>();
  const skipped: string[] = [];
  for (const pair of layerPairs(graph, ({ op }) => op === relu || op === globalAveragePool).filter(isAbsorbing)) {
    const known = statistics.get(pair.first.output.name);
    if (!known) {
      skipped.push(pair.first.name);
      continue;
    }
    if (known.mean.length !== pair.channels) {
      const problem = `statistics of "${pair.first.output.name}" are of ${known.mean.length} channels, it has ${pair.channels}`;
      fail({ code: 'graph', problem });
    }
    const high = known.mean.map((mean, c) => Math.max(0, mean - 3 * known.deviation[c]));
    if (high.every((c) => c === 0)) continue;
    absorbed.set(pair.first, high);
    shifts.set(pair.second, throughWeights(graph, pair.second, high));
  }
  return {
    graph: rewrite(graph, (node, to) => {
      const [minus, plus] = [absorbed.get(node), shifts.get(node)];
      if (!minus && !plus) return undefined;
      const [x, w, bias] = node.inputs;
      const shifted = (graph.constantOf(bias)!.data() as Float32Array).map((b, c) => b - (minus?.[c] ?? 0) + (plus?.[c] ?? 0));
      return to.copy(node, [to.get(x), to.get(w), to.graph.constant(Tensor.from(shifted), bias.name)]);
    }),
    layers: [...absorbed].map(([{ name }, high]) => ({ name, absorbed: high })),
    skipped,
  };
}

// A mean of ReLUs shrinks by c like they do, a ReLU of a mean does not; the taps of a transposed convolution are not in every window.
const isAbsorbing = ({ between, second }: LayerPair) =>
  between[0]?.op === relu && between.filter(({ op }) => op === relu).length === 1 && (second.op === conv2d || second.op === gemm);

/** Σ W[o, .., i]·c[i] for every output channel. */
function throughWeights(graph: Graph, layer: Node, c: Float64Array): Float64Array {
  const weight = graph.constantOf(layer.inputs[1])!;
  const w = weight.data() as Float32Array;
  const sums = new Float64Array(weight.shape[0]);
  eachWeight(weight.shape, groupsOf(layer), (index, output, input) => {
    sums[output] += w[index] * c[input % c.length];
  });
  return sums;
}
