/** MobileNets: depthwise convolutions for images, pointwise ones for channels. */
import { add } from '../../ops/elementwise.js';
import type { Tensor } from '../../tensor.js';
import { ReLU6 } from '../layers/activations.js';
import { Sequential } from '../layers/containers.js';
import { Conv2d } from '../layers/conv.js';
import { Dropout } from '../layers/dropout.js';
import { Flatten } from '../layers/flatten.js';
import { Linear } from '../layers/linear.js';
import { BatchNorm2d } from '../layers/norm.js';
import { GlobalAveragePool } from '../layers/pool.js';
import { Module } from '../module.js';
import { kaimingNormal, normalInitial, Random } from '../random.js';
import { checkModel, type ModelOptions, type Stem } from './options.js';

export interface MobileNetOptions extends ModelOptions {
  /** How wide the layers are compared with the published network, default 1. */
  width?: number;
  /** Default 'imagenet', which makes the image 32 times smaller; 'cifar' 16 times (V1) or 8 times (V2). */
  stem?: Stem;
}

interface ConvPlan {
  kernel: number;
  stride?: number;
  groups?: number;
}

/** A convolution without a bias, and batch norm. */
function convNorm(inputs: number, outputs: number, { kernel, stride = 1, groups = 1 }: ConvPlan, random: Random): Module[] {
  const padding = (kernel - 1) / 2;
  const conv = new Conv2d(inputs, outputs, kernel, { stride, padding, groups, bias: false, initial: kaimingNormal, random });
  return [conv, new BatchNorm2d(outputs)];
}

/** A convolution, batch norm and ReLU6. */
const convNormReLU = (inputs: number, outputs: number, plan: ConvPlan, random: Random) =>
  new Sequential(...convNorm(inputs, outputs, plan, random), new ReLU6());

/** Images to features to logits. */
class MobileNet extends Module {
  readonly pool = new GlobalAveragePool();
  readonly flatten = new Flatten();

  constructor(
    readonly features: Module,
    readonly classifier: Module,
  ) {
    super();
  }

  forward(images: Tensor): Tensor {
    return this.classifier.forward(this.flatten.forward(this.pool.forward(this.features.forward(images))));
  }
}

/** Output channels and stride of the blocks of V1 (table 1 of the paper). */
const blocks1: readonly (readonly [number, number])[] = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  ...Array<readonly [number, number]>(5).fill([512, 1]),
  [1024, 2],
  [1024, 1],
];

/**
 * MobileNetV1 for images (n, h, w, 3) (Howard et al. 2017), with ReLU6 as its authors trained it: 4,231,976 parameters with 1000 classes, the
 * default.
 * @returns logits (n, classes)
 */
export function mobilenetV1(options: MobileNetOptions = {}): Module {
  const { classes = 1000, width = 1, stem = 'imagenet', seed } = options;
  checkModel('mobilenetV1', options, ['width', 'stem'], { classes });
  const random = new Random(seed);
  const scaled = (channels: number) => Math.max(8, Math.floor(channels * width));
  let channels = scaled(32);
  const features = [convNormReLU(3, channels, { kernel: 3, stride: stem === 'cifar' ? 1 : 2 }, random)];
  for (const [outputs, stride] of blocks1) {
    features.push(convNormReLU(channels, channels, { kernel: 3, stride, groups: channels }, random));
    features.push(convNormReLU(channels, scaled(outputs), { kernel: 1 }, random));
    channels = scaled(outputs);
  }
  return new MobileNet(new Sequential(...features), new Linear(channels, classes, { random }));
}

/** Wider by a pointwise convolution, filtered by a depthwise one, narrow again without an activation; around it a sum where shapes agree. */
class InvertedResidual extends Module {
  readonly conv: Module;
  readonly #adds: boolean;

  constructor(inputs: number, outputs: number, { stride, expand }: { stride: number; expand: number }, random: Random) {
    super();
    const hidden = inputs * expand;
    this.conv = new Sequential(
      ...(expand === 1 ? [] : [convNormReLU(inputs, hidden, { kernel: 1 }, random)]),
      convNormReLU(hidden, hidden, { kernel: 3, stride, groups: hidden }, random),
      ...convNorm(hidden, outputs, { kernel: 1 }, random),
    );
    this.#adds = stride === 1 && inputs === outputs;
  }

  forward(x: Tensor): Tensor {
    const y = this.conv.forward(x);
    return this.#adds ? add(x, y) : y;
  }
}

/** Expansion, output channels, count and stride of the first of V2's blocks (table 2 of the paper). */
const blocks2 = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
];

/** The nearest multiple of 8 that is not more than a tenth smaller, as the authors' code rounds widths. */
function multipleOf8(channels: number): number {
  const rounded = Math.max(8, Math.floor((channels + 4) / 8) * 8);
  return rounded < 0.9 * channels ? rounded + 8 : rounded;
}

/**
 * MobileNetV2 for images (n, h, w, 3) (Sandler et al. 2018): 3,504,872 parameters with 1000 classes, the default; `features` named as in torchvision.
 * @returns logits (n, classes)
 */
export function mobilenetV2(options: MobileNetOptions = {}): Module {
  const { classes = 1000, width = 1, stem = 'imagenet', seed } = options;
  checkModel('mobilenetV2', options, ['width', 'stem'], { classes });
  const random = new Random(seed);
  const small = stem === 'cifar';
  let channels = multipleOf8(32 * width);
  const features: Module[] = [convNormReLU(3, channels, { kernel: 3, stride: small ? 1 : 2 }, random)];
  for (const [stage, [expand, outputs, count, first]] of blocks2.entries()) {
    for (let i = 0; i < count; i++) {
      const stride = i > 0 || (small && stage === 1) ? 1 : first;
      const next = multipleOf8(outputs * width);
      features.push(new InvertedResidual(channels, next, { stride, expand }, random));
      channels = next;
    }
  }
  const last = multipleOf8(1280 * Math.max(1, width));
  features.push(convNormReLU(channels, last, { kernel: 1 }, random));
  const classifier = new Sequential(new Dropout(0.2), new Linear(last, classes, { initial: normalInitial(0.01), random }));
  return new MobileNet(new Sequential(...features), classifier);
}
