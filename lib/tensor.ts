/** Tensor: shape, dtype, device and a native buffer. No maths: that is lib/ops. */
import { requireCuda } from './cuda.js';
import { asFault, fail, LowbitError, shapeText } from './error.js';
import { type NativeMemory, native } from './native.js';
import { bfloatToNumber, halfToNumber, numberToBfloat, numberToHalf } from './rounding.js';
import { bytesPerElement, type Device, type Dtype, dtypes, type Shape, sizeOf } from './shape.js';

/** What `tensor.data()` returns. float16 and bfloat16 are their bits in a Uint16Array, boolean is 0 or 1 in a Uint8Array. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  boolean: Uint8Array,
} satisfies Record<Dtype, unknown>;

/** A zeroed array that holds `length` elements of the type. */
export function arrayFor(dtype: Dtype, length: number): TensorData {
  return new arrays[dtype](length);
}

/** Is the array one that holds elements of the type? */
export const holds = (dtype: Dtype, array: unknown): array is TensorData => array instanceof arrays[dtype];

const scopes: Set<Tensor>[] = [];
let live = 0;
let collected = 0;

// Runs before a buffer is read by JavaScript or handed back, so that calls that wait in a batch come first (lib/calls.ts).
let pending: Pending = { settle: () => {}, release: (handle) => native().addon.release(handle), waits: () => false };

/** What tensors have to know of calls that wait in a batch. */
export interface Pending {
  /** Runs them now. */
  settle(): void;
  /** Frees a buffer when they have run. */
  release(handle: number): void;
  /** Whether calls wait now: what they write needs no memory yet. */
  waits(): boolean;
}

/** For lib/calls.ts alone. */
export function setPending(calls: Pending): void {
  pending = calls;
}

// The backstop for tensors that nobody disposed of: it frees late and counts, `memory().collected`.
const backstop = new FinalizationRegistry((handle: number) => {
  live--;
  collected++;
  native().addon.release(handle);
});

/**
 * A dense row-major tensor in native memory. Free it with `dispose()`, `using`, or by making it inside `scope()`;
 * one that is simply forgotten is freed when the garbage collector gets to it.
 */
export class Tensor {
  readonly shape: Shape;
  readonly dtype: Dtype;
  #device: Device;
  #handle: number;
  #watched = false;
  /** The elements as another device has them. */
  #elsewhere: Tensor | undefined;

  /** Uninitialized memory; use `Tensor.from`. */
  private constructor(dtype: Dtype, shape: Shape, device: Device) {
    this.dtype = dtype;
    this.shape = shape;
    this.#device = device;
    this.#handle = allocate(dtype, shape, device);
    live++;
    const made = scopes.at(-1);
    if (made) made.add(this);
    else this.watch();
  }

  /** For scope() and keep(): nobody is sure to free it from now on. Inside a scope that would cost more than most calls. */
  watch(): void {
    if (this.#handle < 0 || this.#watched) return;
    this.#watched = true;
    backstop.register(this, this.#handle, this);
  }

  /** An uninitialized tensor, for the op door. */
  static uninitialized(dtype: Dtype, shape: Shape, device: Device = 'cpu'): Tensor {
    return new Tensor(dtype, shape, device);
  }

  /**
   * Copies data into a new tensor.
   * @param data a typed array of the dtype's kind, or numbers (bigints too), row-major
   * @param shape defaults to one dimension of the data's length
   * @param dtype defaults to the typed array's own type, float32 for plain numbers
   * @param device where the tensor lies, default the host's memory
   */
  static from(data: TensorData | ArrayLike<number | bigint>, shape?: Shape, dtype: Dtype = dtypeOf(data), device: Device = 'cpu'): Tensor {
    const dims = shape ?? [data.length];
    if (data.length !== sizeOf(dims)) {
      fail({
        code: 'shape',
        op: 'Tensor.from',
        input: 'data',
        came: [data.length],
        expected: `${sizeOf(dims)} elements`,
        because: `shape is ${shapeText(dims)}`,
      });
    }
    const tensor = new Tensor(dtype, dims, device);
    transfer(tensor.handle, stored(data, dtype), true);
    return tensor;
  }

  /** A tensor of no dimensions. */
  static scalar(value: number, dtype: Dtype = 'float32', device: Device = 'cpu'): Tensor {
    return Tensor.from([value], [], dtype, device);
  }

  /** Where its elements are; ops take tensors of one device and leave their result there. */
  get device(): Device {
    return this.#device;
  }

  get size(): number {
    return sizeOf(this.shape);
  }
  get bytes(): number {
    return this.size * bytesPerElement(this.dtype);
  }
  get disposed(): boolean {
    return this.#handle < 0;
  }
  /** For the op door. */
  get handle(): number {
    if (this.#handle < 0) fail({ code: 'disposed', what: `a ${this.dtype} tensor of shape ${shapeText(this.shape)}` });
    return this.#handle;
  }

  /**
   * A copy of the elements.
   * @throws LowbitError 'data' where an op on the graphics card before met an index outside its tensor, 'cuda' where the card failed
   */
  data(): TensorData {
    pending.settle();
    const out = arrayFor(this.dtype, this.size);
    transfer(this.handle, out, false);
    return out;
  }
  /** A tensor of its own with the same elements, on the same device. */
  copy(): Tensor {
    return this.#copied(this.device);
  }
  /**
   * This tensor if it lies on the device, else a copy there. Nothing else moves tensors between devices.
   * @throws LowbitError 'cuda' where there is no graphics card that can be used, 'outOfMemory'
   */
  to(device: Device): Tensor {
    return device === this.device ? this : this.#copied(device);
  }
  /**
   * Moves the tensor itself: everyone who holds it finds it on the device from now on.
   * @throws LowbitError as `to`
   */
  moveTo(device: Device): void {
    if (device === this.device) return;
    const other = keep(this.#copied(device));
    const { handle } = other;
    const watched = this.#watched;
    if (watched) this.#unwatch();
    other.#unwatch();
    [other.#handle, this.#handle] = [this.#handle, handle];
    [other.#device, this.#device] = [this.#device, device];
    if (watched) this.watch();
    this.changed();
    other.dispose();
  }
  /**
   * This tensor if it lies on the device, else a copy there that is kept with it: made once, freed with it, and made anew when this one has
   * been written. It is how graphs have their constants on every device.
   */
  at(device: Device): Tensor {
    if (device === this.device) return this;
    this.#elsewhere ??= keep(this.#copied(device));
    return this.#elsewhere;
  }
  /** Copies of `at` are of no use any more: for those who write elements without `write`. */
  changed(): void {
    this.#elsewhere?.dispose();
    this.#elsewhere = undefined;
  }
  #copied(device: Device): Tensor {
    pending.settle();
    const other = new Tensor(this.dtype, this.shape, device);
    try {
      native().addon.move(this.handle, other.handle);
    } catch (error) {
      other.dispose();
      throw asFault(error);
    }
    return other;
  }
  /**
   * Numbers for later: what computes them has been started, and what is started from now on is not waited for. Of tensors of the host, and of
   * large ones, they are read now.
   * @returns waits for them, once; throws as `data`
   */
  later(): () => number[] {
    const { addon } = native();
    if (this.device === 'cpu' || this.bytes > mostFetched || !this.size) {
      const numbers = this.toNumbers();
      return () => numbers;
    }
    pending.settle();
    const fetch = faultsOf(() => addon.fetch(this.handle));
    return () => {
      const data = arrayFor(this.dtype, this.size);
      faultsOf(() => addon.collect(fetch, data));
      return numbersOf(data, this.dtype);
    };
  }
  /** The elements as plain numbers; 64-bit integers beyond 2^53 lose digits, half floats are widened. */
  toNumbers(): number[] {
    return numbersOf(this.data(), this.dtype);
  }
  /** The only element of a tensor of one element. */
  item(): number {
    const values = this.toNumbers();
    if (values.length !== 1) fail({ code: 'shape', op: 'item', input: 'tensor', came: this.shape, expected: 'one element' });
    return values[0];
  }

  /** Overwrites the elements in place: everyone who holds the tensor sees the new ones. A tensor of its type may lie on any device. */
  write(data: Tensor | TensorData | ArrayLike<number | bigint>): void {
    const length = data instanceof Tensor ? data.size : data.length;
    if (length !== this.size) {
      fail({ code: 'shape', op: 'Tensor.write', input: 'data', came: [length], expected: `${this.size} elements` });
    }
    if (data instanceof Tensor && data.dtype !== this.dtype) {
      fail({ code: 'dtype', op: 'Tensor.write', input: 'data', came: data.dtype, expected: this.dtype });
    }
    const elements = data instanceof Tensor ? data : stored(data, this.dtype);
    pending.settle();
    if (elements instanceof Tensor) native().addon.move(elements.handle, this.handle);
    else transfer(this.handle, elements, true);
    this.changed();
  }

  /** Frees the memory now. Calling it twice is fine. */
  dispose(): void {
    if (this.#handle < 0) return;
    pending.release(this.#handle);
    this.#unwatch();
    this.#handle = -1;
    live--;
    this.changed();
  }
  #unwatch(): void {
    if (this.#watched) backstop.unregister(this);
    this.#watched = false;
  }
  [Symbol.dispose](): void {
    this.dispose();
  }

  toString(): string {
    if (this.disposed) return `Tensor(${this.dtype}${shapeText(this.shape)}, disposed)`;
    const values = this.size > 8 ? '…' : this.toNumbers().join(', ');
    return `Tensor(${this.dtype}${shapeText(this.shape)}: ${values})`;
  }
}

// What the addon fetches at a time.
const mostFetched = 4096;

/** Elements of a type as plain numbers. */
export function numbersOf(data: TensorData, dtype: Dtype): number[] {
  if (dtype === 'float16') return Array.from(data as Uint16Array, halfToNumber);
  if (dtype === 'bfloat16') return Array.from(data as Uint16Array, bfloatToNumber);
  return Array.from(data as ArrayLike<number | bigint>, Number);
}

/** Copies elements into a tensor's memory, or out of it. */
function transfer(handle: number, elements: TensorData, into: boolean): void {
  faultsOf(() => native().addon.copy(handle, elements, into));
}

function faultsOf<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw asFault(error);
  }
}

function allocate(dtype: Dtype, shape: Shape, device: Device): number {
  const bytes = sizeOf(shape) * bytesPerElement(dtype);
  if (!(shape.length <= 8 && shape.every((n) => Number.isSafeInteger(n) && n >= 0))) {
    fail({ code: 'shape', op: 'Tensor', input: 'shape', came: shape, expected: 'at most 8 dimensions, whole numbers from 0' });
  }
  if (device === 'cuda') requireCuda();
  try {
    return native().addon.alloc(bytes, pending.waits(), device === 'cuda');
  } catch (error) {
    if (error instanceof LowbitError) throw error;
    return fail({
      code: 'outOfMemory',
      what: `${bytes} bytes${device === 'cuda' ? ' of the graphics card' : ''} for a ${dtype} tensor of shape ${shapeText(shape)}`,
    });
  }
}

function dtypeOf(data: TensorData | ArrayLike<number | bigint>): Dtype {
  for (const dtype of dtypes) {
    if (dtype !== 'float16' && dtype !== 'bfloat16' && data instanceof arrays[dtype]) return dtype;
  }
  return 'float32';
}

/** The data as a tensor of the type holds it; an array of its own kind is not copied. */
function stored(data: TensorData | ArrayLike<number | bigint>, dtype: Dtype): TensorData {
  return data instanceof arrays[dtype] ? (data as TensorData) : converted(data, dtype);
}

function converted(data: ArrayLike<number | bigint>, dtype: Dtype): TensorData {
  if (dtype === 'int64' || dtype === 'uint64') {
    return arrays[dtype].from(Array.from(data, (value) => bigIntOf(value, dtype)));
  }
  const numbers = Array.from(data, Number);
  if (dtype === 'float16') return Uint16Array.from(numbers, numberToHalf);
  if (dtype === 'bfloat16') return Uint16Array.from(numbers, numberToBfloat);
  if (dtype === 'boolean') return Uint8Array.from(numbers, (value) => (value ? 1 : 0));
  return arrays[dtype].from(numbers);
}

function bigIntOf(value: number | bigint, dtype: Dtype): bigint {
  if (typeof value === 'bigint' || Number.isInteger(value)) return BigInt(value);
  return fail({ code: 'data', where: 'Tensor.from', problem: `${value} is no ${dtype}` });
}

/**
 * Runs `body` and frees every tensor that was made inside it and is not part of what it returns
 * (a tensor, or arrays, maps and plain objects of them). Scopes nest; a tensor that survives joins the outer one.
 */
export function scope<T>(body: () => T): T {
  const made = new Set<Tensor>();
  scopes.push(made);
  let result: T | undefined;
  try {
    result = body();
    return result;
  } finally {
    scopes.pop();
    const kept = tensorsIn(result);
    for (const tensor of made) {
      if (!kept.has(tensor)) tensor.dispose();
      else if (scopes.length) scopes.at(-1)!.add(tensor);
      else tensor.watch();
    }
  }
}

/** Takes a tensor out of every scope: it lives until it is disposed of. */
export function keep<T extends Tensor>(tensor: T): T {
  for (const made of scopes) made.delete(tensor);
  tensor.watch();
  return tensor;
}

/** The handle of a tensor that nothing waits to write any more. */
export function settled(tensor: Tensor): number {
  pending.settle();
  return tensor.handle;
}

/** The tensors of a value: itself, or what is in arrays, sets, maps and plain objects. */
export function tensorsIn(value: unknown): Set<Tensor> {
  const found = new Set<Tensor>();
  collect(value, found);
  return found;
}

function collect(value: unknown, into: Set<Tensor>): void {
  if (value instanceof Tensor) into.add(value);
  else if (value instanceof Map) for (const item of value.values()) collect(item, into);
  else if (Array.isArray(value) || value instanceof Set) for (const item of value) collect(item, into);
  else if (value && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    for (const item of Object.values(value)) collect(item, into);
  }
}

/** Tensors alive in this thread, those the garbage collector had to free, and the process's native memory in bytes. */
export function memory(request?: 'trim' | 'resetPeak'): NativeMemory & { tensors: number; collected: number } {
  return { tensors: live, collected, ...native().addon.memory(request) };
}
