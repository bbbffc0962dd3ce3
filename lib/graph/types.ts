/** Types of all values of a graph, and the small integers (shapes) that can be known without running it. */
import { type AnyOp, completeParams, inferType, type ParamValue } from '../op.js';
import { isInteger, type Shape, type TensorType } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { entry, type Graph, isValue, type Node, type Value } from './graph.js';

// Longer lists of integers are data, not shapes.
const longestKnown = 64;

/** What is known about the values of a graph before it runs. A value whose shape depends on data has no type. */
export class Types {
  readonly #types = new Map<Value, TensorType>();
  readonly #known = new Map<Value, readonly number[]>();

  /** @param shapes sizes for inputs, by name; the others are as declared */
  constructor(graph: Graph, shapes: Readonly<Record<string, Shape>> = {}) {
    for (const input of graph.inputs) {
      if (input.type) this.#types.set(input, { dtype: input.type.dtype, shape: entry(shapes, input.name) ?? input.type.shape });
    }
    for (const [value, tensor] of graph.constants) this.setConstant(value, tensor);
    for (const node of graph.nodes) this.visit(node);
  }

  /** The type, where it can be known. */
  get(value: Value): TensorType | undefined {
    return this.#types.get(value);
  }
  /** The rank, where it can be known. */
  rank(value: Value): number | undefined {
    return this.#types.get(value)?.shape.length;
  }
  /** The elements of a small integer value, NaN where one is unknown. */
  known(value: Value): readonly number[] | undefined {
    return this.#known.get(value);
  }

  setConstant(value: Value, tensor: Tensor): void {
    this.#types.set(value, tensor);
    if (isInteger(tensor.dtype) && tensor.size <= longestKnown && tensor.shape.length <= 1) this.#known.set(value, tensor.toNumbers());
  }

  /** The node's parameters with known values filled in; undefined if one has to wait for the run. */
  params(node: Node): Record<string, ParamValue> | undefined {
    const params: Record<string, ParamValue> = {};
    for (const [name, param] of Object.entries(node.params)) {
      if (!isValue(param)) {
        params[name] = param;
        continue;
      }
      const known = this.#known.get(param);
      if (!known) return undefined;
      params[name] = this.rank(param) === 0 ? known[0] : known;
    }
    return params;
  }

  /** Derives the type of a node's output; throws the op's fault if the node cannot run. */
  visit(node: Node): void {
    const types = node.inputs.map((value) => this.#types.get(value));
    const params = this.params(node);
    if (!params || types.some((type) => type === undefined)) return;
    const full = completeParams(node.op, params);
    this.#types.set(node.output, inferType(node.op, types as TensorType[], full));
    const known = propagated(
      node.op,
      node.inputs.map((value) => this.#known.get(value)),
      full,
      types as TensorType[],
    );
    if (known && known.length <= longestKnown) this.#known.set(node.output, known);
  }
}

function propagated(op: AnyOp, known: (readonly number[] | undefined)[], params: object, types: readonly TensorType[]) {
  return op.propagate?.(known, params, types);
}
