/**
 * Layers and models. Images are (n, h, w, c) and sequences (n, length, c); `traceModule` makes graphs of modules, which take images as
 * data sets and files have them, (n, c, h, w).
 */
export * from './layers/activations.js';
export * from './layers/attention.js';
export * from './layers/containers.js';
export * from './layers/conv.js';
export * from './layers/dropout.js';
export * from './layers/embedding.js';
export * from './layers/flatten.js';
export * from './layers/linear.js';
export * from './layers/norm.js';
export * from './layers/pool.js';
export * as models from './models/index.js';
export { buffer, constant, type LoadOptions, Module, parameter, type State, written } from './module.js';
export { type Fan, type Initial, kaimingNormal, kaimingUniform, normalInitial, Random, type WeightOptions } from './random.js';
export type { Margins, Padding, Pair } from './sizes.js';
