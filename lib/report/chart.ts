/** Lines over epochs, as SVG whose colours come from the page's style. */
import { between, epochTicks, logTicks, rounded, ticks } from './axis.js';
import { escaped } from './html.js';

/** One line; `undefined` where an epoch has no number. */
export interface Line {
  name: string;
  values: readonly (number | undefined)[];
}

/** Something that begins with an epoch, given by its index. */
export interface Turn {
  name: string;
  epoch: number;
}

export interface Chart {
  title: string;
  /** What one number looks like, on the axis and in words. */
  format: (value: number) => string;
  /** The lines, each with a colour of its own: at most three. Those without numbers keep theirs, and are not seen. */
  lines: readonly Line[];
  /** The axis begins at 0; otherwise near the least value. */
  fromZero?: boolean;
  /** Powers of ten are equally far apart; all numbers are above 0. */
  log?: boolean;
  /** The index of an epoch to point out on the last line. */
  mark?: number;
  /** In their order. */
  turns?: readonly Turn[];
  /** A number to compare with. */
  level?: { name: string; value: number };
}

const size = { width: 560, height: 250 };
const plot = { left: 58, right: 546, bottom: 218 };

/** Where the numbers of a chart are in the drawing. */
interface Scale {
  count: number;
  top: number;
  heights: number[];
  x(epoch: number): number;
  y(value: number): number;
}

/** The chart with its title and legend. Pointing at an epoch shows its numbers. */
export function chart(given: Chart): string {
  const finite = (value: number | undefined) => (Number.isFinite(value) ? value : undefined);
  const told = { ...given, lines: given.lines.map(({ name, values }) => ({ name, values: values.map(finite) })) };
  const scale = scaleOf(told);
  const label = `aria-label="${escaped(told.title)} by epoch"`;
  const body = [...axes(told, scale), ...background(told, scale), ...curves(told, scale), ...readings(told, scale)].join('\n');
  return `<figure><figcaption><b>${escaped(told.title)}</b>${legend(told)}</figcaption>
<svg viewBox="0 0 ${size.width} ${size.height}" role="img" ${label}>
${body}
</svg></figure>`;
}

/** Whether there is anything to draw. */
export const hasNumbers = ({ lines }: Chart) => lines.some(isSeen);

const isSeen = ({ values }: Line) => values.some((value) => Number.isFinite(value));

function scaleOf({ lines, level, turns, fromZero, log }: Chart): Scale {
  const count = Math.max(...lines.map(({ values }) => values.length));
  const numbers = lines.flatMap(({ values }) => values.filter((value) => value !== undefined));
  if (level) numbers.push(level.value);
  const [least, most] = [Math.min(...numbers, ...(fromZero ? [0] : [])), Math.max(...numbers)];
  const heights = log ? logTicks(least, most) : ticks(least, most, 5);
  const top = turns?.length ? 22 : 10;
  const along = log ? Math.log : (value: number) => value;
  const [low, high] = [along(heights[0]), along(heights.at(-1)!)];
  return {
    count,
    top,
    heights,
    x: (epoch) => rounded(count === 1 ? (plot.left + plot.right) / 2 : between(plot.left, plot.right, epoch / (count - 1))),
    y: (value) => rounded(between(plot.bottom, top, (along(value) - low) / (high - low))),
  };
}

function axes({ format }: Chart, { count, heights, x, y }: Scale): string[] {
  const rows = heights.map((value) => {
    const at = y(value);
    return `<path class="grid" d="M${plot.left} ${at}H${plot.right}"/><text x="${plot.left - 8}" y="${at + 4}" text-anchor="end">${format(value)}</text>`;
  });
  const columns = epochTicks(count).map(
    (n) => `<text x="${x(n - 1)}" y="${plot.bottom + 20}" text-anchor="middle">${n === 1 ? 'epoch 1' : n}</text>`,
  );
  return [...rows, ...columns];
}

/** The room that the name of a turn takes. */
const nameWidth = 64;

function background({ level, turns = [] }: Chart, { top, x, y }: Scale): string[] {
  const compared = level ? [`<path class="level" d="M${plot.left} ${y(level.value)}H${plot.right}"/>`] : [];
  const marked = turns.map(({ name, epoch }, i) => {
    const at = x(epoch);
    const isNear = i > 0 && at - x(turns[i - 1].epoch) < nameWidth;
    const anchor = at > plot.right - nameWidth ? 'end' : at < plot.left + nameWidth ? 'start' : 'middle';
    const text = `<text x="${at}" y="${isNear ? top + 10 : top - 8}" text-anchor="${anchor}">${escaped(name)}</text>`;
    return `<path class="turn" d="M${at} ${top}V${plot.bottom}"/>${text}`;
  });
  return [...compared, ...marked];
}

function curves({ lines, mark }: Chart, scale: Scale): string[] {
  const drawn = lines.map(({ values }, i) => {
    const points = values.flatMap((value, epoch) => (value === undefined ? [] : [{ epoch, at: `${scale.x(epoch)} ${scale.y(value)}` }]));
    if (points.length < 2) return points.map(({ epoch }) => dot(lines, scale, i, epoch, 4)).join('');
    return `<path class="line s${i}" d="M${points.map(({ at }) => at).join('L')}"/>`;
  });
  return [...drawn, mark === undefined ? '' : dot(lines, scale, lines.length - 1, mark, 5)];
}

function dot(lines: readonly Line[], { x, y }: Scale, line: number, epoch: number, radius: number): string {
  const value = lines[line].values[epoch];
  return value === undefined ? '' : `<circle class="dot s${line}" cx="${x(epoch)}" cy="${y(value)}" r="${radius}"/>`;
}

function readings({ lines, format }: Chart, scale: Scale): string[] {
  const { count, top, x } = scale;
  const width = rounded((plot.right - plot.left) / Math.max(1, count - 1));
  return Array.from({ length: count }, (_, epoch) => {
    const told = lines.flatMap(({ name, values }) => (values[epoch] === undefined ? [] : [`${name} ${format(values[epoch])}`]));
    if (!told.length) return '';
    const area = `<rect x="${rounded(x(epoch) - width / 2)}" y="${top}" width="${width}" height="${plot.bottom - top}"/>`;
    const rule = `<path class="rule" d="M${x(epoch)} ${top}V${plot.bottom}"/>`;
    const dots = lines.map((_, i) => dot(lines, scale, i, epoch, 4)).join('');
    return `<g class="reading">${area}${rule}${dots}<title>${escaped(`epoch ${epoch + 1}: ${told.join(', ')}`)}</title></g>`;
  });
}

function legend({ lines, level, format }: Chart): string {
  const names = lines.flatMap((line, i) => (isSeen(line) ? [`<span><i class="s${i}"></i>${escaped(line.name)}</span>`] : []));
  const compared = level ? `<span><i class="level"></i>${escaped(`${level.name} ${format(level.value)}`)}</span>` : '';
  const shown = (names.length > 1 || !isSeen(lines[0]) ? names.join('') : '') + compared;
  return shown && `<span class="legend">${shown}</span>`;
}
