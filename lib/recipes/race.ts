/** How long things take, one beside the other. */
import { setImmediate } from 'node:timers/promises';
import { fail } from '../error.js';

export interface Contender {
  name: string;
  run: () => unknown;
}

const warmUps = 2;
const leastRuns = 5;

/**
 * Times contenders in turn, so that a slow minute of the machine is shared by all; the first runs do not count.
 * @param limits how long all may take together and how many runs each has at most; each has at least five
 * @returns the wall times in milliseconds, shortest first, by contender
 * @throws LowbitError 'aborted'
 */
export async function race(
  what: string,
  contenders: readonly Contender[],
  { seconds, runs = Infinity }: { seconds: number; runs?: number },
  signal?: AbortSignal,
): Promise<number[][]> {
  const times = contenders.map((): number[] => []);
  const start = performance.now();
  const goesOn = (done: number) => done < leastRuns || (done < runs && performance.now() - start < seconds * 1000);
  for (let round = 0; goesOn(round - warmUps); round++) {
    for (const [i, contender] of contenders.entries()) {
      if (signal?.aborted) fail({ code: 'aborted', what });
      // The one before left its data in the caches, and maybe threads that still spin: a run that does not count comes first.
      await contender.run();
      const before = performance.now();
      await contender.run();
      if (round >= warmUps) times[i].push(performance.now() - before);
    }
    await setImmediate();
  }
  return times.map((own) => own.sort((a, b) => a - b));
}

/** The number that a share of the sorted numbers is below; between two of them in proportion. */
export function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return low + (high - low) * (place - Math.floor(place));
}
