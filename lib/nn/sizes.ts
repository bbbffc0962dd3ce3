/** How layers take sizes: one number for both directions, or (vertical, horizontal). */
import { Check } from '../op.js';

/** One number for height and width, or both. */
export type Pair = number | readonly [number, number];

/** A margin of zeros: one number all around, [vertical, horizontal], or [top, left, bottom, right]. */
export type Margins = Pair | readonly [number, number, number, number];

/** Margins, or 'same': as large as it takes for an output of the input's size (stride 1 only; an odd pixel goes to the end). */
export type Padding = Margins | 'same';

export const pairOf = (size: Pair): readonly [number, number] => (typeof size === 'number' ? [size, size] : size);

/** Top, left, bottom, right. */
export function marginsOf(margins: Margins): readonly number[] {
  if (typeof margins === 'object' && margins.length === 4) return margins;
  const [vertical, horizontal] = pairOf(margins as Pair);
  return [vertical, horizontal, vertical, horizontal];
}

/** Margins with which a window of stride 1 keeps the size of its input. */
export function sameMargins(kernel: readonly number[], dilations: readonly number[]): readonly number[] {
  const total = kernel.map((size, i) => (size - 1) * dilations[i]);
  const before = total.map((n) => Math.floor(n / 2));
  return [...before, ...total.map((n, i) => n - before[i])];
}

/** Refuses sizes that are no whole numbers from 1. */
export function checkSizes(layer: string, sizes: Readonly<Record<string, number | readonly number[]>>): void {
  const check = new Check(layer);
  for (const [name, size] of Object.entries(sizes)) {
    const ok = [size].flat().every((n) => Number.isSafeInteger(n) && n >= 1);
    check.param(ok, name, size, Array.isArray(size) ? 'whole numbers from 1' : 'a whole number from 1');
  }
}
