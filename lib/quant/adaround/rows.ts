/**
 * Samples of what a layer reads and of what it should give, as rows: one output position each. A row of a convolution is the patch of the
 * image under its window, so that what is kept of large images is no more than of small ones.
 */

import { fail } from '../../error.js';
import type { Graph, Node } from '../../graph/graph.js';
import { runAsync } from '../../graph/run.js';
import { conv2d } from '../../ops/index.js';
import { lowerInteger } from '../../passes/lowerInteger.js';
import { streamOf, words } from '../../random.js';
import { type Shape, sizeOf } from '../../shape.js';
import { Tensor } from '../../tensor.js';
import type { Batches } from '../calibrate.js';
import { type LayerTarget, upTo } from './target.js';

/** Rows of a layer. */
export interface Rows {
  count: number;
  /** (count, k), or patches (count, kh, kw, c). */
  inputs: Tensor;
  /** (count, out), for patches (count, 1, 1, out). */
  outputs: Tensor;
  /** The number of the sample that each comes from. */
  samples: Int32Array;
}

/** What rows take at most, in numbers. */
const mostNumbers = 2 ** 25;

/**
 * Runs the samples through the float graph and through the quantized one up to the layer, whose layers before it are rounded already, and
 * keeps rows of both. Of all rows each has the same chance, whatever the size of the batches.
 * @param number of the layer: its stream of random numbers
 */
export async function collectRows(
  layer: Pick<LayerTarget, 'name' | 'node' | 'input' | 'output'>,
  graphs: { float: Graph; quantized: Graph },
  batches: Batches,
  { rows: most, seed }: { rows: number; seed: number },
  number: number,
  signal?: AbortSignal,
): Promise<Rows> {
  const target = upTo(graphs.float, layer.output);
  const prefix = lowerInteger(upTo(graphs.quantized, layer.input)).graph;
  const patch = patchOf(layer.node, graphs.float.constantOf(layer.node.inputs[1])!.shape);
  const width = sizeOf(patch.shape);
  const [outputs] = graphs.float.constantOf(layer.node.inputs[1])!.shape;
  const kept = new Reservoir(Math.max(1, Math.min(most, Math.floor(mostNumbers / (width + outputs)))), seed, number);
  const x = new GrowingRows(width);
  const y = new GrowingRows(outputs);
  const from: number[] = [];
  let seen = 0;
  for await (const samples of batches()) {
    const { value: input } = await runAsync(prefix, samples, { signal });
    const { value: output } = await runAsync(target, samples, { signal });
    const [numbers, results] = [input.data() as Float32Array, output.data() as Float32Array];
    const read = patch.reader(numbers, input.shape, output.shape);
    const here = Object.values(samples)[0]?.shape[0] ?? 1;
    const rows = output.size / outputs;
    for (const [row, place] of kept.places(rows)) {
      from[place] = seen + Math.floor((row * here) / rows);
      read(row, x.row(place));
      y.row(place).set(results.subarray(row * outputs, (row + 1) * outputs));
    }
    seen += here;
    for (const tensor of [input, output, ...Object.values(samples)]) tensor.dispose();
  }
  const { count } = kept;
  if (!count) fail({ code: 'data', where: 'AdaRound', problem: `there are no samples of what "${layer.name}" reads` });
  const isImage = patch.shape.length > 1;
  const shape = isImage ? [1, 1, outputs] : [outputs];
  return { count, inputs: x.tensor(count, patch.shape), outputs: y.tensor(count, shape), samples: Int32Array.from(from) };
}

/** `size` of any number of things, each with the same chance (Vitter, "Random Sampling with a Reservoir", 1985, algorithm R). */
class Reservoir {
  #seen = 0;
  constructor(
    readonly size: number,
    readonly seed: number,
    readonly number: number,
  ) {}

  /** How many it holds. */
  get count(): number {
    return Math.min(this.#seen, this.size);
  }

  /** Of the next `count` things those that come in, by their number among them, and their places: an earlier one may lose its place again. */
  *places(count: number): Generator<[thing: number, place: number]> {
    const draws = words(this.seed, streamOf('rounding', this.number), count, this.#seen);
    for (let i = 0; i < count; i++) {
      const before = this.#seen++;
      const place = before < this.size ? before : Math.floor((draws[i] / 2 ** 32) * (before + 1));
      if (place < this.size) yield [i, place];
    }
  }
}

/** Rows of one width in an array that grows. */
class GrowingRows {
  #numbers: Float32Array;
  constructor(readonly width: number) {
    this.#numbers = new Float32Array(width);
  }

  row(place: number): Float32Array {
    const end = (place + 1) * this.width;
    if (end > this.#numbers.length) {
      const larger = new Float32Array(Math.max(end, 2 * this.#numbers.length));
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    return this.#numbers.subarray(end - this.width, end);
  }

  tensor(count: number, row: Shape): Tensor {
    return Tensor.from(this.#numbers.subarray(0, count * this.width), [count, ...row]);
  }
}

/** Copies a row of what the layer reads. */
type RowReader = (row: number, to: Float32Array) => void;

/** How rows of a layer look, and how they are read from its input and the shape of its output. */
function patchOf({ op, params }: Node, weight: Shape): { shape: Shape; reader(x: Float32Array, input: Shape, output: Shape): RowReader } {
  if (op !== conv2d) {
    const [, width] = weight;
    return { shape: [width], reader: (x) => (row, to) => to.set(x.subarray(row * width, (row + 1) * width)) };
  }
  const window = { ...conv2d.params, ...params } as typeof conv2d.params;
  const [, kh, kw, groupIn] = weight;
  const shape = [kh, kw, groupIn * window.groups];
  return {
    shape: window.groups === 1 ? [sizeOf(shape)] : shape,
    reader: (x, input, output) => patchReader(x, input, output, [kh, kw], window),
  };
}

/** Rows (kh, kw, c) of an image (n, h, w, c): zeros outside of it. */
function patchReader(
  x: Float32Array,
  [, height, width, channels]: Shape,
  [, rows, columns]: Shape,
  [kh, kw]: Shape,
  { strides, pads, dilations }: typeof conv2d.params,
): RowReader {
  return (row, to) => {
    const image = Math.floor(row / (rows * columns));
    const top = (Math.floor(row / columns) % rows) * strides[0] - pads[0];
    const left = (row % columns) * strides[1] - pads[1];
    to.fill(0);
    for (let p = 0; p < kh; p++) {
      for (let q = 0; q < kw; q++) {
        const [i, j] = [top + p * dilations[0], left + q * dilations[1]];
        if (i < 0 || i >= height || j < 0 || j >= width) continue;
        const from = ((image * height + i) * width + j) * channels;
        to.set(x.subarray(from, from + channels), (p * kw + q) * channels);
      }
    }
  };
}
