/** Batches to train on: samples in random order, changed at random, prepared while the step before is computed. */
import { offThread } from '../calls.js';
import { checkDevice } from '../cuda.js';
import { checkOptions, fail } from '../error.js';
import { permutation, streamOf } from '../random.js';
import type { Device } from '../shape.js';
import { scope, Tensor } from '../tensor.js';
import { type Augmentation, augmentation, preparation } from './augment.js';
import type { Dataset } from './dataset.js';

export interface TrainingBatch {
  /** (n, ...shape) float32, channels first, or int32 where the data set has tokens. */
  data: Tensor;
  /** (n) int32 */
  labels: Tensor;
  count: number;
  epoch: number;
  /** The number of the batch in its epoch. */
  step: number;
}

export interface TrainingOptions {
  /** Samples a batch, default 128. */
  batchSize?: number;
  /** Another seed is another order and other changes. Default 0. */
  seed?: number;
  /** Which pass over the data this is, default 0. Each has an order and changes of its own. */
  epoch?: number;
  /** Random order; otherwise that of the data set. Default true. */
  shuffle?: boolean;
  /** Leave out the last samples of the order where they do not fill a batch. Default true. */
  dropLast?: boolean;
  augment?: Augmentation;
  /** How many batches are prepared ahead, default 2. */
  prefetch?: number;
  /** The first step, default 0: a run that was stopped goes on from there with the same bytes. */
  from?: number;
  /** Where batches are made and lie, default 'cpu': stored samples are copied there, and changed there. */
  device?: Device;
  /** How many batches are there at a time, the newest included: older ones are freed. Default 1. */
  alive?: number;
  signal?: AbortSignal;
}

/** How many batches an epoch has. */
export function stepsPerEpoch(length: number, batchSize: number, dropLast = true): number {
  return dropLast ? Math.floor(length / batchSize) : Math.ceil(length / batchSize);
}

/**
 * The batches of one epoch. The order of the samples depends on the seed and the epoch, the changes of a sample on these and its number
 * in the data set: nothing else is remembered, so any step of any epoch can be computed again.
 *
 * The tensors of a batch are freed when the next one is asked for (see `alive`) or the loop ends; what is computed from them is the caller's. Batches
 * are prepared on the thread of `offThread`, images are decoded by libuv's.
 * @throws LowbitError 'option' or 'unknownOption' for a mistake in the call, 'data' where samples have no labels or are damaged, 'file',
 *   'aborted' when the signal fires
 */
export function trainingBatches(set: Dataset, options: TrainingOptions = {}): AsyncGenerator<TrainingBatch, void> {
  const known = ['batchSize', 'seed', 'epoch', 'shuffle', 'dropLast', 'augment', 'prefetch', 'from', 'device', 'alive', 'signal'];
  checkOptions('trainingBatches', options, known);
  const order = { batchSize: 128, seed: 0, epoch: 0, shuffle: true, dropLast: true, from: 0 };
  const full: Full = { ...order, augment: {}, prefetch: 2, device: 'cpu', alive: 1, ...given(options) };
  if (!set.hasLabels) fail({ code: 'data', where: set.description, problem: 'its samples have no labels, training needs them' });
  check('batchSize', full.batchSize, 1, full.dropLast ? set.length : Number.MAX_SAFE_INTEGER);
  check('seed', full.seed, 0, Number.MAX_SAFE_INTEGER);
  check('epoch', full.epoch, 0, 2 ** 32 - 1);
  check('prefetch', full.prefetch, 0, 1024);
  check('alive', full.alive, 1, 1024);
  checkDevice('trainingBatches', full.device);
  check('from', full.from, 0, stepsPerEpoch(set.length, full.batchSize, full.dropLast));
  augmentation(set, full.augment);
  return epochOf(set, full);
}

type Full = Required<Omit<TrainingOptions, 'signal'>> & Pick<TrainingOptions, 'signal'>;

async function* epochOf(set: Dataset, options: Full): AsyncGenerator<TrainingBatch, void> {
  const { batchSize, seed, epoch, shuffle, dropLast, augment, prefetch, from, device, alive, signal } = options;
  const steps = stepsPerEpoch(set.length, batchSize, dropLast);
  const order = shuffle ? permutation(seed, streamOf('order', epoch), set.length) : Uint32Array.from({ length: set.length }, (_, i) => i);
  const prepared = preparation(set, augment, seed, device);

  async function load(step: number): Promise<TrainingBatch> {
    const numbers = order.subarray(step * batchSize, (step + 1) * batchSize);
    const { values, labels } = await set.gather(numbers);
    const data = await offThread(() => scope(() => prepared.apply(values, numbers, epoch)));
    return { data, labels: Tensor.from(labels!, undefined, 'int32', device), count: numbers.length, epoch, step };
  }

  const pending: Promise<TrainingBatch>[] = [];
  let next = from;
  const start = (most: number) => {
    for (; pending.length < most && next < steps; next++) {
      const batch = load(next);
      batch.catch(() => {}); // reported when its turn comes
      pending.push(batch);
    }
  };
  const heed = () => signal?.aborted && fail({ code: 'aborted', what: `reading ${set.description}` });

  const lent: TrainingBatch[] = [];
  try {
    for (let step = from; step < steps; step++) {
      heed();
      start(1);
      lent.push(await pending.shift()!);
      heed();
      start(prefetch);
      yield lent.at(-1)!;
      if (lent.length === alive) free(lent.shift()!);
    }
  } finally {
    for (const batch of lent) free(batch);
    for (const late of await Promise.allSettled(pending)) if (late.status === 'fulfilled') free(late.value);
    prepared.dispose();
  }
}

function free({ data, labels }: TrainingBatch): void {
  data.dispose();
  labels.dispose();
}

const given = <T extends object>(options: T) => Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;

function check(option: string, came: number, least: number, most: number): void {
  if (Number.isSafeInteger(came) && came >= least && came <= most) return;
  fail({ code: 'option', where: 'trainingBatches', option, came, expected: `a whole number from ${least} to ${most}` });
}
