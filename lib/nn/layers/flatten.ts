import { reshape } from '../../ops/layout.js';
import type { Tensor } from '../../tensor.js';
import { Module } from '../module.js';

/** Each sample as a vector, (n, ...) to (n, size); an image in the order (h, w, c). */
export class Flatten extends Module {
  forward(x: Tensor): Tensor {
    return reshape(x, { shape: [0, -1] });
  }
}
