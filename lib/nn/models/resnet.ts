/**
 * Residual networks: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", 2015. Convolutions start by `kaimingNormal`
 * and the last layer by the default of `Linear`, as in torchvision.
 */
import { add, relu } from '../../ops/elementwise.js';
import { pad, slice } from '../../ops/layout.js';
import { maxPool2d } from '../../ops/pool.js';
import type { Tensor } from '../../tensor.js';
import { Sequential } from '../layers/containers.js';
import { Conv2d } from '../layers/conv.js';
import { Flatten } from '../layers/flatten.js';
import { Linear } from '../layers/linear.js';
import { BatchNorm2d } from '../layers/norm.js';
import { GlobalAveragePool } from '../layers/pool.js';
import { Module, written } from '../module.js';
import { kaimingNormal, Random } from '../random.js';
import { checkModel, type ModelOptions, type Stem } from './options.js';

/**
 * What goes around a block that changes the shape. 'project', the paper's option B: a convolution of 1 × 1 and batch norm. 'pad',
 * its option A: every second pixel, and zeros for the channels that are new, half of them in front, half behind.
 */
export type Shortcut = 'project' | 'pad';

interface BlockOptions {
  stride: number;
  shortcut: Shortcut;
  random: Random;
}

interface BlockClass {
  new (inputs: number, width: number, options: BlockOptions): Module;
  /** Output channels for each of its width. */
  readonly expansion: number;
}

/** A convolution as all of them are here: no bias, since batch norm follows, and margins that keep the size at stride 1. */
const conv = (inputs: number, outputs: number, kernel: number, stride: number, random: Random) =>
  new Conv2d(inputs, outputs, kernel, { stride, padding: (kernel - 1) / 2, bias: false, initial: kaimingNormal, random });

/** The shortcut of option A. */
class PadChannels extends Module {
  readonly #pads: readonly number[];
  readonly #stride: number;

  constructor(more: number, stride: number) {
    super(written({ more, stride }));
    const before = Math.floor(more / 2);
    this.#pads = [0, 0, 0, before, 0, 0, 0, more - before];
    this.#stride = stride;
  }

  forward(x: Tensor): Tensor {
    const [start, end, step] = [0, Number.POSITIVE_INFINITY, this.#stride].map((n) => [n, n]);
    return pad(slice(x, { starts: start, ends: end, axes: [1, 2], steps: step }), { pads: this.#pads });
  }
}

function shortcutOf(inputs: number, outputs: number, { stride, shortcut, random }: BlockOptions): Module | undefined {
  if (stride === 1 && inputs === outputs) return undefined;
  if (shortcut === 'pad') return new PadChannels(outputs - inputs, stride);
  return new Sequential(conv(inputs, outputs, 1, stride, random), new BatchNorm2d(outputs));
}

/** Two convolutions of 3 × 3. */
class BasicBlock extends Module {
  static readonly expansion = 1;
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly downsample?: Module;

  constructor(inputs: number, width: number, options: BlockOptions) {
    super();
    const { stride, random } = options;
    this.conv1 = conv(inputs, width, 3, stride, random);
    this.bn1 = new BatchNorm2d(width);
    this.conv2 = conv(width, width, 3, 1, random);
    this.bn2 = new BatchNorm2d(width);
    this.downsample = shortcutOf(inputs, width, options);
  }

  forward(x: Tensor): Tensor {
    const inner = relu(this.bn1.forward(this.conv1.forward(x)));
    const body = this.bn2.forward(this.conv2.forward(inner));
    return relu(add(body, this.downsample?.forward(x) ?? x));
  }
}

/** Convolutions of 1 × 1 to fewer channels, 3 × 3, and 1 × 1 back; the stride is that of the middle one, as in torchvision. */
class Bottleneck extends Module {
  static readonly expansion = 4;
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly conv3: Conv2d;
  readonly bn3: BatchNorm2d;
  readonly downsample?: Module;

  constructor(inputs: number, width: number, options: BlockOptions) {
    super();
    const { stride, random } = options;
    const outputs = width * Bottleneck.expansion;
    this.conv1 = conv(inputs, width, 1, 1, random);
    this.bn1 = new BatchNorm2d(width);
    this.conv2 = conv(width, width, 3, stride, random);
    this.bn2 = new BatchNorm2d(width);
    this.conv3 = conv(width, outputs, 1, 1, random);
    this.bn3 = new BatchNorm2d(outputs);
    this.downsample = shortcutOf(inputs, outputs, options);
  }

  forward(x: Tensor): Tensor {
    const narrow = relu(this.bn1.forward(this.conv1.forward(x)));
    const inner = relu(this.bn2.forward(this.conv2.forward(narrow)));
    const body = this.bn3.forward(this.conv3.forward(inner));
    return relu(add(body, this.downsample?.forward(x) ?? x));
  }
}

interface ResNetPlan {
  stem: Stem;
  block: BlockClass;
  /** Blocks of each stage; every stage but the first halves the image and doubles the width. */
  blocks: readonly number[];
  /** Channels behind the stem. */
  width: number;
  shortcut: Shortcut;
  classes: number;
}

class ResNet extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly layer1: Module;
  readonly layer2: Module;
  readonly layer3: Module;
  readonly layer4?: Module;
  readonly pool = new GlobalAveragePool();
  readonly flatten = new Flatten();
  readonly fc: Linear;
  readonly #stem: Stem;

  constructor({ stem, block, blocks, width, shortcut, classes }: ResNetPlan, random: Random) {
    super();
    this.#stem = stem;
    this.conv1 = stem === 'imagenet' ? conv(3, width, 7, 2, random) : conv(3, width, 3, 1, random);
    this.bn1 = new BatchNorm2d(width);
    let channels = width;
    const stages = blocks.map((count, stage) => {
      const inner = width * 2 ** stage;
      const layers = Array.from({ length: count }, (_, i) => {
        const inputs = channels;
        channels = inner * block.expansion;
        return new block(inputs, inner, { stride: stage > 0 && i === 0 ? 2 : 1, shortcut, random });
      });
      return new Sequential(...layers);
    });
    [this.layer1, this.layer2, this.layer3, this.layer4] = stages;
    this.fc = new Linear(channels, classes, { random });
  }

  forward(images: Tensor): Tensor {
    const first = relu(this.bn1.forward(this.conv1.forward(images)));
    const stem = this.#stem === 'imagenet' ? maxPool2d(first, { kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }) : first;
    const stages = [this.layer1, this.layer2, this.layer3, this.layer4];
    const features = stages.reduce((x, stage) => stage?.forward(x) ?? x, stem);
    return this.fc.forward(this.flatten.forward(this.pool.forward(features)));
  }
}

export interface CifarResNetOptions extends ModelOptions {
  /** Default 'pad', as the paper has it for CIFAR-10. */
  shortcut?: Shortcut;
}

/** 6n + 2 layers in three stages of 16, 32 and 64 channels (section 4.2 of the paper). */
function cifarResNet(name: string, n: number, options: CifarResNetOptions): Module {
  const { classes = 10, shortcut = 'pad', seed } = options;
  checkModel(name, options, ['shortcut'], { classes });
  return new ResNet({ stem: 'cifar', block: BasicBlock, blocks: [n, n, n], width: 16, shortcut, classes }, new Random(seed));
}

/**
 * The smallest ResNet for images (n, 32, 32, 3): 75,290 parameters, 78,042 with `shortcut: 'project'`. (MLPerf Tiny's ResNet-8 is that one
 * with biases in its convolutions and no batch norm in its shortcuts.)
 * @returns logits (n, classes), 10 by default
 */
export const resnet8 = (options: CifarResNetOptions = {}) => cifarResNet('resnet8', 1, options);
/** ResNet-20 for images (n, 32, 32, 3): 269,722 parameters, 272,474 with `shortcut: 'project'`. Logits (n, classes), 10 by default. */
export const resnet20 = (options: CifarResNetOptions = {}) => cifarResNet('resnet20', 3, options);
/** ResNet-32 for images (n, 32, 32, 3): 464,154 parameters, 466,906 with `shortcut: 'project'`. Logits (n, classes), 10 by default. */
export const resnet32 = (options: CifarResNetOptions = {}) => cifarResNet('resnet32', 5, options);
/** ResNet-56 for images (n, 32, 32, 3): 853,018 parameters, 855,770 with `shortcut: 'project'`. Logits (n, classes), 10 by default. */
export const resnet56 = (options: CifarResNetOptions = {}) => cifarResNet('resnet56', 9, options);

export interface ResNetOptions extends ModelOptions {
  /** Default 'imagenet': 7 × 7 with stride 2, then max pooling. 'cifar': 3 × 3 with stride 1. */
  stem?: Stem;
}

function largeResNet(name: string, block: BlockClass, blocks: readonly number[], options: ResNetOptions): Module {
  const { classes = 1000, stem = 'imagenet', seed } = options;
  checkModel(name, options, ['stem'], { classes });
  return new ResNet({ stem, block, blocks, width: 64, shortcut: 'project', classes }, new Random(seed));
}

/** ResNet-18 for images (n, h, w, 3): 11,689,512 parameters, names as in torchvision. Logits (n, classes), 1000 by default. */
export const resnet18 = (options: ResNetOptions = {}) => largeResNet('resnet18', BasicBlock, [2, 2, 2, 2], options);
/** ResNet-50 for images (n, h, w, 3): 25,557,032 parameters, names as in torchvision. Logits (n, classes), 1000 by default. */
export const resnet50 = (options: ResNetOptions = {}) => largeResNet('resnet50', Bottleneck, [3, 4, 6, 3], options);
