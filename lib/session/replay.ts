/** Ops that were called once and run again and again on memory that is planned ahead; on a graphics card they are one CUDA graph. */
import type { NotedCall } from '../calls.js';
import { CallWords, type Place } from '../callWords.js';
import { asFault } from '../error.js';
import { type NativePlan, native } from '../native.js';
import { bytesPerElement, type Device, sizeOf, type TensorType } from '../shape.js';
import { keep, settled, Tensor, type TensorData } from '../tensor.js';
import { type Lifetime, layOut } from './arena.js';

export class Replay {
  readonly #plan: NativePlan;
  readonly #arena: Tensor;
  readonly #outputs: readonly TensorType[];
  readonly #written: readonly Tensor[];

  /**
   * Tensors that the calls read and did not make are held; those that they write are written in each run. What was noted may be released
   * afterwards.
   * @param inputs read by the calls in place of what each run is given; the rest stays as it was
   * @param outputs what each run gives
   */
  constructor(calls: readonly NotedCall[], inputs: readonly Tensor[], outputs: readonly Tensor[]) {
    const lifetimes = lifetimesOf(calls, inputs, outputs);
    const { offsets, bytes } = layOut([...lifetimes.values()]);
    const arena = keep(Tensor.uninitialized('uint8', [bytes], outputs[0].device));
    const offsetOf = new Map([...lifetimes.keys()].map((handle, i) => [handle, offsets[i]]));
    const lies = ({ handle, dtype, shape }: Place): Place => {
      const offset = offsetOf.get(handle);
      return offset === undefined ? { handle, dtype, shape } : { handle: arena.handle, offset, dtype, shape };
    };
    const words = new CallWords();
    for (const { op, row, inputs, output, params } of calls) words.push(op, row, inputs.map(lies), lies(output), params);
    const steps = Int32Array.from({ length: 2 * calls.length }, (_, i) => (i % 2 ? 0 : -1)); // nothing kept, all threads
    const ports = (tensors: readonly Tensor[]) => {
      const port = (tensor: Tensor) => {
        const { handle, offset = 0 } = lies(tensor);
        return [handle, offset, tensor.bytes, tensor.bytes];
      };
      return Float64Array.from(tensors.flatMap(port));
    };
    const { addon } = native();
    this.#plan = addon.createPlan(words.words, words.count, steps, addon.createKept(0), ports(inputs), ports(outputs), 1, 1);
    this.#arena = arena;
    this.#outputs = outputs.map(({ dtype, shape }) => ({ dtype, shape }));
    this.#written = [...new Set(calls.flatMap(({ written }) => written))].filter((tensor) => !tensor.disposed);
  }

  get device(): Device {
    return this.#arena.device;
  }

  /**
   * All calls once more; the event loop stays free.
   * @param inputs tensors of any device, or arrays, of the types that were noted
   * @returns new tensors, the caller's
   */
  async run(inputs: readonly (Tensor | TensorData)[]): Promise<Tensor[]> {
    const outputs = this.#outputs.map(({ dtype, shape }) => Tensor.uninitialized(dtype, shape, this.device));
    const from = inputs.map((input) => (input instanceof Tensor ? settled(input) : input));
    try {
      await native().addon.submitPlan(this.#plan, from, outputs.map(settled), new Int32Array(1));
    } catch (error) {
      for (const tensor of outputs) tensor.dispose();
      throw asFault(error);
    }
    for (const tensor of this.#written) tensor.changed();
    return outputs;
  }

  /** Frees its memory, at the end of the runs that have been started. */
  dispose(): void {
    native().addon.releasePlan(this.#plan);
    this.#arena.dispose();
  }
}

/** By handle: of the inputs, and of what calls make. */
function lifetimesOf(calls: readonly NotedCall[], inputs: readonly Tensor[], outputs: readonly Tensor[]): Map<number, Lifetime> {
  const lifetimes = new Map<number, Lifetime>();
  for (const { handle, bytes } of inputs) lifetimes.set(handle, { bytes, from: -1, to: -1 });
  for (const [i, { inputs, output, written }] of calls.entries()) {
    const { handle, dtype, shape } = output;
    if (!written.length) lifetimes.set(handle, { bytes: sizeOf(shape) * bytesPerElement(dtype), from: i, to: i });
    for (const input of inputs) {
      const read = lifetimes.get(input.handle);
      if (read) read.to = i;
    }
  }
  for (const { handle } of outputs) {
    const made = lifetimes.get(handle);
    if (made) made.to = calls.length;
  }
  return lifetimes;
}
