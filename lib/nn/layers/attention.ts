import { checkOptions } from '../../error.js';
import { Check } from '../../op.js';
import { add, mul } from '../../ops/elementwise.js';
import { matmul } from '../../ops/gemm.js';
import { reshape, transpose } from '../../ops/layout.js';
import { softmax } from '../../ops/norm.js';
import { Tensor } from '../../tensor.js';
import { constant, Module, written } from '../module.js';
import type { WeightOptions } from '../random.js';
import { checkSizes } from '../sizes.js';
import { Linear } from './linear.js';

/**
 * Self-attention of several heads, softmax(q·kᵀ/√d + mask)·v with q, k and v projections of x to heads of d = width/heads numbers
 * (Vaswani et al., "Attention is all you need", 2017).
 */
export class MultiHeadAttention extends Module {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly output: Linear;
  /** 1/√d. */
  readonly scale: Tensor;
  readonly #width: number;
  readonly #heads: number;

  /** @param options for the four dense layers */
  constructor(width: number, heads: number, options: WeightOptions = {}) {
    super(written(width, { heads, ...options }));
    checkOptions('MultiHeadAttention', options, ['bias', 'initial', 'random']);
    checkSizes('MultiHeadAttention', { width, heads });
    new Check('MultiHeadAttention').param(width % heads === 0, 'heads', heads, `a divisor of the width, ${width}`);
    this.query = new Linear(width, width, options);
    this.key = new Linear(width, width, options);
    this.value = new Linear(width, width, options);
    this.output = new Linear(width, width, options);
    this.scale = constant(Tensor.scalar(1 / Math.sqrt(width / heads)));
    this.#width = width;
    this.#heads = heads;
  }

  /**
   * @param x (n, length, width)
   * @param mask added to the scores (n, heads, length, length), to which it broadcasts: 0 where a position may look, very negative where not
   */
  forward(x: Tensor, mask?: Tensor): Tensor {
    const query = mul(this.#split(this.query.forward(x), [0, 2, 1, 3]), this.scale);
    const scores = matmul(query, this.#split(this.key.forward(x), [0, 2, 3, 1]));
    const weights = softmax(mask ? add(scores, mask) : scores);
    const seen = matmul(weights, this.#split(this.value.forward(x), [0, 2, 1, 3]));
    return this.output.forward(reshape(transpose(seen, { perm: [0, 2, 1, 3] }), { shape: [0, 0, this.#width] }));
  }

  /** (n, length, width) as (n, length, heads, d), transposed. */
  #split(x: Tensor, perm: readonly number[]): Tensor {
    return transpose(reshape(x, { shape: [0, 0, this.#heads, this.#width / this.#heads] }), { perm });
  }
}
