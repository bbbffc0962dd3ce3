import { type Graph, isValue, type Node, reads, type Value } from '../../graph/graph.js';
import type { ParamValue } from '../../op.js';
import { runOp } from '../../op.js';
import { keep, type Tensor } from '../../tensor.js';

/** Runs a graph node by node over several batches at once, so that a value can be changed for all of them before anybody reads it. */
export class Walk {
  readonly #values = new Map<Value, Tensor[]>();
  readonly #readers = new Map<Value, number>();
  #next = 0;

  /** @param batches inputs by name; they stay the caller's */
  constructor(
    readonly graph: Graph,
    readonly batches: readonly Readonly<Record<string, Tensor>>[],
  ) {
    for (const node of graph.nodes) for (const value of reads(node)) this.#readers.set(value, (this.#readers.get(value) ?? 0) + 1);
  }

  /** Runs on until this node is done, and returns its outputs; they are freed when all readers have run. */
  until(node: Node): Tensor[] {
    while (!this.#values.has(node.output)) this.step(this.graph.nodes[this.#next++]);
    return this.#values.get(node.output)!;
  }

  /** Readers see these instead of a node's outputs, which are freed. */
  replace(node: Node, now: readonly Tensor[]): void {
    for (const tensor of this.#values.get(node.output)!) tensor.dispose();
    this.#values.set(node.output, now.map(keep));
  }

  dispose(): void {
    for (const tensor of [...this.#values.values()].flat()) tensor.dispose();
    this.#values.clear();
  }

  private step(node: Node): void {
    // What depends on constants alone is computed once.
    const count = reads(node).some((value) => this.of(value).length > 1) ? this.batches.length : 1;
    const outputs = Array.from({ length: count }, (_, batch) => {
      const at = (value: Value) => this.of(value)[batch] ?? this.of(value)[0];
      const params = Object.entries(node.params).map(([name, param]) => [name, isValue(param) ? read(at(param)) : param]);
      return keep(runOp(node.op, node.inputs.map(at), Object.fromEntries(params)));
    });
    this.#values.set(node.output, outputs);
    for (const value of reads(node)) {
      const left = this.#readers.get(value)! - 1;
      this.#readers.set(value, left);
      if (left === 0) for (const tensor of this.#values.get(value) ?? []) tensor.dispose();
    }
  }

  private of(value: Value): readonly Tensor[] {
    const constant = this.graph.constantOf(value);
    if (constant) return [constant];
    return this.#values.get(value) ?? this.batches.map((inputs) => inputs[value.name]);
  }
}

const read = (tensor: Tensor): ParamValue => (tensor.shape.length === 0 ? tensor.item() : tensor.toNumbers());
