/** Numbers and tables as people read them. */
export { bytes, digits3, large, whole } from '../report/numbers.js';

/** 0.91234 -> "91.23 %" */
export const percent = (fraction: number) => `${(100 * fraction).toFixed(2)} %`;

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
