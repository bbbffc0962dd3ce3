/** The forms of a network that are timed beside each other, made from whatever form its file has. */
import { fail, LowbitError } from '../error.js';
import type { Graph } from '../graph/graph.js';
import { foldBatchNorm } from '../passes/foldBatchNorm.js';
import { narrowWeights } from '../passes/narrowWeights.js';
import { unpackWeights } from '../passes/packWeights.js';
import type { Batches } from '../quant/calibrate.js';
import { quantize } from './quantize.js';
import { isLowerable, isPacked, isQuantized, withoutQuantization } from './quantized.js';

/** Real numbers; 8-bit codes; weights of 4, 2 and 1 bits with 8-bit activations; a file of packed weights as it is. */
export const benchForms = ['fp32', 'int8', 'w4a8', 'w2a8', 'w1a8', 'packed'] as const;
export type BenchForm = (typeof benchForms)[number];

const narrowForms = [
  ['w4a8', 4],
  ['w2a8', 2],
  ['w1a8', 1],
] as const;

export interface Forms {
  /** In the order of `benchForms`, the wanted ones. */
  graphs: Map<BenchForm, Graph>;
  /** Whether the ranges of activations were chosen here, from the batches. */
  calibrated: boolean;
  /** Why there are no codes, where the network has nothing to quantize. */
  refused?: string;
}

/**
 * @param graph as it was imported
 * @param batches to choose ranges on where the file has none: the largest and smallest numbers, which is as fast as any choice
 * @throws LowbitError 'option' for a form that this model has not; what `quantize` throws
 */
export async function formsOf(
  graph: Graph,
  wanted: readonly BenchForm[] | undefined,
  batches: Batches,
  signal?: AbortSignal,
): Promise<Forms> {
  const graphs = new Map<BenchForm, Graph>([['fp32', foldBatchNorm(isLowerable(graph) ? withoutQuantization(graph) : graph)]]);
  const isOnlyFloat = wanted?.every((form) => form === 'fp32') ?? false;
  const { int8, calibrated, refused } = isOnlyFloat ? { int8: undefined, calibrated: false } : await integers(graph, batches, signal);
  if (int8) graphs.set('int8', int8);
  if (int8 && !isPacked(graph)) {
    for (const [form, bits] of narrowForms) {
      const narrow = narrowWeights(int8, bits);
      if (isPacked(narrow)) graphs.set(form, narrow);
    }
  }
  if (isPacked(graph)) graphs.set('packed', graph);
  for (const form of wanted ?? []) {
    if (graphs.has(form)) continue;
    const because = refused ?? (isPacked(graph) ? 'its weights are packed already' : 'it has no weights that could be packed');
    fail({ code: 'option', where: 'benchModel', option: 'forms', came: form, expected: [...graphs.keys()].join(', '), because });
  }
  return { graphs: new Map([...graphs].filter(([form]) => wanted?.includes(form) ?? true)), calibrated, refused };
}

/** The network with codes of 8 bits. */
async function integers(
  graph: Graph,
  batches: Batches,
  signal?: AbortSignal,
): Promise<{ int8?: Graph; calibrated: boolean; refused?: string }> {
  const unpacked = unpackWeights(graph);
  if (isQuantized(graph)) return { int8: unpacked, calibrated: false };
  try {
    const { graph: int8 } = await quantize(unpacked, batches, { observer: 'minmax', signal });
    return { int8, calibrated: true };
  } catch (error) {
    if (!(error instanceof LowbitError && error.code === 'graph')) throw error;
    return { calibrated: false, refused: error.message };
  }
}
