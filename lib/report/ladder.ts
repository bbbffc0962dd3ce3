/** The rungs that `quantize --auto` climbed: what each did and what it was worth, and whether the target was met. */
import { between, rounded, ticks } from './axis.js';
import { escaped, section } from './html.js';
import { bytes, duration, inDecibels, shortPercent, signed, whole } from './numbers.js';
import type { LadderRecord, RungRecord } from './quantizationRecord.js';

export function ladder(record: LadderRecord): string {
  const scale = scaleOf(record);
  const left = record.leftFloat.length ? `<p>${escaped(`Left float, the most sensitive first: ${record.leftFloat.join(', ')}.`)}</p>` : '';
  const body = `<p class="verdict ${record.met ? 'good' : 'bad'}">${escaped(verdict(record, scale))}</p>
<div class="ladder">${chart(record, scale)}<table class="rungs"><thead><tr>${head.map((name) => `<th>${name}</th>`).join('')}</tr></thead>
<tbody>${record.rungs.map(row).join('\n')}</tbody></table></div>${left}`;
  return section('The ladder', told(record, scale), body);
}

/** What rungs are judged by. */
interface Scale {
  /** In sentences. */
  name: string;
  format: (value: number) => string;
  of: (result: RungRecord['result']) => number | undefined;
  target: number;
  /** The float network; none where that is what others are compared with. */
  float?: number;
}

function scaleOf({ target, float, rungs }: LadderRecord): Scale {
  const isLabelled = 'maxDrop' in target && float.top1 !== null && rungs.some(({ result }) => result && result.top1 !== null);
  if (isLabelled) {
    const points = { name: 'accuracy', format: shortPercent, of: (result: RungRecord['result']) => result?.top1 ?? undefined };
    return { ...points, target: float.top1! - target.maxDrop / 100, float: float.top1! };
  }
  const of = (result: RungRecord['result']) => (result ? (result.sqnr ?? undefined) : undefined);
  return { name: 'signal to noise of the outputs', format: inDecibels, of, target: 'minSqnr' in target ? target.minSqnr : Number.NaN };
}

function told({ judged }: LadderRecord, { name, float }: Scale): string {
  const seen = judged.heldOut ? 'which calibration did not see' : 'which calibration saw as well';
  return (
    `Rungs are tried from left to right, cheapest first; each is judged by its ${name} on ${whole(judged.samples)} samples of ${judged.data}, ${seen}. ` +
    `The line climbs with what was kept, hollow dots were dropped; dashed: ${float === undefined ? '' : 'the float network and '}the target.`
  );
}

function verdict({ target, met, rungs, float }: LadderRecord, { of, format }: Scale): string {
  const last = of(rungs.findLast(({ outcome, result }) => outcome === 'kept' && result)?.result);
  const asked =
    'maxDrop' in target ? `at most ${target.maxDrop} points below the float network` : `at least ${target.minSqnr} dB at the outputs`;
  const points = float.top1 !== null && last !== undefined && 'maxDrop' in target ? `, ${signed(100 * (last - float.top1))} points` : '';
  const reached = last === undefined ? 'nothing was kept' : `reached ${format(last)}${points}`;
  return met ? `The target is met: ${asked}; ${reached}.` : `The target is not met: asked for ${asked}; ${reached}.`;
}

const size = { width: 560, height: 240 };
const plot = { left: 62, right: 546, top: 18, bottom: 206 };

function chart({ rungs }: LadderRecord, { name, format, of, target, float }: Scale): string {
  const values = rungs.map(({ result }) => of(result));
  const numbers = [...values, target, float].filter((value) => Number.isFinite(value)) as number[];
  if (!values.some(Number.isFinite)) return '';
  const heights = ticks(Math.min(...numbers), Math.max(...numbers), 5);
  const y = (value: number) => rounded(between(plot.bottom, plot.top, (value - heights[0]) / (heights.at(-1)! - heights[0])));
  const x = (rung: number) => rounded(between(plot.left, plot.right, rung / rungs.length));
  const grid = heights.map(
    (value) =>
      `<path class="grid" d="M${plot.left} ${y(value)}H${plot.right}"/><text x="${plot.left - 8}" y="${y(value) + 4}" text-anchor="end">${format(value)}</text>`,
  );
  const level = (text: string, value: number | undefined, below: boolean) =>
    Number.isFinite(value)
      ? `<path class="level" d="M${plot.left} ${y(value!)}H${plot.right}"/><text x="${plot.left + 6}" y="${y(value!) + (below ? 15 : -5)}">${text} ${format(value!)}</text>`
      : '';
  const numbersBelow = rungs.map((_, i) => `<text x="${x(i + 0.5)}" y="${plot.bottom + 20}" text-anchor="middle">${i + 1}</text>`);
  return `<figure><svg viewBox="0 0 ${size.width} ${size.height}" role="img" aria-label="${escaped(name)} by rung">
${[...grid, level('float', float, false), level('target', target, true), climbed(rungs, values, x, y), ...dots(rungs, values, x, y, format), ...numbersBelow].join('\n')}
</svg></figure>`;
}

type Place = (value: number) => number;

/** A line along what was kept: level on its rung and the ones above, up or down to the next. */
function climbed(rungs: readonly RungRecord[], values: readonly (number | undefined)[], x: Place, y: Place): string {
  let path = '';
  for (const [i, { outcome }] of rungs.entries()) {
    const value = outcome === 'kept' ? values[i] : undefined;
    if (value !== undefined) path += path ? `V${y(value)}` : `M${x(i)} ${y(value)}`;
    if (path) path += `H${x(i + 1)}`;
  }
  return path && `<path class="line s0" d="${path}"/>`;
}

function dots(
  rungs: readonly RungRecord[],
  values: readonly (number | undefined)[],
  x: Place,
  y: Place,
  format: Scale['format'],
): string[] {
  return rungs.map(({ name, outcome }, i) => {
    const value = values[i];
    if (value === undefined) return '';
    const place = `cx="${x(i + 0.5)}" cy="${y(value)}"`;
    return `<circle class="${outcome === 'kept' ? 'dot s0' : 'hollow'}" ${place} r="5"><title>${escaped(`${name}: ${format(value)}, ${outcome}`)}</title></circle>`;
  });
}

const head = ['', 'rung', 'accuracy', 'signal to noise', 'size', 'time', ''];

const outcomes = { kept: 'kept', dropped: 'dropped', nothing: 'nothing to do' };

function row({ name, detail, outcome, result, seconds }: RungRecord, i: number): string {
  const cells = [
    String(i + 1),
    `${escaped(name)}${detail === outcomes[outcome] ? '' : `<small>${escaped(detail)}</small>`}`,
    result && result.top1 !== null ? shortPercent(result.top1) : '',
    result ? inDecibels(result.sqnr) : '',
    result ? bytes(result.bytes) : '',
    duration(seconds),
    `<span class="${outcome}">${outcomes[outcome]}</span>`,
  ];
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
}

export const ladderStyle = `
.verdict { margin: 10px 0 2px; padding: 8px 14px; border-left: 3px solid var(--sure); border-radius: 4px; background: var(--ground); color: var(--ink); font-weight: 600; }
.verdict.bad { border-color: var(--s1); }
.ladder { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr)); gap: 8px 24px; align-items: start; }
.ladder figure { padding: 0; border: 0; background: none; }
.hollow { fill: var(--card); stroke: var(--s1); stroke-width: 2; }
.rungs td:nth-child(2) { text-align: left; white-space: normal; overflow-wrap: anywhere; } .rungs th:nth-child(2) { text-align: left; }
.rungs small { display: block; color: var(--soft); }
.rungs th, .rungs td { padding: 5px 6px; } .rungs th { white-space: normal; vertical-align: bottom; }
.kept { color: var(--sure); font-weight: 600; } .dropped { color: var(--s1); } .nothing { color: var(--soft); }
@media (min-width: 900px) { .ladder { grid-template-columns: 5fr 6fr; } }
@media (max-width: 560px) {
  .rungs thead { display: none; } .rungs, .rungs tbody { display: block; }
  .rungs tr { display: flex; flex-wrap: wrap; gap: 0 12px; padding: 8px 0; border-top: 1px solid var(--grid); }
  .rungs td { padding: 0; border: 0; } .rungs td:empty { display: none; } .rungs td:nth-child(2) { flex: 1 0 85%; }
}
`;
