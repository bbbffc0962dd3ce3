/** A run of `fit`: where in its course it is, one step and one epoch at a time. */
import { setImmediate } from 'node:timers/promises';
import { cudaPrecision } from '../cuda.js';
import type { Dataset } from '../data/dataset.js';
import { type TrainingBatch, trainingBatches } from '../data/training.js';
import { fail } from '../error.js';
import { sampleFit } from '../graph/sampleFit.js';
import type { Callback, EpochReport, Means, RunSettings, TrainingRun } from './callback.js';
import { CapturedSteps } from './capturedSteps.js';
import { type Checkpoint, freeCheckpoint, readCheckpoint } from './checkpoint.js';
import { findNonFinite } from './findNonFinite.js';
import type { FitOptions, FitResult } from './fit.js';
import { crossEntropy } from './losses.js';
import { accuracy } from './metrics.js';
import type { RunningOptimizer } from './optim/optimizer.js';
import { sgd } from './optim/sgd.js';
import { constant, type Schedule } from './schedule.js';
import { type LabelledBatch, type StepOptions, type StepResult, startStep } from './step.js';
import type { Trainable } from './trainable.js';
import { validate } from './validate.js';

/** A step that was started and whose numbers have not been read. */
interface Started {
  batch: TrainingBatch;
  /** Updates done before. */
  before: number;
  stepInEpoch: number;
  rate: number;
  read: () => StepResult;
}

export class Run implements TrainingRun {
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  epoch = 0;
  step = 0;
  history: EpochReport[] = [];
  stopped: string | undefined;
  batch: LabelledBatch | undefined;

  readonly #data: Dataset;
  readonly options: RunSettings;
  readonly #options: FitOptions;
  readonly #batchSize: number;
  readonly #seed: number;
  readonly #optimizer: RunningOptimizer;
  readonly #stepOptions: StepOptions;
  readonly #schedule: Schedule;
  readonly #rate: number;
  readonly #callbacks: readonly Callback[];
  /** The numbers of a step are read when the next one has been started. */
  readonly #late: boolean;
  /** Where nobody looks at the model between steps, so that nobody changes what they do either. */
  readonly #captured: CapturedSteps | undefined;
  #started: Started | undefined;
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
    const { optimizer = sgd(), schedule = constant(), callbacks = [], clipNorm, replay = true } = options;
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
    this.options = { batchSize, seed, augment: options.augment, momentum, loss, metrics, signal: options.signal };
    this.#options = options;
    this.#batchSize = batchSize;
    this.#seed = seed;
    this.#schedule = schedule;
    this.#rate = optimizer.options.rate;
    this.#callbacks = callbacks;
    this.#late = model.device !== 'cpu' && callbacks.every(({ onStep, late }) => !onStep || late);
    this.#optimizer = optimizer.start(model.parameters, model.searched);
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
    if (this.#late && replay) this.#captured = new CapturedSteps(this.#stepOptions);
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
      device: this.model.device,
      alive: this.#late ? 2 : 1,
    });
    for await (const batch of batches) {
      if (signal?.aborted) {
        await this.#finishStep();
        fail({ code: 'aborted', what: `training ${this.model.graph.name}` });
      }
      const begun = performance.now();
      await this.#runStep(batch);
      if (this.#stepInEpoch === this.stepsPerEpoch || this.stopped) await this.#finishStep();
      training += performance.now() - begun;
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

  /** The learning rate after so many steps. */
  #rateAt(step: number): number {
    return this.#rate * this.#schedule(step, this.epochs * this.stepsPerEpoch, this.stepsPerEpoch);
  }

  async #runStep(batch: TrainingBatch): Promise<void> {
    const before = this.step;
    const rate = this.#rateAt(before);
    const read = await (this.#captured?.start(batch, before, rate) ?? startStep(this.#stepOptions, batch, before, rate));
    if (this.#late) await this.#finishStep();
    this.#started = { batch, before, stepInEpoch: ++this.#stepInEpoch, rate, read };
    this.step++;
    if (!this.#late) await this.#finishStep();
  }

  /** Reads the numbers of the step that was started last, and tells the callbacks. */
  async #finishStep(): Promise<void> {
    if (!this.#started) return;
    const { batch, before, stepInEpoch, rate } = this.#started;
    const result = this.#result(this.#started);
    this.#started = undefined;
    if (!result) return;
    const { loss, metrics, gradientNorm, samples } = result;
    const training = { loss, ...metrics };
    for (const [name, value] of Object.entries(training)) this.#sums[name] = (this.#sums[name] ?? 0) + value * samples;
    this.#samples += samples;
    const { epoch } = this;
    const step = before + 1;
    this.batch = batch;
    await this.#call('onStep', { epoch, step, stepInEpoch, training, mean: this.#mean(), gradientNorm, rate, samples });
    this.batch = undefined;
  }

  /** What a step has found out; undefined where it was left out. */
  #result({ batch, before, read }: Started): StepResult | undefined {
    const result = read();
    if (result.finite) return result;
    const where = findNonFinite(this.#stepOptions, batch, before);
    const { loss, gradientNorm } = result;
    const report = { epoch: this.epoch, step: before + 1, loss, gradientNorm, where };
    const answers = this.#callbacks.map((callback) => callback.onNonFinite?.(this, report));
    if (answers.includes('skip') && !answers.includes('stop')) return undefined;
    return fail({
      code: 'data',
      where: `step ${report.step} (epoch ${report.epoch})`,
      problem: `the loss is ${loss} and the gradient's length ${gradientNorm}; ${where}`,
      todo: 'This step has changed nothing. Lower the learning rate, clip gradients (clipNorm), or look at the data.',
    });
  }

  #mean(): Means {
    return Object.fromEntries(Object.entries(this.#sums).map(([name, sum]) => [name, sum / this.#samples]));
  }

  async #endEpoch(started: number, samplesPerSecond: number): Promise<void> {
    const { validation, signal } = this.#options;
    const rate = this.#rateAt(this.step - 1);
    this.#captured?.forget();
    await this.#call('onEpochTrained');
    const validated = validation && (await validate(this.#stepOptions, validation, this.#batchSize, signal));
    const seconds = (performance.now() - started) / 1000;
    const report = { epoch: this.epoch, step: this.step, training: this.#mean(), validation: validated, rate, seconds, samplesPerSecond };
    this.history = [...this.history, report];
    await this.#call('onEpochEnd', report);
  }

  /** Calls a hook of all callbacks, then what they want done afterwards. */
  async #call<H extends 'onStart' | 'onEpochStart' | 'onStep' | 'onEpochTrained' | 'onEpochEnd' | 'onEnd'>(
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
    this.#captured?.forget();
    for (const callback of this.#callbacks) callback.onClose?.(this);
    for (const tensor of this.#optimizer.state.values()) tensor.dispose();
  }

  /** What has to be the same when a run goes on; it may be given more epochs. */
  #settings(): Record<string, unknown> {
    const { augment, optimizer = sgd() } = this.#options;
    const { loss, accumulate, clipNorm, momentum } = this.#stepOptions;
    return {
      batchSize: this.#batchSize,
      seed: this.#seed,
      accumulate,
      augment,
      clipNorm,
      momentum,
      precision: this.model.device === 'cpu' ? 'float32' : cudaPrecision(),
      data: { description: this.#data.description, length: this.#data.length },
      loss: { name: loss.name, ...loss.options },
      optimizer: { name: optimizer.name, ...optimizer.options },
      schedule: String(this.#schedule),
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
      // Earlier checkpoints do not speak of the precision.
      checkSettings(path, { precision: 'float32', ...progress.settings }, this.#settings());
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
