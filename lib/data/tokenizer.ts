/** Words as numbers. */
import { fail } from '../error.js';
import { readBytes, writeAtomically } from '../file.js';

export interface TokenizerOptions {
  /** How many tokens at most, default 10000; [pad] and [unknown] are two of them. */
  size?: number;
}

const special = ['[pad]', '[unknown]'];
const [pad, unknown] = [0, 1];

/**
 * Texts in lower case (Unicode, NFC), cut into words (runs of letters, marks and digits) and single other characters; white space separates.
 * Token 0 fills up, token 1 stands for all words that are not in the vocabulary.
 */
export class Tokenizer {
  /** The text of each token. */
  readonly tokens: readonly string[];
  readonly #numbers: ReadonlyMap<string, number>;

  private constructor(tokens: readonly string[]) {
    this.tokens = tokens;
    this.#numbers = new Map(tokens.map((token, i) => [token, i]));
  }

  /** The words of these texts, most frequent first, those of equal frequency in the order of their code units. */
  static from(texts: Iterable<string>, { size = 10_000 }: TokenizerOptions = {}): Tokenizer {
    if (!(Number.isInteger(size) && size >= special.length)) {
      fail({ code: 'option', where: 'Tokenizer.from', option: 'size', came: size, expected: 'a whole number from 2' });
    }
    const counts = new Map<string, number>();
    for (const text of texts) for (const word of wordsOf(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
    const sorted = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    return new Tokenizer([...special, ...sorted.slice(0, size - special.length).map(([word]) => word)]);
  }

  /** @throws LowbitError 'data' where it is not what `toJSON` gives */
  static fromJSON(json: unknown, where = 'Tokenizer.fromJSON'): Tokenizer {
    const { kind, tokens } = (json ?? {}) as { kind?: unknown; tokens?: unknown };
    const isList = Array.isArray(tokens) && tokens.every((token) => typeof token === 'string') && new Set(tokens).size === tokens.length;
    if (kind !== 'words' || !isList || special.some((token, i) => tokens[i] !== token)) {
      fail({ code: 'data', where, problem: `this is no vocabulary: expected { kind: "words", tokens: ["${special.join('", "')}", ...] }` });
    }
    return new Tokenizer(tokens as string[]);
  }

  /** @throws LowbitError 'file' where it cannot be read, 'data' where it is no vocabulary */
  static load(path: string): Tokenizer {
    const text = Buffer.from(readBytes(path)).toString('utf8');
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch (error) {
      fail({ code: 'format', format: 'JSON', path, problem: (error as Error).message });
    }
    return Tokenizer.fromJSON(json, path);
  }

  /** @throws LowbitError 'file' where it cannot be written */
  save(path: string): void {
    writeAtomically(path, Buffer.from(`${JSON.stringify(this, undefined, 1)}\n`));
  }

  toJSON(): { kind: 'words'; tokens: readonly string[] } {
    return { kind: 'words', tokens: this.tokens };
  }

  get size(): number {
    return this.tokens.length;
  }

  /**
   * The tokens of a text.
   * @param length cut off or filled up with [pad] to so many; default as many as there are
   */
  encode(text: string, length?: number): Int32Array {
    const numbers = Int32Array.from(wordsOf(text), (word) => this.#numbers.get(word) ?? unknown);
    if (length === undefined) return numbers;
    const out = new Int32Array(length).fill(pad);
    out.set(numbers.subarray(0, length));
    return out;
  }

  /** The words of tokens with spaces between them; [pad] is left out. */
  decode(tokens: ArrayLike<number>): string {
    return Array.from(tokens)
      .filter((token) => token !== pad)
      .map((token) => this.tokens[token] ?? fail({ code: 'data', where: 'Tokenizer.decode', problem: `there is no token ${token}` }))
      .join(' ');
  }
}

const wordsOf = (text: string) =>
  text
    .normalize('NFC')
    .toLowerCase()
    .match(/[\p{L}\p{M}\p{N}]+|[^\p{L}\p{M}\p{N}\s]/gu) ?? [];
