/** Accuracy of a classifier on labelled samples. */
import { setImmediate } from 'node:timers/promises';
import { checkDevice } from '../cuda.js';
import type { Dataset } from '../data/dataset.js';
import { checkOptions, fail, shapeText } from '../error.js';
import type { Graph } from '../graph/graph.js';
import { referenceRows } from '../graph/run.js';
import { lowerInteger } from '../passes/lowerInteger.js';
import type { Device } from '../shape.js';
import { compiled, type Executable, opByOp, type Read } from './executable.js';
import { feed, free, type Piece } from './prepare.js';
import { isLowerable } from './quantized.js';

/** How a model is computed: on integer kernels and those of packed weights, on their plain reference (the same bytes, slowly), or in floating point as the file says. */
export const evaluationModes = ['integer', 'simulate', 'float'] as const;
export type EvaluationMode = (typeof evaluationModes)[number];

export interface EvaluateOptions {
  /** Default: 'integer' for a model with quantized values or packed weights, else 'float'. */
  mode?: EvaluationMode;
  /** Samples a run, default 32; a model of a fixed batch size goes by that. */
  batch?: number;
  /** Where the model runs, default 'cpu'. */
  device?: Device;
  /** Called after each run with the samples done and their total. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

export interface Evaluation {
  /** Fraction of samples whose label has the highest output; of equal outputs the first one is the highest. */
  top1: number;
  /** Fraction of samples whose label is among the five highest outputs. */
  top5: number;
  samples: number;
  /** Samples a second of running the model; reading the data is not counted. */
  samplesPerSecond: number;
  mode: EvaluationMode;
}

/**
 * Runs the model on every sample and compares its first output with the labels.
 * @throws LowbitError 'data' where the samples do not fit the model, have no labels, or the model gives NaN; 'option' for a mode that the
 *   model does not have; 'aborted'
 */
export async function evaluate(graph: Graph, dataset: Dataset, options: EvaluateOptions = {}): Promise<Evaluation> {
  checkOptions('evaluate', options, ['mode', 'batch', 'device', 'onProgress', 'signal']);
  const { mode = isLowerable(graph) ? 'integer' : 'float', batch: size = 32, device = 'cpu', onProgress, signal } = options;
  checkDevice('evaluate', device);
  const { description } = dataset;
  if (!dataset.hasLabels) {
    fail({ code: 'data', where: description, problem: 'its samples have no labels', todo: 'Accuracy needs them; see the option labels.' });
  }
  const model = inMode(graph, mode, device);
  const counts = { top1: 0, top5: 0, samples: 0 };
  let seconds = 0;
  try {
    const cut = feed(graph, dataset);
    for await (const batch of dataset.batches(size, signal)) {
      for (const piece of cut(batch)) {
        const start = performance.now();
        const output = await model.run(piece.inputs, signal);
        seconds += (performance.now() - start) / 1000;
        count(counts, output, piece, description);
        free(piece.inputs);
        onProgress?.(counts.samples, dataset.length);
        await setImmediate(); // signals and the terminal get their turn
      }
    }
  } finally {
    model.dispose();
  }
  const { top1, top5, samples } = counts;
  return { top1: top1 / samples, top5: top5 / samples, samples, samplesPerSecond: samples / seconds, mode };
}

function inMode(graph: Graph, mode: EvaluationMode, device: Device): Executable {
  if (!evaluationModes.includes(mode)) {
    fail({ code: 'option', where: 'evaluate', option: 'mode', came: mode, expected: `one of ${evaluationModes.join(', ')}` });
  }
  if (mode === 'float') return compiled(graph, device);
  if (!isLowerable(graph)) {
    const because = `${graph.name} has no quantized values`;
    fail({ code: 'option', where: 'evaluate', option: 'mode', came: mode, expected: 'float', because });
  }
  const { graph: lowered } = lowerInteger(graph);
  if (mode !== 'simulate') return compiled(lowered, device);
  if (device !== 'cpu') {
    fail({ code: 'option', where: 'evaluate', option: 'device', came: device, expected: 'cpu', because: 'the reference runs there' });
  }
  return opByOp(lowered, referenceRows);
}

function count(
  counts: { top1: number; top5: number; samples: number },
  output: Read,
  { inputs, count, labels, first }: Piece,
  where: string,
): void {
  const [rows] = Object.values(inputs).map(({ shape }) => shape[0]);
  if (output.shape.length === 0 || output.shape[0] !== rows) {
    fail({ code: 'data', where, problem: `the model's output is ${shapeText(output.shape)} for ${rows} samples, expected a row for each` });
  }
  const scores = output.numbers;
  const classes = scores.length / rows;
  for (let n = 0; n < count; n++) {
    const row = scores.slice(n * classes, (n + 1) * classes);
    const label = labels![n];
    if (row.some(Number.isNaN)) fail({ code: 'data', where, problem: `the model's output for sample ${first + n} is NaN` });
    if (!(label >= 0 && label < classes)) {
      const problem = `the label of sample ${first + n} is ${label}, but the model has ${classes} outputs a sample`;
      fail({ code: 'data', where, problem });
    }
    const place = placeOf(label, row);
    if (place < 1) counts.top1++;
    if (place < 5) counts.top5++;
    counts.samples++;
  }
}

/** How many classes come before this one: those with a higher score, and those with the same one and a lower number. */
function placeOf(label: number, scores: readonly number[]): number {
  return scores.filter((score, i) => score > scores[label] || (score === scores[label] && i < label)).length;
}
