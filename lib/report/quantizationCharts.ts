/** The small pictures of a layer: histograms with the lines at which codes clip, and the ranges of channels. */
import { rounded } from './axis.js';
import { channelsOf } from './channelLevels.js';
import { escaped } from './html.js';
import { decibels, short, shortPercent } from './numbers.js';
import type { ActivationRecord, Histogram, WeightRecord } from './quantizationRecord.js';

const size = { width: 150, height: 40 };

/** The root of the counts: what is rare is seen, too. */
function bars({ counts }: Histogram): string {
  const most = Math.sqrt(Math.max(...counts, 1));
  return `<path class="bars" d="${area(counts.map((count) => size.height * (1 - Math.sqrt(count) / most)))}"/>`;
}

/** Steps of equal width, filled down to the ground. */
const area = (tops: readonly number[]) => `M0 ${size.height}${steps(tops)}V${size.height}Z`;

function steps(tops: readonly number[]): string {
  const width = size.width / tops.length;
  return tops.map((top, i) => `V${rounded(top)}H${rounded((i + 1) * width)}`).join('');
}

function picture(told: string, body: string): string {
  return `<svg class="mini" viewBox="0 0 ${size.width} ${size.height}" preserveAspectRatio="none" role="img"><title>${escaped(told)}</title>${body}</svg>`;
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

/** Of more channels some share a column: the picture is about so many dots wide. */
const mostColumns = 75;

/** From the top to the ground, where channels lie that are 0. */
const bitsShown = 16;

/** The largest weight of each channel on a scale of powers of two, widest first, and the step between codes: the room between them is bits. */
export function channelPicture(name: string, weight: WeightRecord): string {
  const { now, before } = weight.channels;
  const channels = channelsOf(weight);
  const widest = Math.max(channels[0].range, ...channels.map(({ step }) => step)) || 1;
  const top = (value: number) => (value > 0 ? size.height * Math.min(1, Math.log2(widest / value) / bitsShown) : size.height);
  const columns = thinned(channels);
  const ranges = `<path class="bars" d="${area(columns.map(({ range }) => top(range)))}"/>`;
  const line = columns.map(({ step }) => top(step));
  const told = [
    `${name}, largest weights of ${now.length} channels: ${spreadText(now)}`,
    ...(before && weight.scaled ? [`in the file ${spreadText(before)}`] : []),
    `steps of ${spreadText(weight.scales)}`,
  ].join(', ');
  return picture(told, `${ranges}<path class="step" d="M0 ${rounded(line[0])}${steps(line)}"/>`);
}

const thinned = <T>(items: readonly T[]) => {
  const columns = Math.min(items.length, mostColumns);
  return Array.from({ length: columns }, (_, i) => items[Math.floor((i * items.length) / columns)]);
};

function spreadText(numbers: readonly number[]): string {
  const some = numbers.filter(Number.isFinite);
  const [least, most] = some.reduce(([a, b], n) => [Math.min(a, n), Math.max(b, n)], [some[0], some[0]]);
  return least === most ? short(least) : `${short(least)} to ${short(most)}`;
}

/** Decibels as a bar: 0 to 60. */
export function decibelBar(sqnr: number | null): string {
  const share = sqnr === null ? 1 : Math.min(1, Math.max(0, sqnr / 60));
  return `<span class="db"><i class="bar${noiseKind(sqnr)}" style="width: ${(100 * share).toFixed(0)}%"></i><b>${decibels(sqnr)}</b></span>`;
}

/** The noise is more than a tenth of the signal, or more than a third. */
export const noiseKind = (sqnr: number | null) => (sqnr === null || sqnr >= 20 ? '' : sqnr >= 10 ? ' poor' : ' bad');

export const pictureStyle = `
.mini { width: 140px; height: 40px; margin: 0; }
.bars { fill: var(--s0); opacity: 0.75; }
.clip { fill: none; stroke: var(--s1); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
.step { fill: none; stroke: var(--ink); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
.db { display: grid; grid-template-columns: 1fr 42px; align-items: center; gap: 8px; min-width: 100px; }
.db b { font-weight: 500; text-align: right; }
.bar { display: block; height: 8px; min-width: 2px; border-radius: 2px; background: var(--s2); }
.bar.poor { background: var(--s1); opacity: 0.7; } .bar.bad { background: var(--s1); }
`;
