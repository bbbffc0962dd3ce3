/** One step of training, as ops that run off the thread. */
import { noGrad, valueAndGradients } from '../autograd.js';
import { offThread } from '../calls.js';
import { fail } from '../error.js';
import type { SampleFit } from '../graph/sampleFit.js';
import { add, mul } from '../ops/elementwise.js';
import { assign, sumSquares, updateControl } from '../ops/optimizer.js';
import type { Device } from '../shape.js';
import { scope, Tensor } from '../tensor.js';
import type { Loss } from './losses.js';
import type { Metric } from './metrics.js';
import type { RunningOptimizer } from './optim/optimizer.js';
import { type Part, partsOf } from './parts.js';
import { type BatchStatistics, followStatistics, runForm } from './statistics.js';
import type { Trainable } from './trainable.js';

export interface StepOptions {
  model: Trainable;
  loss: Loss;
  metrics: readonly Metric[];
  optimizer: RunningOptimizer;
  /** Gradients longer than this, all parameters together, are shortened to it. Default: none are. */
  clipNorm?: number;
  /** How fast running statistics follow the batches: average += momentum·(batch − average). */
  momentum: number;
  seed: number;
  /** How many parts a batch is cut into. */
  accumulate: number;
  /** How samples enter the graph. */
  enter: SampleFit;
}

/** Samples (n, ...) and their labels, int32 (n). */
export interface LabelledBatch {
  data: Tensor;
  labels: Tensor;
}

/** What a step found out. */
export interface StepResult {
  /** Mean over the samples. */
  loss: number;
  /** Length of the gradient of all parameters, before clipping. */
  gradientNorm: number;
  /** Means over the samples, by metric. */
  metrics: Record<string, number>;
  samples: number;
  /** Whether loss and gradients were finite. If not, nothing was changed: neither parameters, nor optimizer, nor running statistics. */
  finite: boolean;
}

/**
 * Gradients of all parts, their mean, one update; then the running statistics. The event loop stays free meanwhile.
 * @param step updates done before
 * @param rate the learning rate
 */
export async function trainingStep(options: StepOptions, batch: LabelledBatch, step: number, rate: number): Promise<StepResult> {
  const read = await startStep(options, batch, step, rate);
  return read();
}

/**
 * A step whose result is asked for later, once: on a graphics card the next step may be started before.
 * @returns waits for the result of this step, and not for what was started since
 */
export async function startStep(options: StepOptions, batch: LabelledBatch, step: number, rate: number): Promise<() => StepResult> {
  const made = await offThread(() => scope(() => submit(options, batch, tensorsOf(stepNumbers(options, step, rate), batch.data.device))));
  return resultOf(options, made, batch.labels.shape[0], step);
}

/** What a step is told beside its samples: all that differs from step to step, in arrays that are as long in each of them. */
export interface StepNumbers {
  /** The learning rate, and the number of the step from 1. */
  schedule: Float64Array;
  /** By part, what dropout draws from: seed and number of the draw. Empty where nothing is drawn. */
  draws: readonly Uint32Array[];
}

/** Those numbers, on the device of the samples. */
export interface StepTensors {
  schedule: Tensor;
  draws: readonly Tensor[];
}

/**
 * @param step updates done before
 * @throws LowbitError 'option' for a learning rate that is no finite number
 */
export function stepNumbers({ model, seed, accumulate }: StepOptions, step: number, rate: number): StepNumbers {
  if (!Number.isFinite(rate)) {
    fail({ code: 'option', where: `step ${step + 1}`, option: 'the learning rate', came: rate, expected: 'a finite number' });
  }
  const draws = model.form.random ? Array.from({ length: accumulate }, (_, i) => drawOf(seed, step * accumulate + i)) : [];
  return { schedule: Float64Array.of(rate, step + 1), draws };
}

export const tensorsOf = ({ schedule, draws }: StepNumbers, device: Device): StepTensors => ({
  schedule: Tensor.from(schedule, undefined, undefined, device),
  draws: draws.map((draw) => Tensor.from(draw, undefined, undefined, device)),
});

/** Asks for the numbers that `submit` has left, and frees them. */
export function resultOf({ model, metrics }: StepOptions, made: Made, samples: number, step: number): () => StepResult {
  const later = Object.entries(made).map(([name, tensor]) => [name, tensor.later()] as const);
  for (const tensor of Object.values(made)) tensor.dispose();
  return () => {
    const numbers = Object.fromEntries(later.map(([name, read]) => [name, read()[0]]));
    const gradientNorm = Math.sqrt(numbers.norm2);
    const finite = Number.isFinite(numbers.loss) && Number.isFinite(gradientNorm);
    if (step === 0 && !(gradientNorm > 0) && finite) {
      fail({
        code: 'graph',
        problem: `no parameter of ${model.graph.name} has an influence on the loss`,
        todo: 'See parameters and freeze.',
      });
    }
    const means = metrics.map(({ name }) => [name, numbers[`metric ${name}`] / samples]);
    return { loss: numbers.loss, gradientNorm, metrics: Object.fromEntries(means), samples, finite };
  };
}

/** Numbers by name: the loss, the squared length of the gradient, the metrics. */
export type Made = Record<string, Tensor>;

/** The ops of a step. Where its tensors are of the same types, they are the same ones in every step. */
export function submit(options: StepOptions, batch: LabelledBatch, { schedule, draws }: StepTensors): Made {
  const { optimizer, metrics, accumulate, clipNorm = Infinity } = options;
  const parts = partsOf(batch, accumulate, options.enter);
  const passes: Pass[] = [];
  let gradients = new Map<Tensor, Tensor>();
  for (const [i, part] of parts.entries()) {
    const pass = differentiate(options, part, draws[i], 1 / accumulate);
    gradients = added(gradients, pass.gradients);
    passes.push(pass);
  }
  const total = (tensors: readonly Tensor[]) => tensors.reduce((sum, tensor) => add(sum, tensor));
  const loss = total(passes.map((pass) => pass.loss));
  const norm2 = sumSquares([...gradients.values()]).to(loss.device); // there may be none to say where
  const controls = new Map<number, Tensor>();
  const control = (factor: number): Tensor => {
    const known = controls.get(factor) ?? updateControl(norm2, loss, schedule, { factor, maxNorm: clipNorm });
    controls.set(factor, known);
    return known;
  };
  optimizer.update(gradients, control);
  for (const pass of passes) follow(options, pass, control(1));
  return {
    loss,
    norm2,
    ...Object.fromEntries(metrics.map(({ name }, i) => [`metric ${name}`, total(passes.map((pass) => pass.sums[i]))])),
  };
}

/** One part, forwards and backwards. */
interface Pass {
  loss: Tensor;
  /** By metric. */
  sums: Tensor[];
  /** Of each batch normalization. */
  statistics: BatchStatistics[];
  /** The ranges of activations with this part in them. */
  ranges: Tensor[];
  gradients: Map<Tensor, Tensor>;
}

function differentiate({ model, loss, metrics }: StepOptions, part: Part, draw: Tensor, weight: number): Pass {
  const inputs = lossInputs(model, part, draw);
  const { value, gradients } = valueAndGradients(() => {
    const { outputs, statistics } = runForm(model, inputs, { tape: [] });
    const first = outputs[model.graph.outputs[0].name];
    const mean = loss(first, part.labels, outputs, part.inputs);
    return {
      loss: weight === 1 ? mean : mul(mean, Tensor.scalar(weight, mean.dtype, mean.device)),
      sums: noGrad(() => metrics.map((metric) => metric.sum(first, part.labels))),
      statistics,
      ranges: model.form.ranges.map(({ output }) => outputs[output]),
    };
  }, model.leaves);
  return { ...value, gradients };
}

/** What dropout draws from: (seed low, seed high, number of the draw). */
export const drawOf = (seed: number, number: number): Uint32Array => Uint32Array.of(seed, Math.floor(seed / 2 ** 32), number);

/** What the training graph takes: the samples, and what dropout draws from. */
export function lossInputs({ form: { random } }: Trainable, { inputs, labels }: Part, draw: Tensor | Uint32Array): Record<string, Tensor> {
  if (!random) return inputs;
  return { ...inputs, [random]: draw instanceof Tensor ? draw : Tensor.from(draw, undefined, undefined, labels.device) };
}

/** The sums of both, by parameter. */
function added(a: Map<Tensor, Tensor>, b: Map<Tensor, Tensor>): Map<Tensor, Tensor> {
  const sums = new Map(a);
  for (const [parameter, gradient] of b) {
    const before = a.get(parameter);
    sums.set(parameter, before ? add(before, gradient) : gradient);
    before?.dispose();
  }
  return sums;
}

/** Running statistics and ranges follow those of the batch. */
function follow({ model, momentum }: StepOptions, pass: Pass, control: Tensor): void {
  followStatistics(model, pass.statistics, control, momentum);
  for (const [i, { range }] of model.form.ranges.entries()) assign(range, pass.ranges[i], control);
}
