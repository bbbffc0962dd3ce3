/** Tables of numbers: a row is a sample, its columns are the features and the label. */
import { fail } from '../error.js';
import { pick, type Source } from './dataset.js';
import { type Normalization, rules } from './normalize.js';
import { type Column, columnOf, failAt, labelsOf, readTable, type TableOptions } from './table.js';

export interface CsvOptions extends Normalization, TableOptions {
  /** The features, in this order; default all columns but the label. */
  columns?: readonly Column[];
  /** The column of the labels, default the last; false where there is none. */
  label?: Column | false;
  /** The names of the labels in the order of their numbers, so that several files agree; default those of the file, sorted. */
  classes?: readonly string[];
}

/** With scale, mean or std, lists have a number for each feature. The first line is a header where none of its fields is a number. */
export function csv(path: string, options: CsvOptions): Source {
  const table = readTable(path, options, ({ fields }) => fields.every((field) => Number.isNaN(numberIn(field))));
  const label = options.label === false ? undefined : columnOf(table, 'label', options.label ?? table.columns - 1);
  const others = Array.from({ length: table.columns }, (_, i) => i).filter((i) => i !== label);
  const features = options.columns?.map((column) => columnOf(table, 'columns', column)) ?? others;
  if (features.length === 0) fail({ code: 'data', where: path, problem: 'there is no column beside the label' });
  const perFeature = rules('csv', options, features.length, 1);
  const values = new Float32Array(table.rows.length * features.length);
  for (const [n, { fields, line }] of table.rows.entries()) {
    for (const [i, column] of features.entries()) {
      const value = Math.fround(perFeature[i](numberIn(fields[column])));
      if (!Number.isFinite(value)) failAt(path, line, `"${fields[column]}" in column ${table.names?.[column] ?? column} is no number`);
      values[n * features.length + i] = value;
    }
  }
  const found = label === undefined ? undefined : labelsOf(table, label, options.classes);
  return {
    description: `csv:${path}`,
    length: table.rows.length,
    hasLabels: found !== undefined,
    classes: found?.classes,
    shape: [features.length],
    dtype: 'float32',
    gather: (numbers) => ({ values: pick(values, features.length, numbers), labels: found && pick(found.labels, 1, numbers) }),
  };
}

const numberIn = (field: string) => (field.trim() === '' ? Number.NaN : Number(field));
