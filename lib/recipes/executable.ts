/** A graph to run again and again on samples, whose first output is wanted. */

import type { Graph } from '../graph/graph.js';
import { type RunOptions, run } from '../graph/run.js';
import { Types } from '../graph/types.js';
import { Session } from '../session/session.js';
import type { Device, Shape, TensorType } from '../shape.js';
import { numbersOf, scope, type Tensor } from '../tensor.js';

type Inputs = Readonly<Record<string, Tensor>>;

/** A tensor that has been read. */
export interface Read {
  shape: Shape;
  numbers: number[];
}

export interface Executable {
  /** @throws LowbitError 'aborted' */
  run(inputs: Inputs, signal?: AbortSignal): Promise<Read>;
  dispose(): void;
}

/** Op by op, on the rows that are asked for. */
export function opByOp(graph: Graph, row?: RunOptions['row'], device: Device = 'cpu'): Executable {
  const [{ name }] = graph.outputs;
  return {
    run: async (inputs, signal) =>
      scope(() => {
        const moved = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, tensor.to(device)]));
        const output = run(graph, moved, { row, signal })[name];
        return { shape: output.shape, numbers: output.toNumbers() };
      }),
    dispose() {},
  };
}

/**
 * In a session, the same bytes sooner. Graphs in which a shape depends on the data, which sessions do not take, run op by op.
 * @param graph as it is to run: lowered, or with its codes computed as real numbers
 */
export function compiled(graph: Graph, device: Device = 'cpu'): Executable {
  let session: Session | undefined;
  const slowly = opByOp(graph, undefined, device);
  const [{ name }] = graph.outputs;
  const types = new Map<string, TensorType | undefined>();
  return {
    async run(inputs, signal) {
      const key = Object.values(inputs)
        .map(({ shape }) => shape.join())
        .join(';');
      if (!types.has(key)) types.set(key, outputType(graph, inputs));
      const type = types.get(key);
      if (!type) return slowly.run(inputs, signal);
      session ??= new Session(graph, {}, device);
      return { shape: type.shape, numbers: numbersOf((await session.run(inputs, { signal }))[name], type.dtype) };
    },
    dispose: () => session?.dispose(),
  };
}

/** Of the first output; undefined where the shape of some value depends on the data. */
function outputType(graph: Graph, inputs: Inputs): TensorType | undefined {
  const types = new Types(graph, Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, shape])));
  const isKnown = (shape: Shape | undefined) => shape !== undefined && !shape.some(Number.isNaN);
  return graph.nodes.every((node) => types.params(node) && isKnown(types.get(node.output)?.shape))
    ? types.get(graph.outputs[0].value)
    : undefined;
}
