/** A graph to run again and again on samples. */
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
  /**
   * All outputs, by name.
   * @throws LowbitError 'aborted'
   */
  run(inputs: Inputs, signal?: AbortSignal): Promise<Record<string, Read>>;
  dispose(): void;
}

/** Op by op, on the rows that are asked for. */
export function opByOp(graph: Graph, row?: RunOptions['row'], device: Device = 'cpu'): Executable {
  return {
    run: async (inputs, signal) =>
      scope(() => {
        const moved = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, tensor.to(device)]));
        const outputs = run(graph, moved, { row, signal });
        return Object.fromEntries(
          Object.entries(outputs).map(([name, output]) => [name, { shape: output.shape, numbers: output.toNumbers() }]),
        );
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
  const known = new Map<string, Record<string, TensorType> | undefined>();
  return {
    async run(inputs, signal) {
      const key = Object.values(inputs)
        .map(({ shape }) => shape.join())
        .join(';');
      if (!known.has(key)) known.set(key, outputTypes(graph, inputs));
      const types = known.get(key);
      if (!types) return slowly.run(inputs, signal);
      session ??= new Session(graph, {}, device);
      const outputs = await session.run(inputs, { signal });
      return Object.fromEntries(
        Object.entries(outputs).map(([name, data]) => [name, { shape: types[name].shape, numbers: numbersOf(data, types[name].dtype) }]),
      );
    },
    dispose: () => session?.dispose(),
  };
}

/** By the names of outputs; undefined where the shape of some value depends on the data. */
function outputTypes(graph: Graph, inputs: Inputs): Record<string, TensorType> | undefined {
  const types = new Types(graph, Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, shape])));
  const isKnown = (shape: Shape | undefined) => shape !== undefined && !shape.some(Number.isNaN);
  if (!graph.nodes.every((node) => types.params(node) && isKnown(types.get(node.output)?.shape))) return undefined;
  return Object.fromEntries(graph.outputs.map(({ name, value }) => [name, types.get(value)!]));
}
