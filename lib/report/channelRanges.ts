/** The ranges of a weight's channels beside the step between its codes: the picture of why a depthwise layer collapses under one scale. */
import { between, logTicks, rounded } from './axis.js';
import { channelsOf, spreadOf, starved } from './channelLevels.js';
import { escaped, section } from './html.js';
import { short, whole } from './numbers.js';
import type { LayerRecord } from './quantizationRecord.js';

const told =
  'Each bar is the largest weight of a channel, widest first; the line is the step between codes. The scale is logarithmic: the room above the line is the codes that a channel gets. ' +
  'Where channels share one scale the line is level, and channels near it have few codes left; below half a step all their weights are 0. These are the layers whose channels lie farthest apart.';

const shown = 4;

/** Pictures of the layers that have the most to show; nothing where no layer has two channels. */
export function channelRanges(layers: readonly LayerRecord[]): string {
  const rows = layers
    .filter(({ weight }) => weight.channels.now.length > 1)
    .toSorted((a, b) => originalSpread(b) - originalSpread(a))
    .slice(0, shown);
  return rows.length ? section('Ranges of channels', told, `<div class="charts">${rows.map(figure).join('\n')}</div>`) : '';
}

const originalSpread = ({ weight: { channels } }: LayerRecord) => spreadOf(channels.before ?? channels.now);

const size = { width: 560, height: 210 };
const plot = { left: 62, right: 552, top: 8, bottom: 196 };
/** What is smaller beside the widest lies on the ground. */
const deepest = 1e-4;
const mostColumns = 160;

function figure(layer: LayerRecord): string {
  const { name, weight } = layer;
  const channels = channelsOf(weight);
  const before = weight.scaled && weight.channels.before ? weight.channels.before.toSorted((a, b) => b - a) : undefined;
  const numbers = [...channels.flatMap(({ range, step }) => [range, step]), ...(before ?? [])].filter((n) => n > 0);
  const high = numbers.reduce((a, b) => Math.max(a, b), Number.MIN_VALUE);
  const low = numbers.filter((n) => n > high * deepest).reduce((a, b) => Math.min(a, b), high) / 1.5;
  const heights = logTicks(low, high);
  const [ground, sky] = [Math.log(heights[0]), Math.log(heights.at(-1)!)];
  const y = (value: number) =>
    rounded(between(plot.bottom, plot.top, Math.max(0, (Math.log(Math.max(value, heights[0])) - ground) / (sky - ground || 1))));
  const grid = heights.map(
    (value) =>
      `<path class="grid" d="M${plot.left} ${y(value)}H${plot.right}"/><text x="${plot.left - 8}" y="${y(value) + 4}" text-anchor="end">${short(value)}</text>`,
  );
  const ranges = steps(channels.map(({ range }) => y(range)));
  const line = channels.map(({ step }) => y(step));
  const few = new Set(starved(weight, channels));
  const poor = steps(channels.map((channel) => (few.has(channel) ? y(channel.range) : plot.bottom)));
  const drawn = [
    `<path class="bars" d="M${plot.left} ${plot.bottom}${ranges}V${plot.bottom}Z"/>`,
    ...(few.size ? [`<path class="bars poor" d="M${plot.left} ${plot.bottom}${poor}V${plot.bottom}Z"/>`] : []),
    ...(before ? [`<path class="level" d="M${plot.left} ${y(before[0])}${steps(before.map(y))}"/>`] : []),
    `<path class="step" d="M${plot.left} ${line[0]}${steps(line)}"/>`,
  ];
  const legend = [
    '<span><i class="s0"></i>largest weight</span>',
    ...(before ? ['<span><i class="level"></i>in the float file</span>'] : []),
    '<span><i class="step"></i>step</span>',
  ];
  return `<figure><figcaption><b>${escaped(name)}</b><span class="legend">${legend.join('')}</span><span class="note">${escaped(note(layer))}</span></figcaption>
<svg viewBox="0 0 ${size.width} ${size.height}" role="img">
${[...grid, ...drawn].join('\n')}
</svg></figure>`;
}

/** Along the channels; of many some share a column. */
function steps(heights: readonly number[]): string {
  const columns = Math.min(heights.length, mostColumns);
  const width = (plot.right - plot.left) / columns;
  return Array.from({ length: columns }, (_, i) => {
    const height = heights[Math.floor((i * heights.length) / columns)];
    return `V${height}H${rounded(plot.left + (i + 1) * width)}`;
  }).join('');
}

function note({ op, weight }: LayerRecord): string {
  const { before, now } = weight.channels;
  const channels = channelsOf(weight);
  const times = (ranges: readonly number[]) => `${whole(spreadOf(ranges))} times apart`;
  const apart = times(channels.map(({ range }) => range));
  const moved = weight.scaled && before ? `, ${times(before)} in the float file, now ${apart}` : ` up to ${apart}`;
  const few = starved(weight, channels).length;
  const left = few ? `; ${few} of them (orange) use less than a sixteenth of the codes` : '';
  const groups = weight.scales.length / now.length;
  const scales = groups < 1 ? 'share one scale' : groups > 1 ? `have ${whole(groups)} scales each` : 'have a scale each';
  return `${op}: ${whole(now.length)} channels${moved}, ${scales}${left}.`;
}

export const channelRangesStyle = `
section .charts { margin-top: 12px; }
section figure { padding: 0; border: 0; background: none; }
.bars.poor { fill: var(--s1); opacity: 0.9; }
figcaption i.step { background: var(--ink); }
figcaption .note { flex-basis: 100%; }
`;
