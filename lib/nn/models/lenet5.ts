import { relu } from '../../ops/elementwise.js';
import { maxPool2d } from '../../ops/pool.js';
import type { Tensor } from '../../tensor.js';
import { Conv2d } from '../layers/conv.js';
import { Flatten } from '../layers/flatten.js';
import { Linear } from '../layers/linear.js';
import { Module } from '../module.js';
import { Random } from '../random.js';
import { checkModel, type ModelOptions } from './options.js';

export interface LeNet5Options extends ModelOptions {
  /** Channels of the images, default 1. */
  channels?: number;
}

class LeNet5 extends Module {
  readonly conv1: Conv2d;
  readonly conv2: Conv2d;
  readonly flatten = new Flatten();
  readonly fc1: Linear;
  readonly fc2: Linear;
  readonly fc3: Linear;

  constructor(channels: number, classes: number, random: Random) {
    super();
    this.conv1 = new Conv2d(channels, 6, 5, { padding: 2, random });
    this.conv2 = new Conv2d(6, 16, 5, { random });
    this.fc1 = new Linear(400, 120, { random });
    this.fc2 = new Linear(120, 84, { random });
    this.fc3 = new Linear(84, classes, { random });
  }

  forward(images: Tensor): Tensor {
    const half = { kernel: [2, 2], strides: [2, 2] };
    const first = maxPool2d(relu(this.conv1.forward(images)), half);
    const second = maxPool2d(relu(this.conv2.forward(first)), half);
    const hidden = relu(this.fc1.forward(this.flatten.forward(second)));
    return this.fc3.forward(relu(this.fc2.forward(hidden)));
  }
}

/**
 * LeNet-5 for images (n, 28, 28, channels) (LeCun, Bottou, Bengio, Haffner, 1998) in today's form: ReLU and max pooling where the original
 * has tanh and subsampling, all channels connected. 61,706 parameters with 10 classes, the default.
 * @returns logits (n, classes)
 */
export function lenet5(options: LeNet5Options = {}): Module {
  const { channels = 1, classes = 10, seed } = options;
  checkModel('lenet5', options, ['channels'], { channels, classes });
  return new LeNet5(channels, classes, new Random(seed));
}
