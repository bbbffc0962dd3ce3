import { type Graph, type Node, Uses, type Value } from '../graph/graph.js';
import { type Rewriter, rewrite } from '../graph/rewrite.js';
import { Types } from '../graph/types.js';
import { canFuse, type Instruction, instructions, mostFused } from '../ops/fused.js';
import { addRelu, clip, dequantize, fusedElementwise, gelu, pow, quantize } from '../ops/index.js';
import { isKnown, shapesMayEqual } from '../shape.js';
import { Tensor } from '../tensor.js';

/**
 * Joins elementwise float32 ops whose results only each other read into one `fusedElementwise`, with a `quantize` at the end if there is one:
 * a pass over memory instead of one an op, and the same bytes. The joined node has the name of the last one.
 * @param graph of known shapes; where one is not known nothing is joined
 */
export function fuseElementwise(graph: Graph): Graph {
  const programs = programsOf(graph);
  return rewrite(graph, (node, to) => programs.get(node)?.addTo(to, node.name));
}

/** The programs of the nodes that end a group of at least two, from the last on, so that each group is as large as it can be. */
function programsOf(graph: Graph): Map<Node, Program> {
  const types = new Types(graph);
  const uses = new Uses(graph);
  const known = new Map(
    graph.nodes.flatMap((node) => {
      const expression = expressionOf(node, graph, types);
      return expression ? [[node, expression] as const] : [];
    }),
  );
  const programs = new Map<Node, Program>();
  const taken = new Set<Node>();
  for (const last of [...known.keys()].reverse()) {
    if (taken.has(last)) continue;
    const { program, group } = grow(last, { types, uses, known });
    if (!program || group.size < 2) continue;
    programs.set(last, program);
    for (const [node, again] of group) if (!again) taken.add(node);
  }
  return programs;
}

interface Surroundings {
  types: Types;
  uses: Uses;
  /** The nodes that programs can compute. */
  known: ReadonlyMap<Node, Expression>;
}

/** Whether a member of a group is also computed elsewhere. */
type Group = Map<Node, boolean>;

function grow(last: Node, { types, uses, known }: Surroundings): { program?: Program; group: Group } {
  const shape = types.get(last.output)!.shape;
  const joins = (node: Node | undefined): node is Node =>
    node !== undefined && node.op !== quantize && known.has(node) && shapesMayEqual(types.get(node.output)!.shape, shape);
  let group: Group = new Map([[last, false]]);
  let program = Program.of(last, group, known, types);
  const candidates = [last];
  for (const reader of candidates) {
    if (group.get(reader)) continue; // what it reads is read by others
    for (const { producer } of reader.inputs) {
      if (!program || !joins(producer) || group.has(producer) || uses.isOutput(producer.output)) continue;
      const readers = uses.of(producer.output);
      const inside = readers.every((node) => group.has(node));
      if (!inside && !(cheap.has(producer.op.name) && readers.every(joins))) continue;
      const larger = new Map([...group, [producer, !inside]]);
      const joined = Program.of(last, larger, known, types);
      if (!joined) continue;
      [group, program] = [larger, joined];
      candidates.push(producer);
    }
  }
  return { program, group };
}

/** Cheaper to compute for each reader than to write once and read. */
const cheap: ReadonlySet<string> = new Set<Instruction>(['add', 'sub', 'mul']);

type Operand = number;

/** Writes the instructions of a node and returns the operand that is its result. */
type Expression = (to: Program) => Operand;

const plain: readonly string[] = instructions;

/** How a program computes a node, if it can: of known shape, to float32, or to codes at its end. */
function expressionOf(node: Node, graph: Graph, types: Types): Expression | undefined {
  const { op, inputs } = node;
  const [a, b] = inputs;
  const [y, x] = [types.get(node.output), types.get(a)];
  if (!y || !x || !isKnown(y.shape)) return undefined;
  const params = { ...op.params, ...node.params };
  const number = (value: Value) => (graph.constantOf(value)?.size === 1 ? graph.constantOf(value)!.item() : undefined);
  if (op === quantize || op === dequantize) {
    const [scale, zero, codes] = [number(inputs[1]), number(inputs[2]), op === quantize ? y.dtype : x.dtype];
    if (scale === undefined || zero === undefined || (codes !== 'uint8' && codes !== 'int8')) return undefined;
    if (op === dequantize) return (to) => to.put('mul', to.put('sub', to.value(a), to.number(zero)), to.number(scale));
    if (x.dtype !== 'float32') return undefined;
    return (to) => to.codes(to.put('div', to.value(a), to.number(scale)), zero, codes);
  }
  if (y.dtype !== 'float32') return undefined;
  if (op === gelu) return (to) => to.put(params.approximate === 'tanh' ? 'geluTanh' : 'gelu', to.value(a));
  if (plain.includes(op.name)) return (to) => to.put(op.name as Instruction, to.value(a), b && to.value(b));
  if (op === addRelu) return (to) => to.put('relu', to.put('add', to.value(a), to.value(b)));
  // In these orders of operands NaN and zeros become what clip makes of them.
  const { min, max } = params;
  if (op === clip && typeof min === 'number' && typeof max === 'number') {
    return (to) => to.put('minimum', to.number(max), to.put('maximum', to.number(min), to.value(a)));
  }
  // Squares are products (native/kernels/elementwise/pow_reference.cc): those of float32 are exact in double, and are rounded once.
  if (op === pow && number(b) === 2 && shapesMayEqual(x.shape, y.shape)) return (to) => to.put('mul', to.value(a), to.value(a));
  return undefined;
}

/** A program being written. Results are numbered from here on until it is known how many inputs there are. */
const firstResult = mostFused.inputs;

class Program {
  readonly #inputs: (Value | number)[] = [];
  readonly #words: number[] = [];
  readonly #results = new Map<Value, Operand>();
  #end: { zeroPoint: number; dtype: 'float32' | 'uint8' | 'int8' } = { zeroPoint: 0, dtype: 'float32' };

  private constructor(
    readonly group: Group,
    readonly known: ReadonlyMap<Node, Expression>,
  ) {}

  /** The program of a group, unless it would be too long, or reads what programs cannot read. */
  static of(last: Node, group: Group, known: ReadonlyMap<Node, Expression>, types: Types): Program | undefined {
    const program = new Program(group, known);
    program.value(last.output);
    const { shape } = types.get(last.output)!;
    const fits = program.#inputs.every((input) => typeof input === 'number' || canFuse(types.get(input)!, shape));
    const short = program.#inputs.length <= mostFused.inputs && program.#words.length <= 3 * mostFused.instructions;
    return fits && short ? program : undefined;
  }

  /** The result of a member of the group, or an input. */
  value(value: Value): Operand {
    const { producer } = value;
    if (!producer || !this.group.has(producer)) return this.#input(value);
    const known = this.#results.get(value);
    if (known !== undefined) return known;
    const result = this.known.get(producer)!(this);
    this.#results.set(value, result);
    return result;
  }

  number(x: number): Operand {
    return this.#input(x);
  }

  put(name: Instruction, a: Operand, b = a): Operand {
    this.#words.push(instructions.indexOf(name), a, b);
    return firstResult + this.#words.length / 3 - 1;
  }

  codes(result: Operand, zeroPoint: number, dtype: 'uint8' | 'int8'): Operand {
    this.#end = { zeroPoint, dtype };
    return result;
  }

  addTo(to: Rewriter, name: string): Value {
    const inputs = this.#inputs.map((input) => (typeof input === 'number' ? to.graph.constant(Tensor.scalar(input)) : to.get(input)));
    const operand = (at: Operand) => (at < firstResult ? at : at - firstResult + inputs.length);
    const program = this.#words.map((word, i) => (i % 3 ? operand(word) : word));
    return to.graph.add(fusedElementwise, inputs, { program, ...this.#end }, name);
  }

  #input(input: Value | number): Operand {
    const found = this.#inputs.findIndex((other) => Object.is(other, input));
    return found < 0 ? this.#inputs.push(input) - 1 : found;
  }
}
