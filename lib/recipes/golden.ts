/** Golden inputs and outputs of a quantized model, in a folder beside it, with a script that compares another runtime with them. */
import { createHash, randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Dataset } from '../data/dataset.js';
import { writeNpy } from '../data/npy.js';
import { checkOptions, fail } from '../error.js';
import { failOnFile, readBytes, writeAtomically } from '../file.js';
import type { Value } from '../graph/graph.js';
import { run } from '../graph/run.js';
import { packageRoot } from '../native.js';
import { importOnnx } from '../onnx/importOnnx.js';
import { dequantize } from '../ops/index.js';
import { lowerInteger } from '../passes/lowerInteger.js';
import type { Tensor } from '../tensor.js';
import { free } from './prepare.js';
import { isLowerable } from './quantized.js';
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
  const folder = `${path.replace(/\.onnx$/, '')}.golden`;
  const staged = stage(folder);
  try {
    const written: { inputs: Files; outputs: Files }[] = [];
    for await (const { inputs } of sampled(imported, { dataset, samples, batch: 1, signal })) {
      const outputs = run(graph, inputs, { signal });
      const number = written.length;
      written.push({ inputs: save(staged, `${number}.input`, inputs), outputs: save(staged, `${number}.output`, outputs) });
      free(inputs);
      free(outputs);
      onProgress?.(Math.min(number + 1, samples), samples);
    }
    const outputs = Object.fromEntries(graph.outputs.map(({ name, value }) => [name, { ulps: isCoded(value) ? 0 : realTail }]));
    const sha256 = createHash('sha256').update(readBytes(path)).digest('hex');
    const golden = { model: join('..', basename(path)), sha256, package: runtime, known, outputs, samples: written };
    writeAtomically(join(staged, manifest), Buffer.from(`${JSON.stringify(golden, undefined, 2)}\n`));
    copyFileSync(join(packageRoot(), 'bin', 'golden-check.mjs'), join(staged, 'check.mjs'));
    replace(folder, staged);
    return { folder, samples: written.length, outputs };
  } catch (error) {
    rmSync(staged, { recursive: true, force: true });
    throw error;
  }
}

const manifest = 'golden.json';

// Real arithmetic behind the last codes: a few roundings of exp and sums, each at most a unit of what it is made of.
const realTail = 64;

/** Is a value codes, or codes times a scale: the same number whoever computes it? */
function isCoded({ producer }: Value): boolean {
  if (!producer) return true;
  const { op, inputs } = producer;
  if (op.integer || op === dequantize) return true;
  return op.movesElements === true && isCoded(inputs[0]);
}

function save(folder: string, prefix: string, tensors: Readonly<Record<string, Tensor>>): Files {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor], i) => {
      const file = `${prefix}.${i}.npy`;
      writeNpy(join(folder, file), { dtype: tensor.dtype, shape: tensor.shape, data: tensor.data() });
      return [name, file];
    }),
  );
}

function stage(folder: string): string {
  if (existsSync(folder) && !existsSync(join(folder, manifest))) {
    fail({ code: 'file', path: folder, problem: `this is there already, and has no ${manifest}`, todo: 'Move it away first.' });
  }
  const staged = besides(folder);
  try {
    mkdirSync(staged);
  } catch (error) {
    failOnFile(folder, error);
  }
  return staged;
}

function replace(folder: string, staged: string): void {
  const old = besides(folder);
  if (existsSync(folder)) renameSync(folder, old);
  renameSync(staged, folder);
  rmSync(old, { recursive: true, force: true });
}

const besides = (folder: string) => join(dirname(folder), `.${basename(folder)}.${randomBytes(6).toString('hex')}`);
