/** Where the first values of weights come from. */
import { normal, streamOf, uniform } from '../random.js';
import { type Shape, sizeOf } from '../shape.js';
import { Tensor } from '../tensor.js';

/**
 * Random tensors: each takes the next stream of the seed, so modules that are made in the same order from the same seed are equal to
 * the byte, and no two of their tensors share numbers.
 */
export class Random {
  #tensors = 0;

  /** @param seed a whole number from 0 */
  constructor(readonly seed = 0) {}

  /** float32, evenly from [-bound, bound). */
  uniform(shape: Shape, bound: number): Tensor {
    return scaled(uniform(this.seed, this.#next(), sizeOf(shape)), shape, (u) => (2 * u - 1) * bound);
  }
  /** float32, normal with mean 0. */
  normal(shape: Shape, deviation: number): Tensor {
    return scaled(normal(this.seed, this.#next(), sizeOf(shape)), shape, (x) => x * deviation);
  }

  #next(): number {
    return streamOf('weights', this.#tensors++);
  }
}

function scaled(numbers: Float32Array, shape: Shape, f: (x: number) => number): Tensor {
  for (let i = 0; i < numbers.length; i++) numbers[i] = f(numbers[i]);
  return Tensor.from(numbers, shape);
}

/** For layers that are made without a `random` of their own: seed 0, going on from layer to layer. */
export const commonRandom = new Random(0);

/** How many inputs an output of a layer has, and how many outputs an input reaches. */
export interface Fan {
  in: number;
  out: number;
}

/** A rule for the first values of a weight. */
export type Initial = (random: Random, shape: Shape, fan: Fan) => Tensor;

/**
 * Evenly from ±√(6 / ((1 + a²)·fan.in)) with a = √5, which is ±1/√fan.in: PyTorch's default for dense layers and convolutions, after
 * He, Zhang, Ren, Sun, "Delving Deep into Rectifiers", 2015.
 */
export const kaimingUniform: Initial = (random, shape, fan) => random.uniform(shape, 1 / Math.sqrt(fan.in));

/** Normal with deviation √(2 / fan.out), which keeps the size of gradients through ReLU layers (the same paper, equation 14). */
export const kaimingNormal: Initial = (random, shape, fan) => random.normal(shape, Math.sqrt(2 / fan.out));

/** Normal with this deviation; 0.02 is that of BERT (Devlin et al. 2019). */
export const normalInitial =
  (deviation: number): Initial =>
  (random, shape) =>
    random.normal(shape, deviation);

/** What layers with a weight and a bias take. */
export interface WeightOptions {
  /** Default true. */
  bias?: boolean;
  /** The rule for the weight, default `kaimingUniform`; with another one the bias starts at zero instead of evenly from ±1/√fan.in. */
  initial?: Initial;
  /** Where random numbers come from. Without it layers share one of seed 0, in the order in which they are made. */
  random?: Random;
}
