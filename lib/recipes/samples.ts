/** Inputs for a model when there is no data: numbers that look random and are the same on every run. */
import type { Dataset } from '../data/dataset.js';
import { fail, shapeText } from '../error.js';
import type { Graph, Value } from '../graph/graph.js';
import { isReal, sizeOf } from '../shape.js';
import { Tensor } from '../tensor.js';
import { type Piece, pieces } from './prepare.js';
import { inputRange } from './quantized.js';

/**
 * A tensor for each input, evenly spread over the range that the model's first quantization holds (-1..1 where it has none).
 * @param batch the size of the first dimension where that is free
 * @throws LowbitError 'data' where another dimension is free or an input is not of real numbers
 */
export function randomInputs(graph: Graph, batch: number, seed = 1): Record<string, Tensor> {
  return Object.fromEntries(graph.inputs.map((input, i) => [input.name, randomInput(graph, input, batch, seed + i)]));
}

/** How many samples a run of the model takes: its fixed batch size, or undefined where that is free. */
export function fixedBatch(graph: Graph): number | undefined {
  const sizes = graph.inputs.map(({ type }) => type!.shape[0] ?? 1).filter((n) => !Number.isNaN(n));
  return sizes.length > 0 ? Math.max(...sizes) : undefined;
}

export interface SampledOptions {
  /** Where samples come from; random numbers over the model's input range without it. */
  dataset?: Dataset;
  samples: number;
  /** Samples a run; a model of a fixed batch size goes by that. */
  batch: number;
  signal?: AbortSignal;
}

/** Inputs of a run, of which `count` samples count. */
export type Sampled = Pick<Piece, 'inputs' | 'count'>;

/** Samples cut for a graph; of each piece `count` count. Whoever asked for a piece disposes of its inputs. */
export async function* sampled(graph: Graph, { dataset, samples, batch, signal }: SampledOptions): AsyncGenerator<Sampled> {
  if (dataset) return yield* pieces(graph, dataset, samples, batch, signal);
  const fixed = fixedBatch(graph);
  for (let first = 0, count: number; first < samples; first += count) {
    const size = fixed ?? Math.min(batch, samples - first);
    count = Math.min(size, samples - first);
    yield { inputs: randomInputs(graph, size, first + 1), count };
  }
}

function randomInput(graph: Graph, input: Value, batch: number, seed: number): Tensor {
  const { dtype, shape } = input.type!;
  const sizes = shape.map((n, i) => (i === 0 && Number.isNaN(n) ? batch : n));
  if (!isReal(dtype) || sizes.some(Number.isNaN)) {
    const problem = `input "${input.name}" is ${dtype}${shapeText(shape)}, numbers for it cannot be made up`;
    fail({ code: 'data', where: graph.name, problem, todo: 'Give a data set.' });
  }
  const [low, high] = inputRange(graph, input) ?? [-1, 1];
  const next = random(seed);
  return Tensor.from(
    Float32Array.from({ length: sizeOf(sizes) }, () => low + (high - low) * next()),
    sizes,
    dtype,
  );
}

/** Numbers from 0 to 1: a multiplicative generator modulo the prime 2^31 − 1. */
export function random(seed: number): () => number {
  const modulus = 2 ** 31 - 1;
  let state = (((seed % (modulus - 1)) * 1_664_525) % (modulus - 1)) + 1;
  return () => {
    state = (state * 48_271) % modulus;
    return state / modulus;
  };
}
