/** What every data set is, and how a source of samples becomes one: window, batches, one batch read ahead. */
import { fail } from '../error.js';
import type { Shape } from '../shape.js';
import { valuesOf } from './normalize.js';
import type { Tokenizer } from './tokenizer.js';

/** `count` samples, one after the other in `data`. */
export interface Batch {
  /** count × sample size values, channels first. */
  data: Float32Array | Int32Array;
  count: number;
  labels?: Int32Array;
  /** The number of the first sample, counted in the data set. */
  first: number;
}

/** Samples as they are stored. */
export interface Samples {
  /** One sample after the other. Bytes stand for what `levels` of the set says, other numbers for themselves. */
  values: Uint8Array | Float32Array | Int32Array;
  labels?: Int32Array;
}

interface Description {
  /** For people: what it is and where it came from. */
  description: string;
  length: number;
  hasLabels: boolean;
  /** What the labels stand for: label i is classes[i]. */
  classes?: readonly string[];
  /** What gave texts their tokens. */
  tokenizer?: Tokenizer;
  /** One sample as a model takes it, channels first: [3, 32, 32]. */
  shape: Shape;
  /** The type of a batch's data: int32 for tokens, else float32. */
  dtype: 'float32' | 'int32';
  /** (c, 256): what the stored bytes of each channel stand for, where bytes are stored. */
  levels?: Float32Array;
  /** (c): what a 0 of the file stands for in each channel, where numbers are stored and that is not 0. */
  zero?: Float32Array;
}

/** Samples of one shape, in a fixed order. */
export interface Dataset extends Readonly<Description> {
  /**
   * The samples from the first to the last, `size` at a time (the last batch may be smaller). Each call starts again.
   * @throws LowbitError 'data' or 'file' where a sample is damaged, 'aborted' when the signal fires
   */
  batches(size: number, signal?: AbortSignal): AsyncIterable<Batch>;
  /**
   * The set of `count` samples, one from each of that many equal parts of this set; all where it has fewer. Sets that are sorted by
   * label, and sets whose labels come in turns, give some of every label. The choice is the same on every call.
   */
  spread(count: number): Dataset;
  /**
   * The samples that `spread(count)` leaves out, in their order: to judge with what was not learned from.
   * @throws LowbitError 'option' where it leaves none
   */
  rest(count: number): Dataset;
  /**
   * Samples by their numbers, in any order, as they are stored.
   * @throws LowbitError 'option' for a number that the set does not have, 'data' or 'file' where a sample is damaged
   */
  gather(numbers: ArrayLike<number>): Promise<Samples>;
}

/** What a kind of data set provides. */
export interface Source extends Description {
  /** Samples by number; all numbers are below the length. */
  gather(numbers: Uint32Array): Samples | Promise<Samples>;
}

/** Which samples of a source make up the data set. */
export interface Window {
  /** How many samples to leave out at the start, default 0. */
  skip?: number;
  /** How many to take at most, default all. */
  limit?: number;
}

/**
 * A data set from samples by number, for kinds of data that `openDataset` does not know.
 * @throws LowbitError 'data' where there are no samples, 'option' for a window that has none
 */
export function dataset(source: Source, { skip = 0, limit = source.length }: Window = {}): Dataset {
  const { description, length } = source;
  if (length === 0) fail({ code: 'data', where: description, problem: 'there are no samples' });
  checkCount(description, 'limit', limit, 1);
  checkCount(description, 'skip', skip, 0);
  if (skip >= length) fail({ code: 'option', where: description, option: 'skip', came: skip, expected: `less than the ${length} samples` });
  return selection(source, Math.min(limit, length - skip), (i) => skip + i);
}

/** The samples number at(0), at(1), ... at(length - 1) of a source. */
function selection(source: Source, length: number, at: (i: number) => number): Dataset {
  const { gather: _, ...about } = source;
  const { description } = source;
  const gather = async (numbers: ArrayLike<number>) =>
    source.gather(Uint32Array.from(numbers, (n) => at(checkNumber(description, n, length))));
  const whole: Dataset = {
    ...about,
    length,
    gather,
    batches: (size, signal) => {
      checkCount(description, 'size', size, 1);
      return read(whole, size, signal);
    },
    spread: (count) => {
      checkCount(description, 'count', count, 1);
      return count >= length ? whole : selection(source, count, (i) => at(placeIn(length, count, i)));
    },
    rest: (count) => {
      checkCount(description, 'count', count, 1);
      if (count >= length) {
        fail({ code: 'option', where: description, option: 'count', came: count, expected: `less than the ${length} samples` });
      }
      const taken = new Set(Array.from({ length: count }, (_, i) => placeIn(length, count, i)));
      const left = Uint32Array.from(Array.from({ length }, (_, i) => i).filter((i) => !taken.has(i)));
      return selection(source, left.length, (i) => at(left[i]));
    },
  };
  return whole;
}

/** Somewhere in part i of `count` parts of 0..length: multiples of the golden ratio fill 0..1 evenly and repeat no pattern. */
function placeIn(length: number, count: number, i: number): number {
  const [start, end] = [i, i + 1].map((part) => Math.floor((part * length) / count));
  return start + Math.floor(((i * 0.6180339887498949) % 1) * (end - start));
}

async function* read(set: Dataset, size: number, signal?: AbortSignal): AsyncGenerator<Batch> {
  const { length, description } = set;
  const load = async (first: number): Promise<Batch> => {
    const count = Math.min(size, length - first);
    const { values, labels } = await set.gather(Uint32Array.from({ length: count }, (_, i) => first + i));
    return { data: values instanceof Uint8Array ? valuesOf(values, set) : values, labels, count, first };
  };
  const check = () => signal?.aborted && fail({ code: 'aborted', what: `reading ${description}` });
  check();
  let next: Promise<Batch> | undefined = load(0);
  for (let first = 0; first < length; first += size) {
    const batch: Batch = await (next as Promise<Batch>);
    check();
    next = first + size < length ? load(first + size) : undefined;
    next?.catch(() => {}); // reported when its turn comes; whoever stops early never hears of it
    yield batch;
    check();
  }
}

/** Rows of `size` elements, picked by number. */
export function pick<T extends Samples['values']>(rows: T, size: number, numbers: Uint32Array): T {
  const kind = [Uint8Array, Float32Array, Int32Array].find((type) => rows instanceof type)!; // a Buffer is a Uint8Array
  const out = new kind(numbers.length * size);
  for (const [i, n] of numbers.entries()) out.set(rows.subarray(n * size, (n + 1) * size), i * size);
  return out as T;
}

function checkNumber(where: string, came: number, length: number): number {
  if (Number.isInteger(came) && came >= 0 && came < length) return came;
  return fail({ code: 'option', where, option: 'numbers', came, expected: `whole numbers from 0 to ${length - 1}` });
}

function checkCount(where: string, option: string, came: number, least: number): void {
  if (Number.isSafeInteger(came) && came >= least) return;
  fail({ code: 'option', where, option, came, expected: `a whole number from ${least}` });
}
