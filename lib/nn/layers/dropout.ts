import { Check } from '../../op.js';
import { dropout } from '../../ops/dropout.js';
import type { Tensor } from '../../tensor.js';
import { Module, written } from '../module.js';

/** Nothing when a model is used; in training each element is 0 with probability `rate` and the others grow by 1 / (1 − rate). */
export class Dropout extends Module {
  readonly #rate: number;

  constructor(rate = 0.5) {
    super(written(rate));
    new Check('Dropout').param(rate >= 0 && rate < 1, 'rate', rate, 'a number from 0, below 1');
    this.#rate = rate;
  }

  forward(x: Tensor): Tensor {
    return this.#rate ? dropout(x, { rate: this.#rate }) : x;
  }
}
