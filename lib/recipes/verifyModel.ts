/** Does every kernel compute what the arithmetic says, and what does another runtime make of the same file? */
import { setImmediate } from 'node:timers/promises';
import type { Dataset } from '../data/dataset.js';
import { checkOptions, fail } from '../error.js';
import type { Graph } from '../graph/graph.js';
import { preferRow, referenceRows, run } from '../graph/run.js';
import { importOnnx } from '../onnx/importOnnx.js';
import { type AnyOp, rowsOf, threads } from '../op.js';
import { dequantize, lowbitConv2dFloat, lowbitGemmFloat, quantize } from '../ops/index.js';
import { lowerInteger } from '../passes/lowerInteger.js';
import { isInteger } from '../shape.js';
import type { Tensor, TensorData } from '../tensor.js';
import { type Agreement, compareWithOnnxRuntime } from './compareRuntime.js';
import { type Difference, firstDifference } from './difference.js';
import { free } from './prepare.js';
import { isLowerable } from './quantized.js';
import { sampled } from './samples.js';

export interface VerifyOptions {
  /** Where samples come from; random numbers over the model's input range without it. */
  dataset?: Dataset;
  /** How many samples, default 16. */
  samples?: number;
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/** One way to run the integer model, compared with the simulation. */
export interface VerifiedRow {
  /** The kernel row and the number of threads: "avx2, 4 threads". */
  name: string;
  equal: boolean;
  firstDifference?: Difference;
}

export interface Verification {
  /** Did every row give the bytes of the simulation? */
  equal: boolean;
  samples: number;
  rows: VerifiedRow[];
  /** null where onnxruntime-node is not installed. */
  onnxruntime: Agreement | null;
}

/**
 * Runs a quantized model as the arithmetic of the documentation says, operation by operation on the reference kernels, and compares
 * the bytes of all codes and outputs with every kernel row that this machine has, on one thread and on all. Where onnxruntime-node is
 * installed, it runs the same file and the codes are compared.
 * @throws LowbitError 'data' where the model is not quantized or the samples do not fit it, 'file' or 'format' where it cannot be read
 */
export async function verifyModel(path: string, options: VerifyOptions = {}): Promise<Verification> {
  checkOptions('verifyModel', options, ['dataset', 'samples', 'onProgress', 'signal']);
  const { dataset, samples = 16, onProgress, signal } = options;
  if (!(Number.isSafeInteger(samples) && samples >= 1)) {
    fail({ code: 'option', where: 'verifyModel', option: 'samples', came: samples, expected: 'a whole number from 1' });
  }
  const imported = importOnnx(path);
  if (!isLowerable(imported)) {
    fail({ code: 'data', where: path, problem: 'the model has no quantized values', todo: 'Quantize it first: `lowbit quantize`.' });
  }
  const { graph } = lowerInteger(imported);
  const inputs = () => sampled(imported, { dataset, samples, batch, signal });
  const trials = trialsOf(graph);
  const most = threads();
  let done = 0;
  try {
    for await (const piece of inputs()) {
      await compareTrials(graph, piece.inputs, trials, signal);
      free(piece.inputs);
      done += piece.count;
      onProgress?.(done, samples);
    }
  } finally {
    threads(most);
  }
  const rows = trials.map(({ name, difference }) => ({ name, equal: !difference, ...(difference && { firstDifference: difference }) }));
  const onnxruntime = await compareWithOnnxRuntime(path, graph, inputs, signal);
  return { equal: rows.every((row) => row.equal), samples: done, rows, onnxruntime };
}

// Small batches: the simulation of one is kept as a whole.
const batch = 4;

interface Trial {
  name: string;
  row: string;
  threads: number;
  difference?: Difference;
}

/** Ops on float values that read packed weights. */
const onPacked: readonly AnyOp[] = [lowbitGemmFloat, lowbitConv2dFloat];

/** Every row that some op on codes of the graph has here (where all codes have 16 bits, those that make and read them), on one thread and on all. */
function trialsOf(graph: Graph): Trial[] {
  const ops = new Set(graph.nodes.map((node) => node.op));
  const onCodes = [...ops].filter((op) => op.integer || onPacked.includes(op));
  const rows = new Set((onCodes.length ? onCodes : [quantize, dequantize]).flatMap((op) => rowsOf(op)));
  const counts = new Set([1, threads()]);
  return [...rows].flatMap((row) => [...counts].map((count) => ({ name: `${row}, ${countText(count)}`, row, threads: count })));
}

const countText = (count: number) => `${count} thread${count === 1 ? '' : 's'}`;

async function compareTrials(
  graph: Graph,
  inputs: Readonly<Record<string, Tensor>>,
  trials: readonly Trial[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const expected = new Map<string, TensorData>();
  threads(1);
  observe(graph, inputs, referenceRows, signal, (name, tensor) => expected.set(name, tensor.data()));
  for (const trial of trials) {
    if (trial.difference) continue;
    await setImmediate(); // signals get their turn
    threads(trial.threads);
    observe(graph, inputs, preferRow(trial.row), signal, (name, tensor) => {
      trial.difference ??= firstDifference(name, expected.get(name)!, tensor.data());
    });
  }
}

/** Shows all codes of a run, then its outputs. */
function observe(
  graph: Graph,
  inputs: Readonly<Record<string, Tensor>>,
  row: ReturnType<typeof preferRow>,
  signal: AbortSignal | undefined,
  see: (name: string, tensor: Tensor) => void,
): void {
  const onValue = (value: { name: string }, tensor: Tensor) => isInteger(tensor.dtype) && see(value.name, tensor);
  const outputs = run(graph, inputs, { row, signal, onValue });
  for (const [name, tensor] of Object.entries(outputs)) see(`output ${name}`, tensor);
  free(outputs);
}
