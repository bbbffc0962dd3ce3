/** The mean of each channel of values that are functions of normally distributed ones. */
import type { Graph, Node, Value } from '../../graph/graph.js';
import { clampOf } from '../../graph/match.js';
import { Types } from '../../graph/types.js';
import * as ops from '../../ops/index.js';
import { axisIndex } from '../../shape.js';
import { clippedMean } from './normal.js';
import type { Statistics } from './statistics.js';

export type Expectations = ReadonlyMap<Value, Float64Array>;

/**
 * E[x] by channel: of values with statistics their mean, behind a clamp that of the clipped normal distribution; sums and concatenations add
 * and join, means over pixels stay. Values of other ops are not in the map.
 */
export function expectations(graph: Graph, statistics: Statistics): Expectations {
  const types = new Types(graph);
  const expected = new Map<Value, Float64Array>();
  for (const node of graph.nodes) {
    const mean = statistics.get(node.output.name)?.mean ?? expectationOf(node, statistics, expected, types);
    if (mean) expected.set(node.output, mean);
  }
  return expected;
}

function expectationOf(node: Node, statistics: Statistics, expected: Expectations, types: Types): Float64Array | undefined {
  const { op, inputs, params, output } = node;
  const clamp = clampOf(node);
  if (clamp) {
    const before = statistics.get(inputs[0].name);
    return before?.mean.map((mean, c) => clippedMean(mean, before.deviation[c], ...clamp));
  }
  const means = inputs.map((value) => expected.get(value));
  if (!means.every((mean) => mean !== undefined)) return undefined;
  if (op === ops.add) return means[0].length === means[1].length ? means[0].map((mean, c) => mean + means[1]![c]) : undefined;
  if (op === ops.concat) {
    const rank = types.rank(output) ?? 0;
    return axisIndex(params.axis as number, rank) === rank - 1 ? Float64Array.from(means.flatMap((mean) => [...mean])) : undefined;
  }
  const keepsChannels = op === ops.globalAveragePool || (op === ops.reshape && types.get(output)?.shape.at(-1) === means[0].length);
  return keepsChannels ? means[0] : undefined;
}
