/** Pooling of images (n, h, w, c). */
import { checkOptions } from '../../error.js';
import { averagePool2d, globalAveragePool, maxPool2d } from '../../ops/pool.js';
import type { Tensor } from '../../tensor.js';
import { Module, written } from '../module.js';
import { type Margins, marginsOf, type Pair, pairOf } from '../sizes.js';

export interface PoolOptions {
  /** Default the kernel: windows side by side. */
  stride?: Pair;
  /** Default 0. */
  padding?: Margins;
  /** Let a last window hang over the end, default false. */
  ceil?: boolean;
}

const common = ['stride', 'padding', 'ceil'];

function windowOf(kernel: Pair, { stride = kernel, padding = 0, ceil = false }: PoolOptions) {
  return { kernel: pairOf(kernel), strides: pairOf(stride), pads: marginsOf(padding), ceil };
}

/** The largest value under each window, per channel; see the op `maxPool2d`. */
export class MaxPool2d extends Module {
  readonly #params;

  constructor(kernel: Pair, options: PoolOptions & { dilation?: Pair } = {}) {
    super(written(kernel, options));
    checkOptions('MaxPool2d', options, [...common, 'dilation']);
    this.#params = { ...windowOf(kernel, options), dilations: pairOf(options.dilation ?? 1) };
  }

  forward(x: Tensor): Tensor {
    return maxPool2d(x, this.#params);
  }
}

/** The mean of each window, per channel; see the op `averagePool2d`. */
export class AveragePool2d extends Module {
  readonly #params;

  /** @param options `countIncludePad`, default true: padding counts as zeros */
  constructor(kernel: Pair, options: PoolOptions & { countIncludePad?: boolean } = {}) {
    super(written(kernel, options));
    checkOptions('AveragePool2d', options, [...common, 'countIncludePad']);
    this.#params = { ...windowOf(kernel, options), countIncludePad: options.countIncludePad ?? true };
  }

  forward(x: Tensor): Tensor {
    return averagePool2d(x, this.#params);
  }
}

/** The mean of each channel: (n, h, w, c) to (n, 1, 1, c). */
export class GlobalAveragePool extends Module {
  forward(x: Tensor): Tensor {
    return globalAveragePool(x);
  }
}
