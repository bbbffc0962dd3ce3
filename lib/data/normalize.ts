/** How stored values become what the model was trained on: (value / scale − mean) / std, per channel. */
import { fail } from '../error.js';
import { type Shape, sizeOf } from '../shape.js';

export interface Normalization {
  /** Numbers for all channels, or one for each channel of the result. The default scale of pixels is 255. */
  scale?: number | readonly number[];
  mean?: number | readonly number[];
  std?: number | readonly number[];
}

export const normalizationOptions = ['scale', 'mean', 'std'] as const;

/** The formula for one channel. */
export type Rule = (value: number) => number;

/** One rule a channel; `channels` is how many a list must name. */
export function rules(where: string, options: Normalization, channels: number, defaultScale: number): Rule[] {
  const list = (option: keyof Normalization, fallback: number) => {
    const came = options[option] ?? fallback;
    const values = typeof came === 'number' ? new Array<number>(channels).fill(came) : came;
    const ok = Array.isArray(values) && values.length === channels && values.every(Number.isFinite);
    const divides = option !== 'mean';
    if (!ok || (divides && values.includes(0))) {
      const expected = `${divides ? 'a number other than 0' : 'a number'}, or one for each of ${channels} channels`;
      fail({ code: 'option', where, option, came, expected });
    }
    return values;
  };
  const scale = list('scale', defaultScale);
  const mean = list('mean', 0);
  const std = list('std', 1);
  return scale.map((_, c) => (value) => (value / scale[c] - mean[c]) / std[c]);
}

/** The rules for pixels as tables of their 256 results, (channels, 256). */
export function pixelLevels(where: string, options: Normalization, channels: number): Float32Array {
  const formulas = rules(where, options, channels, 255);
  return Float32Array.from({ length: channels * 256 }, (_, i) => formulas[i >> 8](i & 255));
}

/** What stored bytes stand for: levels[c][byte] in every plane of channel c. */
export function valuesOf(bytes: Uint8Array, { shape, levels }: { shape: Shape; levels?: Float32Array }): Float32Array {
  const channels = levels!.length / 256;
  const plane = sizeOf(shape) / channels;
  const out = new Float32Array(bytes.length);
  for (let at = 0; at < bytes.length; at += plane) {
    const table = ((at / plane) % channels) * 256;
    for (let i = at; i < at + plane; i++) out[i] = levels![table + bytes[i]];
  }
  return out;
}
