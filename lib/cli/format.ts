/** Numbers and tables as people read them. */

/** 1234567 -> "1,234,567" */
export const whole = (n: number) => Math.round(n).toLocaleString('en-US');

/** 0.91234 -> "91.23 %" */
export const percent = (fraction: number) => `${(100 * fraction).toFixed(2)} %`;

/** 1234567 -> "1.23 MB" */
export const bytes = (n: number) => (n < 1000 ? `${n} bytes` : scaled(n, ['kB', 'MB', 'GB']));

/** 40813184 -> "40.8 M" */
export const large = (n: number) => (n < 1000 ? String(n) : scaled(n, ['k', 'M', 'G', 'T']));

/** Three digits that count: 0.0123, 1.23, 12.3, 123. */
export const digits3 = (n: number) => (n >= 100 ? whole(n) : n.toPrecision(3));

function scaled(n: number, units: readonly string[]): string {
  let value = n / 1000;
  let unit = 0;
  for (; value >= 999.5 && unit + 1 < units.length; unit++) value /= 1000;
  return `${digits3(value)} ${units[unit]}`;
}

/** Cut in the middle to a width. */
export function shortened(text: string, width: number): string {
  if (text.length <= width) return text;
  const head = Math.ceil((width - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (width - 1 - head))}`;
}

const widestCell = 44;

/** Columns side by side: the first to the left, numbers to the right. Long cells are cut. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [header, ...rows].map((row) => row.map((cell) => shortened(cell, widestCell)));
  const widths = header.map((_, i) => Math.max(...cells.map((row) => row[i].length)));
  const numeric = header.map((_, i) => i > 0 && rows.length > 0 && rows.every((row) => /^[\d.,]|^-$/.test(row[i])));
  const padded = (cell: string, i: number) => (numeric[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i]));
  return cells.map((row) => row.map(padded).join('  ').trimEnd()).join('\n');
}

/** Facts in two columns. */
export function facts(pairs: readonly (readonly [string, string])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
}
