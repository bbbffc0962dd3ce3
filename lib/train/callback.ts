/** What happens beside the learning: callbacks see a run and may stop it. */
import type { Augmentation } from '../data/augment.js';
import type { Tensor } from '../tensor.js';
import type { Checkpoint } from './checkpoint.js';
import type { Loss } from './losses.js';
import type { Metric } from './metrics.js';
import type { LabelledBatch } from './step.js';
import type { Trainable } from './trainable.js';

/** Means over samples, by name: "loss" and the metrics. */
export type Means = Readonly<Record<string, number>>;

/** One step, when it is done. */
export interface StepReport {
  epoch: number;
  /** Steps of the whole run, this one included. */
  step: number;
  stepInEpoch: number;
  /** Of this step. */
  training: Means;
  /** Of the epoch so far. */
  mean: Means;
  gradientNorm: number;
  /** The learning rate. */
  rate: number;
  samples: number;
}

/** One epoch, when it is done. */
export interface EpochReport {
  epoch: number;
  /** Steps of the whole run so far. */
  step: number;
  training: Means;
  validation?: Means;
  /** The learning rate of the last step. */
  rate: number;
  /** Time since the epoch began or was resumed, validation included. */
  seconds: number;
  /** Training samples a second, without validation. */
  samplesPerSecond: number;
}

/** A step that gave an infinite or undefined loss or gradient. The model is as it was before. */
export interface NonFinite {
  epoch: number;
  step: number;
  loss: number;
  gradientNorm: number;
  /** Where the first such number is: a value of the network, or the gradient of a parameter. */
  where: string;
}

/** Options of a run that others may need to do as it does. */
export interface RunSettings {
  batchSize: number;
  seed: number;
  augment?: Augmentation;
  /** How fast running statistics follow the batches. */
  momentum: number;
  loss: Loss;
  metrics: readonly Metric[];
  signal?: AbortSignal;
}

/** What callbacks know of the run they belong to. Epochs and steps are counted from 1; 0 is before the first. */
export interface TrainingRun {
  readonly model: Trainable;
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  readonly stepsPerEpoch: number;
  /** What the run was asked for, defaults filled in. */
  readonly options: RunSettings;
  /** Epochs done, those before a resumption included. */
  readonly history: readonly EpochReport[];
  /** The samples of the step that was just done, in `onStep`. */
  readonly batch?: LabelledBatch;
  /** Why the run ends early, once something has stopped it. */
  readonly stopped?: string;
  /** Ends the run after this step, epochs are not finished. */
  stop(reason: string): void;
  /** The state of the run, callbacks included; its tensors are the live ones. */
  capture(): Checkpoint;
  /** Does something when all callbacks have had their turn: what captures the run sees all of them up to date. */
  afterwards(task: () => void | Promise<void>): void;
}

export interface Callback {
  /** Unique among the callbacks of a run: its state in a checkpoint is found by it. */
  readonly name: string;
  onStart?(run: TrainingRun): void | Promise<void>;
  onEpochStart?(run: TrainingRun): void | Promise<void>;
  onStep?(run: TrainingRun, report: StepReport): void | Promise<void>;
  /**
   * `onStep` looks at the report and not at the model: on a graphics card it may be called when the next step is under way, so that the card
   * need not wait for the host. Where a callback has an `onStep` without this, no run does so.
   */
  readonly late?: boolean;
  /** All steps of an epoch are done; validation comes next. */
  onEpochTrained?(run: TrainingRun): void | Promise<void>;
  onEpochEnd?(run: TrainingRun, report: EpochReport): void | Promise<void>;
  /** Whether to go on without this step; a run without such a callback fails. */
  onNonFinite?(run: TrainingRun, report: NonFinite): 'skip' | 'stop';
  /** The run has ended: by itself, or because it was stopped or aborted. After an error it is not called. */
  onEnd?(run: TrainingRun): void | Promise<void>;
  /** After that, when everything is written, and after an error. */
  onClose?(run: TrainingRun): void;
  /** What has to survive a resumption: JSON, and tensors that stay the callback's. */
  state?(): unknown;
  tensors?(): ReadonlyMap<string, Tensor>;
  restore?(state: unknown, tensors: ReadonlyMap<string, Tensor>): void;
}

/** A number of an epoch by its name: "loss", "accuracy", "validation loss", "validation accuracy". */
export function numberOf({ training, validation }: EpochReport, name: string): number | undefined {
  return name.startsWith('validation ') ? validation?.[name.slice('validation '.length)] : training[name];
}
