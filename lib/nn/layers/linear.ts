import { checkOptions } from '../../error.js';
import { gemm } from '../../ops/gemm.js';
import type { Tensor } from '../../tensor.js';
import { Module, written } from '../module.js';
import type { WeightOptions } from '../random.js';
import { checkSizes } from '../sizes.js';
import { weightAndBias } from '../tensors.js';

/** A dense layer, y = x·weightᵀ + bias: (..., inputs) to (..., outputs). */
export class Linear extends Module {
  /** (outputs, inputs). */
  readonly weight: Tensor;
  /** (outputs). */
  readonly bias: Tensor;

  constructor(inputs: number, outputs: number, options: WeightOptions = {}) {
    super(written(inputs, outputs, options));
    checkOptions('Linear', options, ['bias', 'initial', 'random']);
    checkSizes('Linear', { inputs, outputs });
    const { weight, bias } = weightAndBias([outputs, inputs], { in: inputs, out: outputs }, options);
    this.weight = weight;
    this.bias = bias;
  }

  forward(x: Tensor): Tensor {
    return gemm(x, this.weight, this.bias);
  }
}
