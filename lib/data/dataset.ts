/** What every data set is, and how a source of samples becomes one: window, batches, one batch read ahead. */
import { fail } from '../error.js';
import type { Shape } from '../shape.js';

/** `count` samples, one after the other in `data`. */
export interface Batch {
  /** count × sample size values, channels first. */
  data: Float32Array;
  count: number;
  labels?: Int32Array;
  /** The number of the first sample, counted in the data set. */
  first: number;
}

/** Samples of one shape, in a fixed order. */
export interface Dataset {
  /** For people: what it is and where it came from. */
  description: string;
  length: number;
  hasLabels: boolean;
  /** One sample as a model takes it, channels first: [3, 32, 32]. */
  shape: Shape;
  /**
   * The samples from the first to the last, `size` at a time (the last batch may be smaller). Each call starts again.
   * @throws LowbitError 'data' or 'file' where a sample is damaged, 'aborted' when the signal fires
   */
  batches(size: number, signal?: AbortSignal): AsyncIterable<Batch>;
}

/** What a kind of data set provides: samples by number. */
export interface Source {
  description: string;
  length: number;
  hasLabels: boolean;
  shape: Shape;
  read(first: number, count: number): Samples | Promise<Samples>;
}

export interface Samples {
  data: Float32Array;
  labels?: Int32Array;
}

/** Which samples of a source make up the data set. */
export interface Window {
  /** How many samples to leave out at the start, default 0. */
  skip?: number;
  /** How many to take at most, default all. */
  limit?: number;
}

export function dataset(source: Source, { skip = 0, limit = source.length }: Window = {}): Dataset {
  const { description, hasLabels, shape } = source;
  if (source.length === 0) fail({ code: 'data', where: description, problem: 'there are no samples' });
  checkCount(description, 'limit', limit, 1);
  checkCount(description, 'skip', skip, 0);
  if (skip >= source.length) {
    fail({ code: 'option', where: description, option: 'skip', came: skip, expected: `less than the ${source.length} samples` });
  }
  const length = Math.min(limit, source.length - skip);
  const batches = (size: number, signal?: AbortSignal) => {
    checkCount(description, 'size', size, 1);
    return read(source, skip, length, size, signal);
  };
  return { description, length, hasLabels, shape, batches };
}

async function* read(source: Source, skip: number, length: number, size: number, signal?: AbortSignal): AsyncGenerator<Batch> {
  const load = async (first: number): Promise<Batch> => {
    const count = Math.min(size, length - first);
    return { ...(await source.read(skip + first, count)), count, first };
  };
  const check = () => signal?.aborted && fail({ code: 'aborted', what: `reading ${source.description}` });
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

function checkCount(where: string, option: string, came: number, least: number): void {
  if (Number.isSafeInteger(came) && came >= least) return;
  fail({ code: 'option', where, option, came, expected: `a whole number from ${least}` });
}
