/** What is known about the channels of values: from batch normalizations, or measured on samples. */
import type { Graph } from '../../graph/graph.js';
import { Types } from '../../graph/types.js';
import { batchNorm } from '../../ops/index.js';
import { axisIndex } from '../../shape.js';
import type { Tensor } from '../../tensor.js';

/** Mean and standard deviation of each channel (the innermost dimension). */
export interface ChannelStatistics {
  mean: Float64Array;
  deviation: Float64Array;
}

/** Statistics by value name. */
export type Statistics = Map<string, ChannelStatistics>;

/**
 * What batch normalizations say about their outputs: mean β and deviation |γ|, as if their inputs had the running statistics.
 * @param graph before they are folded: the layer that takes one in keeps the name of its output
 */
export function batchNormStatistics(graph: Graph): Statistics {
  const types = new Types(graph);
  const statistics: Statistics = new Map();
  for (const { op, inputs, params, output } of graph.nodes) {
    if (op !== batchNorm) continue;
    const [gamma, beta] = inputs.slice(1, 3).map((value) => graph.constantOf(value)?.toNumbers());
    const rank = types.rank(inputs[0]);
    const axis = (params.axis as number | undefined) ?? batchNorm.params.axis;
    if (!gamma || !beta || rank === undefined || axisIndex(axis, rank) !== rank - 1) continue;
    statistics.set(output.name, { mean: Float64Array.from(beta), deviation: Float64Array.from(gamma, Math.abs) });
  }
  return statistics;
}

/** The statistics with each channel divided by a number, as where a layer was scaled. */
export function divided({ mean, deviation }: ChannelStatistics, divisors: ArrayLike<number>): ChannelStatistics {
  return { mean: mean.map((x, i) => x / divisors[i]), deviation: deviation.map((x, i) => x / divisors[i]) };
}

/** Watches the channels of a value: mean, deviation, extremes. Sums are taken element by element in float64: the size of batches leaves no trace. */
export class ChannelWatch {
  #count = 0;
  #sum = new Float64Array();
  #squares = new Float64Array();
  smallest = new Float64Array();
  largest = new Float64Array();

  observe(batch: Tensor): void {
    const channels = batch.shape.at(-1) ?? 1;
    if (!this.#count) this.begin(channels);
    const x = batch.data() as Float32Array;
    for (let i = 0, c = 0; i < x.length; i++, c = c + 1 === channels ? 0 : c + 1) {
      this.#sum[c] += x[i];
      this.#squares[c] += x[i] * x[i];
      if (x[i] > this.largest[c]) this.largest[c] = x[i];
      if (x[i] < this.smallest[c]) this.smallest[c] = x[i];
    }
    this.#count += channels ? x.length / channels : 0;
  }

  statistics(): ChannelStatistics {
    const mean = this.#sum.map((sum) => sum / this.#count);
    return { mean, deviation: this.#squares.map((sum, c) => Math.sqrt(Math.max(sum / this.#count - mean[c] ** 2, 0))) };
  }

  private begin(channels: number): void {
    this.#sum = new Float64Array(channels);
    this.#squares = new Float64Array(channels);
    this.smallest = new Float64Array(channels).fill(Infinity);
    this.largest = new Float64Array(channels).fill(-Infinity);
  }
}
