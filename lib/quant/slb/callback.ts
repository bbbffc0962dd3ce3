/** What drives a search through its epochs. */
import type { Dataset } from '../../data/dataset.js';
import { sampleFit } from '../../graph/sampleFit.js';
import { slbExpectation } from '../../ops/slb.js';
import { scope, type Tensor } from '../../tensor.js';
import { calibrateBatchNorm, followBatch } from '../../train/calibrateBatchNorm.js';
import type { Callback, Means, TrainingRun } from '../../train/callback.js';
import { partsOf } from '../../train/parts.js';
import { drawOf, lossInputs } from '../../train/step.js';
import type { Trainable } from '../../train/trainable.js';
import { validate } from '../../train/validate.js';
import type { SlbSettings } from './options.js';
import { rampOf, type Stage, stageOf } from './schedule.js';
import { type LayerState, Watch } from './watch.js';

/** An epoch of a search. */
export interface SlbEpoch extends Stage {
  epoch: number;
  /** Validation with the expected weights and their own statistics; the run's own validation is with the decided ones. */
  soft?: Means;
  layers: LayerState[];
}

export interface SlbCallbackOptions {
  /** Samples to see what the expected weights are worth after each epoch; default none. */
  validation?: Dataset;
  /** Sees each epoch when it is done. */
  onEpoch?: (epoch: SlbEpoch) => void;
}

type Statistics = Map<Tensor, Float32Array>;

/**
 * Sets temperature and mode at the start of an epoch; when its steps are done, looks at the layers, validates the expected weights and
 * gives the normalizations the statistics of the decided ones, with which the network is validated, saved and converted.
 */
export class SlbCallback implements Callback {
  readonly name = 'slb';
  readonly #history: SlbEpoch[] = [];
  readonly #watch = new Watch();
  #soft: Means | undefined;
  #layers: LayerState[] = [];
  /** With `stateBatchNorm`: statistics of the expected weights while the tensors hold those of the decided ones. */
  #expected: Statistics | undefined;

  constructor(
    readonly settings: SlbSettings,
    readonly model: Trainable,
    readonly data: Dataset,
    readonly options: SlbCallbackOptions,
  ) {}

  /** Epochs done. */
  get history(): readonly SlbEpoch[] {
    return this.#history;
  }

  onStart({ epoch }: TrainingRun): void {
    this.#enter(Math.max(epoch, 1));
  }

  onEpochStart({ epoch }: TrainingRun): void {
    this.#enter(epoch);
  }

  #enter(epoch: number): void {
    const { temperature, mode } = stageOf(this.settings, epoch + this.settings.trainedEpochs);
    for (const search of this.model.searched) {
      if (search.temperature !== temperature || search.mode !== mode) search.set(temperature, mode);
    }
  }

  get late(): boolean {
    return !this.settings.stateBatchNorm;
  }

  async onStep(run: TrainingRun): Promise<void> {
    if (!this.settings.stateBatchNorm || !run.batch) return;
    // The tensors hold the statistics of the expected weights; those of the decided ones are beside them.
    const { model } = this;
    const [part] = partsOf(run.batch, 1, sampleFit(model.graph, this.data));
    const inputs = lossInputs(model, part, drawOf(run.options.seed, run.step));
    this.#swap();
    await this.#decided(() => scope(() => followBatch(model, inputs, run.options.momentum)));
    this.#swap();
  }

  async onEpochTrained({ epoch, options: { batchSize, seed, augment, signal, loss, metrics } }: TrainingRun): Promise<void> {
    const { settings, model, data } = this;
    const { validation } = this.options;
    this.#layers = model.searched.map((search) => this.#watch.look(search));
    const stage = stageOf(settings, epoch + settings.trainedEpochs);
    this.#soft =
      stage.mode === 'soft' && validation
        ? await this.#expectedly(stage.temperature, () => validate({ model, loss, metrics }, validation, batchSize, signal))
        : undefined;
    if (settings.stateBatchNorm) this.#swap();
    const { bnCalibration } = settings;
    if (bnCalibration === false || settings.stateBatchNorm || epoch + settings.trainedEpochs <= rampOf(settings).start) return;
    const batches = bnCalibration === 'full' ? undefined : bnCalibration;
    await this.#decided(() => calibrateBatchNorm(model, data, { batches, batchSize, seed, epoch, augment, signal }));
  }

  onEpochEnd({ epoch, epochs }: TrainingRun): void {
    const stage = stageOf(this.settings, epoch + this.settings.trainedEpochs);
    const done: SlbEpoch = { epoch, ...stage, ...(this.#soft && { soft: this.#soft }), layers: this.#layers };
    this.#history.push(done);
    if (this.settings.stateBatchNorm && epoch < epochs) this.#swap();
    this.options.onEpoch?.(done);
  }

  onClose(): void {
    this.#watch.free();
  }

  state(): unknown {
    const expected = this.#expected && [...this.#expected.values()].map((numbers) => [...numbers]);
    return { history: this.#history, expected };
  }

  tensors(): ReadonlyMap<string, Tensor> {
    return this.#watch.codes;
  }

  restore(state: unknown, tensors: ReadonlyMap<string, Tensor>): void {
    const { history, expected } = state as { history: SlbEpoch[]; expected?: number[][] };
    this.#history.splice(0, Infinity, ...history);
    this.#watch.restore(tensors);
    if (expected) this.#expected = new Map(this.#statistics().map((tensor, i) => [tensor, Float32Array.from(expected[i])]));
  }

  #statistics(): Tensor[] {
    return this.model.form.statistics.flatMap(({ mean, variance }) => [mean, variance]);
  }

  /** Exchanges the statistics in the tensors for the other ones; at first these are the same. */
  #swap(): void {
    const other = this.#expected;
    this.#expected = new Map(this.#statistics().map((tensor) => [tensor, (tensor.data() as Float32Array).slice()]));
    if (other) for (const [tensor, numbers] of other) tensor.write(numbers);
  }

  /** Does something while the network runs on decided weights. */
  async #decided(body: () => void | Promise<void>): Promise<void> {
    const soft = this.model.searched.filter(({ mode }) => mode === 'soft');
    for (const search of soft) search.set(search.temperature, 'hard');
    try {
      await body();
    } finally {
      for (const search of soft) search.set(search.temperature, 'soft');
    }
  }

  /** Does something while the network as it is used runs on expected weights. */
  async #expectedly<T>(temperature: number, body: () => Promise<T>): Promise<T> {
    const nodes = this.model.graph.nodes.filter(({ op }) => op === slbExpectation);
    const before = nodes.map(({ params }) => params);
    for (const node of nodes) node.params = { ...node.params, temperature, mode: 'soft' };
    try {
      return await body();
    } finally {
      for (const [i, node] of nodes.entries()) node.params = before[i];
    }
  }
}
