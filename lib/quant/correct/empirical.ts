import { setImmediate } from 'node:timers/promises';
import { fail } from '../../error.js';
import type { Graph } from '../../graph/graph.js';
import { Types } from '../../graph/types.js';
import { add } from '../../ops/index.js';
import { sizeOf } from '../../shape.js';
import { Tensor } from '../../tensor.js';
import type { Batches } from '../calibrate.js';
import { type Corrections, twinsOf } from './layers.js';
import { Walk } from './walk.js';

export interface EmpiricalOptions {
  onProgress?: (layers: number, of: number) => void;
  signal?: AbortSignal;
}

/** Bytes that the activations of a correction may take. */
const mostBytes = 2 ** 29;

/**
 * Takes out of each bias what quantization adds to the output of the layer on average over samples: b −= mean(y_q − y), before the output
 * itself is rounded, layer by layer with all layers before it quantized and corrected.
 *
 * Both graphs run side by side, a node at a time for all samples, so the activations of all samples are alive at once: as many batches
 * are taken as 512 MiB hold, at least one.
 * @param quantized what `insertQdq` made of the float graph
 */
export async function empiricalCorrections(
  float: Graph,
  quantized: Graph,
  batches: Batches,
  { onProgress, signal }: EmpiricalOptions = {},
): Promise<Corrections> {
  const kept = await keptBatches(float, batches);
  const [before, after] = [new Walk(float, kept), new Walk(quantized, kept)];
  const corrections: Corrections = new Map();
  try {
    const layers = twinsOf(float, quantized);
    for (const layer of layers) {
      if (signal?.aborted) fail({ code: 'aborted', what: 'the correction of biases' });
      const rounded = after.until(layer.quantized);
      const wanted = meanOf(before.until(layer.float));
      const shift = Tensor.from(Float32Array.from(meanOf(rounded), (mean, c) => wanted[c] - mean));
      corrections.set(layer.float.name, { shift: shift.data() as Float32Array });
      after.replace(
        layer.quantized,
        rounded.map((y) => add(y, shift)),
      );
      shift.dispose();
      onProgress?.(corrections.size, layers.length);
      await setImmediate(); // signals and progress get their turn
    }
    return corrections;
  } finally {
    for (const walk of [before, after]) walk.dispose();
    for (const tensor of kept.flatMap((inputs) => Object.values(inputs))) tensor.dispose();
  }
}

/** The batches whose activations fit into memory: copies, as those of the caller are freed. */
async function keptBatches(graph: Graph, batches: Batches): Promise<Record<string, Tensor>[]> {
  const kept: Record<string, Tensor>[] = [];
  let bytes = 0;
  for await (const inputs of batches()) {
    bytes += activationBytes(graph, inputs);
    if (kept.length > 0 && bytes > mostBytes) break;
    kept.push(Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, tensor.copy()])));
  }
  if (!kept.length) fail({ code: 'data', where: 'the correction of biases', problem: 'there are no samples' });
  return kept;
}

/** What a batch needs at most: its inputs, and in both graphs what the widest node reads and makes. */
function activationBytes(graph: Graph, inputs: Readonly<Record<string, Tensor>>): number {
  const types = new Types(graph, Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, shape])));
  const bytes = (values: Graph['inputs']) =>
    values.reduce((sum, value) => sum + (graph.constants.has(value) ? 0 : 4 * sizeOf(types.get(value)?.shape ?? [0])), 0);
  const widest = graph.nodes.reduce((most, node) => Math.max(most, bytes([...node.inputs, node.output])), 0);
  return bytes(graph.inputs) + 2 * widest;
}

/** The mean of each channel over all batches, summed in float64 element by element: the size of batches leaves no trace. */
function meanOf(batches: readonly Tensor[]): Float64Array {
  const channels = batches[0].shape.at(-1) ?? 1;
  const sum = new Float64Array(channels);
  let count = 0;
  for (const batch of batches) {
    const x = batch.data() as Float32Array;
    for (let i = 0, c = 0; i < x.length; i++, c = c + 1 === channels ? 0 : c + 1) sum[c] += x[i];
    count += channels ? x.length / channels : 0;
  }
  return sum.map((total) => (count ? total / count : 0));
}
