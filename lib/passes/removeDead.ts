import type { Graph } from '../graph/graph.js';
import { rewrite } from '../graph/rewrite.js';

/** Drops nodes and constants that no output needs. */
export function removeDead(graph: Graph): Graph {
  return rewrite(graph, () => undefined);
}
