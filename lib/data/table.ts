/** Tables as text: comma- or tab-separated values, read whole; faults name the file and the line. */
import { fail, nearest } from '../error.js';
import { readBytes } from '../file.js';

/** A column by its name in the header, or by its number from 0. */
export type Column = string | number;

export interface TableOptions {
  /** Whether the first line names the columns. */
  header?: boolean;
}

export interface Row {
  fields: readonly string[];
  /** The line it starts on, from 1. */
  line: number;
}

/** Rows of equally many fields. */
export interface Table {
  path: string;
  names?: readonly string[];
  columns: number;
  rows: readonly Row[];
}

/**
 * Reads a table: tabs between the fields of a .tsv or .tab file, in which quotes mean nothing; else commas, and fields may be quoted as in
 * RFC 4180 (a quote inside is doubled, separators and line ends are text). Lines end with \n, \r\n or \r, empty ones are passed over, a byte
 * order mark is too.
 * @param hasHeader whether the first row looks like names, where the options do not say
 * @throws LowbitError 'file', 'format' where it is no UTF-8 text, 'data' where rows have different numbers of fields or a quote has no end
 */
export function readTable(path: string, { header }: TableOptions, hasHeader: (first: Row) => boolean): Table {
  const text = decode(path);
  const all = parse(text, /\.(tsv|tab)$/i.test(path) ? '\t' : ',', path);
  if (all.length === 0) fail({ code: 'data', where: path, problem: 'there are no rows' });
  const [first] = all;
  const columns = first.fields.length;
  const ragged = all.find(({ fields }) => fields.length !== columns);
  if (ragged) {
    const count = ragged.fields.length;
    failAt(path, ragged.line, `${count} field${count === 1 ? '' : 's'}, expected ${columns} as in line ${first.line}`);
  }
  const named = header ?? hasHeader(first);
  return { path, columns, names: named ? first.fields.map((name) => name.trim()) : undefined, rows: named ? all.slice(1) : all };
}

export const failAt = (path: string, line: number, problem: string) => fail({ code: 'data', where: `${path}, line ${line}`, problem });

/** The number of a column. */
export function columnOf({ path, names, columns }: Table, option: string, came: Column): number {
  const index = typeof came === 'number' ? came : (names ?? []).indexOf(came);
  if (Number.isInteger(index) && index >= 0 && index < columns) return index;
  const near = names && typeof came === 'string' ? nearest(came, names) : undefined;
  const numbers = `a column from 0 to ${columns - 1}`;
  const expected = near ? `"${near}"` : names ? `one of ${names.join(', ')}, or ${numbers}` : numbers;
  return fail({ code: 'option', where: path, option, came, expected, because: names ? undefined : 'the file has no header' });
}

/**
 * The labels of a column. Whole numbers stand for themselves; other texts are classes, numbered in the order of `classes`, or of their
 * code units where that is not given.
 */
export function labelsOf(
  { path, rows }: Table,
  column: number,
  classes?: readonly string[],
): { labels: Int32Array; classes?: readonly string[] } {
  const texts = rows.map(({ fields }) => fields[column].trim());
  const empty = texts.indexOf('');
  if (empty >= 0) failAt(path, rows[empty].line, 'the label is empty');
  const isWhole = (text: string) => /^-?\d+$/.test(text) && Number(text) === (Number(text) | 0);
  if (!classes && texts.every(isWhole)) return { labels: Int32Array.from(texts, Number) };
  const names = classes ?? [...new Set(texts)].sort();
  const numbers = new Map(names.map((name, i) => [name, i]));
  const labels = Int32Array.from(texts, (text, i) => {
    return numbers.get(text) ?? failAt(path, rows[i].line, `label "${text}", expected one of ${names.join(', ')}`);
  });
  return { labels, classes: names };
}

function decode(path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readBytes(path)); // drops a byte order mark
  } catch (error) {
    if (error instanceof TypeError)
      return fail({ code: 'format', format: 'UTF-8 text', path, problem: 'it has bytes that are no characters' });
    throw error;
  }
}

function parse(text: string, separator: string, path: string): Row[] {
  const rows: Row[] = [];
  const ends = new RegExp(`[${separator}\r\n]`, 'g');
  let at = 0;
  let line = 1;

  function quoted(): string {
    const start = line;
    let value = '';
    for (let from = at + 1; ; from = at + 1) {
      at = text.indexOf('"', from);
      if (at < 0) failAt(path, start, 'a quoted field starts here and does not end');
      value += text.slice(from, at);
      if (text[++at] !== '"') break;
      value += '"';
    }
    line += value.split(/\r\n|\r|\n/).length - 1;
    if (at < text.length && !`${separator}\r\n`.includes(text[at])) failAt(path, line, 'there is text behind the end of a quoted field');
    return value;
  }

  function plain(): string {
    const from = at;
    ends.lastIndex = at;
    at = ends.exec(text)?.index ?? text.length;
    return text.slice(from, at);
  }

  while (at < text.length) {
    const row = { fields: [] as string[], line };
    do row.fields.push(separator === ',' && text[at] === '"' ? quoted() : plain());
    while (text[at] === separator && ++at);
    if (row.fields.length > 1 || row.fields[0] !== '') rows.push(row);
    at += text.startsWith('\r\n', at) ? 2 : 1;
    line++;
  }
  return rows;
}
