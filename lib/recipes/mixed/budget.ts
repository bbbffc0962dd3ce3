/** What a network may take, in bytes of its file or in milliseconds of a run, and what each layer takes of that at each width. */
import type { Dataset } from '../../data/dataset.js';
import type { Graph } from '../../graph/graph.js';
import { toOnnx } from '../../onnx/exportOnnx.js';
import type { WeightStorage } from '../../onnx/weights.js';
import type { WeightBits } from '../../quant/weightScheme.js';
import { weightStorageOf } from '../codedWeights.js';
import { measured } from '../deployed.js';
import { layerTimes } from '../layerTimes.js';

/** The bits of each layer, by name. */
export type Assignment = ReadonlyMap<string, WeightBits>;

/** What layers take beyond the network with the most bits in all of them, as far as can be told beforehand: less than nothing, as a rule. */
export interface Costs {
  /** By width and name of the layer. */
  layers: ReadonlyMap<WeightBits, ReadonlyMap<string, number>>;
  /** Once, where any layer has fewer bits. */
  fixed: number;
}

/** How a network is written. */
export interface Written {
  /** Default: packed where there may be codes of 1 or 2 bits, else INT4 and INT8. */
  storage?: WeightStorage;
  opset?: number;
}

/** Bytes of the network as a file. */
export const fileBytes = (graph: Graph, { storage, opset }: Written) =>
  toOnnx(graph, { weights: storage ?? weightStorageOf(graph), opset }).length;

export const uniform = (names: readonly string[], bits: WeightBits): Assignment => new Map(names.map((name) => [name, bits]));

/**
 * Bytes, from files in which one layer has fewer bits, and files in which all have: what is in both once (other versions of operators, another
 * set of them) is not each layer's.
 * @param widths from the most bits to the fewest
 */
export async function byteCosts(
  names: readonly string[],
  widths: readonly WeightBits[],
  bytesOf: (bits: Assignment) => Promise<number>,
): Promise<Costs> {
  const widest = uniform(names, widths[0]);
  const whole = await bytesOf(widest);
  const layers = new Map([[widths[0], new Map(names.map((name) => [name, 0]))]]);
  let fixed = 0;
  for (const bits of widths.slice(1)) {
    const alone = new Map<string, number>();
    for (const name of names) alone.set(name, (await bytesOf(new Map([...widest, [name, bits]]))) - whole);
    const all = (await bytesOf(uniform(names, bits))) - whole;
    const once = names.length > 1 ? (total(alone) - all) / (names.length - 1) : 0;
    layers.set(bits, new Map([...alone].map(([name, bytes]) => [name, bytes - once])));
    fixed = Math.max(fixed, once);
  }
  return { layers, fixed };
}

/** Milliseconds of layers at each width, by name: what a folder keeps. */
export type LayerTimes = [bits: WeightBits, times: [name: string, milliseconds: number][]][];

/** @param forms the network with one width in all layers */
export async function timesOf(forms: ReadonlyMap<WeightBits, Graph>, samples: Dataset, signal?: AbortSignal): Promise<LayerTimes> {
  const times = await layerTimes([...forms.values()], samples, signal);
  return [...forms.keys()].map((bits, i) => [bits, [...times[i]]]);
}

export function timeCosts(names: readonly string[], times: LayerTimes): Costs {
  const known = times.map(([bits, list]) => [bits, new Map(list)] as const);
  const [[, widest]] = known;
  const beyond = (layers: ReadonlyMap<string, number>, name: string) => (layers.get(name) ?? 0) - (widest.get(name) ?? 0);
  return { layers: new Map(known.map(([bits, layers]) => [bits, new Map(names.map((name) => [name, beyond(layers, name)]))])), fixed: 0 };
}

/** Milliseconds of a run on one sample, the median. */
export async function runTime(graph: Graph, samples: Dataset, signal?: AbortSignal): Promise<number> {
  const [{ latency }] = await measured([{ name: graph.name, graph, accuracy: null, bytes: 0 }], samples, signal);
  return latency.median;
}

const total = (costs: ReadonlyMap<string, number>) => [...costs.values()].reduce((sum, cost) => sum + cost, 0);
