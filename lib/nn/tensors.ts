/** Tensors that layers are made of. */
import { type Shape, sizeOf } from '../shape.js';
import { Tensor } from '../tensor.js';
import { constant, parameter } from './module.js';
import { commonRandom, type Fan, kaimingUniform, type WeightOptions } from './random.js';

/** One value in every place, float32. */
export const filled = (shape: Shape, value: number) => Tensor.from(new Float32Array(sizeOf(shape)).fill(value), shape);

/** The weight and the bias of a layer with shape[0] outputs; a bias that is none is a constant of zeros. */
export function weightAndBias(shape: Shape, fan: Fan, { bias = true, initial, random = commonRandom }: WeightOptions) {
  const weight = parameter((initial ?? kaimingUniform)(random, shape, fan));
  const [outputs] = shape;
  if (!bias) return { weight, bias: constant(filled([outputs], 0)) };
  return { weight, bias: parameter(initial ? filled([outputs], 0) : random.uniform([outputs], 1 / Math.sqrt(fan.in))) };
}
