/** The small pictures of a layer: histograms with the lines at which codes clip, and the ranges of channels. */
import { rounded } from './axis.js';
import { escaped } from './html.js';
import { short, shortPercent } from './numbers.js';
import type { ActivationRecord, Histogram, WeightRecord } from './quantizationRecord.js';

const size = { width: 150, height: 40 };

/** The root of the counts: what is rare is seen, too. */
function bars({ counts }: Histogram): string {
  const most = Math.sqrt(Math.max(...counts, 1));
  const step = size.width / counts.length;
  const tops = counts.map((count) => rounded(size.height * (1 - Math.sqrt(count) / most)));
  return `<path class="bars" d="M0 ${size.height}${tops.map((top, i) => `V${top}H${rounded((i + 1) * step)}`).join('')}V${size.height}Z"/>`;
}

function picture(label: string, body: string): string {
  return `<svg class="mini" viewBox="0 0 ${size.width} ${size.height}" preserveAspectRatio="none" role="img" aria-label="${escaped(label)}">${body}<title>${escaped(label)}</title></svg>`;
}

/** The numbers of a float tensor, and between which of them the codes lie. */
export function activationPicture({ name, histogram, range, clipped }: ActivationRecord): string {
  const { low, high } = histogram;
  const at = (value: number) => rounded((size.width * (value - low)) / (high - low || 1));
  const lines = [range.min, range.max]
    .filter((value) => value >= low && value <= high)
    .map((value) => `<path class="clip" d="M${at(value)} 0V${size.height}"/>`);
  const told = `${name}: ${short(low)} to ${short(high)}, codes from ${short(range.min)} to ${short(range.max)}, ${shortPercent(clipped)} clipped`;
  return picture(told, bars(histogram) + lines.join(''));
}

export function weightPicture(name: string, { histogram, bits }: WeightRecord): string {
  return picture(`${name}: ${short(histogram.low)} to ${short(histogram.high)} in ${bits} bits`, bars(histogram));
}

/** The largest weight of each channel, widest first, beside what it was before. A step between codes for all is as fine as the widest lets it be. */
export function channelPicture(name: string, { channels: { now, before } }: WeightRecord): string {
  const widest = Math.max(...now, ...(before ?? []), Number.MIN_VALUE);
  const step = size.width / now.length;
  const line = (ranges: readonly number[], kind: string) => {
    const tops = ranges.toSorted((a, b) => b - a).map((range) => rounded(size.height * (1 - range / widest)));
    return `<path class="${kind}" d="M0 ${tops[0]}${tops.map((top, i) => `V${top}H${rounded((i + 1) * step)}`).join('')}"/>`;
  };
  const spread = (ranges: readonly number[]) => `${short(Math.min(...ranges))} to ${short(Math.max(...ranges))}`;
  const told = `${name}, largest weights of ${now.length} channels: ${spread(now)}${before ? `, before ${spread(before)}` : ''}`;
  return picture(told, (before ? line(before, 'channels before') : '') + line(now, 'channels'));
}

/** Decibels as a bar: 0 to 60. */
export function decibelBar(sqnr: number | null): string {
  const share = sqnr === null ? 1 : Math.min(1, Math.max(0, sqnr / 60));
  const kind = sqnr !== null && sqnr < 10 ? ' bad' : sqnr !== null && sqnr < 20 ? ' poor' : '';
  const text = sqnr === null ? 'equal' : sqnr.toFixed(1);
  return `<span class="db"><i class="bar${kind}" style="width: ${(100 * share).toFixed(0)}%"></i><b>${text}</b></span>`;
}

export const pictureStyle = `
.mini { width: 140px; height: 40px; margin: 0; }
.bars { fill: var(--s0); opacity: 0.75; }
.clip { stroke: var(--s1); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
.channels { fill: none; stroke: var(--s0); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
.channels.before { stroke: var(--soft); stroke-dasharray: 3 2; }
.db { display: grid; grid-template-columns: 1fr 42px; align-items: center; gap: 8px; min-width: 100px; }
.db b { font-weight: 500; text-align: right; }
.bar { display: block; height: 8px; min-width: 2px; border-radius: 2px; background: var(--s2); }
.bar.poor { background: var(--s1); opacity: 0.7; } .bar.bad { background: var(--s1); }
`;
