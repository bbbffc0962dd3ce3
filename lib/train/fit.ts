/** The training loop. */
import { type CudaPrecision, checkDevice, checkPrecision, withPrecision } from '../cuda.js';
import type { Augmentation } from '../data/augment.js';
import type { Dataset } from '../data/dataset.js';
import { checkOptions } from '../error.js';
import type { Device } from '../shape.js';
import type { Callback, EpochReport } from './callback.js';
import type { Loss } from './losses.js';
import type { Metric } from './metrics.js';
import type { Optimizer } from './optim/optimizer.js';
import { Run } from './run.js';
import type { Schedule } from './schedule.js';
import { type Model, type Trainable, trainableOf } from './trainable.js';

export interface FitOptions {
  epochs: number;
  /** Samples a step, default 128. A rest at the end of an epoch that is smaller is left out. */
  batchSize?: number;
  /** Cut each batch into this many parts whose gradients add up, where memory is short. Default 1. */
  accumulate?: number;
  /** Default: cross entropy. */
  loss?: Loss;
  /** Default: `sgd()`. */
  optimizer?: Optimizer;
  /** Factor of the learning rate by step, default constant. */
  schedule?: Schedule;
  /** Default: accuracy. */
  metrics?: readonly Metric[];
  /** Changes to the training samples. */
  augment?: Augmentation;
  /** Samples to validate with after each epoch. */
  validation?: Dataset;
  /** Gradients longer than this, all parameters together, are shortened to it. */
  clipNorm?: number;
  /** How fast running statistics follow the batches, default 0.1. */
  momentum?: number;
  /** Where the model learns, default where it lies. Afterwards it lies where it did. */
  device?: Device;
  /**
   * What factors of products are rounded to on a graphics card, see `cudaPrecision`: 'bf16' is mixed precision, in which parameters, what the
   * optimizer keeps, sums and all that lies between stay float32. Default: as `cudaPrecision` is set, at first float32.
   */
  precision?: CudaPrecision;
  /**
   * On a graphics card, whether the ops of a step are written down once an epoch and run again as one CUDA graph; default true. Set it to
   * false for a loss or a metric that computes something else from step to step.
   */
  replay?: boolean;
  /** Decides the order of the samples, augmentation and dropout; default 0. */
  seed?: number;
  callbacks?: readonly Callback[];
  /** A checkpoint to go on from: its folder, or a folder of them. */
  resume?: string;
  /** Stops after the step that is under way; callbacks get their `onEnd` (checkpoints write one), then `fit` throws 'aborted'. */
  signal?: AbortSignal;
}

const known = [
  ...['epochs', 'batchSize', 'accumulate', 'loss', 'optimizer', 'schedule', 'metrics', 'augment', 'validation'],
  ...['clipNorm', 'momentum', 'device', 'precision', 'replay', 'seed', 'callbacks', 'resume', 'signal'],
] as const;

export interface FitResult {
  /** The model, trained in place. */
  model: Trainable;
  history: readonly EpochReport[];
  steps: number;
  /** Why the run ended before its last epoch. */
  stopped?: string;
}

/**
 * Trains a model on labelled samples. Everything computed is a function of model, data, options and version: the same bytes come out for any
 * number of threads, and whether or not the run was interrupted and resumed.
 * @param model a module, which is trained in place, a graph, of which a copy is trained, or a `Trainable`
 * @throws LowbitError 'option' or 'unknownOption' for mistakes in the options, or where a run at the same time has another precision, 'data'
 *   where samples do not fit the model, or a loss that is not finite where no `nanGuard` skips it, 'cuda' where there is no graphics card
 *   that can be used, 'unsupported' where it lacks kernels, 'aborted'
 */
export async function fit(model: Model, data: Dataset, options: FitOptions): Promise<FitResult> {
  checkOptions('fit', options, known);
  if (options.device !== undefined) checkDevice('fit', options.device);
  const trainable = trainableOf(model, data);
  const home = trainable.device;
  const { device = home, precision, resume } = options;
  checkPrecision('fit', precision, device);
  const learn = async () => {
    try {
      return await course(new Run(trainable.to(device), data, options), resume);
    } finally {
      trainable.to(home);
    }
  };
  return device === 'cpu' ? learn() : withPrecision('fit', precision, learn);
}

async function course(run: Run, resume: string | undefined): Promise<FitResult> {
  await run.start(resume);
  try {
    while (!run.stopped && (run.epoch < run.epochs || run.unfinished)) await run.runEpoch();
    return await run.end();
  } catch (error) {
    await run.abandon((error as { code?: string }).code === 'aborted');
    throw error;
  }
}
