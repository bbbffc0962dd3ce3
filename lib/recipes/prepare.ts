/** From batches of a data set to the inputs of a graph. */
import type { Batch, Dataset } from '../data/dataset.js';
import { fail, shapeText } from '../error.js';
import type { Graph, Value } from '../graph/graph.js';
import { isReal, mayEqual, type Shape, shapesMayEqual, sizeOf, type TensorType } from '../shape.js';
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

/** What has to be known of a data set. */
type Fed = Pick<Dataset, 'shape' | 'description'> & Partial<Pick<Dataset, 'dtype'>>;

/** Cuts batches of a data set into inputs of a graph. */
export type Feed = (batch: Batch) => Generator<Piece>;

/**
 * How samples of this shape enter the graph. Its one input takes them as they are, with dimensions of 1 added or left out, flattened,
 * or with the channels moved to the end; a fixed batch size is kept to.
 * @param sample the shape of one sample, channels first
 * @throws LowbitError 'data' where the graph has several inputs, one that does not take the set's numbers, or one of another size
 */
export function feed(graph: Graph, { shape: sample, dtype: stored = 'float32', description }: Fed): Feed {
  const input = onlyInput(graph, stored);
  const { dtype, shape } = input.type as TensorType;
  const fit = fitOf(sample, shape.slice(1));
  if (!fit) {
    fail({
      code: 'data',
      where: description,
      problem: `samples of shape ${shapeText(sample)} do not fit input "${input.name}" of ${graph.name}, which is ${shapeText(shape)}`,
      todo: 'The first dimension is the batch; for images see resize and crop.',
    });
  }
  const size = sizeOf(sample);
  return function* cut(batch: Batch) {
    const step = Number.isNaN(shape[0]) ? batch.count : shape[0];
    for (let from = 0; from < batch.count; from += step) {
      const count = Math.min(step, batch.count - from);
      const samples = filled(batch.data.subarray(from * size, (from + count) * size), step * size, size);
      const data = fit.channelsLast ? channelsLast(samples, step, sample) : samples;
      yield {
        inputs: { [input.name]: Tensor.from(data, [step, ...fit.shape], dtype) },
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

function shortened(batch: Batch, count: number): Batch {
  if (batch.count <= count) return batch;
  return { ...batch, count, data: batch.data.subarray(0, (batch.data.length / batch.count) * count) };
}

function onlyInput(graph: Graph, stored: Dataset['dtype']): Value {
  const wrong = (problem: string, todo?: string) => fail({ code: 'data', where: graph.name, problem, todo });
  const names = graph.inputs.map(({ name }) => `"${name}"`).join(', ');
  if (graph.inputs.length !== 1)
    wrong(`the model has ${graph.inputs.length} inputs${names && ` (${names})`}, a data set feeds exactly one`);
  const [input] = graph.inputs;
  const { dtype, shape } = input.type as TensorType;
  if (stored === 'float32' && !isReal(dtype)) {
    wrong(`input ${names} takes ${dtype}, a data set gives real numbers`, 'Use a model whose input is float32.');
  }
  if (stored === 'int32' && dtype !== 'int32' && dtype !== 'int64') {
    wrong(`input ${names} takes ${dtype}, this data set gives tokens`, 'Use a model whose input is int32 or int64.');
  }
  if (shape.length === 0 || shape[0] === 0) wrong(`input ${names} is ${shapeText(shape)}, which has no batch dimension`);
  return input;
}

interface Fit {
  /** The sample's shape as the model takes it. */
  shape: Shape;
  channelsLast: boolean;
}

function fitOf(sample: Shape, wanted: Shape): Fit | undefined {
  const asIs = { shape: sample, channelsLast: false };
  if (shapesMayEqual(sample, wanted)) return asIs;
  const turned = [...sample.slice(1), sample[0]];
  if (sample.length === 3 && shapesMayEqual(turned, wanted)) return { shape: turned, channelsLast: true };
  const long = (shape: Shape) => shape.filter((n) => n !== 1);
  const flat = wanted.length === 1 || sample.length === 1;
  const same = shapesMayEqual(long(sample), long(wanted)) || (flat && mayEqual(sizeOf(sample), sizeOf(wanted)));
  if (!same || wanted.filter(Number.isNaN).length > 1) return undefined;
  const known = sizeOf(wanted.filter((n) => !Number.isNaN(n)));
  return { shape: wanted.map((n) => (Number.isNaN(n) ? sizeOf(sample) / known : n)), channelsLast: false };
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
