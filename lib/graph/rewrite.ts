/** How passes are written: walk the nodes of a graph in order and build a new one. */
import type { Shape } from '../shape.js';
import { entry, Graph, isValue, type Node, type NodeParams, reads, Uses, type Value } from './graph.js';

/** The graph being built, and what became of the old graph's values. */
export class Rewriter {
  readonly graph: Graph;
  /** Who reads the old graph's values. */
  readonly uses: Uses;
  readonly #map = new Map<Value, Value>();

  constructor(
    readonly old: Graph,
    shapes: Readonly<Record<string, Shape>> = {},
  ) {
    this.graph = new Graph(old.name);
    this.uses = new Uses(old);
    for (const { name, type, dims } of old.inputs) {
      const shape = entry(shapes, name);
      this.set(this.old.find(name), this.graph.input(name, shape ? { dtype: type!.dtype, shape } : type!, shape ? undefined : dims));
    }
  }

  /** What an old value is now. Constants come over when they are first asked for. */
  get(value: Value): Value {
    const found = this.#map.get(value);
    if (found) return found;
    const tensor = this.old.constantOf(value);
    if (!tensor) throw new Error(`value ${value.name} is used before it is defined`);
    const copy = this.graph.constant(tensor, value.name, value.bits);
    this.#map.set(value, copy);
    return copy;
  }

  set(value: Value, now: Value): void {
    this.#map.set(value, now);
  }

  /** The node's call on the new values, with other inputs or parameters where given. */
  copy(node: Node, inputs: readonly Value[] = node.inputs.map((value) => this.get(value)), params: NodeParams = this.params(node)): Value {
    return this.graph.add(node.op, inputs, params, node.name);
  }

  /** Visits all nodes of the old graph and returns the new one, see `rewrite`. */
  apply(visit: (node: Node) => Value | undefined): Graph {
    for (const node of this.old.nodes) {
      const before = this.graph.nodes.length;
      const now = visit(node) ?? this.copy(node);
      this.set(node.output, now);
      // The replacement inherits the name if it was made here.
      if (now.producer && this.graph.nodes.indexOf(now.producer, before) >= 0) this.graph.rename(now, node.output.name);
    }
    for (const { name, value } of this.old.outputs) this.graph.output(name, this.get(value));
    return withoutDead(this.graph);
  }

  /** The node's parameters, values among them mapped. */
  params(node: Node): NodeParams {
    return Object.fromEntries(Object.entries(node.params).map(([name, param]) => [name, isValue(param) ? this.get(param) : param]));
  }
}

/**
 * Builds a new graph by visiting every node in order. `visit` returns what the node's output becomes; returning nothing copies the
 * node. What nobody reads in the end is left out.
 * @param shapes sizes that inputs get in the new graph, by name
 */
export function rewrite(
  old: Graph,
  visit: (node: Node, to: Rewriter) => Value | undefined,
  shapes: Readonly<Record<string, Shape>> = {},
): Graph {
  const to = new Rewriter(old, shapes);
  return to.apply((node) => visit(node, to));
}

/** Drops the nodes and constants of a graph that no output needs; inputs stay. Changes the graph it is given. */
export function withoutDead(graph: Graph): Graph {
  const live = new Set<Value>(graph.outputs.map(({ value }) => value));
  for (const node of [...graph.nodes].reverse()) if (live.has(node.output)) for (const value of reads(node)) live.add(value);
  graph.nodes = graph.nodes.filter((node) => live.has(node.output));
  for (const value of [...graph.constants.keys()]) if (!live.has(value)) graph.constants.delete(value);
  graph.settleNames();
  return graph;
}
