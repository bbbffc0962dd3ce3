/** Lines over epochs, as SVG whose colours come from the page's style. */
import { escaped } from './html.js';

/** One line; `undefined` where an epoch has no number. */
export interface Line {
  name: string;
  values: readonly (number | undefined)[];
}

export interface Chart {
  title: string;
  /** What one number looks like, on the axis and in words. */
  format: (value: number) => string;
  /** The lines, each with a colour of its own: at most two. */
  lines: readonly Line[];
  /** The axis begins at 0; otherwise near the least value. */
  fromZero: boolean;
  /** The index of an epoch to point out on the last line. */
  mark?: number;
}

const size = { width: 560, height: 250 };
const plot = { left: 58, right: 546, top: 10, bottom: 218 };

/** The chart with its title and legend. Pointing at an epoch shows its numbers. */
export function chart({ title, format, lines, fromZero, mark }: Chart): string {
  const count = Math.max(...lines.map(({ values }) => values.length));
  const numbers = lines.flatMap(({ values }) => values.filter((value) => value !== undefined));
  const heights = ticks(fromZero ? Math.min(0, ...numbers) : Math.min(...numbers), Math.max(...numbers), 5);
  const [low, high] = [heights[0], heights.at(-1)!];
  const x = (epoch: number) => (count === 1 ? (plot.left + plot.right) / 2 : between(plot.left, plot.right, epoch / (count - 1)));
  const y = (value: number) => between(plot.bottom, plot.top, (value - low) / (high - low));

  const rows = heights.map((value) => {
    const at = rounded(y(value));
    return `<path class="grid" d="M${plot.left} ${at}H${plot.right}"/><text x="${plot.left - 8}" y="${at + 4}" text-anchor="end">${format(value)}</text>`;
  });
  const columns = epochTicks(count).map(
    (n) => `<text x="${rounded(x(n - 1))}" y="${plot.bottom + 20}" text-anchor="middle">${n === 1 ? 'epoch 1' : n}</text>`,
  );
  const dot = (line: number, epoch: number, radius: number) => {
    const value = lines[line].values[epoch];
    return value === undefined ? '' : `<circle class="dot s${line}" cx="${rounded(x(epoch))}" cy="${rounded(y(value))}" r="${radius}"/>`;
  };
  const curves = lines.map(({ values }, i) => {
    const points = values.flatMap((value, epoch) => (value === undefined ? [] : [`${rounded(x(epoch))} ${rounded(y(value))}`]));
    return `<path class="line s${i}" d="M${points.join('L')}"/>${count === 1 ? dot(i, 0, 4) : ''}`;
  });
  const width = (plot.right - plot.left) / Math.max(1, count - 1);
  const readings = Array.from({ length: count }, (_, epoch) => {
    const told = lines.flatMap(({ name, values }) => (values[epoch] === undefined ? [] : [`${name} ${format(values[epoch])}`]));
    const area = `<rect x="${rounded(x(epoch) - width / 2)}" y="${plot.top}" width="${rounded(width)}" height="${plot.bottom - plot.top}"/>`;
    const rule = `<path class="rule" d="M${rounded(x(epoch))} ${plot.top}V${plot.bottom}"/>`;
    const dots = lines.map((_, i) => dot(i, epoch, 4)).join('');
    return `<g class="reading">${area}${rule}${dots}<title>${escaped(`epoch ${epoch + 1}: ${told.join(', ')}`)}</title></g>`;
  });
  const pointed = mark === undefined ? '' : dot(lines.length - 1, mark, 5);
  const legend = lines.length > 1 ? lines.map(({ name }, i) => `<span><i class="s${i}"></i>${escaped(name)}</span>`).join('') : '';
  const svg = `<svg viewBox="0 0 ${size.width} ${size.height}" role="img" aria-label="${escaped(title)} by epoch">`;
  const body = [...rows, ...columns, ...curves, pointed, ...readings].join('\n');
  return `<figure><figcaption><b>${escaped(title)}</b>${legend}</figcaption>\n${svg}\n${body}\n</svg></figure>`;
}

const between = (from: number, to: number, share: number) => from + (to - from) * share;
const rounded = (n: number) => Math.round(10 * n) / 10;

/** About so many round numbers, 1, 2 or 5 times a power of ten apart, that enclose a range. */
export function ticks(low: number, high: number, about: number): number[] {
  const range = high - low || Math.abs(high) || 1;
  const rough = range / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999)!;
  const [first, last] = [Math.floor(low / step + 1e-9), Math.ceil(high / step - 1e-9)];
  return Array.from({ length: Math.max(last, first + 1) - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Whole numbers from 1 on to stand under the axis. */
function epochTicks(count: number): number[] {
  if (count <= 10) return Array.from({ length: count }, (_, i) => i + 1);
  return [1, ...ticks(0, count, 6).filter((n) => n > 1 && n <= count && Number.isInteger(n))];
}
