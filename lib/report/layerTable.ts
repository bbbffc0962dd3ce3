/** The searched layers, a row each: how sure they are, what they change, what they choose, what they weigh. */
import { escaped } from './html.js';
import { bytes, short, shortPercent, whole } from './numbers.js';
import { isStraightThrough, type SearchedEpoch } from './searchEpochs.js';
import { heat, stack } from './strips.js';

/** A searched layer; its bytes when it is packed. */
export interface SearchedLayer {
  name: string;
  op: string;
  weights: number;
  floatBytes: number;
  bytes?: number;
}

/** Numbers of a layer, an epoch each. */
interface Row extends SearchedLayer {
  confidence: (number | undefined)[];
  flipRate: (number | undefined)[];
  histogram: (readonly number[] | undefined)[];
}

/** What all rows share. */
interface Columns {
  names: string[];
  turns: number[];
  leastConfidence: number;
  mostFlips: number;
  isGrey: (epoch: number) => boolean;
}

/**
 * @param values that weights may have, by code
 * @param epochs at least one; their layers in the order of `layers`
 * @param turns indexes of epochs to mark
 */
export function layerTable(
  layers: readonly SearchedLayer[],
  values: readonly number[],
  epochs: readonly SearchedEpoch[],
  turns: number[],
): string {
  const rows = layers.map((layer, i): Row => {
    const states = epochs.map(({ search }) => search?.layers[i]);
    return {
      ...layer,
      confidence: states.map((state) => state?.confidence),
      // An epoch without a mean is the first of the search: there is nothing to compare with.
      flipRate: states.map((state, epoch) => (epochs[epoch].flipRate === undefined ? undefined : state?.flipRate)),
      histogram: states.map((state) => state?.histogram),
    };
  });
  const columns: Columns = {
    names: values.map(valueText),
    turns,
    leastConfidence: 1 / values.length,
    mostFlips: rows.reduce((most, { flipRate }) => Math.max(most, ...flipRate.map((rate) => rate ?? 0)), 0),
    isGrey: (epoch) => isStraightThrough(epochs[epoch]),
  };
  const body = [
    ...(rows.length > 1 ? [rowText(allOf(rows, epochs), columns, true)] : []),
    ...rows.map((row) => rowText(row, columns, false)),
  ];
  return `<table class="layers">
<thead><tr><th>layer</th><th class="op">op</th><th>weights</th>${scales(columns, values)}<th>size</th></tr></thead>
<tbody>
${body.join('\n')}
</tbody></table>`;
}

function allOf(rows: readonly Row[], epochs: readonly SearchedEpoch[]): Row {
  const total = (numbers: (number | undefined)[]) => numbers.reduce<number>((sum, n) => sum + (n ?? 0), 0);
  const histogram = epochs.map((_, epoch) => {
    const counts = rows.flatMap((row) => (row.histogram[epoch] ? [row.histogram[epoch]] : []));
    return counts[0]?.map((_count, code) => total(counts.map((count) => count[code])));
  });
  return {
    name: `all ${rows.length} layers`,
    op: '',
    weights: total(rows.map(({ weights }) => weights)),
    floatBytes: total(rows.map(({ floatBytes }) => floatBytes)),
    bytes: rows.every((row) => row.bytes !== undefined) ? total(rows.map((row) => row.bytes)) : undefined,
    confidence: epochs.map(({ confidence }) => confidence),
    flipRate: epochs.map(({ flipRate }) => flipRate),
    histogram,
  };
}

function rowText(row: Row, { names, turns, leastConfidence, mostFlips, isGrey }: Columns, isTotal: boolean): string {
  const { name, op, weights, floatBytes, confidence, flipRate, histogram } = row;
  const sure = heat({
    label: `confidence of ${name} by epoch`,
    ...{ values: confidence, format: shortPercent, isGrey, turns },
    fullness: (value) => (value - leastConfidence) / (1 - leastConfidence || 1),
  });
  const changed = heat({
    label: `choices of ${name} that changed, by epoch`,
    ...{ values: flipRate, format: shortPercent, turns },
    // The root: small rates are told apart.
    fullness: (value) => Math.sqrt(value / (mostFlips || 1)),
  });
  const chosen = stack({ label: `values that ${name} chose, by epoch`, counts: histogram, names, turns });
  const size = row.bytes === undefined ? bytes(floatBytes) : `${bytes(floatBytes)} → <b>${bytes(row.bytes)}</b>`;
  const cells = [
    `<th scope="row">${escaped(name)}</th><td class="op">${escaped(op)}</td><td class="weights">${whole(weights)}</td>`,
    `<td class="epochs"><div>${sure}${lastText(confidence.findLast((_, epoch) => !isGrey(epoch)) ?? confidence.at(-1))}</div></td>`,
    `<td class="epochs flips"><div>${changed}${lastText(flipRate.at(-1))}</div></td>`,
    `<td class="epochs"><div>${chosen}</div></td>`,
    `<td class="size">${size}</td>`,
  ];
  return `<tr${isTotal ? ' class="total"' : ''}>${cells.join('')}</tr>`;
}

const lastText = (last: number | undefined) => `<small>${last === undefined ? '–' : percent1(last)}</small>`;

/** A tenth of a percent, and what is less but not nothing. */
const percent1 = (share: number) => (share > 0 && share < 0.0005 ? '&lt; 0.1 %' : `${(100 * share).toFixed(1)} %`);

const valueText = (value: number) => short(value).replace('-', '−');

/** The heads of the strips, with what their colours mean. */
function scales({ names, leastConfidence, mostFlips }: Columns, values: readonly number[]): string {
  const swatches = values.map((_, code) => `<i class="v${code}"></i>`).join('');
  const scale = (low: string, colours: string, high: string) => `<span class="scale">${low} ${colours} ${high}</span>`;
  const sure = scale(percent1(leastConfidence), '<i class="fade"></i>', '100 %');
  const changed = mostFlips ? scale('0', '<i class="fade flips"></i>', percent1(mostFlips)) : '';
  const chosen = scale(names[0], `<i>${swatches}</i>`, names.at(-1)!);
  const head = (name: string, text: string) => `<th class="epochs">${name}${text}</th>`;
  return [head('confidence', sure), head('changed', changed), head('chosen values', chosen)].join('');
}

/** Colours of values: their sign as a hue, their magnitude as its strength. */
export function valueStyle(values: readonly number[]): string {
  const colour = (value: number) =>
    value === 0
      ? 'color-mix(in oklab, var(--soft) 35%, var(--card))'
      : `color-mix(in oklab, var(--${value < 0 ? 's0' : 's1'}) ${Math.round(20 + 60 * Math.min(1, Math.abs(value)))}%, var(--card))`;
  return values
    .map((value, code) => `.v${code} { --colour: ${colour(value)}; fill: var(--colour); background: var(--colour); }\n`)
    .join('');
}

export const layerStyle = `
.layers { margin: 8px 0 0; }
.layers th, .layers td { padding: 2px 8px; border: 0; }
.layers thead th { padding-bottom: 8px; vertical-align: bottom; }
.layers th:first-child, .layers .op, .layers .epochs { text-align: left; }
.layers tbody th { white-space: normal; overflow-wrap: anywhere; color: var(--ink); }
.layers .op, .layers .weights, .layers .size, .layers small { color: var(--soft); font-size: 12px; }
.layers .size b { color: var(--ink); font-weight: 600; }
.layers .total th { font-weight: 650; white-space: nowrap; }
.layers .total > * { padding-bottom: 10px; }
.layers .epochs { width: 18%; }
.epochs div { display: flex; align-items: center; gap: 6px; }
.epochs small { flex: 0 0 46px; text-align: right; }
.strip { flex: 1; min-width: 0; height: 24px; margin: 0; border-radius: 3px; background: var(--grid); overflow: hidden; shape-rendering: crispEdges; }
.strip rect { fill: var(--sure); } .flips rect { fill: var(--flips); } .strip .grey { fill: var(--soft); }
.strip .turn { stroke: var(--ink); opacity: 0.45; vector-effect: non-scaling-stroke; }
.scale { display: flex; align-items: center; gap: 5px; font-size: 11px; }
.scale i { display: flex; flex: 0 1 72px; height: 8px; border-radius: 2px; overflow: hidden; }
.scale i i { flex: 1; border-radius: 0; }
.scale .fade { background: linear-gradient(90deg, var(--grid), var(--sure)); }
.scale .fade.flips { background: linear-gradient(90deg, var(--grid), var(--flips)); }
@media (max-width: 820px) {
  .layers, .layers thead, .layers tbody { display: block; }
  .layers tr { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 2px 8px; padding: 8px 0; border-top: 1px solid var(--grid); }
  .layers th, .layers td, .layers .total > * { padding: 0; }
  .layers .epochs { width: auto; }
  .layers thead th:not(.epochs) { display: none; }
  .layers tbody th { grid-column: 1 / 3; }
  .layers .size { grid-area: 1 / 3; justify-self: end; }
  .layers .op { grid-column: 1 / 3; }
  .layers .weights::after { content: " weights"; }
  .epochs div { flex-wrap: wrap; gap: 0; }
  .epochs .strip { flex: 1 0 100%; }
  .epochs small { flex: 1; }
}
`;
