/** Loads the addon; the only file that knows it exists. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fail } from './error.js';
import type { Device } from './shape.js';

/** One row of the op table. */
export interface RowInfo {
  device: Device;
  needs: string;
  variant: string;
  /** Of rows for processors; those for graphics cards see `runsOnCard`. */
  runnable?: boolean;
}

/** One op of the op table. */
export interface OpInfo {
  name: string;
  anyInputs: boolean;
  inputs: string[];
  params: string[];
  rows: RowInfo[];
}

interface Schema {
  dtypes: string[];
  ops: OpInfo[];
  features: string[];
}

/** Bytes of native memory held by tensors of the whole process; `cachedBytes` are free blocks kept for reuse. */
export interface NativeMemory {
  buffers: number;
  bytes: number;
  peakBytes: number;
  cachedBytes: number;
}

/** A graphics card. */
export interface CudaCard {
  name: string;
  /** Compute capability: 8.0, 9.0. */
  capability: number;
  multiprocessors: number;
  /** Its memory, and what tensors have of it. */
  bytes: number;
  inUse: number;
  /** It is the CPU, which runs the same kernels slowly, to test them. */
  emulated: boolean;
}

export type NativeFetch = { readonly fetch: unique symbol };
export type NativeKept = { readonly kept: unique symbol };
export type NativePlan = { readonly plan: unique symbol };
/** A typed array, or the handle of a buffer. */
export type PortMemory = ArrayBufferView | number;

interface Addon {
  schema(): Schema;
  /** `later`: memory is taken when a call first touches it. */
  alloc(bytes: number, later: boolean, cuda: boolean): number;
  release(handle: number): boolean;
  copy(handle: number, array: ArrayBufferView, write: boolean): void;
  /** The elements of a buffer to another of its size, on any device. */
  move(from: number, to: number): void;
  /** Starts to bring a buffer of at most 4096 bytes from the graphics card, after all that was started before. */
  fetch(handle: number): NativeFetch;
  /** Waits for it, and not for what was started since; once. */
  collect(fetch: NativeFetch, array: ArrayBufferView): void;
  cuda(): CudaCard | { problem: string };
  /** An index of `cudaPrecisions` (lib/cuda.ts). */
  cudaPrecision(precision?: number): number;
  call(words: Float64Array, count: number): number;
  /**
   * `more`: the next submission belongs to this one, and does nothing where this one fails. `unused`: handles that only these calls need;
   * their memory is free when those have run.
   */
  submit(words: Float64Array, count: number, more: boolean, unused: readonly number[]): Promise<void>;
  /** What the steps of a session keep from run to run, `count` of them. */
  createKept(count: number): NativeKept;
  keptBytes(kept: NativeKept): number;
  releaseKept(kept: NativeKept): void;
  /**
   * @param notes for each call its place in `kept` (-1: none) and the threads it may have (0: all)
   * @param inputs for each port: buffer handle, first byte, bytes, bytes of the caller's memory; like outputs
   * @param batch samples in the caller's memory, of which the calls compute `slice`
   */
  createPlan(
    words: Float64Array,
    count: number,
    notes: Int32Array,
    kept: NativeKept,
    inputs: Float64Array,
    outputs: Float64Array,
    batch: number,
    slice: number,
  ): NativePlan;
  releasePlan(plan: NativePlan): void;
  /** `times` gets the nanoseconds of each step. */
  runPlan(plan: NativePlan, inputs: readonly PortMemory[], outputs: readonly PortMemory[], times?: Float64Array): void;
  /** The arrays must not be touched before it is done. `stop`: one element, other than 0 to end the run between two steps. */
  submitPlan(plan: NativePlan, inputs: readonly PortMemory[], outputs: readonly PortMemory[], stop: Int32Array): Promise<void>;
  /** Waits for what was submitted. */
  settle(): void;
  threads(count?: number): number;
  /** Operations a nanosecond of one core on registers alone: of real numbers (0) or 8-bit codes (1); 0 without vectors. */
  peak(products: 0 | 1): number;
  memory(request?: 'trim' | 'resetPeak'): NativeMemory;
}

let loaded: { addon: Addon; schema: Schema; path: string; indexOf: Map<string, number> } | undefined;

/** The package's folder: the nearest one upwards with a package.json. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) fail({ code: 'native', problem: 'its package.json was not found', todo: 'Install lowbit again.' });
    folder = parent;
  }
  return folder;
}

/** The addon and its op table, loaded on first use. */
export function native() {
  loaded ??= load();
  return loaded;
}

/** What LOWBIT_CPU may say: the newest instructions that kernels may use, from old to new; "any" leaves the plain references. */
const processors = ['any', 'avx2', 'avxvnni', 'avx512', 'avx512vnni', 'avx512popcnt'];

function load() {
  const limit = process.env.LOWBIT_CPU;
  if (limit !== undefined && !processors.includes(limit)) {
    fail({ code: 'option', where: 'the environment', option: 'LOWBIT_CPU', came: limit, expected: `one of ${processors.join(', ')}` });
  }
  const require = createRequire(import.meta.url);
  let path = '';
  try {
    path = (require('node-gyp-build') as { resolve(root: string): string }).resolve(packageRoot());
    const addon = require(path) as Addon;
    const schema = addon.schema();
    return { addon, schema, path, indexOf: new Map(schema.ops.map((op, i) => [op.name, i])) };
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    return fail({ code: 'native', problem: text.split('\n')[0], todo: hint(text, path), cause });
  }
}

function hint(text: string, path: string): string {
  if (/GLIBC/.test(text)) return 'This system has an older libc than the prebuilt binary needs: run `npx lowbit build`.';
  if (!path) {
    return `There is no binary for ${process.platform}-${process.arch}: run \`npx lowbit build\` (needs cmake >= 3.18 and a C++20 compiler).`;
  }
  return 'Run `npx lowbit build` to build it on this machine.';
}
