/** A weight that is searched for among a few values: its logits are the parameter, the network runs on what they give. */
import { noGrad } from '../autograd.js';
import { type SlbMode, slbExpectation } from '../ops/slb.js';
import type { Shape } from '../shape.js';
import { keep, Tensor } from '../tensor.js';

export class SearchedWeight {
  /** What the training form of the network reads; optimizers write it together with the logits. */
  readonly weight: Tensor;
  #temperature = 1;
  #mode: SlbMode = 'soft';

  /**
   * @param name of the logits among the parameters
   * @param logits the parameter, see lib/ops/slb.ts
   * @param values what the weight may be
   * @param shape of the weight
   */
  constructor(
    readonly name: string,
    readonly logits: Tensor,
    readonly values: Tensor,
    readonly shape: Shape,
  ) {
    this.weight = keep(Tensor.uninitialized('float32', shape, logits.device));
    this.refresh();
  }

  get temperature(): number {
    return this.#temperature;
  }

  get mode(): SlbMode {
    return this.#mode;
  }

  /** Whether the logits learn: they do not once the weight is decided and gradients are exact. */
  get learns(): boolean {
    return this.#mode !== 'hard';
  }

  /** The network runs on the weight as it is at this temperature from now on. */
  set(temperature: number, mode: SlbMode): void {
    this.#temperature = temperature;
    this.#mode = mode;
    this.refresh();
  }

  /** The weight of the logits: after these were changed by something else than an optimizer. */
  refresh(): void {
    const { shape, temperature, mode } = this;
    const now = noGrad(() => slbExpectation(this.logits, this.values.at(this.logits.device), { shape, temperature, mode }));
    this.weight.write(now);
    now.dispose();
  }
}
