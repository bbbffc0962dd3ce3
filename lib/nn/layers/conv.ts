/** Convolutions. Weights are (out, kh, kw, in/groups), as in the ops. */
import { checkOptions } from '../../error.js';
import { Check } from '../../op.js';
import { conv2d, convTranspose2d } from '../../ops/conv.js';
import { reshape } from '../../ops/layout.js';
import type { Tensor } from '../../tensor.js';
import { Module, written } from '../module.js';
import type { Fan, WeightOptions } from '../random.js';
import { checkSizes, type Margins, marginsOf, type Padding, type Pair, pairOf, sameMargins } from '../sizes.js';
import { weightAndBias } from '../tensors.js';

const common = ['stride', 'padding', 'dilation', 'groups', 'bias', 'initial', 'random'];

interface Window {
  strides: readonly number[];
  pads: readonly number[];
  dilations: readonly number[];
  groups: number;
}

/** What all of them have: a weight, a bias and a window. */
abstract class Convolution extends Module {
  /** (out, kh, kw, in/groups). */
  readonly weight: Tensor;
  /** (out). */
  readonly bias: Tensor;
  protected readonly window: Window;

  protected constructor(text: string, inputs: number, outputs: number, kernel: readonly number[], window: Window, options: WeightOptions) {
    super(text);
    const layer = new.target.name;
    const { groups } = window;
    checkSizes(layer, { inputs, outputs, kernel, groups });
    new Check(layer).param(inputs % groups === 0 && outputs % groups === 0, 'groups', groups, `a divisor of ${inputs} and ${outputs}`);
    const taps = kernel[0] * kernel[1];
    const { weight, bias } = weightAndBias([outputs, ...kernel, inputs / groups], this.fan(taps, inputs, outputs, groups), options);
    this.weight = weight;
    this.bias = bias;
    this.window = window;
  }

  // As PyTorch counts, which does not divide the outputs by the groups.
  protected fan(taps: number, inputs: number, outputs: number, groups: number): Fan {
    return { in: (taps * inputs) / groups, out: taps * outputs };
  }
}

export interface Conv2dOptions extends WeightOptions {
  /** Default 1. */
  stride?: Pair;
  /** Default 0. */
  padding?: Padding;
  /** Default 1. */
  dilation?: Pair;
  /** Input and output channels are split into so many groups that do not mix, default 1. */
  groups?: number;
}

function pads(layer: string, padding: Padding, kernel: readonly number[], strides: readonly number[], dilations: readonly number[]) {
  if (padding !== 'same') return marginsOf(padding);
  new Check(layer).param(!strides.some((n) => n !== 1), 'padding', padding, 'numbers', `stride is [${strides}]`);
  return sameMargins(kernel, dilations);
}

/** A convolution of images: (n, h, w, inputs) to (n, oh, ow, outputs); see the op `conv2d`. */
export class Conv2d extends Convolution {
  constructor(inputs: number, outputs: number, kernel: Pair, options: Conv2dOptions = {}) {
    checkOptions('Conv2d', options, common);
    const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
    const [size, strides, dilations] = [kernel, stride, dilation].map(pairOf);
    const window = { strides, pads: pads('Conv2d', padding, size, strides, dilations), dilations, groups };
    super(written(inputs, outputs, { kernel, ...options }), inputs, outputs, size, window, options);
  }

  forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this.bias, this.window);
  }
}

export interface Conv1dOptions extends WeightOptions {
  /** Default 1. */
  stride?: number;
  /** Zeros at both ends, [first, last], or 'same'; default 0. */
  padding?: number | readonly [number, number] | 'same';
  /** Default 1. */
  dilation?: number;
  /** Input and output channels are split into so many groups that do not mix, default 1. */
  groups?: number;
}

/**
 * A convolution of sequences: (n, length, inputs) to (n, out length, outputs). It is that of images of height 1, and so is its weight:
 * (outputs, 1, kernel, inputs/groups).
 */
export class Conv1d extends Convolution {
  constructor(inputs: number, outputs: number, kernel: number, options: Conv1dOptions = {}) {
    checkOptions('Conv1d', options, common);
    const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
    const [size, strides, dilations] = [kernel, stride, dilation].map((n) => [1, n]);
    const [first, last] = padding === 'same' ? [] : pairOf(padding);
    const margins = padding === 'same' ? padding : ([0, first, 0, last] as [number, number, number, number]);
    const window = { strides, pads: pads('Conv1d', margins, size, strides, dilations), dilations, groups };
    super(written(inputs, outputs, { kernel, ...options }), inputs, outputs, size, window, options);
  }

  forward(x: Tensor): Tensor {
    const inputs = this.weight.shape[3] * this.window.groups;
    const y = conv2d(reshape(x, { shape: [0, 1, -1, inputs] }), this.weight, this.bias, this.window);
    return reshape(y, { shape: [0, -1, this.weight.shape[0]] });
  }
}

export interface ConvTranspose2dOptions extends WeightOptions {
  /** How far apart the windows of neighbouring pixels are, default 1. */
  stride?: Pair;
  /** How much of the output's border is cut off, default 0. */
  padding?: Margins;
  /** Default 1. */
  dilation?: Pair;
  /** Input and output channels are split into so many groups that do not mix, default 1. */
  groups?: number;
  /** Rows and columns more at the end of the output, default 0. */
  outputPadding?: Pair;
}

/** The convolution run backwards, for images that grow: (n, h, w, inputs) to (n, oh, ow, outputs); see the op `convTranspose2d`. */
export class ConvTranspose2d extends Convolution {
  declare protected readonly window: Window & { outputPads: readonly number[] };

  constructor(inputs: number, outputs: number, kernel: Pair, options: ConvTranspose2dOptions = {}) {
    checkOptions('ConvTranspose2d', options, [...common, 'outputPadding']);
    const { stride = 1, padding = 0, dilation = 1, groups = 1, outputPadding = 0 } = options;
    const [size, strides, dilations, outputPads] = [kernel, stride, dilation, outputPadding].map(pairOf);
    const window = { strides, pads: marginsOf(padding), dilations, groups, outputPads };
    super(written(inputs, outputs, { kernel, ...options }), inputs, outputs, size, window, options);
  }

  forward(x: Tensor): Tensor {
    return convTranspose2d(x, this.weight, this.bias, this.window);
  }

  // PyTorch's weight is (in, out/groups, kh, kw) here, and its fans are those of that shape.
  protected override fan(taps: number, inputs: number, outputs: number, groups: number): Fan {
    return { in: (taps * outputs) / groups, out: taps * inputs };
  }
}
