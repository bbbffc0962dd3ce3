import type { Batch, Dataset } from 'lowbit';

/** All batches of a data set. */
export async function all(set: Dataset, size: number): Promise<Batch[]> {
  const batches: Batch[] = [];
  for await (const batch of set.batches(size)) batches.push(batch);
  return batches;
}

/** The whole data set as one batch. */
export const whole = async (set: Dataset) => (await all(set, set.length))[0];
