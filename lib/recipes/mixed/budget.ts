/** What a network may take, in bytes of its file or in milliseconds of a run, and what each layer takes of that at each width. */
import type { Dataset } from '../../data/dataset.js';
import type { Graph } from '../../graph/graph.js';
import { toOnnx } from '../../onnx/exportOnnx.js';
import type { WeightStorage } from '../../onnx/weights.js';
import type { WeightBits } from '../../quant/weightScheme.js';
import { codedWeights, weightStorageOf } from '../codedWeights.js';
import { measured } from '../deployed.js';
import { layerTimes } from '../layerTimes.js';

export interface Budget {
  limit: number;
  /** Of the network besides `costs`. */
  base: number;
  /** Of the layers whose bits are chosen, by name, as far as can be told beforehand. */
  costs: ReadonlyMap<WeightBits, ReadonlyMap<string, number>>;
  /** Of a network as it is. */
  measure(graph: Graph): Promise<number>;
}

/** The network with one width in all layers, from the most bits to the fewest. */
export type Uniform = ReadonlyMap<WeightBits, Graph>;

/** How a network is written. */
export interface Written {
  /** Default: packed where there may be codes of 1 or 2 bits, else INT4 and INT8. */
  storage?: WeightStorage;
  opset?: number;
}

/** Bytes of the network as a file. */
export const fileBytes = (graph: Graph, { storage, opset }: Written) =>
  toOnnx(graph, { weights: storage ?? weightStorageOf(graph), opset }).length;

/**
 * The bytes of a layer are those of its codes and, in equal parts, what else a file has more of with fewer bits: a node for each packed weight.
 * @param names of the layers whose bits are chosen
 */
export function bytesBudget(forms: Uniform, names: readonly string[], limit: number, written: Written): Budget {
  const all = [...forms].map(([bits, graph]) => {
    const codes = new Map(names.map((name) => [name, 0]));
    for (const { layer, bytes } of codedWeights(graph)) if (codes.has(layer)) codes.set(layer, codes.get(layer)! + bytes);
    return { bits, codes, rest: fileBytes(graph, written) - total(codes) };
  });
  const [{ rest: base }] = all;
  const costs = new Map(
    all.map(({ bits, codes, rest }) => {
      const part = (rest - base) / names.length;
      return [bits, new Map([...codes].map(([name, bytes]) => [name, bytes + part]))];
    }),
  );
  return { limit, base, costs, measure: async (graph) => fileBytes(graph, written) };
}

/** Milliseconds of the network with the most bits, and of its layers at each width. */
export interface TimeTable {
  whole: number;
  layers: [bits: WeightBits, times: [name: string, milliseconds: number][]][];
}

export async function timeTable(forms: Uniform, samples: Dataset, signal?: AbortSignal): Promise<TimeTable> {
  const times = await layerTimes([...forms.values()], samples, signal);
  const [widest] = forms.values();
  return { whole: await timeOf(widest, samples, signal), layers: [...forms.keys()].map((bits, i) => [bits, [...times[i]]]) };
}

/** @param names of the layers whose bits are chosen */
export function timeBudget(table: TimeTable, names: readonly string[], limit: number, samples: Dataset, signal?: AbortSignal): Budget {
  const costs = new Map(
    table.layers.map(([bits, times]) => {
      const known = new Map(times);
      return [bits, new Map(names.map((name) => [name, known.get(name) ?? 0]))];
    }),
  );
  const [widest] = costs.values();
  return { limit, base: table.whole - total(widest), costs, measure: (graph) => timeOf(graph, samples, signal) };
}

/** Milliseconds of a run on one sample, the median. */
async function timeOf(graph: Graph, samples: Dataset, signal?: AbortSignal): Promise<number> {
  const [{ latency }] = await measured([{ name: graph.name, graph, accuracy: null, bytes: 0 }], samples, signal);
  return latency.median;
}

const total = (costs: ReadonlyMap<string, number>) => [...costs.values()].reduce((sum, cost) => sum + cost, 0);
