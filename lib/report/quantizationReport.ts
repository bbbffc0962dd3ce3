/** A quantized model as a page to look at: what it lost, where, and why. */
import { escaped, folded, footer, page, type Tile, table, tiles, verbatim } from './html.js';
import { bytes, digits3, shortPercent, whole } from './numbers.js';
import { activationPicture, channelPicture, decibelBar, pictureStyle, weightPicture } from './quantizationCharts.js';
import type { ActivationRecord, LayerRecord, QuantizationRecord } from './quantizationRecord.js';

/** HTML that needs nothing else. */
export function quantizationReport(record: QuantizationRecord): string {
  const { model, layers, float, options } = record;
  const body = `<h1>${escaped(model.name)} <span class="bits">quantized</span></h1>
<p>${escaped(subtitle(record))}</p>
${tiles(summary(record))}
${worst(layers)}
<section><h2>Layers</h2><p>${escaped(explanation)}</p>
<div class="wide">${layerTable(layers)}</div></section>
${
  float.length
    ? `<section><h2>Layers that stay float</h2>${table(
        ['layer', 'op', 'because'],
        float.map(({ name, op, reason }) => ({ cells: [name, op, reason] })),
      )}</section>`
    : ''
}
${options ? folded('Options', verbatim(JSON.stringify(options, undefined, 2))) : ''}
${folded('Files', verbatim(`${model.sha256}  float\n${record.quantized.sha256}  quantized\n`))}
${footer(record)}`;
  return page(`${model.name}, quantized`, body, style + pictureStyle);
}

const explanation =
  'Signal to noise compares the numbers of the quantized model, computed on integers, with those of the float model: 6 dB are one bit, below 20 the noise is more than a tenth of the signal. ' +
  'Histograms have the root of the counts as their height; vertical lines are the ends of the codes. Ranges are the largest weight of each output channel, widest first (dashed: before the passes).';

function subtitle({ calibration, samples, layers, float }: QuantizationRecord): string {
  return [
    `${layers.length} of ${layers.length + float.length} layers on codes`,
    ...(calibration ? [`calibrated on ${whole(calibration.samples)} samples of ${calibration.data}`] : []),
    `compared on ${whole(samples)} samples`,
  ].join(' · ');
}

const decibels = (sqnr: number | null) => (sqnr === null ? 'equal' : `${sqnr.toFixed(1)} dB`);

function summary({ accuracy, outputs, model, quantized, layers }: QuantizationRecord): Tile[] {
  const made: Tile[] = [];
  if (accuracy) {
    const points = 100 * (accuracy.quantized.top1 - accuracy.float.top1);
    const note = `float ${shortPercent(accuracy.float.top1)}, ${points < 0 ? '−' : '+'}${Math.abs(points).toFixed(2)} points; ${whole(accuracy.quantized.samples)} samples`;
    made.push({ name: 'Accuracy', value: shortPercent(accuracy.quantized.top1), note });
  }
  for (const { name, sqnr } of outputs.slice(0, 2)) made.push({ name: `Signal to noise of ${name}`, value: decibels(sqnr) });
  made.push({
    name: 'File',
    value: bytes(quantized.bytes),
    note: `of ${bytes(model.bytes)}, ${(model.bytes / quantized.bytes).toFixed(1)} times smaller`,
  });
  const [least] = bySqnr(layers);
  if (least?.activation) made.push({ name: 'Noisiest layer', value: decibels(least.activation.sqnr), note: least.name });
  const timed = layers.filter(({ milliseconds }) => milliseconds !== undefined);
  if (timed.length) {
    const sum = timed.reduce((total, { milliseconds }) => total + milliseconds!, 0);
    made.push({ name: 'Time of its layers', value: `${digits3(sum)} ms`, note: 'one sample' });
  }
  return made;
}

/** Those with codes behind them, noisiest first. */
function bySqnr(layers: readonly LayerRecord[]): LayerRecord[] {
  const level = ({ activation }: LayerRecord) => activation?.sqnr ?? Number.POSITIVE_INFINITY;
  return layers.filter(({ activation }) => activation?.sqnr != null).toSorted((a, b) => level(a) - level(b));
}

/** Where to look first: layers whose noise is a good deal more than that of the layers before them. */
function worst(layers: readonly LayerRecord[]): string {
  const drops = layers.flatMap((layer, i) => {
    const before = layers.slice(0, i).findLast(({ activation }) => activation?.sqnr != null)?.activation?.sqnr;
    const now = layer.activation?.sqnr;
    return before == null || now == null || before - now < 6 ? [] : [{ layer, drop: before - now }];
  });
  if (!drops.length) return '';
  const lines = drops
    .toSorted((a, b) => b.drop - a.drop)
    .slice(0, 5)
    .map(({ layer, drop }) => `<li><b>${escaped(layer.name)}</b> ${escaped(`loses ${drop.toFixed(1)} dB: ${reasonOf(layer)}`)}</li>`);
  return `<section><h2>Where it is lost</h2><ul>${lines.join('\n')}</ul></section>`;
}

/** What is most likely behind a layer's noise. */
function reasonOf({ weight, activation }: LayerRecord): string {
  const { now } = weight.channels;
  const spread = Math.max(...now) / Math.max(Math.min(...now.filter((range) => range > 0)), Number.MIN_VALUE);
  if (weight.scales.length === 1 && spread > 16) return `its channels are up to ${whole(spread)} times apart and share one scale`;
  if (activation && activation.clipped > 0.001) return `${shortPercent(activation.clipped)} of its outputs are clipped`;
  if (weight.sqnr !== null && weight.sqnr < 20) return `its weights have ${weight.sqnr.toFixed(1)} dB in ${weight.bits} bits`;
  const own = activation && roundingOf(activation);
  if (own !== undefined && own < 26) return `most of its outputs are small beside their range: rounding alone leaves ${own.toFixed(1)} dB`;
  return 'its own codes are fine; the noise comes with its inputs and weights';
}

/** Decibels that are left when nothing but the rounding to 256 codes adds noise, a twelfth of a step squared. */
function roundingOf({ histogram: { low, high, counts }, range }: ActivationRecord): number {
  const width = (high - low) / counts.length;
  const all = counts.reduce((sum, count) => sum + count, 0);
  const power = counts.reduce((sum, count, i) => sum + count * (low + (i + 0.5) * width) ** 2, 0) / all;
  return 10 * Math.log10((12 * power) / ((range.max - range.min) / 255) ** 2);
}

function layerTable(layers: readonly LayerRecord[]): string {
  const head = ['layer', 'output', 'signal to noise', 'clipped', 'activations', 'weights', 'ranges', 'bits', 'size', 'µs'];
  const isTimed = layers.some(({ milliseconds }) => milliseconds !== undefined);
  const kept = isTimed ? head : head.slice(0, -1);
  return `<table class="layers"><tr>${kept.map((name) => `<th>${name}</th>`).join('')}</tr>\n${layers.map((layer) => row(layer, isTimed)).join('\n')}</table>`;
}

function row({ name, op, shape, activation, weight, floatBytes, bytes: now, milliseconds }: LayerRecord, isTimed: boolean): string {
  const cells = [
    `${escaped(name)}<small>${escaped(op)}</small>`,
    shape.join('×'),
    activation ? decibelBar(activation.sqnr) : 'real',
    activation ? shortPercent(Number(activation.clipped.toPrecision(2))) : '',
    activation ? activationPicture(activation) : '',
    weightPicture(name, weight),
    channelPicture(name, weight),
    String(weight.bits),
    `<b>${bytes(now)}</b><small>of ${bytes(floatBytes)}</small>`,
    ...(isTimed ? [milliseconds === undefined ? '' : digits3(1000 * milliseconds)] : []),
  ];
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
}

const style = `
h2 { margin: 0; font-size: 17px; font-weight: 600; }
section { margin-top: 16px; padding: 16px 18px; background: var(--card); border: 1px solid var(--edge); border-radius: 10px; }
section p, li { font-size: 13px; }
ul { margin: 8px 0 0; padding-left: 20px; }
h1 { overflow-wrap: anywhere; }
.bits { padding: 2px 10px; border-radius: 8px; background: var(--s2); color: var(--card); font-size: 20px; white-space: nowrap; vertical-align: 3px; }
.layers td:first-child, .layers th:first-child, .layers th:nth-child(n + 5):nth-child(-n + 7) { text-align: left; }
.layers small { display: block; color: var(--soft); }
.layers td:nth-child(n + 5):nth-child(-n + 7) { padding: 4px 8px; }
@media (min-width: 720px) { .layers td:first-child { position: sticky; left: 0; background: var(--card); } }
`;
