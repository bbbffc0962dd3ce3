/** The weights of one layer by least squares: codes, scales and bias with which its outputs stay nearest. */
import { setImmediate } from 'node:timers/promises';
import { fail } from '../../error.js';
import { gemm } from '../../ops/index.js';
import { scope, Tensor } from '../../tensor.js';
import type { LayerRounding } from '../adaround/layer.js';
import type { Rows } from '../adaround/rows.js';
import { powerOfTwoFrom, type ScaleKind } from '../scheme.js';
import { largestCode, nearestCodes, type QuantizedWeight, type WeightBits } from '../weightScheme.js';
import { type Fitted, type Form, fitScale, type ScaleSearch } from './fitScale.js';
import { type GroupProduct, momentsOf } from './moments.js';
import { chooseShrinkage, formsOf } from './shrinkage.js';

/** A layer and the codes that it has so far. */
export interface FittedLayer {
  /** (out, k), k = kh·kw·c / groups. */
  weight: Float32Array;
  bias: Float32Array;
  groups: number;
  bits: WeightBits;
  /** Scales of the nearest codes: one for all, or one an output. */
  scales: Float32Array;
  kind: ScaleKind;
  /** Of what the layer reads, where that is codes: int32 has to hold a bias in steps of it and the weight's scale. */
  inputScale?: number;
  bounds?: readonly [low: number, high: number];
}

const searches: Record<ScaleKind, Omit<ScaleSearch, 'least'>> = {
  float: { shares: [1, 0.92, 0.84, 0.76, 0.68, 0.6], refits: 2 },
  powerOfTwo: { shares: [1, 1 / 2, 1 / 4], refits: 0, allowed: powerOfTwoFrom },
};

/** What became of a layer; the bias is the real one with what its outputs would miss on average. */
export type FittedWeight = QuantizedWeight & { bias: Float32Array } & Omit<LayerRounding, 'name'>;

/**
 * What is fitted at most: so many weights an output, because moments take their square in memory, and so many products of a sweep over all
 * outputs, some twenty seconds. Beyond, codes are the nearest ones.
 */
const most = { weights: 1536, products: 2.5e8 };

const isTooLarge = ({ weight: { length }, bias }: FittedLayer) =>
  length > most.weights * bias.length || length ** 2 / bias.length > most.products;

/**
 * Codes and scales with which e·S·e − 2·e·d is least for each output (see `fitScale`), S and d from the rows, shrunk as far as rows that were
 * held back say; then the bias that brings the outputs nearest behind the clamp.
 * @param rows what the layer reads in the quantized network, and its outputs in the float one before any clamp
 */
export async function fitLayer(layer: FittedLayer, rows: Rows, signal?: AbortSignal): Promise<FittedWeight> {
  const { weight, bias, bits, scales } = layer;
  const products = productsOf(layer, rows);
  const nearest: QuantizedWeight = { codes: nearestCodes(weight, scales, bits), scales };
  const fitted = isTooLarge(layer) ? nearest : await fitWeights(layer, products, heldBack(rows.samples), signal);
  const before = outcomeOf(layer, products, nearest, false);
  const after = outcomeOf(layer, products, fitted, true);
  const kept = !(after.loss < before.loss);
  return {
    ...(kept ? nearest : fitted),
    bias: bias.map((b, output) => b + (kept ? before : after).shift[output]),
    bits,
    rows: rows.count,
    loss: { nearest: before.loss / rows.count, rounded: after.loss / rows.count },
    changed: kept ? 0 : fitted.codes.reduce((sum, q, i) => sum + (q === nearest.codes[i] ? 0 : 1), 0),
    kept,
  };
}

/** Codes and scales from moments of the rows. */
async function fitWeights(
  layer: FittedLayer,
  products: readonly GroupProduct[],
  isHeld: boolean[],
  signal?: AbortSignal,
): Promise<QuantizedWeight> {
  const measured = products.map((product) => ({ weight: product.weight, moments: momentsOf(product, isHeld) }));
  const shrinkage = chooseShrinkage(measured, largestCode(layer.bits));
  const forms = measured.flatMap((group) => formsOf(group.weight, group.moments.all, shrinkage));
  const fits = await fitOutputs(layer, forms, signal);
  return {
    codes: Int8Array.from(fits.flatMap(({ codes }) => codes.flatMap((q) => [...q]))),
    scales: Float32Array.from(fits, ({ scale }) => scale),
  };
}

async function fitOutputs(
  { bias, inputScale = Number.POSITIVE_INFINITY, scales, kind, bits }: FittedLayer,
  forms: readonly Form[],
  signal?: AbortSignal,
) {
  const needed = bias.map((b) => Math.abs(b) / (inputScale * 2 ** 29));
  const isShared = scales.length === 1;
  const fits: Fitted[] = [];
  for (const [output, together] of (isShared ? [forms] : forms.map((form) => [form])).entries()) {
    if (signal?.aborted) fail({ code: 'aborted', what: 'rounding by least squares' });
    const least = isShared ? needed.reduce((a, b) => Math.max(a, b), 0) : needed[output];
    fits.push(fitScale(together, largestCode(bits), { ...searches[kind], least }));
    if (output % 16 === 0) await setImmediate(); // signals and progress get their turn
  }
  return fits;
}

/** The rows of every fourth sample. */
const heldBack = (samples: Int32Array): boolean[] => Array.from(samples, (sample) => sample % 4 === 3);

/** The groups of a layer; rows of a convolution are patches (kh, kw, c). */
function productsOf({ weight, bias, groups }: FittedLayer, { count, inputs, outputs }: Rows): GroupProduct[] {
  const [x, wanted] = [inputs, outputs].map((tensor) => tensor.data() as Float32Array);
  const [width, all] = [inputs.size / count, bias.length];
  const [size, part] = [weight.length / all, all / groups];
  const channels = inputs.shape.length > 2 ? inputs.shape[3] : width;
  const each = channels / groups;
  return Array.from({ length: groups }, (_, group) => {
    const first = group * part;
    const columns = Int32Array.from({ length: size }, (_, i) => Math.floor(i / each) * channels + group * each + (i % each));
    return {
      inputs: columnsOf(x, width, columns),
      wanted: columnsOf(
        wanted,
        all,
        Int32Array.from({ length: part }, (_, i) => first + i),
      ),
      weight: weight.subarray(first * size, (first + part) * size),
      bias: bias.subarray(first, first + part),
    };
  });
}

function columnsOf(rows: Float32Array, width: number, columns: Int32Array): Float32Array {
  if (columns.length === width) return rows; // no groups: all of them, in order
  const out = new Float32Array((rows.length / width) * columns.length);
  for (let from = 0, to = 0; from < rows.length; from += width) for (const column of columns) out[to++] = rows[from + column];
  return out;
}

/** Σ (clamp(ŵ·x̂ + b + shift) − clamp(wanted))² over rows and outputs, and the shift. */
function outcomeOf(
  { weight, bias, bounds }: FittedLayer,
  products: readonly GroupProduct[],
  { codes, scales }: QuantizedWeight,
  moves: boolean,
) {
  const size = weight.length / bias.length;
  const shift = new Float32Array(bias.length);
  let loss = 0;
  let first = 0;
  for (const { inputs, wanted, bias: b } of products) {
    const rounded = Float32Array.from({ length: b.length * size }, (_, i) => {
      const at = first * size + i;
      return codes[at] * scales[scales.length === 1 ? 0 : Math.floor(at / size)];
    });
    const given = scope(() => {
      const x = Tensor.from(inputs, [inputs.length / size, size]);
      return gemm(x, Tensor.from(rounded, [b.length, size]), Tensor.from(b)).data() as Float32Array;
    });
    for (let output = 0; output < b.length; output++) {
      const fit = behindClamp(given, wanted, b.length, output, bounds, moves);
      shift[first + output] = fit.shift;
      loss += fit.loss;
    }
    first += b.length;
  }
  return { shift, loss };
}

// Steps of Newton's method: a clamp cuts off different rows after each.
const steps = 5;

/** The shift of one output, (rows, width), with which it comes nearest to what is wanted behind the clamp, and the squares that are left. */
function behindClamp(
  given: Float32Array,
  wanted: Float32Array,
  width: number,
  output: number,
  [low, high]: readonly [number, number] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  moves: boolean,
) {
  const clamp = (x: number) => Math.min(Math.max(x, low), high);
  const best = { shift: 0, loss: Number.POSITIVE_INFINITY };
  for (let step = 0, shift = 0; step <= steps; step++) {
    let [loss, slope, inside] = [0, 0, 0];
    for (let i = output; i < given.length; i += width) {
      const y = given[i] + shift;
      const error = clamp(wanted[i]) - clamp(y);
      loss += error * error;
      if (y > low && y < high) {
        slope += error;
        inside++;
      }
    }
    if (loss < best.loss) Object.assign(best, { shift, loss });
    if (!moves || !inside) break;
    shift += slope / inside;
  }
  return best;
}
