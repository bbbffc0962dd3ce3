/** From batches of a data set to the inputs of a graph. */
import type { Batch, Dataset } from '../data/dataset.js';
import { fail } from '../error.js';
import type { Graph } from '../graph/graph.js';
import { type SampleType, sampleFit } from '../graph/sampleFit.js';
import { bytesPerElement, type Dtype, integerRange, isInteger, type Shape, sizeOf } from '../shape.js';

import { Tensor } from '../tensor.js';

/** Samples for one run of a graph. */
export interface Piece {
  /** The tensors, by input name; whoever asked for the piece disposes of them. */
  inputs: Record<string, Tensor>;
  /** How many samples count. A model of a fixed batch size gets copies of the last one to fill up. */
  count: number;
  labels?: Int32Array;
  /** The number of the first sample in the data set. */
  first: number;
}

/** Cuts batches of a data set into inputs of a graph. */
export type Feed = (batch: Batch) => Generator<Piece>;

/**
 * How samples enter the graph (see `sampleFit`); a fixed batch size is kept to.
 * @throws LowbitError 'data' where they do not fit
 */
export function feed(graph: Graph, set: SampleType): Feed {
  const { shape: sample } = set;
  // A model of integers takes the numbers of any set, as far as they are whole.
  const wanted = graph.inputs[0]?.type?.dtype;
  const { name, type, ...fit } = sampleFit(graph, wanted && isInteger(wanted) ? { ...set, dtype: 'int32' } : set);
  const size = sizeOf(sample);
  return function* cut(batch: Batch) {
    const [fixed] = type.shape;
    const step = Number.isNaN(fixed) ? batch.count : fixed;
    for (let from = 0; from < batch.count; from += step) {
      const count = Math.min(step, batch.count - from);
      const samples = filled(batch.data.subarray(from * size, (from + count) * size), step * size, size);
      const data = fit.channelsLast ? channelsLast(samples, step, sample) : samples;
      checkHeld(data, type.dtype, name, set.description);
      yield {
        inputs: { [name]: Tensor.from(data, [step, ...fit.shape], type.dtype) },
        count,
        labels: batch.labels?.subarray(from, from + count),
        first: batch.first + from,
      };
    }
  };
}

/**
 * The first samples of a data set, cut for a graph.
 * @param count how many samples at most
 * @param size samples a batch
 */
export async function* pieces(graph: Graph, dataset: Dataset, count: number, size: number, signal?: AbortSignal): AsyncGenerator<Piece> {
  const cut = feed(graph, dataset);
  let left = count;
  for await (const batch of dataset.batches(Math.min(size, count), signal)) {
    yield* cut(shortened(batch, left));
    left -= batch.count;
    if (left <= 0) return;
  }
}

/**
 * Samples for calibration, `count` of them spread over the set. The tensors of a batch are freed when the next one is asked for.
 * @param size samples a batch
 */
export function calibrationBatches(graph: Graph, dataset: Dataset, count: number, size: number, signal?: AbortSignal) {
  return async function* batches(): AsyncGenerator<Record<string, Tensor>> {
    for await (const { inputs } of pieces(graph, dataset.spread(count), count, size, signal)) {
      yield inputs;
      free(inputs);
    }
  };
}

/** Disposes of a record of tensors. */
export function free(tensors: Readonly<Record<string, Tensor>>): void {
  for (const tensor of Object.values(tensors)) tensor.dispose();
}

// An integer type takes no fractions and holds no number beyond its range.
function checkHeld(data: Batch['data'], dtype: Dtype, input: string, where: string): void {
  if (!isInteger(dtype) || (data instanceof Int32Array && bytesPerElement(dtype) >= 4)) return;
  const [low, high] = integerRange(dtype);
  const bad = data.find((value) => !Number.isInteger(value) || value < low || value > high);
  if (bad !== undefined) fail({ code: 'data', where, problem: `it has ${bad}, input "${input}" takes ${dtype}` });
}

function shortened(batch: Batch, count: number): Batch {
  if (batch.count <= count) return batch;
  return { ...batch, count, data: batch.data.subarray(0, (batch.data.length / batch.count) * count) };
}

function filled(data: Batch['data'], length: number, size: number): Batch['data'] {
  if (data.length === length) return data;
  const out = data instanceof Int32Array ? new Int32Array(length) : new Float32Array(length);
  out.set(data);
  for (let at = data.length; at < length; at += size) out.set(data.subarray(data.length - size), at);
  return out;
}

// (n, c, h, w) -> (n, h, w, c)
function channelsLast(data: Batch['data'], count: number, [channels, height, width]: Shape): Batch['data'] {
  const plane = height * width;
  const out = data.slice();
  for (let n = 0; n < count; n++) {
    const start = n * channels * plane;
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < plane; i++) out[start + i * channels + c] = data[start + c * plane + i];
    }
  }
  return out;
}
