/** Biases of a quantized graph, corrected by one of three methods. */
import type { Graph, Value } from '../graph/graph.js';
import { isLayer } from '../graph/layers.js';
import type { Batches } from '../quant/calibrate.js';
import { expectations } from '../quant/channels/expectations.js';
import { ChannelWatch, type Statistics } from '../quant/channels/statistics.js';
import { analyticCorrections } from '../quant/correct/analytic.js';
import { type EmpiricalOptions, empiricalCorrections } from '../quant/correct/empirical.js';
import { type Corrections, withCorrections } from '../quant/correct/layers.js';
import { weightCorrections } from '../quant/correct/weights.js';

/** How biases are corrected. */
export const correctionMethods = ['empirical', 'analytic', 'weights'] as const;
export type CorrectionMethod = (typeof correctionMethods)[number];

/** The largest of what was added to the biases of each corrected layer. */
export interface Corrected {
  method: CorrectionMethod;
  layers: { name: string; largest: number }[];
}

/** What has to be watched during calibration: inputs of layers whose means do not follow from statistics. */
export function watchesFor(float: Graph, statistics: Statistics, method: CorrectionMethod | false): Map<Value, ChannelWatch> {
  if (method !== 'analytic' && method !== 'weights') return new Map();
  const expected = expectations(float, statistics);
  const inputs = float.nodes.filter((node) => isLayer(float, node)).map(({ inputs: [x] }) => x);
  return new Map(inputs.filter((x) => !expected.has(x)).map((x) => [x, new ChannelWatch()]));
}

/**
 * @param float the graph that was quantized
 * @param watches those of `watchesFor`, after calibration
 * @param batches called once for the empirical method
 */
export async function corrected(
  float: Graph,
  quantized: Graph,
  method: CorrectionMethod,
  { statistics, watches }: { statistics: Statistics; watches: ReadonlyMap<Value, ChannelWatch> },
  batches: Batches,
  options: EmpiricalOptions,
): Promise<{ graph: Graph; corrected: Corrected }> {
  const corrections = await (method === 'empirical'
    ? empiricalCorrections(float, quantized, batches, options)
    : (method === 'analytic' ? analyticCorrections : weightCorrections)(float, quantized, inputMeans(float, statistics, watches)));
  return { graph: withCorrections(quantized, corrections), corrected: { method, layers: largestOf(corrections) } };
}

/** E[x] of what each layer reads, by its name. */
function inputMeans(float: Graph, statistics: Statistics, watches: ReadonlyMap<Value, ChannelWatch>): Map<string, Float64Array> {
  const expected = expectations(float, statistics);
  const layers = float.nodes.filter((node) => isLayer(float, node));
  return new Map(layers.map(({ name, inputs: [x] }) => [name, expected.get(x) ?? watches.get(x)!.statistics().mean]));
}

const largestOf = (corrections: Corrections) =>
  [...corrections].map(([name, { shift }]) => ({ name, largest: shift.reduce((most, x) => Math.max(most, Math.abs(x)), 0) }));
