/** Logits and scales to begin a search with. */

import { slbBlock, slbLogitsShape } from '../../ops/slb.js';
import { normal, streamOf } from '../../random.js';
import { type Shape, sizeOf } from '../../shape.js';
import { Tensor } from '../../tensor.js';
import { isChoice, valuesOf } from './grid.js';
import type { SlbSettings } from './options.js';

/** What of a weight a search begins with. */
export interface Start {
  logits: Tensor;
  /** By code. */
  values: Tensor;
  /** What the values are multiplied with to be weights, one a channel or one. */
  scales: Float32Array;
}

/** A logit that no probability is left of at any temperature, and no step moves. */
const never = -1e30;

/** Of a weight of one bit the largest magnitude is 0.9 of the range, so that its logit is finite and still moves. */
const filled = 0.9;
/** A logit is −sharpness·(distance / step)²: with 3 the expected weight is within 4 % of a step of the weight. */
const sharpness = 3;

/**
 * Logits with which the expected weight is nearly the weight itself at the first temperature: for one bit exactly, W = tanh(T·A/2) with
 * A = 2·atanh(w / range) / T; for more bits A[c] = −3·((w / range − v[c]) / step)² / T.
 *
 * The range of one bit is max|w| / 0.9, of more bits that with the smallest rounding error. With alpha "mean", and for one bit where no
 * normalization takes up that decided weights are larger than expected ones, it is mean|w|, and what is beyond it is cut off.
 */
export function pretrainedStart(weight: Float32Array, shape: Shape, settings: SlbSettings, isNormalized: boolean): Start {
  const { weightBits, grid, granularity, alpha, temperature } = settings;
  const values = valuesOf(weightBits, grid);
  const channels = granularity === 'channel' ? shape[0] : 1;
  const row = weight.length / channels;
  const rows = Array.from({ length: channels }, (_, c) => weight.subarray(c * row, (c + 1) * row));
  const scales = Float32Array.from(rows, (numbers) => {
    const range =
      alpha === 'mean' || (weightBits === 1 && !isNormalized)
        ? meanMagnitude(numbers)
        : weightBits === 1
          ? largest(numbers) / filled
          : bestRange(
              numbers,
              values.filter((_, code) => isChoice(code, grid)),
            );
    return range > 0 ? range : 1;
  });
  const step = values[1] - values[0];
  const of = (i: number): number[] => {
    const position = weight[i] / scales[Math.floor(i / row)];
    const limit = weightBits === 1 ? 0.95 : 1;
    const inside = Math.min(Math.max(position, -limit), limit);
    if (weightBits === 1) return [(2 * Math.atanh(inside)) / temperature.start];
    return values.map((value, code) => (isChoice(code, grid) ? (-sharpness * ((inside - value) / step) ** 2) / temperature.start : never));
  };
  return { logits: logitsOf(shape, weightBits === 1 ? 1 : values.length, of), values: Tensor.from(values), scales };
}

/**
 * Normal logits of deviation √(2 / (out·kh·kw·m)), He's with fan-out and the candidates counted among it, as Golden Stick begins; the one
 * logit of two values is a difference, √2 times that.
 * @param stream which weight of the network this is
 */
export function randomStart(weight: Float32Array, shape: Shape, settings: SlbSettings, stream: number): Start {
  const { weightBits, grid, seed, granularity, alpha } = settings;
  const values = valuesOf(weightBits, grid);
  const logits = weightBits === 1 ? 1 : values.length;
  const fanOut = sizeOf(shape) / (shape.at(-1) || 1);
  const deviation = Math.sqrt(2 / (fanOut * values.length)) * (logits === 1 ? Math.SQRT2 : 1);
  const drawn = normal(seed, streamOf('weights', stream), weight.length * logits);
  const of = (i: number) =>
    Array.from({ length: logits }, (_, code) => (logits === 1 || isChoice(code, grid) ? deviation * drawn[i * logits + code] : never));
  const channels = granularity === 'channel' ? shape[0] : 1;
  const row = weight.length / channels;
  const scales = new Float32Array(channels).map((_, c) =>
    alpha === 'none' ? 1 : meanMagnitude(weight.subarray(c * row, (c + 1) * row)) || 1,
  );
  return { logits: logitsOf(shape, logits, of), values: Tensor.from(values), scales };
}

/** (⌈n / 16⌉, logits, 16) from the logits of each weight. */
function logitsOf(shape: Shape, count: number, of: (i: number) => readonly number[]): Tensor {
  const whole = slbLogitsShape(shape, count);
  const out = new Float32Array(sizeOf(whole));
  for (let i = 0; i < sizeOf(shape); i++) {
    const at = Math.floor(i / slbBlock) * count * slbBlock + (i % slbBlock);
    for (const [c, logit] of of(i).entries()) out[at + c * slbBlock] = logit;
  }
  return Tensor.from(out, whole);
}

const largest = (numbers: Float32Array) => numbers.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
const meanMagnitude = (numbers: Float32Array) => numbers.reduce((sum, x) => sum + Math.abs(x), 0) / (numbers.length || 1);

/** Of 36 ranges from 0.3 to 1 times the largest magnitude the one with the smallest squared error of rounding to the values. */
function bestRange(numbers: Float32Array, values: readonly number[]): number {
  const most = largest(numbers);
  const step = values[1] - values[0];
  let best = { error: Infinity, range: most };
  for (let share = 0.3; share < 1.005; share += 0.02) {
    const range = most * share;
    let error = 0;
    for (const x of numbers) {
      const nearest = values[0] + step * Math.min(Math.max(Math.round((x / range - values[0]) / step), 0), values.length - 1);
      error += (nearest * range - x) ** 2;
    }
    if (error < best.error) best = { error, range };
  }
  return best.range;
}
