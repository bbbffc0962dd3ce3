/** Where numbers stand along an axis. */

export const between = (from: number, to: number, share: number) => from + (to - from) * share;

/** To a tenth of a unit of the drawing. */
export const rounded = (n: number) => Math.round(10 * n) / 10;

/** About so many round numbers, 1, 2 or 5 times a power of ten apart, that enclose a range. */
export function ticks(low: number, high: number, about: number): number[] {
  const range = high - low || Math.abs(high) || 1;
  const rough = range / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999)!;
  const [first, last] = [Math.floor(low / step + 1e-9), Math.ceil(high / step - 1e-9)];
  return Array.from({ length: Math.max(last, first + 1) - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

const mostLogTicks = 7;

/** Numbers 1, 2 and 5 times powers of ten that enclose a range above 0; of a long range powers of ten alone, not all of them. */
export function logTicks(low: number, high: number): number[] {
  const [from, to] = [Math.floor(Math.log10(low) + 1e-9), Math.ceil(Math.log10(high) - 1e-9)];
  const all = Array.from({ length: 3 * (to - from + 2) }, (_, i) => Number(`${[1, 2, 5][i % 3]}e${from + Math.floor(i / 3)}`));
  const first = all.findLastIndex((n) => n <= low * (1 + 1e-9));
  const last = all.findIndex((n, i) => i > first && n >= high * (1 - 1e-9));
  if (last - first < mostLogTicks) return all.slice(first, last + 1);
  const stride = Math.ceil((to - from) / (mostLogTicks - 1));
  return Array.from({ length: Math.ceil((to - from) / stride) + 1 }, (_, i) => Number(`1e${from + i * stride}`));
}

/** Whole numbers from 1 on to stand under the axis. */
export function epochTicks(count: number): number[] {
  if (count <= 10) return Array.from({ length: count }, (_, i) => i + 1);
  return [1, ...ticks(0, count, 6).filter((n) => n > 1 && n <= count && Number.isInteger(n))];
}
