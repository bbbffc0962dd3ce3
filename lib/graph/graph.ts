/** The graph: SSA values, nodes that are op calls, constants that are tensors. Nodes are kept in an order that can be executed. */
import { fail } from '../error.js';
import type { AnyOp, ParamValue } from '../op.js';
import type { TensorType } from '../shape.js';
import { keep, type Tensor } from '../tensor.js';

/** Something a node made, a graph input, or a constant. */
export interface Value {
  /** Unique in its graph. */
  name: string;
  /** The name that was asked for; `name` may carry a number behind it. */
  hint: string;
  /** The node that makes it; none for inputs and constants. */
  producer?: Node;
  /** Declared type of an input. */
  type?: TensorType;
  /** Names of an input's free dimensions ("N"), for the file it came from. */
  dims?: readonly (string | undefined)[];
  /** Bits of a constant's elements in the file it came from, where those are fewer than the bits of our type. */
  bits?: number;
}

/** A parameter is plain data, or a value that is read when the graph runs (ONNX shapes that depend on the input). */
export type NodeParams = Record<string, ParamValue | Value>;

/** One op call. */
export interface Node {
  name: string;
  op: AnyOp;
  inputs: readonly Value[];
  params: NodeParams;
  output: Value;
}

export interface Output {
  name: string;
  value: Value;
}

/** An entry by a name from a file, which may be called "constructor". */
export const entry = <T>(entries: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(entries, name) ? entries[name] : undefined;

export const isValue = (param: ParamValue | Value): param is Value => typeof param === 'object' && 'name' in param;

/** A network. Passes never change one: they return a new graph that shares its constants. */
export class Graph {
  name: string;
  inputs: Value[] = [];
  outputs: Output[] = [];
  nodes: Node[] = [];
  readonly constants = new Map<Value, Tensor>();
  #names = new Set<string>();

  constructor(name = 'graph') {
    this.name = name;
  }

  /** Adds an input; `shape` has NaN where a dimension is free, `dims` may name those. */
  input(name: string, type: TensorType, dims?: readonly (string | undefined)[]): Value {
    const value: Value = { name: this.uniqueName(name), hint: name, type, dims };
    this.inputs.push(value);
    return value;
  }

  /** Adds a constant; the graph keeps the tensor alive from now on. */
  constant(tensor: Tensor, name = 'constant', bits?: number): Value {
    const value: Value = { name: this.uniqueName(name), hint: name, ...(bits !== undefined && { bits }) };
    this.constants.set(value, keep(tensor));
    return value;
  }

  /** Adds a call at the end and returns its output. */
  add(op: AnyOp, inputs: readonly Value[], params: NodeParams = {}, name: string = op.name): Value {
    const output: Value = { name: this.uniqueName(name), hint: name };
    const node: Node = { name, op, inputs, params, output };
    output.producer = node;
    this.nodes.push(node);
    return output;
  }

  output(name: string, value: Value): void {
    this.outputs.push({ name, value });
  }

  /** A name that no value has yet: the hint itself, or the hint with a number. */
  uniqueName(hint: string): string {
    let name = hint;
    for (let i = 1; this.#names.has(name); i++) name = `${hint}_${i}`;
    this.#names.add(name);
    return name;
  }

  /** Gives a value another name; the old one becomes free. */
  rename(value: Value, name: string): void {
    if (value.name === name) return;
    this.#names.delete(value.name);
    value.name = this.uniqueName(name);
    value.hint = name;
  }

  /** Gives every value the name that was asked for where it has become free, as after a pass that replaced others. */
  settleNames(): void {
    this.#names.clear();
    for (const value of [...this.inputs, ...this.nodes.map((node) => node.output), ...this.constants.keys()]) {
      value.name = this.uniqueName(value.hint);
    }
  }

  /** The tensor of a constant value. */
  constantOf(value: Value): Tensor | undefined {
    return this.constants.get(value);
  }

  /** A value by name. */
  find(name: string): Value {
    const found =
      this.inputs.find((value) => value.name === name) ??
      [...this.constants.keys()].find((value) => value.name === name) ??
      this.nodes.find((node) => node.output.name === name)?.output ??
      this.outputs.find((output) => output.name === name)?.value;
    return found ?? fail({ code: 'graph', problem: `there is no value "${name}"` });
  }
}

/** All values a node reads: inputs, and parameters that are values. */
export function reads(node: Node): Value[] {
  return [...node.inputs, ...Object.values(node.params).filter(isValue)];
}

/** Who reads each value; graph outputs count as a reader without a node. */
export class Uses {
  readonly #nodes = new Map<Value, Node[]>();
  readonly #outputs = new Set<Value>();

  constructor(graph: Graph) {
    for (const node of graph.nodes) {
      for (const value of reads(node)) {
        const list = this.#nodes.get(value);
        if (list) list.push(node);
        else this.#nodes.set(value, [node]);
      }
    }
    for (const { value } of graph.outputs) this.#outputs.add(value);
  }

  of(value: Value): readonly Node[] {
    return this.#nodes.get(value) ?? [];
  }
  isOutput(value: Value): boolean {
    return this.#outputs.has(value);
  }
  /** The one node that reads the value, if there is exactly one and the value is not a graph output. */
  only(value: Value): Node | undefined {
    const list = this.of(value);
    return list.length === 1 && !this.isOutput(value) ? list[0] : undefined;
  }
}
