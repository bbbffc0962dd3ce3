/** A graph that is ready to run. */
import { asFault, checkOptions, fail, shapeText } from '../error.js';
import { entry, type Graph } from '../graph/graph.js';
import { native, type PortMemory } from '../native.js';
import { type AnyOp, rowsOf } from '../op.js';
import { conv2dAddClip, fusedElementwise, gemmAddClip } from '../ops/index.js';
import { foldConstants } from '../passes/foldConstants.js';
import { fuseElementwise } from '../passes/fuseElementwise.js';
import { fuseEpilogues } from '../passes/fuseEpilogues.js';
import { type Device, type Shape, shapesMayEqual, sizeOf, type TensorType } from '../shape.js';
import { arrayFor, holds, settled, Tensor, type TensorData } from '../tensor.js';
import { KeptPlaces, makePlan, type Runs, type SessionPlan } from './plan.js';
import { atOnce, inSlices } from './slices.js';

/** Values by input name: a tensor, or an array of the input's type, whose length says how large the one free dimension is. */
export type SessionInputs = Readonly<Record<string, Tensor | TensorData>>;

export interface SessionRunOptions {
  /** Arrays, or tensors of any device, that get the outputs, by output name; for others arrays are made. */
  outputs?: Readonly<Record<string, Tensor | TensorData>>;
}

export interface SessionPort {
  name: string;
  /** NaN where a dimension is free. */
  type: TensorType;
}

/** How long a step takes. */
export interface StepTime {
  name: string;
  op: string;
  /** Shape of the output. */
  shape: Shape;
  /** Multiply-accumulates, 0 where it is no product. */
  macs: number;
  milliseconds: number;
}

/** Passes that make one op of several, where the device has kernels for it. */
const joining: readonly { pass: (graph: Graph) => Graph; makes: readonly AnyOp[] }[] = [
  { pass: fuseEpilogues, makes: [conv2dAddClip, gemmAddClip] },
  { pass: fuseElementwise, makes: [fusedElementwise] },
];

// Plans for other input shapes than the last: each holds an arena.
const mostPlans = 4;

/** Made by `compile`. Its runs come one after another; free it with `dispose()` or `using`. */
export class Session {
  readonly name: string;
  readonly device: Device;
  readonly inputs: readonly SessionPort[];
  readonly #graph: Graph;
  readonly #kept: KeptPlaces;
  /** By the shapes of the inputs, the one that ran last at the end. */
  readonly #plans = new Map<string, SessionPlan>();
  #disposed = false;

  /** @param graph as it is to run: lowered */
  constructor(graph: Graph, shapes: Readonly<Record<string, Shape>>, device: Device) {
    const names = graph.inputs.map(({ name }) => name);
    checkOptions(`compile ${graph.name}: shapes`, shapes, names);
    this.name = graph.name;
    this.device = device;
    this.#graph = graph;
    this.inputs = graph.inputs.map(({ name, type }) => ({ name, type: sized(name, type!, entry(shapes, name)) }));
    this.#kept = new KeptPlaces(graph.nodes.length);
    if (!this.inputs.some(({ type }) => type.shape.some(Number.isNaN))) this.#plan(this.inputs.map(({ type }) => type.shape));
  }

  /** Output names in the graph's order. */
  get outputs(): readonly string[] {
    return this.#graph.outputs.map(({ name }) => name);
  }

  /**
   * Runs on the calling thread (and the pool), for networks that take less time than a turn of the event loop may.
   * @returns the outputs by name, row-major; arrays of the caller where `outputs` gives them. Those that tensors get are not among them
   * @throws LowbitError 'data', 'dtype' or 'shape' for inputs or arrays that do not fit, 'disposed'
   */
  runSync(inputs: SessionInputs, options: SessionRunOptions = {}): Record<string, TensorData> {
    const { plan, from, to, results } = this.#prepare(inputs, options);
    try {
      native().addon.runPlan(plan.native, from, to);
    } catch (error) {
      throw asFault(error);
    }
    return results;
  }

  /**
   * Runs off the event loop. Inputs and arrays must not be changed before it resolves; of several runs each waits for those before it.
   * @throws LowbitError as `runSync`, and 'aborted' where `signal` stops it
   */
  async run(inputs: SessionInputs, options: SessionRunOptions & { signal?: AbortSignal } = {}): Promise<Record<string, TensorData>> {
    const { signal, ...rest } = options;
    if (signal?.aborted) fail({ code: 'aborted', what: this.name });
    const { plan, from, to, results } = this.#prepare(inputs, rest);
    const stop = new Int32Array(1);
    const abort = () => Atomics.store(stop, 0, 1);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      await native().addon.submitPlan(plan.native, from, to, stop);
    } catch (error) {
      const fault = asFault(error);
      if ((fault as { code?: string }).code === 'aborted') fail({ code: 'aborted', what: this.name });
      throw fault;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
    return results;
  }

  /**
   * Times each step.
   * @param runs the median of as many is taken, after one that does not count
   */
  profile(inputs: SessionInputs, { runs = 10 }: { runs?: number } = {}): StepTime[] {
    if (!(Number.isSafeInteger(runs) && runs >= 1)) {
      fail({ code: 'option', where: 'profile', option: 'runs', came: runs, expected: 'a whole number from 1' });
    }
    const { plan, from, to } = this.#prepare(inputs, {});
    const times = Array.from({ length: runs + 1 }, () => new Float64Array(plan.steps.length));
    try {
      for (const some of times) native().addon.runPlan(plan.native, from, to, some);
    } catch (error) {
      throw asFault(error);
    }
    return plan.steps.map(({ node, shape, macs }, i) => {
      const sorted = Float64Array.from(times.slice(1), (some) => some[i]).sort();
      return { name: node.name, op: node.op.name, shape, macs, milliseconds: sorted[runs >> 1] / 1e6 };
    });
  }

  /** Bytes that it holds: what kernels keep (packed weights), and the arenas of intermediate values. */
  get memory(): { kept: number; arena: number } {
    this.#check();
    const arenas = [...this.#plans.values()].map(({ arena }) => arena.bytes);
    return { kept: native().addon.keptBytes(this.#kept.native), arena: arenas.reduce((sum, bytes) => sum + bytes, 0) };
  }

  /** Frees its memory, at the end of the runs that have been started. Calling it twice is fine. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const plan of this.#plans.values()) release(plan);
    this.#plans.clear();
    native().addon.releaseKept(this.#kept.native);
  }
  [Symbol.dispose](): void {
    this.dispose();
  }

  #check(): void {
    if (this.#disposed) fail({ code: 'disposed', what: `the session of ${this.name}` });
  }

  #prepare(given: SessionInputs, options: SessionRunOptions) {
    this.#check();
    for (const option in options) checkOptions('run', { [option]: undefined }, ['outputs']);
    for (const name in given) {
      if (!this.inputs.some((input) => input.name === name)) this.#unknown('inputs', name, this.inputs);
    }
    const values = this.inputs.map((input) => this.#input(input, entry(given, input.name)));
    const plan = this.#plan(values.map(({ shape }) => shape));
    const arrays = options.outputs ?? {};
    for (const name in arrays) if (!this.outputs.includes(name)) this.#unknown('outputs', name, this.#graph.outputs);
    const results: Record<string, TensorData> = {};
    const to = plan.outputs.map((type, i) => {
      const { name } = this.#graph.outputs[i];
      const given = entry(arrays, name);
      if (given instanceof Tensor) return this.#outputTensor(name, type, given);
      results[name] = this.#output(name, type, given);
      return results[name];
    });
    return { plan, from: values.map(({ memory }) => memory), to, results };
  }

  #unknown(what: string, option: string, known: readonly { name: string }[]): never {
    return fail({ code: 'unknownOption', where: `${what} of ${this.name}`, option, allowed: known.map(({ name }) => name) });
  }

  #input({ name, type }: SessionPort, value: Tensor | TensorData | undefined): { shape: Shape; memory: PortMemory } {
    if (value === undefined) return fail({ code: 'data', where: this.name, problem: `input "${name}" is missing` });
    if (value instanceof Tensor) {
      if (value.dtype !== type.dtype) {
        fail({ code: 'dtype', op: this.name, input: name, came: value.dtype, expected: type.dtype });
      }
      if (!shapesMayEqual(value.shape, type.shape)) {
        fail({ code: 'shape', op: this.name, input: name, came: value.shape, expected: shapeText(type.shape) });
      }
      return { shape: value.shape, memory: settled(value) };
    }
    if (!holds(type.dtype, value)) {
      const came = (value as object)?.constructor?.name ?? typeof value;
      fail({ code: 'dtype', op: this.name, input: name, came, expected: `a tensor, or a ${arrayFor(type.dtype, 0).constructor.name}` });
    }
    return { shape: this.#shapeFor(name, type.shape, value.length), memory: value };
  }

  /** The shape of an input that comes as an array. */
  #shapeFor(name: string, shape: Shape, length: number): Shape {
    const free = shape.filter(Number.isNaN).length;
    const known = sizeOf(shape.filter((n) => !Number.isNaN(n)));
    const size = free === 1 && known > 0 ? length / known : Number.NaN;
    if (free === 0 ? length === known : Number.isInteger(size)) return free ? shape.map((n) => (Number.isNaN(n) ? size : n)) : shape;
    const expected =
      free === 0
        ? `${known} elements, ${shapeText(shape)}`
        : free === 1
          ? `a multiple of ${known} elements, ${shapeText(shape)}`
          : `a tensor: ${shapeText(shape)} has ${free} free dimensions`;
    return fail({ code: 'shape', op: this.name, input: name, came: [length], expected });
  }

  #output(name: string, type: TensorType, array: TensorData | undefined): TensorData {
    const size = sizeOf(type.shape);
    if (!array) return arrayFor(type.dtype, size);
    if (!holds(type.dtype, array)) {
      const expected = arrayFor(type.dtype, 0).constructor.name;
      fail({ code: 'dtype', op: this.name, input: `the array for ${name}`, came: (array as object).constructor?.name, expected });
    }
    if (array.length !== size) {
      fail({ code: 'shape', op: this.name, input: `the array for ${name}`, came: [array.length], expected: `${size} elements` });
    }
    return array;
  }

  #outputTensor(name: string, { dtype, shape }: TensorType, tensor: Tensor): PortMemory {
    const input = `the tensor for ${name}`;
    if (tensor.dtype !== dtype) fail({ code: 'dtype', op: this.name, input, came: tensor.dtype, expected: dtype });
    if (tensor.shape.join() !== shape.join()) fail({ code: 'shape', op: this.name, input, came: tensor.shape, expected: shapeText(shape) });
    const handle = settled(tensor);
    tensor.changed();
    return handle;
  }

  #plan(shapes: readonly Shape[]): SessionPlan {
    const key = shapes.join(';');
    const known = this.#plans.get(key);
    if (known) return known;
    const plan = makePlan(this.#runs(shapes), this.#kept, this.device);
    this.#plans.set(key, plan);
    const [oldest] = this.#plans.keys();
    if (this.#plans.size > mostPlans) {
      release(this.#plans.get(oldest)!);
      this.#plans.delete(oldest);
    }
    return plan;
  }

  #runs(shapes: readonly Shape[]): Runs {
    const declared = this.#graph.inputs.map(({ type }) => type!);
    const passes = joining.filter(({ makes }) => makes.every((op) => rowsOf(op, this.device).length));
    const fit = (sizes: readonly Shape[]) => {
      const named = Object.fromEntries(this.inputs.map(({ name }, i) => [name, sizes[i]]));
      return passes.reduce((graph, { pass }) => pass(graph), foldConstants(this.#graph, named));
    };
    return this.device === 'cpu' ? inSlices(declared, shapes, fit) : atOnce(fit(shapes));
  }
}

function release(plan: SessionPlan): void {
  native().addon.releasePlan(plan.native);
  plan.arena.dispose();
}

function sized(name: string, type: TensorType, shape: Shape | undefined): TensorType {
  if (!shape) return type;
  if (!shapesMayEqual(shape, type.shape)) {
    fail({ code: 'option', where: 'compile', option: `shapes.${name}`, came: shapeText(shape), expected: shapeText(type.shape) });
  }
  return { dtype: type.dtype, shape: type.shape.map((n, i) => (Number.isNaN(n) ? shape[i] : n)) };
}
