/** The training loop. */
import { setImmediate } from 'node:timers/promises';
import type { Augmentation } from '../data/augment.js';
import type { Dataset } from '../data/dataset.js';
import { type TrainingBatch, trainingBatches } from '../data/training.js';
import { checkOptions, fail } from '../error.js';
import { sampleFit } from '../graph/sampleFit.js';
import type { Callback, EpochReport, Means, TrainingRun } from './callback.js';
import { type Checkpoint, freeCheckpoint, readCheckpoint } from './checkpoint.js';
import { findNonFinite } from './findNonFinite.js';
import { crossEntropy, type Loss } from './losses.js';
import { accuracy, type Metric } from './metrics.js';
import type { Optimizer, RunningOptimizer } from './optim/optimizer.js';
import { sgd } from './optim/sgd.js';
import { constant, type Schedule } from './schedule.js';
import { type StepOptions, type StepResult, trainingStep } from './step.js';
import { type Model, type Trainable, trainableOf } from './trainable.js';
import { validate } from './validate.js';

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
  ...['clipNorm', 'momentum', 'seed', 'callbacks', 'resume', 'signal'],
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
 * @throws LowbitError 'option' or 'unknownOption' for mistakes in the options, 'data' where samples do not fit the model, or a loss that is
 *   not finite where no `nanGuard` skips it, 'aborted'
 */
export async function fit(model: Model, data: Dataset, options: FitOptions): Promise<FitResult> {
  checkOptions('fit', options, known);
  const run = new Run(trainableOf(model, data), data, options);
  await run.start(options.resume);
  try {
    while (!run.stopped && (run.epoch < run.epochs || run.unfinished)) await run.runEpoch();
    return await run.end();
  } catch (error) {
    await run.abandon((error as { code?: string }).code === 'aborted');
    throw error;
  }
}

class Run implements TrainingRun {
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  epoch = 0;
  step = 0;
  history: EpochReport[] = [];
  stopped: string | undefined;

  readonly #data: Dataset;
  readonly #options: FitOptions;
  readonly #batchSize: number;
  readonly #seed: number;
  readonly #optimizer: RunningOptimizer;
  readonly #stepOptions: StepOptions;
  readonly #schedule: Schedule;
  readonly #rate: number;
  readonly #callbacks: readonly Callback[];
  #stepInEpoch = 0;
  #sums: Record<string, number> = {};
  #samples = 0;
  #tasks: (() => void | Promise<void>)[] = [];

  constructor(
    readonly model: Trainable,
    data: Dataset,
    options: FitOptions,
  ) {
    const { batchSize = 128, seed = 0, accumulate = 1, momentum = 0.1, metrics = [accuracy], loss = crossEntropy() } = options;
    const { optimizer = sgd(), schedule = constant(), callbacks = [], clipNorm } = options;
    checkNumbers(options);
    if (!data.hasLabels) fail({ code: 'data', where: data.description, problem: 'its samples have no labels, which training needs' });
    this.epochs = options.epochs;
    this.stepsPerEpoch = Math.floor(data.length / batchSize);
    if (!this.stepsPerEpoch) {
      fail({ code: 'option', where: 'fit', option: 'batchSize', came: batchSize, expected: `at most the ${data.length} samples` });
    }
    const names = callbacks.map(({ name }) => name);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice) fail({ code: 'option', where: 'fit', option: 'callbacks', came: twice, expected: 'each callback once' });
    this.#data = data;
    this.#options = options;
    this.#batchSize = batchSize;
    this.#seed = seed;
    this.#schedule = schedule;
    this.#rate = optimizer.options.rate;
    this.#callbacks = callbacks;
    this.#optimizer = optimizer.start(model.parameters);
    this.#stepOptions = {
      model,
      loss,
      metrics,
      optimizer: this.#optimizer,
      clipNorm,
      momentum,
      seed,
      accumulate,
      enter: sampleFit(model.graph, data),
    };
  }

  /** An epoch has begun and is not done. */
  get unfinished(): boolean {
    return this.epoch > 0 && this.history.at(-1)?.epoch !== this.epoch;
  }

  async start(resume: string | undefined): Promise<void> {
    if (resume !== undefined) this.#restore(resume);
    await this.#call('onStart');
  }

  stop(reason: string): void {
    this.stopped ??= reason;
  }

  afterwards(task: () => void | Promise<void>): void {
    this.#tasks.push(task);
  }

  async runEpoch(): Promise<void> {
    const resumed = this.unfinished;
    if (!resumed) this.#beginEpoch();
    const started = performance.now();
    const before = this.#samples;
    let training = 0;
    if (!resumed) await this.#call('onEpochStart');
    const { augment, signal } = this.#options;
    const batches = trainingBatches(this.#data, {
      batchSize: this.#batchSize,
      seed: this.#seed,
      epoch: this.epoch,
      from: this.#stepInEpoch,
      augment,
    });
    for await (const batch of batches) {
      const begun = performance.now();
      await this.#runStep(batch);
      training += performance.now() - begun;
      if (signal?.aborted) fail({ code: 'aborted', what: `training ${this.model.graph.name}` });
      if (this.stopped) return;
      await setImmediate(); // signals and the terminal get their turn
    }
    const samples = this.#samples - before;
    await this.#endEpoch(started, samples ? samples / (training / 1000) : 0);
  }

  #beginEpoch(): void {
    this.epoch++;
    this.#stepInEpoch = 0;
    this.#sums = {};
    this.#samples = 0;
  }

  get #nextRate(): number {
    return this.#rate * this.#schedule(this.step, this.epochs * this.stepsPerEpoch, this.stepsPerEpoch);
  }

  async #runStep(batch: TrainingBatch): Promise<void> {
    const rate = this.#nextRate;
    const result = await this.#learn(batch, rate);
    this.step++;
    this.#stepInEpoch++;
    if (result) {
      const training = { loss: result.loss, ...result.metrics };
      for (const [name, value] of Object.entries(training)) this.#sums[name] = (this.#sums[name] ?? 0) + value * result.samples;
      this.#samples += result.samples;
      await this.#call('onStep', {
        epoch: this.epoch,
        step: this.step,
        stepInEpoch: this.#stepInEpoch,
        training,
        mean: this.#mean(),
        gradientNorm: result.gradientNorm,
        rate,
        samples: result.samples,
      });
    }
  }

  /** Learns from a batch; undefined where the step was left out. */
  async #learn(batch: TrainingBatch, rate: number): Promise<StepResult | undefined> {
    const result = await trainingStep(this.#stepOptions, batch, this.step, rate);
    if (result.finite) return result;
    const where = findNonFinite(this.#stepOptions, batch, this.step);
    const { loss, gradientNorm } = result;
    const report = { epoch: this.epoch, step: this.step + 1, loss, gradientNorm, where };
    const answers = this.#callbacks.map((callback) => callback.onNonFinite?.(this, report));
    if (answers.includes('skip') && !answers.includes('stop')) return undefined;
    return fail({
      code: 'data',
      where: `step ${report.step} (epoch ${report.epoch})`,
      problem: `the loss is ${loss} and the gradient's length ${gradientNorm}; ${where}`,
      todo: 'The model is as it was before this step. Lower the learning rate, clip gradients (clipNorm), or look at the data.',
    });
  }

  #mean(): Means {
    return Object.fromEntries(Object.entries(this.#sums).map(([name, sum]) => [name, sum / this.#samples]));
  }

  async #endEpoch(started: number, samplesPerSecond: number): Promise<void> {
    const { validation, signal } = this.#options;
    const rate = this.#rate * this.#schedule(this.step - 1, this.epochs * this.stepsPerEpoch, this.stepsPerEpoch);
    const validated = validation && (await validate(this.#stepOptions, validation, this.#batchSize, signal));
    const seconds = (performance.now() - started) / 1000;
    const report = { epoch: this.epoch, step: this.step, training: this.#mean(), validation: validated, rate, seconds, samplesPerSecond };
    this.history = [...this.history, report];
    await this.#call('onEpochEnd', report);
  }

  /** Calls a hook of all callbacks, then what they want done afterwards. */
  async #call<H extends 'onStart' | 'onEpochStart' | 'onStep' | 'onEpochEnd' | 'onEnd'>(
    hook: H,
    ...args: H extends 'onStep' ? [Parameters<NonNullable<Callback['onStep']>>[1]] : H extends 'onEpochEnd' ? [EpochReport] : []
  ): Promise<void> {
    for (const callback of this.#callbacks) {
      await (callback[hook] as ((run: TrainingRun, ...rest: unknown[]) => void | Promise<void>) | undefined)?.call(callback, this, ...args);
    }
    const tasks = this.#tasks;
    this.#tasks = [];
    for (const task of tasks) await task();
  }

  async end(): Promise<FitResult> {
    await this.#call('onEnd');
    this.#close();
    const { model, history, step: steps, stopped } = this;
    return { model, history, steps, stopped };
  }

  /** The run ends with an error. Where it was aborted between two steps, callbacks may still save it. */
  async abandon(aborted: boolean): Promise<void> {
    try {
      if (aborted) await this.#call('onEnd');
    } finally {
      this.#close();
    }
  }

  #close(): void {
    for (const callback of this.#callbacks) callback.onClose?.(this);
    for (const tensor of this.#optimizer.state.values()) tensor.dispose();
  }

  /** What has to be the same when a run goes on. */
  #settings(): Record<string, unknown> {
    const { augment } = this.#options;
    const { loss, accumulate, clipNorm, momentum } = this.#stepOptions;
    const data = { description: this.#data.description, length: this.#data.length };
    return {
      batchSize: this.#batchSize,
      seed: this.#seed,
      accumulate,
      augment,
      clipNorm,
      momentum,
      data,
      loss: { name: loss.name, ...loss.options },
    };
  }

  capture(): Checkpoint {
    const tensors = this.#callbacks.flatMap((callback) =>
      [...(callback.tensors?.() ?? [])].map(([name, tensor]) => [`${callback.name}/${name}`, tensor] as const),
    );
    return {
      model: this.model.state(),
      optimizer: this.#optimizer.state,
      callbacks: new Map(tensors),
      progress: {
        settings: this.#settings(),
        step: this.step,
        epoch: this.epoch,
        stepInEpoch: this.#stepInEpoch,
        sums: this.#sums,
        samples: this.#samples,
        history: this.history,
        callbacks: Object.fromEntries(this.#callbacks.flatMap((callback) => (callback.state ? [[callback.name, callback.state()]] : []))),
      },
    };
  }

  #restore(path: string): void {
    const saved = readCheckpoint(path);
    try {
      const { progress } = saved;
      checkSettings(path, progress.settings, this.#settings());
      const optimizer = this.#optimizer.state;
      const names = [...optimizer.keys()].filter((name) => saved.optimizer.get(name)?.size !== optimizer.get(name)!.size);
      if (names.length || saved.optimizer.size !== optimizer.size) {
        fail({ code: 'data', where: path, problem: 'it was written with another optimizer or other parameters' });
      }
      this.model.load(saved.model, path);
      for (const [name, tensor] of optimizer) tensor.write(saved.optimizer.get(name)!.data());
      this.step = progress.step;
      this.epoch = progress.epoch;
      this.#stepInEpoch = progress.stepInEpoch;
      this.#sums = progress.sums;
      this.#samples = progress.samples;
      this.history = progress.history;
      for (const callback of this.#callbacks) {
        if (!(callback.name in progress.callbacks)) continue;
        const mine = [...saved.callbacks].filter(([name]) => name.startsWith(`${callback.name}/`));
        const tensors = mine.map(([name, tensor]) => [name.slice(callback.name.length + 1), tensor] as const);
        callback.restore?.(progress.callbacks[callback.name], new Map(tensors));
      }
    } finally {
      freeCheckpoint(saved);
    }
  }
}

function checkSettings(path: string, saved: Record<string, unknown>, now: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(now)) {
    if (JSON.stringify(value) === JSON.stringify(saved[name])) continue;
    const because = `the run in ${path} began with that`;
    fail({ code: 'option', where: 'fit', option: name, came: settingText(value), expected: String(settingText(saved[name])), because });
  }
}

/** Groups as "description: digits:100, length: 100"; what is a number stays one. */
function settingText(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value ?? 'none';
  const fields = Object.entries(value).map(([name, field]) => `${name}: ${typeof field === 'object' ? JSON.stringify(field) : field}`);
  return fields.join(', ') || 'none';
}

function checkNumbers({ epochs, batchSize = 1, accumulate = 1, clipNorm = 1, momentum = 0.1, seed = 0 }: FitOptions): void {
  const check = (ok: boolean, option: string, came: unknown, expected: string) => {
    if (!ok) fail({ code: 'option', where: 'fit', option, came, expected });
  };
  check(Number.isSafeInteger(epochs) && epochs >= 1, 'epochs', epochs, 'a whole number from 1');
  check(Number.isSafeInteger(batchSize) && batchSize >= 1, 'batchSize', batchSize, 'a whole number from 1');
  check(Number.isSafeInteger(accumulate) && accumulate >= 1, 'accumulate', accumulate, 'a whole number from 1');
  check(batchSize % accumulate === 0, 'accumulate', accumulate, 'a divisor of the batch size');
  check(clipNorm > 0, 'clipNorm', clipNorm, 'a number above 0');
  check(momentum >= 0 && momentum <= 1, 'momentum', momentum, 'a number from 0 to 1');
  check(Number.isSafeInteger(seed) && seed >= 0, 'seed', seed, 'a whole number from 0');
}
