/** Normalizations. */
import { checkOptions } from '../../error.js';
import { batchNorm } from '../../ops/batchNorm.js';
import { layerNorm } from '../../ops/norm.js';
import type { Tensor } from '../../tensor.js';
import { buffer, Module, parameter, written } from '../module.js';
import { checkSizes } from '../sizes.js';
import { filled } from '../tensors.js';

export interface BatchNormOptions {
  /** Added to the variance, default 1e-5. */
  epsilon?: number;
}

/**
 * Every channel (the last dimension) normalized by its running mean and variance, then scaled and shifted (Ioffe, Szegedy 2015); see the
 * op `batchNorm`. In training the statistics are those of the batch, and the running ones follow them with the momentum of the run (`fit`).
 */
abstract class BatchNorm extends Module {
  /** The scale of each channel, from 1. */
  readonly weight: Tensor;
  /** The shift of each channel, from 0. */
  readonly bias: Tensor;
  readonly runningMean: Tensor;
  readonly runningVariance: Tensor;
  readonly epsilon: number;

  constructor(channels: number, options: BatchNormOptions = {}) {
    super(written(channels, options));
    checkOptions(new.target.name, options, ['epsilon']);
    checkSizes(new.target.name, { channels });
    this.epsilon = options.epsilon ?? 1e-5;
    this.weight = parameter(filled([channels], 1));
    this.bias = parameter(filled([channels], 0));
    this.runningMean = buffer(filled([channels], 0));
    this.runningVariance = buffer(filled([channels], 1));
  }

  forward(x: Tensor): Tensor {
    return batchNorm(x, this.weight, this.bias, this.runningMean, this.runningVariance, { epsilon: this.epsilon });
  }
}

/** Batch norm of vectors (n, channels) or sequences (n, length, channels). */
export class BatchNorm1d extends BatchNorm {}
/** Batch norm of images (n, h, w, channels). */
export class BatchNorm2d extends BatchNorm {}

export interface LayerNormOptions {
  /** Added to the variance, default 1e-5. */
  epsilon?: number;
}

/** Every sample's last dimensions normalized by their own mean and variance, then scaled and shifted (Ba et al. 2016); see `layerNorm`. */
export class LayerNorm extends Module {
  /** The shape of what is normalized, from 1. */
  readonly weight: Tensor;
  /** The same shape, from 0. */
  readonly bias: Tensor;
  readonly epsilon: number;

  /** @param shape the last dimension, or several */
  constructor(shape: number | readonly number[], options: LayerNormOptions = {}) {
    super(written(shape, options));
    checkOptions('LayerNorm', options, ['epsilon']);
    checkSizes('LayerNorm', { shape });
    this.epsilon = options.epsilon ?? 1e-5;
    const dims = [shape].flat();
    this.weight = parameter(filled(dims, 1));
    this.bias = parameter(filled(dims, 0));
  }

  forward(x: Tensor): Tensor {
    return layerNorm(x, this.weight, this.bias, { axis: -this.weight.shape.length, epsilon: this.epsilon });
  }
}
