/** A graph of known shapes as calls on memory that is planned ahead. */
import { CallWords, type Place } from '../callWords.js';
import { fail } from '../error.js';
import { type Graph, type Node, reads, type Value } from '../graph/graph.js';
import { requireKernels } from '../graph/kernels.js';
import { macsOf } from '../graph/macs.js';
import { Types } from '../graph/types.js';
import { type NativeKept, type NativePlan, native } from '../native.js';
import { callNumbers, completeParams } from '../op.js';
import { reshape } from '../ops/index.js';
import { bytesPerElement, type Device, type Shape, sizeOf, type TensorType } from '../shape.js';
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

/** What a session runs: the graph of all samples, or the same for a slice of them, one slice after another. */
export interface Runs {
  whole: Graph;
  slice: Graph;
  /** Samples in each. */
  samples: { whole: number; slice: number };
}

/**
 * Both graphs are of known shapes and have the same nodes.
 * @param kept what kernels of the CPU keep; those of graphics cards keep nothing
 * @throws LowbitError 'unsupported' where a shape or a parameter depends on the data, or the device lacks kernels
 */
export function makePlan({ whole, slice, samples }: Runs, kept: KeptPlaces, device: Device): SessionPlan {
  const [types, all] = [knownTypes(slice), knownTypes(whole)];
  const nodes = slice.nodes.filter((node) => !isView(node));
  requireKernels(slice, device, nodes);
  const memory = planMemory(slice, nodes, (value) => types.get(value)!, device);

  const words = new CallWords();
  const notes = new Int32Array(2 * nodes.length);
  for (const [i, node] of nodes.entries()) {
    const { index, numbers } = callNumbers(node.op, completeParams(node.op, types.params(node)!));
    words.push(index, -1, node.inputs.map(memory.placeOf), memory.placeOf(node.output), numbers);
    notes.set([device === 'cpu' ? kept.of(node, numbers, slice) : -1, threadsFor(macsOf(node, types))], 2 * i);
  }
  const typeOf = (value: Value) => all.get(value)!;
  const outputsOf = ({ outputs }: Graph) => outputs.map(({ value }) => value);
  const ports = (of: (graph: Graph) => readonly Value[]) => {
    const callers = of(whole).map((value) => bytesOf(typeOf(value)));
    return Float64Array.from(of(slice).flatMap((value, i) => [...memory.portOf(value), callers[i]]));
  };
  const plan = native().addon.createPlan(
    words.words,
    words.count,
    notes,
    kept.native,
    ports(({ inputs }) => inputs),
    ports(outputsOf),
    samples.whole,
    samples.slice,
  );
  const steps = whole.nodes
    .filter((node) => !isView(node))
    .map((node): Step => ({ node, shape: typeOf(node.output).shape, macs: macsOf(node, all) }));
  return { native: plan, steps, inputs: whole.inputs.map(typeOf), outputs: outputsOf(whole).map(typeOf), arena: memory.arena };
}

type Known = (value: Value) => TensorType;

const bytesOf = (type: TensorType) => sizeOf(type.shape) * bytesPerElement(type.dtype);

// The elements of a reshape are where they were.
const isView = ({ op }: Node) => op === reshape;

function knownTypes(graph: Graph): Types {
  const types = new Types(graph);
  const items = graph.nodes.flatMap((node) => {
    const shape = types.get(node.output)?.shape;
    if (types.params(node) && shape && !shape.some(Number.isNaN)) return [];
    if (node.inputs.some((value) => value.producer && !types.get(value))) return []; // that one is named
    return [{ name: node.name, op: node.op.name, reason: 'its shape depends on the data; run() takes such graphs' }];
  });
  if (items.length) fail({ code: 'unsupported', where: `compile ${graph.name}`, items });
  return types;
}

// Below this many products a second thread comes too late to help: about 3 microseconds of work.
const shareable = 1 << 20;
const threadsFor = (macs: number) => (macs > 0 && macs < shareable ? 1 : 0);

/** Where the elements of a value lie: a view has those of its input. */
const home = (value: Value): Value => (value.producer && isView(value.producer) ? home(value.producer.inputs[0]) : value);

function lifetimesOf(graph: Graph, nodes: readonly Node[], type: Known): Map<Value, Lifetime> {
  const lifetimes = new Map<Value, Lifetime>();
  for (const input of graph.inputs) lifetimes.set(input, { bytes: bytesOf(type(input)), from: -1, to: -1 });
  for (const [i, node] of nodes.entries()) {
    lifetimes.set(node.output, { bytes: bytesOf(type(node.output)), from: i, to: i });
    for (const value of reads(node)) {
      const read = lifetimes.get(home(value));
      if (read) read.to = i;
    }
  }
  for (const { value } of graph.outputs) {
    const made = lifetimes.get(home(value));
    if (made) made.to = nodes.length;
  }
  return lifetimes;
}

/**
 * Bytes for a graph of known shapes: the arena, all that its nodes write, and the constants that they read.
 * @throws LowbitError 'unsupported' as `makePlan`
 */
export function memoryOf(graph: Graph): { arena: number; written: number; constants: number } {
  const types = knownTypes(graph);
  const type = (value: Value) => types.get(value)!;
  const nodes = graph.nodes.filter((node) => !isView(node));
  const lifetimes = lifetimesOf(graph, nodes, type);
  const constants = new Set(nodes.flatMap(({ inputs }) => inputs.map(home)).filter((value) => graph.constantOf(value)));
  const sum = (values: Iterable<Value>) => [...values].reduce((bytes, value) => bytes + bytesOf(type(value)), 0);
  return { arena: layOut([...lifetimes.values()]).bytes, written: sum(nodes.map(({ output }) => output)), constants: sum(constants) };
}

function planMemory(graph: Graph, nodes: readonly Node[], type: Known, device: Device) {
  const lifetimes = lifetimesOf(graph, nodes, type);
  const values = [...lifetimes.keys()];
  const { offsets, bytes } = layOut([...lifetimes.values()]);
  const arena = keep(Tensor.uninitialized('uint8', [bytes], device));
  const offsetOf = new Map(values.map((value, i) => [value, offsets[i]]));
  const placeOf = (value: Value): Place => {
    const at = home(value);
    const { dtype, shape } = type(value);
    const offset = offsetOf.get(at);
    const lies = offset === undefined ? { handle: graph.constantOf(at)!.at(device).handle } : { handle: arena.handle, offset };
    return { ...lies, dtype, shape };
  };
  /** Buffer handle, first byte, bytes. */
  const portOf = (value: Value) => {
    const { handle, offset = 0 } = placeOf(value);
    return [handle, offset, bytesOf(type(value))];
  };
  return { arena, placeOf, portOf };
}
