/** Labelled texts: a row of a table is a text and its class; a sample is the text's tokens. */
import { fail } from '../error.js';
import { pick, type Source } from './dataset.js';
import { type Column, columnOf, labelsOf, readTable, type TableOptions } from './table.js';
import { Tokenizer } from './tokenizer.js';

export interface TextOptions extends TableOptions {
  /** The column of the texts, default the first. */
  text?: Column;
  /** The column of the labels, default the last where there are several; false where there is none. */
  label?: Column | false;
  /** Tokens of a sample, default 64: texts are cut off or filled up with token 0. */
  length?: number;
  /**
   * The words that are known: how many of the file's own (default 10000, the most frequent), or a tokenizer or its JSON file. Test sets take
   * the tokenizer of the training set.
   */
  vocabulary?: number | string | Tokenizer;
  /** The names of the labels in the order of their numbers, so that several files agree; default those of the file, sorted. */
  classes?: readonly string[];
}

/** The first line is a header where a column is given by its name. */
export function text(path: string, options: TextOptions): Source {
  const { text = 0, label, length = 64, vocabulary } = options;
  if (!(Number.isInteger(length) && length >= 1 && length <= 2 ** 20)) {
    fail({ code: 'option', where: 'text', option: 'length', came: length, expected: 'a whole number from 1 to 1048576' });
  }
  const table = readTable(path, options, () => typeof text === 'string' || typeof label === 'string');
  const from = columnOf(table, 'text', text);
  const last = table.columns > 1 ? table.columns - 1 : false;
  const found =
    (label ?? last) === false ? undefined : labelsOf(table, columnOf(table, 'label', (label ?? last) as Column), options.classes);
  const texts = table.rows.map(({ fields }) => fields[from]);
  const tokenizer = tokenizerOf(texts, vocabulary);
  const values = new Int32Array(texts.length * length);
  for (const [n, text] of texts.entries()) values.set(tokenizer.encode(text, length), n * length);
  return {
    description: `text:${path}`,
    length: texts.length,
    hasLabels: found !== undefined,
    classes: found?.classes,
    tokenizer,
    shape: [length],
    dtype: 'int32',
    gather: (numbers) => ({ values: pick(values, length, numbers), labels: found && pick(found.labels, 1, numbers) }),
  };
}

function tokenizerOf(texts: readonly string[], vocabulary: TextOptions['vocabulary']): Tokenizer {
  if (vocabulary instanceof Tokenizer) return vocabulary;
  return typeof vocabulary === 'string' ? Tokenizer.load(vocabulary) : Tokenizer.from(texts, { size: vocabulary });
}
