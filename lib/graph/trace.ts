/** Turns a TypeScript function over tensors into a graph by running it once and writing down its op calls. */
import { fail } from '../error.js';
import { record } from '../op.js';
import { scope, Tensor } from '../tensor.js';
import { Graph, type Value } from './graph.js';

export interface TraceOptions {
  /** The graph's name. */
  name?: string;
  /** Leave the first dimension of every input free, default true. */
  freeBatch?: boolean;
  /** Names of tensors that are not made inside, with dots between an owner and what it owns. */
  names?: ReadonlyMap<Tensor, string>;
}

/**
 * Runs `body` once on the given tensors and returns the graph of the op calls it made. Tensors that were not made inside become
 * constants (shared, not copied); control flow is fixed as it ran.
 * @param inputs example tensors by name; the first dimension of each becomes free when `freeBatch` is set
 * @param options `names` says what constants are called; a call that reads "conv1.weight" is then called "conv1"
 */
export function trace(
  body: (inputs: Record<string, Tensor>) => Tensor | Record<string, Tensor>,
  inputs: Record<string, Tensor>,
  { name = 'traced', freeBatch = true, names = new Map() }: TraceOptions = {},
): Graph {
  const graph = new Graph(name);
  const values = new Map<Tensor, Value>();
  for (const [inputName, tensor] of Object.entries(inputs)) {
    const shape = tensor.shape.map((n, i) => (freeBatch && i === 0 ? Number.NaN : n));
    values.set(tensor, graph.input(inputName, { dtype: tensor.dtype, shape }, freeBatch ? ['N'] : undefined));
  }
  const valueFor = (tensor: Tensor): Value => {
    const known = values.get(tensor) ?? graph.constant(tensor, names.get(tensor));
    values.set(tensor, known);
    return known;
  };
  const ownerOf = (read: readonly Tensor[]) => {
    const owned = read.map((tensor) => names.get(tensor)).find((known) => known?.includes('.'));
    return owned?.slice(0, owned.lastIndexOf('.'));
  };
  scope(() => {
    const result = record(
      () => body(inputs),
      ({ op, inputs: read, params, output }) => {
        values.set(output, graph.add(op, read.map(valueFor), params, ownerOf(read)));
      },
    );
    const outputs = result instanceof Tensor ? { output: result } : result;
    for (const [outputName, tensor] of Object.entries(outputs)) {
      const value = values.get(tensor);
      if (!value) fail({ code: 'graph', problem: `output "${outputName}" of ${name} was not made by an op` });
      graph.output(outputName, value);
    }
  });
  return graph;
}
