/** Turns a module into a graph: its tensors are the constants, under the names that they have in the module. */
import { checkOptions } from '../error.js';
import { transpose } from '../ops/layout.js';
import { type Shape, sizeOf, type TensorType } from '../shape.js';
import { arrayFor, Tensor } from '../tensor.js';
import type { Graph } from './graph.js';
import { channelsLast } from './layout.js';
import { trace } from './trace.js';

/** What can be traced: every module of `nn`. */
export interface Traceable {
  forward(...inputs: Tensor[]): Tensor;
  state(): ReadonlyMap<string, Tensor>;
}

export interface TraceModuleOptions {
  /** The graph's name, default the module's class. */
  name?: string;
  /**
   * How images (inputs of three dimensions a sample) come: 'nchw', the default, as data sets give them and ONNX files want them; they
   * are transposed once, and on export not even that. 'nhwc' is how modules take them.
   */
  layout?: 'nchw' | 'nhwc';
}

/**
 * The module as a graph of its inference, for any batch. Constants are the module's own tensors: what changes those changes the graph.
 * @param sample the shape of one sample without the batch, float32 and called "input"; or types of samples by input name, in the order
 *   of `forward`'s arguments
 * @returns a graph whose output is called "output"
 */
export function traceModule(
  module: Traceable,
  sample: Shape | Readonly<Record<string, TensorType>>,
  options: TraceModuleOptions = {},
): Graph {
  checkOptions('traceModule', options, ['name', 'layout']);
  const { name = module.constructor.name, layout = 'nchw' } = options;
  const samples = isShape(sample) ? { input: { dtype: 'float32' as const, shape: sample } } : sample;
  const inputs = Object.fromEntries(Object.entries(samples).map(([input, type]) => [input, zeros(type)]));
  const asModulesTakeIt = (tensor: Tensor) =>
    layout === 'nchw' && tensor.shape.length === 4 ? transpose(tensor, { perm: channelsLast(4) }) : tensor;
  const names = new Map([...module.state()].map(([path, tensor]) => [tensor, path]));
  try {
    return trace((given) => module.forward(...Object.values(given).map(asModulesTakeIt)), inputs, { name, names });
  } finally {
    for (const tensor of Object.values(inputs)) tensor.dispose();
  }
}

const isShape = (sample: Shape | Readonly<Record<string, TensorType>>): sample is Shape => Array.isArray(sample);

/** A batch of one. */
function zeros({ dtype, shape }: TensorType): Tensor {
  return Tensor.from(arrayFor(dtype, sizeOf(shape)), [1, ...shape], dtype);
}
