/** A graph of known shapes as calls on memory that is planned ahead. */
import { CallWords, type Place } from '../callWords.js';
import { fail } from '../error.js';
import { type Graph, type Node, reads, type Value } from '../graph/graph.js';
import { macsOf } from '../graph/macs.js';
import { Types } from '../graph/types.js';
import { type NativeKept, type NativePlan, native } from '../native.js';
import { callNumbers, completeParams, type ParamValue } from '../op.js';
import { reshape } from '../ops/index.js';
import { bytesPerElement, type Shape, sizeOf, type TensorType } from '../shape.js';
import { keep, Tensor } from '../tensor.js';
import { type Lifetime, layOut } from './arena.js';

/** A node that runs; one that only gives memory another shape does not. */
export interface Step {
  node: Node;
  /** Of its output. */
  shape: Shape;
  /** Multiply-accumulates, 0 where it is no product. */
  macs: number;
}

/** What runs for inputs of one shape. */
export interface SessionPlan {
  native: NativePlan;
  steps: readonly Step[];
  inputs: readonly TensorType[];
  outputs: readonly TensorType[];
  /** Intermediate values, inputs and outputs. */
  arena: Tensor;
}

/** The places of the nodes of a session in what its kernels keep. */
export class KeptPlaces {
  readonly native: NativeKept;
  readonly #places = new Map<string, number>();

  constructor(readonly count: number) {
    this.native = native().addon.createKept(count);
  }

  /** The same for the same op with the same parameters and constants; -1 where one of its weights varies, or there is no more room. */
  of(node: Node, numbers: readonly (readonly number[])[], graph: Graph): number {
    const { inputs: names, streams = [] } = node.op;
    const weights = node.inputs.filter((_, i) => i > 0 && !streams.includes(names[i]));
    const constants = weights.map((value) => graph.constantOf(value));
    if (!constants.length || !constants.every((tensor) => tensor !== undefined)) return -1;
    const key = [node.op.name, ...constants.map((tensor) => tensor.handle), ...numbers.map((list) => list.join(' '))].join();
    const place = this.#places.get(key) ?? this.#places.size;
    if (place >= this.count) return -1;
    this.#places.set(key, place);
    return place;
  }
}

/**
 * @param graph of known shapes
 * @throws LowbitError 'unsupported' where a shape or a parameter depends on the data
 */
export function makePlan(graph: Graph, kept: KeptPlaces): SessionPlan {
  const types = new Types(graph);
  const params = new Map(graph.nodes.map((node) => [node, types.params(node)]));
  refuseUnknown(graph, types, params);
  const type = (value: Value) => types.get(value)!;
  const steps = graph.nodes
    .filter((node) => !isView(node))
    .map((node): Step => ({ node, shape: type(node.output).shape, macs: macsOf(node, types) }));
  const memory = planMemory(graph, steps, type);

  const words = new CallWords();
  const notes = new Int32Array(2 * steps.length);
  for (const [i, { node, macs }] of steps.entries()) {
    const { index, numbers } = callNumbers(node.op, completeParams(node.op, params.get(node)!));
    words.push(index, -1, node.inputs.map(memory.placeOf), memory.placeOf(node.output), numbers);
    notes.set([kept.of(node, numbers, graph), threadsFor(macs)], 2 * i);
  }
  const outputs = graph.outputs.map(({ value }) => value);
  const plan = native().addon.createPlan(words.words, words.count, notes, kept.native, memory.ports(graph.inputs), memory.ports(outputs));
  return { native: plan, steps, inputs: graph.inputs.map(type), outputs: outputs.map(type), arena: memory.arena };
}

type Known = (value: Value) => TensorType;

const bytesOf = (type: TensorType) => sizeOf(type.shape) * bytesPerElement(type.dtype);

// The elements of a reshape are where they were.
const isView = ({ op }: Node) => op === reshape;

function refuseUnknown(graph: Graph, types: Types, params: Map<Node, Record<string, ParamValue> | undefined>): void {
  const items = graph.nodes.flatMap((node) => {
    const shape = types.get(node.output)?.shape;
    if (params.get(node) && shape && !shape.some(Number.isNaN)) return [];
    if (node.inputs.some((value) => value.producer && !types.get(value))) return []; // that one is named
    return [{ name: node.name, op: node.op.name, reason: 'its shape depends on the data; run() takes such graphs' }];
  });
  if (items.length) fail({ code: 'unsupported', where: `compile ${graph.name}`, items });
}

// Below this many products a second thread comes too late to help: about 3 microseconds of work.
const shareable = 1 << 20;
const threadsFor = (macs: number) => (macs > 0 && macs < shareable ? 1 : 0);

function planMemory(graph: Graph, steps: readonly Step[], type: Known) {
  const home = (value: Value): Value => (value.producer && isView(value.producer) ? home(value.producer.inputs[0]) : value);
  const lifetimes = new Map<Value, Lifetime>();
  for (const input of graph.inputs) lifetimes.set(input, { bytes: bytesOf(type(input)), from: -1, to: -1 });
  for (const [i, { node }] of steps.entries()) {
    lifetimes.set(node.output, { bytes: bytesOf(type(node.output)), from: i, to: i });
    for (const value of reads(node)) {
      const read = lifetimes.get(home(value));
      if (read) read.to = i;
    }
  }
  for (const { value } of graph.outputs) {
    const made = lifetimes.get(home(value));
    if (made) made.to = steps.length;
  }

  const values = [...lifetimes.keys()];
  const { offsets, bytes } = layOut([...lifetimes.values()]);
  const arena = keep(Tensor.uninitialized('uint8', [bytes]));
  const offsetOf = new Map(values.map((value, i) => [value, offsets[i]]));
  const placeOf = (value: Value): Place => {
    const at = home(value);
    const { dtype, shape } = type(value);
    const offset = offsetOf.get(at);
    return offset === undefined ? { handle: graph.constantOf(at)!.handle, dtype, shape } : { handle: arena.handle, offset, dtype, shape };
  };
  const ports = (list: readonly Value[]) =>
    Float64Array.from(
      list.flatMap((value) => {
        const { handle, offset = 0 } = placeOf(value);
        return [handle, offset, bytesOf(type(value))];
      }),
    );
  return { arena, placeOf, ports };
}
