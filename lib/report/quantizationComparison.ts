/** Two quantizations of one network side by side: where they differ, and which of them is better off. */
import { fail } from '../error.js';
import { escaped, footer, page, section, table } from './html.js';
import { layerBars, layerBarsStyle } from './layerBars.js';
import { bytes, decibels, digits3, inDecibels, shortPercent, signed, whole } from './numbers.js';
import { flattened, originStyle } from './origin.js';
import { channelPicture, pictureStyle } from './quantizationCharts.js';
import type { LayerRecord, QuantizationRecord } from './quantizationRecord.js';

/** A record and what it is called, mostly its file. */
export interface QuantizationRun {
  name: string;
  record: QuantizationRecord;
}

interface Pair {
  a: LayerRecord;
  b: LayerRecord;
}

/**
 * A page on two runs, differences as b minus a. Float files may differ (one was trained further) as long as most layers are the same:
 * of the same name, op and number of parameters. The page says so.
 * @throws LowbitError 'data' where fewer than half of the layers of either are in the other
 */
export function quantizationComparison(a: QuantizationRun, b: QuantizationRun): string {
  const pairs = pairsOf(a.record.layers, b.record.layers);
  const least = Math.min(a.record.layers.length, b.record.layers.length);
  if (!pairs.length || 2 * pairs.length < least) {
    const problem = `it is of another network than ${a.name}: ${pairs.length} of ${least} layers have the same name, op and size`;
    fail({ code: 'data', where: b.name, problem, todo: 'Compare runs of one network.' });
  }
  const sameFloat = a.record.model.sha256 === b.record.model.sha256;
  const body = [
    `<h1>${escaped(a.record.model.name)} <span class="bits">two runs</span></h1>`,
    `<p class="runs"><span><i class="a"></i>A: ${escaped(a.name)}</span><span><i class="b"></i>B: ${escaped(b.name)}</span></p>`,
    sameFloat ? '' : '<p class="warning">Their float files differ: layers are matched by name, op and size.</p>',
    summary(a.record, b.record),
    options(a.record.options, b.record.options),
    differences(pairs),
    layerTable(pairs),
    single(a.record.layers, b.record.layers, pairs),
    footer(b.record),
  ];
  return page(`${a.record.model.name}, two runs`, body.filter(Boolean).join('\n'), style);
}

function pairsOf(first: readonly LayerRecord[], second: readonly LayerRecord[]): Pair[] {
  const byName = new Map(second.map((layer) => [layer.name, layer]));
  return first.flatMap((a) => {
    const b = byName.get(a.name);
    return b && b.op === a.op && b.parameters === a.parameters ? [{ a, b }] : [];
  });
}

/** A number of both runs: how it is written, how its difference is, and which sign of that is good. */
interface Measure {
  name: string;
  of: (record: QuantizationRecord) => number | null | undefined;
  format: (value: number) => string;
  difference: (b: number, a: number) => string;
  isGood: (difference: number) => boolean;
  /** Differences of a smaller share of a are not marked. */
  least?: number;
}

const more = (difference: number) => difference > 0;
const less = (difference: number) => difference < 0;
const times = (b: number, a: number) => (a === 0 || b === a ? '' : `${signed(100 * (b / a - 1), 1)} %`);
/** Times of two runs differ by some per cent whatever one does. */
const clearlyFaster = 0.05;
const timeOf = ({ layers }: QuantizationRecord) => {
  const known = layers.flatMap(({ milliseconds }) => milliseconds ?? []);
  return known.length ? known.reduce((sum, ms) => sum + ms, 0) : undefined;
};

const inPoints = (b: number, a: number) => `${signed(100 * (b - a))} points`;

function measures({ outputs }: QuantizationRecord): Measure[] {
  return [
    { name: 'accuracy', of: ({ accuracy }) => accuracy?.quantized.top1, format: shortPercent, difference: inPoints, isGood: more },
    {
      name: 'among the first five',
      of: ({ accuracy }) => accuracy?.quantized.top5,
      format: shortPercent,
      difference: inPoints,
      isGood: more,
    },
    ...outputs.map(
      ({ name }): Measure => ({
        name: `signal to noise of ${name}`,
        of: (record) => record.outputs.find((output) => output.name === name)?.sqnr,
        format: inDecibels,
        difference: (b, a) => `${signed(b - a, 1)} dB`,
        isGood: more,
      }),
    ),
    { name: 'file', of: ({ quantized }) => quantized.bytes, format: bytes, difference: times, isGood: less },
    { name: 'time of its layers', of: timeOf, format: (ms) => `${digits3(ms)} ms`, difference: times, isGood: less, least: clearlyFaster },
    {
      name: 'layers on codes',
      of: ({ layers }) => layers.length,
      format: whole,
      difference: (b, a) => (a === b ? '' : signed(b - a, 0)),
      isGood: () => false,
    },
  ];
}

function summary(a: QuantizationRecord, b: QuantizationRecord): string {
  const rows = measures(a).flatMap(({ name, of, format, difference, isGood, least = 0 }) => {
    const [x, y] = [of(a), of(b)];
    if (x === undefined && y === undefined) return [];
    const text = (value: number | null | undefined) => (value === undefined ? '–' : value === null ? 'equal' : format(value));
    const kind = x == null || y == null || Math.abs(y - x) <= least * x ? '' : isGood(y - x) ? 'better' : 'worse';
    const change = x != null && y != null && x !== y ? `<b class="${kind}">${difference(y, x)}</b>` : '';
    return [`<tr><td>${escaped(name)}</td><td>${text(x)}</td><td>${text(y)}</td><td>${change}</td></tr>`];
  });
  const samples = [a, b].map((record) => whole(record.samples));
  const told = `Compared with the float model on ${samples[0] === samples[1] ? samples[0] : samples.join(' and ')} samples; differences are B minus A, green where B is better.`;
  const head = '<tr><th></th><th>A</th><th>B</th><th>difference</th></tr>';
  return section('Results', told, `<div class="wide"><table class="results">${head}${rows.join('\n')}</table></div>`);
}

function options(a: QuantizationRecord['options'], b: QuantizationRecord['options']): string {
  if (!a && !b) return '';
  if (!a || !b)
    return section('Options', `Those of ${a ? 'B' : 'A'} are not known: its record was not written together with the model.`, '');
  const [first, second] = [a, b].map((given) => new Map(flattened(given)));
  const names = [...new Set([...first.keys(), ...second.keys()])].filter((name) => first.get(name) !== second.get(name));
  if (!names.length) return section('Options', 'They are the same.', '');
  const rows = names.map((name) => ({ cells: [name, first.get(name) ?? '–', second.get(name) ?? '–'] }));
  return section('Options that differ', '', `<div class="texts facts">${table(['option', 'A', 'B'], rows)}</div>`);
}

/** Decibels that b has more than a; nothing where one of them is not known. */
const gain = ({ a, b }: Pair) => (a.sqnr == null || b.sqnr == null ? undefined : b.sqnr - a.sqnr);

/** A bar a layer for what lies between the runs; nothing where that is nothing. */
function differences(pairs: readonly Pair[]): string {
  const change = (of: (layer: LayerRecord) => number | undefined) => (pair: Pair) => {
    const [x, y] = [of(pair.a), of(pair.b)];
    return x === undefined || y === undefined ? undefined : y - x;
  };
  const bars = (title: string, told: string, format: (value: number) => string, of: (pair: Pair) => number | undefined, isGood = less) => {
    const layers = pairs.map((pair) => {
      const value = of(pair);
      return { name: pair.a.name, value, kind: value === undefined ? '' : isGood(value) ? ' good' : ' bad' };
    });
    return layers.some(({ value }) => value) ? layerBars({ title, told, format, layers }) : '';
  };
  const figures = [
    bars('Signal to noise, B minus A', 'above 0: B is more exact', (value) => `${signed(value, 1)} dB`, gain, more),
    bars(
      'Size, B minus A',
      'below 0: B is smaller',
      (value) => `${value < 0 ? '−' : ''}${bytes(Math.abs(value))}`,
      change((layer) => layer.bytes),
    ),
    bars(
      'Time, B minus A',
      'below 0: B is faster',
      (ms) => `${signed(1000 * ms, 1)} µs`,
      change((layer) => layer.milliseconds),
    ),
  ];
  return `<div class="charts overview">${figures.join('')}</div>`;
}

const told =
  'Both runs of each layer, A above B. Differences are B minus A. Ranges are the largest weight of each output channel, widest first, on a scale of powers of two; the line across is the step between codes.';

interface Column {
  name: string;
  /** Of one run. */
  cell: (layer: LayerRecord) => string;
  /** Whether a difference between the runs is marked. */
  isMarked?: boolean;
}

const columns: readonly Column[] = [
  { name: 'clipped', cell: ({ activation }) => (activation ? shortPercent(Number(activation.clipped.toPrecision(2))) : '–') },
  { name: 'bits', cell: ({ weight }) => String(weight.bits), isMarked: true },
  { name: 'size', cell: (layer) => bytes(layer.bytes), isMarked: true },
  { name: 'µs', cell: ({ milliseconds }) => (milliseconds === undefined ? '–' : digits3(1000 * milliseconds)) },
  { name: 'ranges', cell: ({ name, weight }) => (weight.channels.now.length ? channelPicture(name, weight) : '') },
];

function layerTable(pairs: readonly Pair[]): string {
  const head = ['layer', '', 'signal to noise', 'difference', ...columns.map(({ name }) => name)];
  const largest = pairs.reduce((most, pair) => Math.max(most, Math.abs(gain(pair) ?? 0)), 1);
  const headRow = `<thead><tr>${head.map((name) => `<th>${name}</th>`).join('')}</tr></thead>`;
  const rows = pairs.map((pair) => row(pair, largest)).join('\n');
  return section('Layers', told, `<table class="pairs">${headRow}\n<tbody>${rows}</tbody></table>`);
}

function row(pair: Pair, largest: number): string {
  const { a, b } = pair;
  const both = (name: string, of: (layer: LayerRecord) => string, isMarked = false) => {
    const differs = isMarked && of(a) !== of(b) ? ' class="differs"' : '';
    return `<td${differs} title="${name}"><div>${of(a)}</div><div>${of(b)}</div></td>`;
  };
  const cells = [
    `<td class="layer">${escaped(a.name)}<small>${escaped(a.op)}</small></td>`,
    '<td class="run"><div><i class="a"></i>A</div><div><i class="b"></i>B</div></td>',
    both('signal to noise', ({ sqnr }) => (sqnr === undefined ? '–' : decibels(sqnr))),
    `<td>${gainBar(gain(pair), largest)}</td>`,
    ...columns.map(({ name, cell, isMarked }) => both(name, cell, isMarked)),
  ];
  return `<tr>${cells.join('')}</tr>`;
}

/** To the right of the middle where b is better, to the left where a is. */
function gainBar(value: number | undefined, largest: number): string {
  if (value === undefined) return '';
  const width = (50 * Math.abs(value)) / largest;
  const place = `left: ${(value < 0 ? 50 - width : 50).toFixed(1)}%; width: ${width.toFixed(1)}%`;
  const kind = value < 0 ? 'worse' : 'better';
  return `<span class="gain"><span><i class="${kind}" style="${place}"></i></span><b class="${Math.abs(value) < 0.05 ? '' : kind}">${signed(value, 1)}</b></span>`;
}

/** Layers that are on codes in one of them alone, or are others. */
function single(first: readonly LayerRecord[], second: readonly LayerRecord[], pairs: readonly Pair[]): string {
  const paired = new Set(pairs.flatMap(({ a, b }) => [a, b]));
  const alone = (layers: readonly LayerRecord[], run: string) =>
    layers.filter((layer) => !paired.has(layer)).map(({ name, op }) => ({ cells: [name, op, run] }));
  const rows = [...alone(first, 'A'), ...alone(second, 'B')];
  if (!rows.length) return '';
  return section('Layers on codes in one run alone', '', `<div class="texts">${table(['layer', 'op', 'run'], rows)}</div>`);
}

const style = `
.bits { background: var(--s2); }
.runs { display: flex; flex-wrap: wrap; gap: 2px 20px; overflow-wrap: anywhere; }
i.a, i.b { display: inline-block; width: 9px; height: 9px; margin-right: 6px; border-radius: 50%; background: var(--s0); } i.b { background: var(--flips); }
.warning { margin-top: 10px; padding: 8px 14px; border-left: 3px solid var(--s1); border-radius: 4px; background: var(--card); color: var(--ink); }
b.better { color: var(--sure); } b.worse { color: var(--s1); }
.results td:first-child { text-align: left; white-space: normal; min-width: 120px; overflow-wrap: anywhere; }
.overview { grid-template-columns: repeat(auto-fit, minmax(min(300px, 100%), 1fr)); margin-top: 16px; }
.overview figure { max-width: 620px; }
.pairs td, .pairs th { padding: 4px 8px; }
.pairs td > div { display: flex; align-items: center; justify-content: end; height: 28px; }
.pairs .layer, .pairs th:first-child { text-align: left; white-space: normal; overflow-wrap: anywhere; }
.pairs small { display: block; color: var(--soft); }
.pairs .mini { height: 24px; }
.pairs .differs { font-weight: 650; }
.gain { display: grid; grid-template-columns: minmax(40px, 1fr) 44px; align-items: center; gap: 8px; min-width: 110px; }
.gain span { position: relative; height: 10px; border-radius: 2px; background: linear-gradient(90deg, var(--grid) 49.5%, var(--soft) 49.5% 50.5%, var(--grid) 50.5%); }
.gain i { position: absolute; top: 0; height: 10px; min-width: 1px; border-radius: 2px; } i.better { background: var(--s2); } i.worse { background: var(--s1); }
@media (max-width: 900px) {
  .results th, .results td { padding: 5px; }
  .pairs, .pairs tbody { display: block; }
  .pairs thead { display: none; }
  .pairs tr { display: grid; grid-template-columns: 30px repeat(3, auto); gap: 2px 10px; padding: 10px 0; border-top: 1px solid var(--grid); }
  .pairs td { padding: 0; border: 0; }
  .pairs .layer { grid-column: 1 / -1; }
  .pairs .run { grid-row: 2 / 4; }
  .pairs td:nth-child(4) { grid-column: 3 / 5; align-self: center; }
  .pairs td:nth-child(5), .pairs td:nth-child(6) { display: none; }
  .pairs td:nth-child(8) div::after { content: " µs"; white-space: pre; }
  .pairs td:nth-child(9) { grid-column: 2 / -1; } .pairs td:nth-child(9) .mini { width: 100%; }
}
${pictureStyle}${layerBarsStyle}${originStyle}`;
