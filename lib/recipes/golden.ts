/** Golden inputs and outputs of a quantized model, in a folder beside it, with a script that compares another runtime with them. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { Dataset } from '../data/dataset.js';
import { checkOptions, fail } from '../error.js';
import { readBytes } from '../file.js';
import { run } from '../graph/run.js';
import { Types } from '../graph/types.js';
import { importOnnx } from '../onnx/importOnnx.js';
import { lowerInteger } from '../passes/lowerInteger.js';
import { GoldenFolder } from './goldenFolder.js';
import { free } from './prepare.js';
import { isLowerable } from './quantized.js';
import { isCoded, realBetween } from './realParts.js';
import { sampled } from './samples.js';

export interface GoldenOptions {
  /** Where samples come from; random numbers over the model's input range without it. */
  dataset?: Dataset;
  /** How many, default 4. */
  samples?: number;
  /** The package that the script runs the model in, default 'onnxruntime-node'. */
  package?: 'onnxruntime-node' | 'onnxruntime-web';
  /** Differences that the runtime is known to make, for the script to name should there be one. */
  known?: readonly string[];
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

export interface Golden {
  folder: string;
  samples: number;
  /** How far outputs may be from those written: units in the last place of the largest element. */
  outputs: Record<string, { ulps: number }>;
}

/** What a sample lies in, by the names of inputs and outputs. */
type Files = Record<string, string>;

/**
 * Writes `<model>.golden/` (`net.golden` for `net.onnx`): for each sample the inputs, the outputs of the integer kernels as .npy files, and
 * `check.mjs`, which runs the model in another runtime and prints "equal" or the first difference. The folder appears whole; one of an earlier call is replaced.
 * @throws LowbitError 'data' where the model is not quantized or the samples do not fit it, 'file' where the folder cannot be written, or is not one of these
 */
export async function writeGolden(path: string, options: GoldenOptions = {}): Promise<Golden> {
  checkOptions('writeGolden', options, ['dataset', 'samples', 'package', 'known', 'onProgress', 'signal']);
  const { dataset, samples = 4, package: runtime = 'onnxruntime-node', known = [], onProgress, signal } = options;
  if (!(Number.isSafeInteger(samples) && samples >= 1)) {
    fail({ code: 'option', where: 'writeGolden', option: 'samples', came: samples, expected: 'a whole number from 1' });
  }
  const imported = importOnnx(path);
  if (!isLowerable(imported)) {
    fail({ code: 'data', where: path, problem: 'the model has no quantized values', todo: 'Quantize it first: `lowbit quantize`.' });
  }
  const { graph } = lowerInteger(imported);
  const folder = new GoldenFolder(path);
  try {
    const written: { inputs: Files; outputs: Files }[] = [];
    for await (const { inputs } of sampled(imported, { dataset, samples, batch: 1, signal })) {
      const outputs = run(graph, inputs, { signal });
      const number = written.length;
      written.push({ inputs: folder.save(`${number}.input`, inputs), outputs: folder.save(`${number}.output`, outputs) });
      free(inputs);
      free(outputs);
      onProgress?.(Math.min(number + 1, samples), samples);
    }
    const types = new Types(graph);
    const outputs = Object.fromEntries(graph.outputs.map(({ name, value }) => [name, { ulps: isCoded(types, value) ? 0 : realTail }]));
    const sha256 = createHash('sha256').update(readBytes(path)).digest('hex');
    const between = realBetween(graph);
    const rounded = between.length > 0 ? [`real numbers between codes (${between.join(', ')}) may be rounded to other codes`] : [];
    folder.finish({ model: `../${basename(path)}`, sha256, package: runtime, known: [...known, ...rounded], outputs, samples: written });
    return { folder: folder.path, samples: written.length, outputs };
  } catch (error) {
    folder.abandon();
    throw error;
  }
}

// Real numbers behind the last codes are sums, products and functions in another order: a few roundings of each.
const realTail = 64;
