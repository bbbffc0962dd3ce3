/** Networks as they run here, measured beside each other: accuracy, bytes, latency. */
import type { Dataset } from '../data/dataset.js';
import type { Graph } from '../graph/graph.js';
import { compile } from '../session/compile.js';
import { free, pieces } from './prepare.js';
import { quantile, race } from './race.js';

export interface Deployed {
  /** "fp32", "W4 A8". */
  name: string;
  /** With its codes where it has any; it runs compiled. */
  graph: Graph;
  /** Share of the validation samples with the right answer; null where there are none, or nothing has been learned. */
  accuracy: number | null;
  /** Of its file. */
  bytes: number;
}

/** Wall times of a run in milliseconds. */
export interface Latency {
  median: number;
  p90: number;
}

export interface TableRow extends Omit<Deployed, 'graph'> {
  latency: Latency;
}

const limits = { seconds: 3, runs: 100 };

/**
 * Times the networks on the first sample, in turn.
 * @param networks of the same inputs
 * @throws LowbitError 'aborted'; 'data' where the sample does not fit
 */
export async function measured(networks: readonly Deployed[], samples: Dataset, signal?: AbortSignal): Promise<TableRow[]> {
  for await (const { inputs } of pieces(networks[0].graph, samples, 1, 1, signal)) {
    const sessions = networks.map(({ graph }) => compile(graph));
    try {
      const contenders = networks.map(({ name }, i) => ({ name, run: () => sessions[i].runSync(inputs) }));
      const times = await race('timing', contenders, limits, signal);
      return networks.map(({ graph: _graph, ...row }, i) => ({
        ...row,
        latency: { median: quantile(times[i].wall, 0.5), p90: quantile(times[i].wall, 0.9) },
      }));
    } finally {
      for (const session of sessions) session.dispose();
      free(inputs);
    }
  }
  return [];
}
