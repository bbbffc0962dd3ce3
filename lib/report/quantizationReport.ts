/** A quantized model as a page to look at: what it lost, where, and why. */
import { channelRanges, channelRangesStyle } from './channelRanges.js';
import { escaped, footer, page, section, type Tile, table, tiles } from './html.js';
import { ladder, ladderStyle } from './ladder.js';
import { layerBars, layerBarsStyle } from './layerBars.js';
import { noiseCauses } from './noiseCauses.js';
import { bytes, digits3, inDecibels, short, shortPercent, signed, whole } from './numbers.js';
import { origin, originStyle } from './origin.js';
import { noiseKind, pictureStyle } from './quantizationCharts.js';
import type { LayerRecord, QuantizationRecord } from './quantizationRecord.js';
import { layerStyle, quantizedLayers } from './quantizedLayers.js';
import { sensitivity, sensitivityStyle } from './sensitivity.js';

/** HTML that needs nothing else. */
export function quantizationReport(record: QuantizationRecord): string {
  const { model, layers, float } = record;
  const stayFloat = new Set([...float.map(({ name }) => name), ...(record.ladder?.leftFloat ?? [])]);
  const body = [
    `<h1>${escaped(model.name)} <span class="bits">quantized</span></h1>`,
    `<p>${escaped(subtitle(record))}</p>`,
    tiles(summary(record)),
    record.ladder ? ladder(record.ladder) : '',
    noiseCauses(layers),
    overview(layers),
    record.sensitivity ? sensitivity(record.sensitivity, stayFloat) : '',
    channelRanges(layers),
    quantizedLayers(layers, record.scaled),
    floatLayers(float),
    origin(record),
    footer(record),
  ];
  return page(`${model.name}, quantized`, body.filter(Boolean).join('\n'), style);
}

function subtitle({ calibration, samples, layers, float }: QuantizationRecord): string {
  return [
    `${layers.length} of ${layers.length + float.length} layers on codes`,
    ...(calibration ? [`calibrated on ${whole(calibration.samples)} samples of ${calibration.data}`] : []),
    `compared on ${whole(samples)} samples`,
  ].join(' · ');
}

/** Outputs that get a tile each. */
const shownOutputs = 3;

function summary({ accuracy, outputs, model, quantized, layers }: QuantizationRecord): Tile[] {
  const made: Tile[] = [];
  if (accuracy) {
    const points = signed(100 * (accuracy.quantized.top1 - accuracy.float.top1));
    const note = `float ${shortPercent(accuracy.float.top1)}, ${points} points; ${whole(accuracy.quantized.samples)} samples`;
    made.push({ name: 'Accuracy', value: shortPercent(accuracy.quantized.top1), note });
  }
  for (const { name, sqnr } of outputs.slice(0, shownOutputs)) made.push({ name: `Signal to noise of ${name}`, value: inDecibels(sqnr) });
  made.push({
    name: 'File',
    value: bytes(quantized.bytes),
    note: `of ${bytes(model.bytes)}, ${(model.bytes / quantized.bytes).toFixed(1)} times smaller`,
  });
  const noisy = layers.filter((layer): layer is LayerRecord & { sqnr: number } => layer.sqnr != null);
  if (noisy.length) {
    const least = noisy.reduce((a, b) => (b.sqnr < a.sqnr ? b : a));
    made.push({ name: 'Noisiest layer', value: inDecibels(least.sqnr), note: least.name });
  }
  const times = layers.flatMap(({ milliseconds }) => milliseconds ?? []);
  if (times.length) {
    made.push({ name: 'Time of its layers', value: `${digits3(times.reduce((a, b) => a + b, 0))} ms`, note: 'one sample' });
  }
  return made;
}

/** The whole network at a glance. */
function overview(layers: readonly LayerRecord[]): string {
  const bars = (title: string, told: string, format: (value: number) => string, of: (layer: LayerRecord) => number | undefined) =>
    layerBars({ title, told, format, layers: layers.map((layer) => ({ name: layer.name, value: of(layer) })) });
  const noise = layerBars({
    title: 'Signal to noise',
    told: 'higher is better; dashed: 20 dB',
    format: (sqnr) => `${short(sqnr).replace('-', '−')} dB`,
    levels: [20],
    layers: layers.map(({ name, sqnr }) => ({ name, value: sqnr ?? undefined, kind: noiseKind(sqnr ?? null) || ' good' })),
  });
  const size = bars('Size', 'bytes of its weights', bytes, (layer) => layer.bytes);
  const time = bars(
    'Time',
    'of one sample',
    (ms) => (ms < 1 ? `${short(1000 * ms)} µs` : `${short(ms)} ms`),
    (layer) => layer.milliseconds,
  );
  return `<div class="charts overview">\n${[noise, size, time].filter(Boolean).join('\n')}\n</div>`;
}

function floatLayers(float: QuantizationRecord['float']): string {
  if (!float.length) return '';
  const rows = float.map(({ name, op, reason }) => ({ cells: [name, op, reason] }));
  return section('Layers that stay float', '', `<div class="texts">${table(['layer', 'op', 'because'], rows)}</div>`);
}

const style = `
.bits { background: var(--s2); }
ul { margin: 8px 0 0; padding-left: 20px; }
li { font-size: 13px; overflow-wrap: anywhere; }
dd small { overflow-wrap: anywhere; } dt { overflow-wrap: anywhere; }
.overview { grid-template-columns: repeat(auto-fit, minmax(min(300px, 100%), 1fr)); margin-top: 16px; }
${pictureStyle}${layerStyle}${layerBarsStyle}${channelRangesStyle}${ladderStyle}${sensitivityStyle}${originStyle}`;
