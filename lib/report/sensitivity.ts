/** What each layer costs on its own, the most sensitive first. */
import { escaped, folded, section } from './html.js';
import { inDecibels, shortPercent, whole } from './numbers.js';
import type { SensitivityRecord } from './quantizationRecord.js';

/** Of more than `most` so many are seen at once, the others can be opened. */
const shown = 25;
const most = 30;

/** @param float names of layers that stay float */
export function sensitivity(layers: readonly SensitivityRecord[], float: ReadonlySet<string>): string {
  if (!layers.length) return '';
  const longest = layers.reduce((most, layer) => Math.max(most, noiseOf(layer)), Number.MIN_VALUE);
  const isOfWidths = new Set(layers.map(({ bits }) => bits)).size > 1;
  const rows = layers.map((layer) => row(layer, isOfWidths, longest, float.has(layer.name)));
  const head = `<li class="head"><span></span><span></span><b>noise</b><small></small>${layers.some(({ top1 }) => top1 !== undefined) ? '<small>accuracy</small>' : ''}</li>`;
  const list = (from: number, to?: number) => `<ol class="ranked">${head}${rows.slice(from, to).join('\n')}</ol>`;
  const told = toldOf(layers) + (layers.some(({ name }) => float.has(name)) ? ' Orange layers stay float in this model.' : '');
  if (rows.length <= most) return section('Sensitivity', told, list(0));
  const rest = folded(`The other ${whole(rows.length - shown)} layers`, list(shown));
  return section('Sensitivity', told, list(0, shown) + rest);
}

/** Sorted by what they cost: where the first has the least noise, it is what is left without the layer. */
function toldOf(layers: readonly SensitivityRecord[]): string {
  const isAlone = noiseOf(layers[0]) >= noiseOf(layers.at(-1)!);
  return isAlone
    ? 'One layer is quantized, all others are float: the bar is the noise that it alone brings to the outputs, in per cent of the signal (10 % are 20 dB). The longer, the more it costs.'
    : 'All layers are quantized but one: the bar is the noise that is left at the outputs, in per cent of the signal (10 % are 20 dB). The shorter, the more the layer costs.';
}

/** Root of the noise's power over the signal's. */
const noiseOf = ({ sqnr }: SensitivityRecord) => (sqnr === null ? 0 : 10 ** (-sqnr / 20));

function row(layer: SensitivityRecord, isOfWidths: boolean, longest: number, isFloat: boolean): string {
  const { name, op, parameters, bits, sqnr, top1 } = layer;
  const about = `${op}, ${whole(parameters)} parameters, ${bits} bits`;
  const bar = `<i class="bar${isFloat ? ' bad' : ''}" style="width: ${((100 * noiseOf(layer)) / longest).toFixed(1)}%"></i>`;
  const accuracy = top1 === undefined ? '' : `<small>${shortPercent(top1)}</small>`;
  return `<li><span title="${escaped(about)}">${escaped(isOfWidths ? `${name}, ${bits} bits` : name)}</span><span>${bar}</span><b>${noiseText(noiseOf(layer))}</b><small>${inDecibels(sqnr)}</small>${accuracy}</li>`;
}

const noiseText = (noise: number) => (noise > 0 && noise < 0.0001 ? '&lt; 0.01 %' : `${Number((100 * noise).toPrecision(2))} %`);

export const sensitivityStyle = `
.ranked { margin: 10px 0 0; padding: 0; list-style: none; font-variant-numeric: tabular-nums; }
.ranked li { display: grid; grid-template-columns: minmax(90px, 220px) 1fr 62px 62px; grid-auto-columns: 62px; grid-auto-flow: column; align-items: center; gap: 0 10px; padding: 2px 0; font-size: 13px; }
.ranked li > span:first-child { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.ranked b { font-weight: 500; text-align: right; } .ranked small { color: var(--soft); font-size: 12px; text-align: right; }
.ranked .head, .ranked .head b { color: var(--soft); font-size: 12px; }
.ranked .bar { background: var(--s0); } .ranked .bar.bad { background: var(--s1); }
section details { margin-top: 10px; padding: 8px 0 0; border: 0; }
@media (max-width: 560px) {
  .ranked li { grid-template-columns: 1fr 56px 56px; grid-auto-columns: 50px; gap: 0 6px; padding: 5px 0; }
  .ranked li > span:first-child { grid-area: 1 / 1 / 2 / -1; direction: rtl; text-align: left; }
  .ranked li > span:nth-child(2) { grid-row: 2; } .ranked b, .ranked small { grid-row: 2; }
}
`;
