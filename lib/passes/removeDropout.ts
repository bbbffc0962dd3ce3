import type { Graph } from '../graph/graph.js';
import { rewrite } from '../graph/rewrite.js';
import { dropout } from '../ops/index.js';

/** Takes out dropout, which does nothing in a model that is used. */
export function removeDropout(graph: Graph): Graph {
  return rewrite(graph, ({ op, inputs: [x] }, to) => (op === dropout ? to.get(x) : undefined));
}
