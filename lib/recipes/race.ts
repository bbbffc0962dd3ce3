/** How long things take, one beside the other. */
import { setImmediate } from 'node:timers/promises';
import { fail } from '../error.js';

export interface Contender {
  name: string;
  run: () => unknown;
}

/** Milliseconds of the runs of a contender, least first. */
export interface Times {
  wall: number[];
  /** Of the processor, on all threads of the process: what other programs take does not count. */
  cpu: number[];
}

const warmUps = 2;
const leastRuns = 5;

/**
 * Times contenders in turn, so that a slow minute of the machine is shared by all; the first runs do not count.
 * @param limits how long all may take together and how many runs each has at most; each has at least five
 * @returns the times by contender
 * @throws LowbitError 'aborted'
 */
export async function race(
  what: string,
  contenders: readonly Contender[],
  { seconds, runs = Infinity }: { seconds: number; runs?: number },
  signal?: AbortSignal,
): Promise<Times[]> {
  const times = contenders.map((): Times => ({ wall: [], cpu: [] }));
  const start = performance.now();
  const goesOn = (done: number) => done < leastRuns || (done < runs && performance.now() - start < seconds * 1000);
  for (let round = 0; goesOn(round - warmUps); round++) {
    for (const [i, contender] of contenders.entries()) {
      if (signal?.aborted) fail({ code: 'aborted', what });
      // The one before left its data in the caches, and maybe threads that still spin: a run that does not count comes first.
      await contender.run();
      const cpuBefore = process.cpuUsage();
      const before = performance.now();
      await contender.run();
      const wall = performance.now() - before;
      const { user, system } = process.cpuUsage(cpuBefore);
      if (round < warmUps) continue;
      times[i].wall.push(wall);
      times[i].cpu.push((user + system) / 1000);
    }
    await setImmediate();
  }
  for (const list of times.flatMap(({ wall, cpu }) => [wall, cpu])) list.sort((a, b) => a - b);
  return times;
}

/** The number that a share of the sorted numbers is below; between two of them in proportion. */
export function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return low + (high - low) * (place - Math.floor(place));
}
