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
  /**
   * The set of `count` samples, one from each of that many equal parts of this set; all where it has fewer. Sets that are sorted by
   * label, and sets whose labels come in turns, give some of every label. The choice is the same on every call.
   */
  spread(count: number): Dataset;
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
  const spread = (count: number) => {
    checkCount(description, 'count', count, 1);
    return count >= length ? whole : dataset(selection(source, count, (i) => skip + placeIn(length, count, i)));
  };
  const whole: Dataset = { description, length, hasLabels, shape, batches, spread };
  return whole;
}

/** Somewhere in part i of `count` parts of 0..length: multiples of the golden ratio fill 0..1 evenly and repeat no pattern. */
function placeIn(length: number, count: number, i: number): number {
  const [start, end] = [i, i + 1].map((part) => Math.floor((part * length) / count));
  return start + Math.floor(((i * 0.6180339887498949) % 1) * (end - start));
}

/** The samples number at(0), at(1), ... of a source. */
function selection(source: Source, length: number, at: (i: number) => number): Source {
  const read = async (first: number, count: number): Promise<Samples> => {
    const samples = await Promise.all(Array.from({ length: count }, (_, i) => source.read(at(first + i), 1)));
    const data = new Float32Array(samples.reduce((sum, sample) => sum + sample.data.length, 0));
    for (const [i, sample] of samples.entries()) data.set(sample.data, i * sample.data.length);
    return { data, labels: source.hasLabels ? Int32Array.from(samples, ({ labels }) => labels![0]) : undefined };
  };
  return { ...source, length, read };
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
