import { ReLU } from '../layers/activations.js';
import { Sequential } from '../layers/containers.js';
import { Conv2d } from '../layers/conv.js';
import { Flatten } from '../layers/flatten.js';
import { Linear } from '../layers/linear.js';
import { BatchNorm2d } from '../layers/norm.js';
import { MaxPool2d } from '../layers/pool.js';
import type { Module } from '../module.js';
import { kaimingNormal, Random } from '../random.js';
import { checkModel, type ModelOptions } from './options.js';

/** Output channels of the convolutions; half the image after each pair. */
const pairs = [
  [128, 128],
  [256, 256],
  [512, 512],
];

/**
 * VGG-Small for images (n, 32, 32, 3), on which binary and few-bit networks are compared (Zhang et al., "LQ-Nets", 2018; the network of
 * Courbariaux et al. 2016 with one dense layer): six convolutions of 3 × 3 with batch norm. 4,660,106 parameters with 10 classes, the default.
 * @returns logits (n, classes)
 */
export function vggSmall(options: ModelOptions = {}): Module {
  const { classes = 10, seed } = options;
  checkModel('vggSmall', options, [], { classes });
  const random = new Random(seed);
  const features = pairs.flat().flatMap((outputs, i, all) => {
    const conv = new Conv2d(all[i - 1] ?? 3, outputs, 3, { padding: 1, bias: false, initial: kaimingNormal, random });
    const layers = [conv, new BatchNorm2d(outputs), new ReLU()];
    return i % 2 ? [...layers, new MaxPool2d(2)] : layers;
  });
  return new Sequential(...features, new Flatten(), new Linear(512 * 4 * 4, classes, { random }));
}
