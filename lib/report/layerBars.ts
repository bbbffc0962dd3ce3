/** A number of every layer as a bar, from the input to the output of the network. */
import { between, rounded, ticks } from './axis.js';
import { escaped } from './html.js';

export interface LayerBars {
  title: string;
  /** How to read it. */
  told: string;
  format: (value: number) => string;
  /** In the order of the network; a layer without a number leaves a gap. Kinds are classes of the page's style. */
  layers: readonly { name: string; value: number | undefined; kind?: string }[];
  /** Lines across, with a name. */
  levels?: readonly number[];
}

const size = { width: 560, height: 230 };
const plot = { left: 62, right: 552, top: 10, bottom: 196 };

/** Nothing where no layer has a number. */
export function layerBars({ title, told, format, layers, levels = [] }: LayerBars): string {
  const numbers = layers.flatMap(({ value }) => (Number.isFinite(value) ? [value!] : []));
  if (!numbers.length) return '';
  const heights = ticks(Math.min(0, ...numbers), Math.max(...numbers, ...levels), 4);
  const y = (value: number) => rounded(between(plot.bottom, plot.top, (value - heights[0]) / (heights.at(-1)! - heights[0])));
  const step = (plot.right - plot.left) / layers.length;
  const gap = Math.min(2, step / 5);
  const grid = heights.map(
    (value) =>
      `<path class="grid" d="M${plot.left} ${y(value)}H${plot.right}"/><text x="${plot.left - 8}" y="${y(value) + 4}" text-anchor="end">${format(value)}</text>`,
  );
  const bars = layers.map(({ name, value, kind = '' }, i) => {
    if (!Number.isFinite(value)) return '';
    const [high, low] = [Math.min(y(value!), y(0)), Math.max(y(value!), y(0))];
    const box = `x="${rounded(plot.left + i * step)}" y="${rounded(high - 0.5)}" width="${rounded(Math.max(0.5, step - gap))}" height="${rounded(low - high + 1)}"`;
    return `<rect class="layer${kind}" ${box}><title>${escaped(`${name}: ${format(value!)}`)}</title></rect>`;
  });
  const across = levels.map((value) => `<path class="level" d="M${plot.left} ${y(value)}H${plot.right}"/>`);
  const ends = [
    `<text x="${plot.left}" y="${plot.bottom + 20}">first layer</text>`,
    ...(layers.length > 1 ? [`<text x="${plot.right}" y="${plot.bottom + 20}" text-anchor="end">last</text>`] : []),
  ];
  return `<figure><figcaption><b>${escaped(title)}</b><span>${escaped(told)}</span></figcaption>
<svg viewBox="0 0 ${size.width} ${size.height}" role="img">
${[...grid, ...bars, ...across, ...ends].join('\n')}
</svg></figure>`;
}

export const layerBarsStyle = `
rect.layer { fill: var(--s0); } rect.layer.good { fill: var(--s2); }
rect.layer.poor { fill: var(--s1); opacity: 0.7; } rect.layer.bad { fill: var(--s1); }
rect.layer:hover { stroke: var(--ink); }
`;
