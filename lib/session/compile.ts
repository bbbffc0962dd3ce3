/** Graphs made ready to run again and again. */
import { checkDevice } from '../cuda.js';
import { checkOptions } from '../error.js';
import type { Graph } from '../graph/graph.js';
import { lowerInteger } from '../passes/lowerInteger.js';
import type { Device, Shape } from '../shape.js';
import { Session } from './session.js';

export interface CompileOptions {
  /** Sizes of inputs whose dimensions are free, by input name; NaN where one stays free. */
  shapes?: Readonly<Record<string, Shape>>;
  /** Where it runs, and constants and intermediate values lie; default 'cpu'. Inputs and outputs may lie anywhere. */
  device?: Device;
}

/**
 * Makes a graph ready to run: quantized regions become integer ops (docs/integers.md), kernels pack their weights once, intermediate values
 * lie in one arena. The outputs are those of `run(lowerInteger(graph).graph, ...)`, to the byte.
 *
 * ```ts
 * const session = compile(importOnnx('model.onnx'));
 * const { logits } = session.runSync({ image: pixels });
 * ```
 * @param graph float, with QDQ nodes, or lowered; it is not changed, and its constants are shared
 * @throws LowbitError 'unsupported' where a shape depends on the data or the device lacks kernels, 'option' for shapes that do not fit,
 *   'cuda' where there is no graphics card that can be used
 */
export function compile(graph: Graph, options: CompileOptions = {}): Session {
  checkOptions('compile', options, ['shapes', 'device']);
  const { shapes = {}, device = 'cpu' } = options;
  checkDevice('compile', device);
  return new Session(lowerInteger(graph).graph, shapes, device);
}
