/** How many of the codes each channel of a weight gets: where channels share a scale, the widest decides for all. */
import type { WeightRecord } from './quantizationRecord.js';

export interface Channel {
  /** Its largest weight as it was when it was rounded. */
  range: number;
  /** Between two codes; of groups with a step each the largest. */
  step: number;
}

/** The widest first. */
export function channelsOf({ channels: { now, before }, scaled, scales }: WeightRecord): Channel[] {
  const ranges = scaled ? now : (before ?? now);
  return ranges
    .map((range, c) => ({ range: Number.isFinite(range) ? range : 0, step: scales[c] ?? scales[0] }))
    .toSorted((a, b) => b.range - a.range);
}

/** Channels that use less than a sixteenth of the codes, so that four bits are lost: of 127 steps not even eight. */
export function starved({ bits }: WeightRecord, channels: readonly Channel[]): Channel[] {
  const largest = Math.max(1, 2 ** (bits - 1) - 1);
  const least = (channels[0]?.range ?? 0) * dead;
  return channels.filter(({ range, step }) => range > least && range < (largest / 16) * step);
}

/** Channels so much narrower than the widest compute nothing: training has switched them off. */
const dead = 2 ** -16;

/** How many times the widest channel is as wide as the narrowest that computes something. */
export function spreadOf(ranges: readonly number[]): number {
  const most = ranges.reduce((a, b) => Math.max(a, b), 0);
  return most > 0 ? most / ranges.filter((range) => range > dead * most).reduce((a, b) => Math.min(a, b)) : 1;
}
