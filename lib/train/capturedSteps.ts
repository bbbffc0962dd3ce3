/** Steps of training that were written down once and are run again: on a graphics card a step is its copies and one CUDA graph. */
import { noteCalls } from '../calls.js';
import { Replay } from '../session/replay.js';
import type { Shape } from '../shape.js';
import { scope, type Tensor } from '../tensor.js';
import {
  type LabelledBatch,
  resultOf,
  type StepNumbers,
  type StepOptions,
  type StepResult,
  startStep,
  stepNumbers,
  submit,
  tensorsOf,
} from './step.js';

// The first step makes copies of constants for the card, which cannot be noted; of a loss that looks at its numbers no step can.
const mostAttempts = 2;

/**
 * Does what `startStep` does. What a step is may differ from one `forget` to the next: between them its ops are those of the step that was
 * written down, and batches of another shape are started op by op.
 */
export class CapturedSteps {
  #replay: Replay | undefined;
  #names: string[] = [];
  #shape: Shape = [];
  #attempts = 0;

  constructor(readonly options: StepOptions) {}

  async start(batch: LabelledBatch, step: number, rate: number): Promise<() => StepResult> {
    const numbers = stepNumbers(this.options, step, rate);
    if (!this.#replay && this.#attempts < mostAttempts) this.#write(batch, numbers);
    if (!this.#replay || batch.data.shape.join() !== this.#shape.join()) return startStep(this.options, batch, step, rate);
    const made = await this.#replay.run([batch.data, batch.labels, numbers.schedule, ...numbers.draws]);
    const named = Object.fromEntries(made.map((tensor, i) => [this.#names[i], tensor]));
    return resultOf(this.options, named, batch.labels.shape[0], step);
  }

  /** The next step is written down anew. */
  forget(): void {
    this.#replay?.dispose();
    this.#replay = undefined;
    this.#attempts = 0;
  }

  #write(batch: LabelledBatch, numbers: StepNumbers): void {
    this.#attempts++;
    const { schedule, draws } = tensorsOf(numbers, batch.data.device);
    const noted = noteCalls(() => scope(() => submit(this.options, batch, { schedule, draws })));
    const outputs = Object.values<Tensor>(noted?.result ?? {});
    try {
      if (!noted) return;
      this.#names = Object.keys(noted.result);
      this.#shape = batch.data.shape;
      this.#replay = new Replay(noted.calls, [batch.data, batch.labels, schedule, ...draws], outputs);
    } finally {
      noted?.release();
      for (const tensor of [schedule, ...draws, ...outputs]) tensor.dispose();
    }
  }
}
