/** A float graph in the form that loses least when it is quantized: layers equalized, high biases absorbed, outlying channels moved to weights. */
import type { Graph, Node, Value } from '../graph/graph.js';
import { isLayer } from '../graph/layers.js';
import { absorbBias } from '../passes/absorbBias.js';
import { type EqualizedLayer, type Extremes, equalizeLayers } from '../passes/equalizeLayers.js';
import { type MigratedScales, migrateScales, migrations } from '../passes/migrateScales.js';
import { replaceRelu6 } from '../passes/replaceRelu6.js';
import { type Batches, type CalibrateOptions, calibrate } from '../quant/calibrate.js';
import { ChannelWatch, divided, type Statistics } from '../quant/channels/statistics.js';
import type { WeightBits } from '../quant/weightScheme.js';

export interface ConditionSettings {
  equalize: boolean;
  replaceRelu6: boolean;
  absorbBias: boolean;
  smooth: boolean | number;
  perTensor: boolean;
  /** By the name of the layer. */
  weightBits: ReadonlyMap<string, WeightBits>;
}

/** What was done to the float graph. */
export interface Conditioning {
  /** Clips from 0 that became relu. */
  replacedRelu6?: string[];
  /** Sweeps, and the range of weights of each channel before and after. */
  equalized?: { sweeps: number; layers: EqualizedLayer[] };
  /** How many channels of a layer something was absorbed of, and the most; layers before a ReLU without statistics. */
  absorbed?: { layers: { name: string; channels: number; largest: number }[]; skipped: string[] };
  /** Values whose channels were divided, and the layers that read them. */
  smoothed?: Omit<MigratedScales, 'scales'>[];
}

export interface Conditioned {
  graph: Graph;
  /** What is known about the outputs of its layers, by value name. */
  statistics: Statistics;
  done: Conditioning;
}

/**
 * A channel is taken to reach mean + 4 deviations where one scale has to fit a whole weight: what lies beyond may meet the clip behind it sooner,
 * and the channel leaves the others more room. With a scale a channel only what was seen counts, and nothing changes on the samples.
 */
const reach = 4;

/**
 * @param known statistics from batch normalizations, by value name; others are measured
 * @param batches called once where something is equalized or absorbed, and once where something is smoothed
 */
export async function conditioned(
  prepared: Graph,
  known: Statistics,
  batches: Batches,
  settings: ConditionSettings,
  options: CalibrateOptions,
): Promise<Conditioned> {
  const even = await evened(prepared, known, batches, settings, options);
  return settings.smooth === false ? even : smoothed(even, batches, settings, options);
}

/** Layers scaled against each other, high biases absorbed. */
async function evened(
  prepared: Graph,
  known: Statistics,
  batches: Batches,
  settings: ConditionSettings,
  options: CalibrateOptions,
): Promise<Conditioned> {
  const done: Conditioning = {};
  let graph = prepared;
  if (settings.replaceRelu6) {
    const { graph: open, replaced } = replaceRelu6(graph);
    graph = open;
    done.replacedRelu6 = replaced;
  }
  const statistics: Statistics = new Map(known);
  if (!settings.equalize && !settings.absorbBias) return { graph, statistics, done };
  const layers = graph.nodes.filter((node) => isLayer(graph, node));
  const watches = new Map<Value, ChannelWatch>(layers.map(({ output }) => [output, new ChannelWatch()]));
  await calibrate(graph, batches, watches, options);
  for (const [{ name }, watch] of watches) {
    const measured = watch.statistics();
    if (statistics.get(name)?.mean.length !== measured.mean.length) statistics.set(name, measured);
  }
  if (settings.equalize) {
    const seen = new Map(layers.map((node) => [node.name, extremesOf(watches.get(node.output)!, settings)]));
    const { graph: even, ...equalized } = equalizeLayers(graph, { seen });
    for (const { name, divisors } of equalized.layers) scale(statistics, layers.find((node) => node.name === name)!, divisors);
    graph = even;
    done.equalized = equalized;
  }
  if (settings.absorbBias) {
    const { graph: low, layers: absorbed, skipped } = absorbBias(graph, statistics);
    for (const layer of absorbed) lower(statistics, layers.find(({ name }) => name === layer.name)!, layer.absorbed);
    graph = low;
    done.absorbed = {
      layers: absorbed.map(({ name, absorbed: high }) => ({
        name,
        channels: high.filter((c) => c > 0).length,
        largest: Math.max(...high),
      })),
      skipped,
    };
  }
  return { graph, statistics, done };
}

/** Outlying channels of activations moved into the weights that read them. */
async function smoothed(
  { graph: rough, statistics, done }: Conditioned,
  batches: Batches,
  { smooth, perTensor, weightBits }: ConditionSettings,
  options: CalibrateOptions,
): Promise<Conditioned> {
  const watches = new Map(migrations(rough).map(({ value }) => [value, new ChannelWatch()]));
  await calibrate(rough, batches, watches, options);
  const seen = new Map(
    [...watches].map(([{ name }, watch]) => [name, { smallest: watch.smallest, largest: watch.largest, ...watch.statistics() }]),
  );
  const alpha = typeof smooth === 'number' ? smooth : undefined;
  const { graph, values, divisors } = migrateScales(rough, seen, { alpha, perTensor, weightBits });
  const after = new Map(statistics);
  for (const node of rough.nodes) {
    const known = after.get(node.output.name);
    const by = divisors.get(node.name);
    if (known && by) after.set(node.output.name, divided(known, by));
  }
  return { graph, statistics: after, done: { ...done, smoothed: values.map(({ scales, ...value }) => value) } };
}

function extremesOf(watch: ChannelWatch, { perTensor }: ConditionSettings): Extremes {
  const { mean, deviation } = watch.statistics();
  if (!perTensor) return watch;
  return {
    largest: watch.largest.map((largest, c) => Math.min(largest, mean[c] + reach * deviation[c])),
    smallest: watch.smallest.map((smallest, c) => Math.max(smallest, mean[c] - reach * deviation[c])),
  };
}

function scale(statistics: Statistics, { output }: Node, divisors: Float64Array): void {
  statistics.set(output.name, divided(statistics.get(output.name)!, divisors));
}

function lower(statistics: Statistics, { output }: Node, absorbed: Float64Array): void {
  const { mean, deviation } = statistics.get(output.name)!;
  statistics.set(output.name, { mean: mean.map((x, c) => x - absorbed[c]), deviation });
}
