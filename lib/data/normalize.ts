/** How stored values become what the model was trained on: (value / scale − mean) / std, per channel. */
import { fail } from '../error.js';

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

/** The rules for pixels as tables of their 256 results. */
export function pixelTables(where: string, options: Normalization, channels: number): Float32Array[] {
  return rules(where, options, channels, 255).map((rule) => Float32Array.from({ length: 256 }, (_, pixel) => rule(pixel)));
}
