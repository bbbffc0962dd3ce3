/** The quantized layers, a row each: noise, clipped numbers, pictures, size, time. On a narrow screen a row is a card. */
import { escaped, section } from './html.js';
import { bytes, digits3, shortPercent, whole } from './numbers.js';
import { activationPicture, channelPicture, decibelBar, weightPicture } from './quantizationCharts.js';
import type { LayerRecord } from './quantizationRecord.js';

const told =
  'Signal to noise compares the numbers of the quantized model, computed on integers, with those of the float model: 6 dB are one bit, below 20 the noise is more than a tenth of the signal. ' +
  'Histograms have the root of the counts as their height; orange lines are the ends of the codes. Ranges are the largest weight of each output channel, widest first, on a scale of powers of two; ' +
  'the line across is the step between codes, and the room between both is the bits that a channel gets.';

const toldOfScaled = 'A pass has scaled channels between layers, so noise is measured with each channel scaled back as it suits best.';

interface Column {
  /** Of the column; its class is the first word, where no other is given. */
  name: string;
  cell: (layer: LayerRecord) => string;
}

const columns: readonly Column[] = [
  {
    name: 'layer',
    cell: ({ name, op, shape }) => `${escaped(name)}<small>${escaped([op, shape.join('×')].filter(Boolean).join(' '))}</small>`,
  },
  { name: 'signal to noise', cell: ({ sqnr }) => (sqnr === undefined ? '–' : decibelBar(sqnr)) },
  { name: 'clipped', cell: ({ activation }) => (activation ? shortPercent(Number(activation.clipped.toPrecision(2))) : '') },
  { name: 'activations', cell: ({ activation }) => (activation ? activationPicture(activation) : 'stay real') },
  { name: 'weights', cell: ({ name, weight }) => weightPicture(name, weight) },
  { name: 'ranges', cell: ({ name, weight }) => (weight.channels.now.length ? channelPicture(name, weight) : '') },
  { name: 'bits', cell: ({ weight }) => String(weight.bits) },
  { name: 'size', cell: ({ bytes: now, floatBytes }) => `<b>${bytes(now)}</b><small>of ${bytes(floatBytes)}</small>` },
  { name: 'µs', cell: ({ milliseconds }) => (milliseconds === undefined ? '' : digits3(1000 * milliseconds)) },
];

const classes: Readonly<Record<string, string>> = { bits: 'width', µs: 'time' };

/** @param scaled channels were scaled between layers */
export function quantizedLayers(layers: readonly LayerRecord[], scaled: boolean): string {
  const isTimed = layers.some(({ milliseconds }) => milliseconds !== undefined);
  const shown = columns.filter(({ name }) => isTimed || name !== 'µs');
  const kind = ({ name }: Column) => classes[name] ?? name.split(' ')[0];
  const head = shown.map((column) => `<th class="${kind(column)}">${column.name}</th>`).join('');
  const rows = layers.map(
    (layer) => `<tr>${shown.map((column) => `<td class="${kind(column)}">${column.cell(layer)}</td>`).join('')}</tr>`,
  );
  const title = `${whole(layers.length)} ${layers.length === 1 ? 'layer' : 'layers'}`;
  return section(
    title,
    scaled ? `${told} ${toldOfScaled}` : told,
    `<table class="layers"><thead><tr>${head}</tr></thead>\n<tbody>${rows.join('\n')}</tbody></table>`,
  );
}

export const layerStyle = `
.layers th, .layers td { padding: 5px 8px; }
.layers .layer, .layers .activations, .layers .weights, .layers .ranges { text-align: left; }
.layers .layer { white-space: normal; overflow-wrap: anywhere; min-width: 110px; }
.layers small { display: block; color: var(--soft); }
.layers .activations { color: var(--soft); }
.layers .mini { max-width: 13vw; }
@media (max-width: 900px) {
  .layers, .layers tbody { display: block; }
  .layers thead { display: none; }
  .layers tr { display: grid; grid-template-columns: repeat(12, minmax(0, 1fr)); gap: 4px; padding: 10px 0; border-top: 1px solid var(--grid); }
  .layers td { grid-column: span 3; padding: 0 6px 0 0; border: 0; text-align: left; }
  .layers .layer { grid-column: span 8; } .layers .signal, .layers .activations, .layers .weights, .layers .ranges { grid-column: span 4; }
  .layers .mini { width: 100%; max-width: none; }
  .layers .activations::before { content: "activations"; } .layers .weights::before { content: "weights"; } .layers .ranges::before { content: "ranges"; }
  .layers td::before { display: block; color: var(--soft); font-size: 11px; }
  .layers .clipped:not(:empty)::after { content: " clipped"; } .layers .width::after { content: " bits"; } .layers .time:not(:empty)::after { content: " µs"; }
  .layers .clipped { order: 1; } .layers .width { order: 2; } .layers .size { order: 3; } .layers .time { order: 4; }
  .layers .size b { font-weight: 400; } .layers .size small { display: none; }
}
`;
