/** The rounding of one layer: which of two codes each weight gets, learned from rows of what it reads and should give. */
import { valueAndGradients } from '../../autograd.js';
import { offThread } from '../../calls.js';
import { fail } from '../../error.js';
import { add, clip, conv2d, gather, gemm, meanSquaredError, mul, slice, sub, sumSquares } from '../../ops/index.js';
import { permutation, streamOf } from '../../random.js';
import { scope, Tensor } from '../../tensor.js';
import { adam } from '../../train/optim/adam.js';
import { largestCode, nearestCodes, type QuantizedWeight, type WeightBits } from '../weightScheme.js';
import type { AdaroundSettings } from './options.js';
import { betaAt, decided, logitOf, softSteps } from './rounding.js';
import type { Rows } from './rows.js';

/** What there is to a layer. */
export interface LayerWeight {
  /** Real weights (out, k), or (out, kh, kw, c / groups) where there are groups. */
  weight: Tensor;
  bias: Tensor;
  /** One for all, or one an output. */
  scales: Float32Array;
  bits: WeightBits;
  groups: number;
  /** Of the clamp behind the layer, if there is one. */
  bounds?: readonly [low: number, high: number];
}

/** What became of a layer. Losses are means over its rows of Σ (clamp(w·x̂ + b) − wanted)² over the outputs. */
export interface LayerRounding {
  name: string;
  bits: WeightBits;
  /** Rows that it was learned from. */
  rows: number;
  loss: {
    /** Codes rounded to nearest. */
    nearest: number;
    /** With fractions of steps, before and after learning; least squares has none. */
    start?: number;
    end?: number;
    /** The codes that were found. */
    rounded: number;
  };
  /** Weights whose code is not the nearest. */
  changed: number;
  /** The codes are those rounded to nearest, because the learned ones are no better. */
  kept: boolean;
}

export interface Hooks {
  signal?: AbortSignal;
  /** Called with the iterations that are done. */
  onIterations?: (done: number) => void;
}

// Iterations that run off the thread together: their tensors are freed together too.
const together = 8;
// Rows of a pass that measures.
const measured = 1024;

/**
 * Learns the rounding of a layer with Adam on V alone.
 * @param number of the layer: its streams of random numbers
 */
export async function roundLayer(
  layer: LayerWeight,
  rows: Rows,
  settings: AdaroundSettings,
  number: number,
  hooks: Hooks = {},
): Promise<QuantizedWeight & Omit<LayerRounding, 'name'>> {
  const { bits, scales } = layer;
  const real = layer.weight.data() as Float32Array;
  const top = largestCode(bits);
  const grid = gridOf(real, scales, layer.weight.shape);
  try {
    const soft = () => softWeight(grid, softSteps(grid.v), top);
    const hard = (codes: Int8Array) => mul(Tensor.from(Float32Array.from(codes), layer.weight.shape), grid.scale);
    const measure = (weight: () => Tensor) => offThread(() => scope(() => reconstruction(layer, rows, weight())));
    const lossOf = async (weight: () => Tensor) => mean(await measure(weight), rows.count);
    const nearest = nearestCodes(real, scales, bits);
    const loss = { nearest: await lossOf(() => hard(nearest)), start: await lossOf(soft), end: 0, rounded: 0 };
    await learn(layer, rows, grid, settings, number, hooks);
    const codes = roundedCodes(grid.floor, grid.v, top);
    loss.end = await lossOf(soft);
    loss.rounded = await lossOf(() => hard(codes));
    const kept = !(loss.rounded < loss.nearest);
    const changed = kept ? 0 : codes.reduce((sum, q, i) => sum + (q === nearest[i] ? 0 : 1), 0);
    return { codes: kept ? nearest : codes, scales, bits, rows: rows.count, loss, changed, kept };
  } finally {
    for (const tensor of Object.values(grid)) tensor.dispose();
  }
}

/** All iterations: Adam on V. */
async function learn(layer: LayerWeight, rows: Rows, grid: RoundingGrid, settings: AdaroundSettings, number: number, hooks: Hooks) {
  const { iterations, rate } = settings;
  const top = largestCode(layer.bits);
  // The mean of squares is over outputs too, where the loss has their sum: both of its parts are divided by their number.
  const lambda = (settings.lambda * stepCost(layer, rows)) / layer.bias.size;
  const pick = batchesOf(rows.count, settings, number);
  const optimizer = adam({ rate }).start(new Map([['v', grid.v]]));
  const iterate = (iteration: number) => {
    const places = pick(iteration);
    const [x, wanted] = [rows.inputs, rows.outputs].map((all) => gather(all, places));
    const beta = lambda > 0 ? betaAt(iteration, settings) : undefined;
    const { gradients } = valueAndGradients(() => {
      const steps = softSteps(grid.v);
      const error = meanSquaredError(forward(layer, x, softWeight(grid, steps, top)), wanted);
      return beta === undefined ? error : sub(error, mul(decided(steps, beta), Tensor.scalar(lambda)));
    }, [grid.v]);
    const control = Tensor.from([rate, 1, iteration + 1]);
    optimizer.update(gradients, () => control);
  };
  try {
    for (let done = 0; done < iterations; hooks.onIterations?.(done)) {
      if (hooks.signal?.aborted) fail({ code: 'aborted', what: 'AdaRound' });
      const until = Math.min(done + together, iterations);
      await offThread(() => {
        for (; done < until; done++) scope(() => iterate(done));
      });
    }
  } finally {
    for (const tensor of optimizer.state.values()) tensor.dispose();
  }
}

/** Where the codes of a layer may go. */
interface RoundingGrid {
  /** ⌊w / s⌋. */
  floor: Tensor;
  /** s, in a shape that broadcasts with it. */
  scale: Tensor;
  v: Tensor;
}

/** s·clamp(⌊w / s⌋ + h, −Q, Q). */
const softWeight = ({ floor, scale }: RoundingGrid, steps: Tensor, top: number): Tensor =>
  mul(clip(add(floor, steps), { min: -top, max: top }), scale);

/** Begins where no weight has moved: h(V) = w / s − ⌊w / s⌋. */
function gridOf(real: Float32Array, scales: Float32Array, shape: readonly number[]): RoundingGrid {
  const size = real.length / scales.length;
  const steps = real.map((w, i) => w / scales[Math.floor(i / size)]);
  const floor = steps.map(Math.floor);
  return {
    floor: Tensor.from(floor, shape),
    scale: Tensor.from(scales, [scales.length, ...shape.slice(1).map(() => 1)]),
    v: Tensor.from(
      steps.map((x, i) => logitOf(x - floor[i])),
      shape,
    ),
  };
}

/** What a step of one weight adds to the loss, on average: the mean s² times the mean x̂². */
function stepCost({ scales }: LayerWeight, { inputs }: Rows): number {
  const squares = scope(() => sumSquares([inputs]).item());
  return (scales.reduce((sum, s) => sum + s * s, 0) / scales.length) * (squares / Math.max(inputs.size, 1));
}

/** Codes of V: one step up where h(V) ≥ 1/2. */
function roundedCodes(floor: Tensor, v: Tensor, top: number): Int8Array {
  const up = v.data() as Float32Array;
  return Int8Array.from(floor.data() as Float32Array, (q, i) => Math.min(Math.max(q + (up[i] >= 0 ? 1 : 0), -top), top));
}

/** What the layer gives for rows. */
function forward({ bias, groups, bounds }: LayerWeight, x: Tensor, weight: Tensor): Tensor {
  const y = x.shape.length === 2 ? gemm(x, weight, bias) : conv2d(x, weight, bias, { groups });
  return bounds ? clip(y, { min: bounds[0], max: bounds[1] }) : y;
}

/** Parts of the reconstruction loss: of each a mean over its rows and outputs, and what it counts. */
function reconstruction(layer: LayerWeight, { count, inputs, outputs }: Rows, weight: Tensor): [Tensor, number][] {
  const parts: [Tensor, number][] = [];
  for (let from = 0; from < count; from += measured) {
    const to = Math.min(from + measured, count);
    const [x, wanted] = [inputs, outputs].map((all) => slice(all, { starts: [from], ends: [to], axes: [0] }));
    parts.push([meanSquaredError(forward(layer, x, weight), wanted), (to - from) * layer.bias.size]);
  }
  return parts;
}

function mean(parts: readonly [Tensor, number][], rows: number): number {
  const sum = parts.reduce((total, [part, counts]) => total + part.item() * counts, 0);
  for (const [part] of parts) part.dispose();
  return sum / rows;
}

/** The rows of each iteration: all in random order, then all again in another. */
function batchesOf(rows: number, { batch, seed }: AdaroundSettings, number: number): (iteration: number) => Tensor {
  const size = Math.min(batch, rows);
  const each = Math.floor(rows / size);
  let epoch = -1;
  let order: Uint32Array = new Uint32Array();
  return (iteration) => {
    const now = Math.floor(iteration / each);
    if (now !== epoch) order = permutation(seed, streamOf('rounding', orders + number * epochs + (now % epochs)), rows);
    epoch = now;
    const from = (iteration % each) * size;
    return Tensor.from(Int32Array.from(order.subarray(from, from + size)));
  };
}

// Streams of a layer: one that chooses its rows, and behind those of all layers one for the order of each epoch.
const orders = 2 ** 16;
const epochs = 2 ** 15;
