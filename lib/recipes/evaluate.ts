/** Accuracy of a classifier on labelled samples. */
import { setImmediate } from 'node:timers/promises';
import { checkDevice } from '../cuda.js';
import type { Dataset } from '../data/dataset.js';
import { checkOptions, fail } from '../error.js';
import type { Graph } from '../graph/graph.js';
import { referenceRows } from '../graph/run.js';
import { lowerInteger } from '../passes/lowerInteger.js';
import type { Device } from '../shape.js';
import { Answers } from './answers.js';
import { compiled, type Executable, opByOp } from './executable.js';
import { feed, free } from './prepare.js';
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
  const [{ name }] = graph.outputs;
  const answers = new Answers(description);
  let seconds = 0;
  try {
    const cut = feed(graph, dataset);
    for await (const batch of dataset.batches(size, signal)) {
      for (const piece of cut(batch)) {
        const start = performance.now();
        const outputs = await model.run(piece.inputs, signal);
        seconds += (performance.now() - start) / 1000;
        answers.add(outputs[name], piece);
        free(piece.inputs);
        onProgress?.(answers.samples, dataset.length);
        await setImmediate(); // signals and the terminal get their turn
      }
    }
  } finally {
    model.dispose();
  }
  const { samples } = answers;
  return { ...answers.shares(), samples, samplesPerSecond: samples / seconds, mode };
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
