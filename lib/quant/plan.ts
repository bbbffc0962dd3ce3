/** Which nodes of a float graph become integer ops, and which values therefore get codes. */
import { fail, nearest } from '../error.js';
import { type Graph, type Node, Uses, type Value } from '../graph/graph.js';
import { clampOf, codesOf, elementwiseInputs, isMove, variableInput } from '../graph/match.js';
import type { AnyOp } from '../op.js';
import * as ops from '../ops/index.js';

/** Layers with weights or products: the reason to quantize at all. */
const products: readonly unknown[] = [ops.conv2d, ops.gemm, ops.matmul];
export const isProduct = (op: AnyOp) => products.includes(op);
/** Ops with an integer kernel of their own, worth it between quantized neighbours. */
const joins: readonly unknown[] = [ops.add, ops.mul, ops.concat, ops.averagePool2d, ops.globalAveragePool];

export interface PlanOptions {
  /** Layers to leave float: names, or patterns written /like this/. */
  exclude?: readonly string[];
}

export interface Plan {
  /**
   * Nodes that will run on codes, in the order of the graph; clamps that become part of the node before them are not listed, nor are steps before
   * the last of a function of one tensor.
   */
  nodes: Node[];
  /** Values that get codes of their own: what these nodes read. */
  values: Value[];
  /** Values that take over the codes of another one, because an op only moved or selected elements. */
  shared: Map<Value, Value>;
  /** Layers that stay float, and why. */
  float: { name: string; op: string; reason: string }[];
}

/** Whose codes a value of the plan has: its own, or those of the value that was only moved. */
export const sourceOf = ({ shared }: Plan, value: Value): Value => shared.get(value) ?? value;

/** @throws LowbitError "option" when an exclusion matches no layer */
export function quantizationPlan(graph: Graph, { exclude = [] }: PlanOptions = {}): Plan {
  return new Planner(graph, exclude).plan();
}

class Planner {
  readonly #uses: Uses;
  readonly #quantized = new Set<Node>();
  readonly #reasons = new Map<Node, string>();
  /** What `source` found, once it is settled which nodes are quantized. */
  readonly #sources = new Map<Value, Value>();

  constructor(
    readonly graph: Graph,
    readonly exclude: readonly string[],
  ) {
    this.#uses = new Uses(graph);
  }

  plan(): Plan {
    const excluded = nodesNamed(this.graph, this.exclude, 'exclude');
    // Products first: what they read gets codes, and others may then read those too.
    for (const wanted of [true, false]) {
      for (const node of this.graph.nodes) {
        if (isProduct(node.op) === wanted && !excluded.has(node) && this.accepts(node)) this.#quantized.add(node);
      }
    }
    for (const node of excluded) this.#reasons.set(node, 'excluded by name');
    // What only leads to float readers goes back to float; that may leave its inputs without integer readers too.
    for (const node of [...this.graph.nodes].reverse())
      if (this.#quantized.has(node) && !this.isWorthIt(node)) this.#quantized.delete(node);
    return this.result();
  }

  /** Can this node run on codes, given what comes before it? */
  private accepts(node: Node): boolean {
    if (node.op === ops.conv2d || node.op === ops.gemm) {
      const [, weight, bias] = node.inputs;
      if ((this.graph.constants.has(weight) || codesOf(this.graph, weight)) && this.graph.constants.has(bias)) return true;
      this.#reasons.set(node, 'its weight or bias is not constant');
      return false;
    }
    if (node.op === ops.convTranspose2d) {
      this.#reasons.set(node, 'transposed convolutions have no integer kernel');
      return false;
    }
    const varying = this.varying(node);
    if (!varying.length) return false;
    if (node.op === ops.matmul) return varying.length === 2;
    if (!joins.includes(node.op) && !isMove(node) && !variableInput(this.graph, node)) return false;
    const isMade = (value: Value) => value.producer !== undefined && this.#quantized.has(value.producer);
    return varying.some(isMade) && varying.every((value) => isMade(value) || this.isReadByProduct(value));
  }

  /** A residual sum may join a value that only the layer beside it has codes of: the input of a network, a normalized one. */
  private isReadByProduct(value: Value): boolean {
    return this.#uses
      .of(value)
      .some((reader) => isProduct(reader.op) && this.#quantized.has(reader) && this.activations(reader).includes(value));
  }

  /** Products are the aim; anything else has to be read by something that is quantized. */
  private isWorthIt(node: Node): boolean {
    if (isProduct(node.op)) return true;
    const readsCodes = (reader: Node) => this.isFused(reader) || this.activations(reader).includes(node.output);
    return this.#uses.of(node.output).some((reader) => this.#quantized.has(reader) && readsCodes(reader));
  }

  private result(): Plan {
    const shared = new Map<Value, Value>();
    const values = new Set<Value>();
    const nodes: Node[] = [];
    for (const node of this.graph.nodes) {
      if (!this.#quantized.has(node)) continue;
      if (this.isFused(node) || this.isInner(node)) continue;
      nodes.push(node);
      const source = this.source(node.output);
      for (const value of source === node.output ? this.activations(node) : [source]) values.add(value);
      const [x] = node.inputs;
      if (isMove(node)) shared.set(node.output, shared.get(x) ?? x);
    }
    const float = this.graph.nodes
      .filter((node) => !this.#quantized.has(node) && (node.op.quantizes || this.#reasons.has(node)))
      .map((node) => ({ name: node.name, op: node.op.name, reason: this.#reasons.get(node) ?? 'it has no integer kernel' }));
    return { nodes, values: [...values], shared, float };
  }

  /** The value whose elements alone the elements of this one are made of, by integer nodes: a table of codes (x·sigmoid(x) is one). */
  private source(value: Value): Value {
    const known = this.#sources.get(value);
    if (known) return known;
    const node = value.producer;
    const varying = node && this.#quantized.has(node) ? elementwiseInputs(this.graph, node) : undefined;
    const sources = new Set(varying?.map((input) => this.source(input)));
    const [source] = sources;
    // A clamp of what is made otherwise is part of that.
    const found = node && sources.size === 1 && !(this.isFused(node) && source === node.inputs[0]) ? source : value;
    this.#sources.set(value, found);
    return found;
  }

  /** A step of such a function: its result is read by further steps alone, and needs no codes. */
  private isInner({ output }: Node): boolean {
    const source = this.source(output);
    const readers = this.#uses.of(output);
    if (source === output || this.#uses.isOutput(output) || !readers.length) return false;
    return readers.every((reader) => this.#quantized.has(reader) && this.source(reader.output) === source);
  }

  /** A clamp that narrows the output codes of the node before it. */
  private isFused(node: Node): boolean {
    if (!clampOf(node)) return false;
    const maker = node.inputs[0].producer;
    if (!maker || !this.#quantized.has(maker) || this.#uses.only(maker.output) !== node) return false;
    return isProduct(maker.op) || joins.includes(maker.op) || this.isFused(maker);
  }

  /** The inputs that are data and not weights, biases or indices. */
  private activations(node: Node): Value[] {
    if (this.isFused(node)) return [];
    if (node.op === ops.conv2d || node.op === ops.gemm) return [node.inputs[0]];
    if (isMove(node)) return [node.inputs[0]];
    const variable = variableInput(this.graph, node);
    return variable ? [variable] : [...node.inputs];
  }

  private varying(node: Node): Value[] {
    const data = isMove(node) ? node.inputs.slice(0, 1) : node.inputs;
    return data.filter((value) => !this.graph.constants.has(value));
  }
}

/**
 * The nodes with these names, or whose name fits a pattern written /like this/; values they make count as names too.
 * @throws LowbitError "option", with the name of the option, when one of them fits no node
 */
export function nodesNamed(graph: Graph, patterns: readonly string[], option: string): Set<Node> {
  const found = new Set<Node>();
  for (const pattern of patterns) {
    const test = testOf(pattern, option);
    const nodes = graph.nodes.filter((node) => test(node.name) || test(node.output.name));
    if (!nodes.length) {
      const names = graph.nodes.map((node) => node.name);
      const near = nearest(pattern, names);
      fail({
        code: 'option',
        where: 'quantize',
        option,
        came: pattern,
        expected: near ? `the name of a layer (did you mean "${near}"?)` : 'names of layers, or patterns /like this/ that match some',
      });
    }
    for (const node of nodes) found.add(node);
  }
  return found;
}

function testOf(pattern: string, option: string): (name: string) => boolean {
  const [, source] = /^\/(.*)\/$/.exec(pattern) ?? [];
  if (source === undefined) return (name) => name === pattern;
  try {
    const regexp = new RegExp(source);
    return (name) => regexp.test(name);
  } catch (error) {
    return fail({
      code: 'option',
      where: 'quantize',
      option,
      came: pattern,
      expected: `a regular expression (${(error as Error).message})`,
    });
  }
}
