/** How long the nodes of networks take, measured on this machine. */
import type { Dataset } from '../data/dataset.js';
import { fail } from '../error.js';
import type { Graph } from '../graph/graph.js';
import { compile } from '../session/compile.js';
import { free, pieces } from './prepare.js';
import { quantile } from './race.js';

const rounds = 7;

/**
 * Milliseconds of the nodes of each network by name, on the first sample. The networks are timed in turn, so that a slow minute of the machine
 * is shared by all.
 * @param networks of the same inputs
 * @throws LowbitError 'aborted'; 'unsupported' where a shape depends on the data
 */
export async function layerTimes(networks: readonly Graph[], samples: Dataset, signal?: AbortSignal): Promise<Map<string, number>[]> {
  const times = networks.map(() => new Map<string, number[]>());
  const sessions = networks.map((graph) => compile(graph));
  try {
    for await (const { inputs } of pieces(networks[0], samples, 1, 1, signal)) {
      for (let round = 0; round < rounds; round++) {
        for (const [i, session] of sessions.entries()) {
          if (signal?.aborted) fail({ code: 'aborted', what: 'timing' });
          for (const { name, milliseconds } of session.profile(inputs)) times[i].set(name, [...(times[i].get(name) ?? []), milliseconds]);
        }
      }
      free(inputs);
    }
  } finally {
    for (const session of sessions) session.dispose();
  }
  const median = (list: readonly number[]) =>
    quantile(
      list.toSorted((a, b) => a - b),
      0.5,
    );
  return times.map((byName) => new Map([...byName].map(([name, list]) => [name, median(list)])));
}
