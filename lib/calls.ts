/** Calls as numbers: how an op call reaches the addon, at once or together with others on a thread of its own. */
import { type Fault, LowbitError } from './error.js';
import { native } from './native.js';
import { dtypes } from './shape.js';
import { setPending, type Tensor } from './tensor.js';

// The layout of a call is described in native/call.h.
let words = new Float64Array(1024);
let count = 0;
let deferring = false;
let waiting: number[] = [];

function push(value: number): void {
  if (count === words.length) {
    const larger = new Float64Array(words.length * 2);
    larger.set(words);
    words = larger;
  }
  words[count++] = value;
}

function pushTensor(tensor: Tensor): void {
  push(tensor.handle);
  push(dtypes.indexOf(tensor.dtype));
  push(tensor.shape.length);
  for (const n of tensor.shape) push(n);
}

/**
 * Runs a row of an op (-1: the best one), or notes the call down inside `offThread`.
 * @param op its index in the op table
 * @param params the numbers of each parameter, in the order of the op table
 */
export function call(op: number, row: number, inputs: readonly Tensor[], output: Tensor, params: readonly (readonly number[])[]): void {
  const start = count;
  try {
    push(op);
    push(row);
    push(inputs.length);
    for (const input of inputs) pushTensor(input);
    pushTensor(output);
    push(params.length);
    for (const list of params) {
      push(list.length);
      for (const item of list) push(item);
    }
  } catch (error) {
    count = start;
    throw error;
  }
  if (!deferring) flush();
}

function flush(): void {
  if (!count) return;
  const length = count;
  count = 0;
  try {
    native().addon.call(words, length);
  } finally {
    releaseWaiting();
  }
}

function releaseWaiting(): void {
  for (const handle of waiting) native().addon.release(handle);
  waiting = [];
}

setPending({
  settle: () => {
    if (deferring) flush();
  },
  release: (handle) => {
    if (deferring) waiting.push(handle);
    else native().addon.release(handle);
  },
  waits: () => deferring,
});

/**
 * Runs the ops of `body` on a thread of their own and resolves with its result when they are done; the event loop stays free.
 * Reading a tensor's data inside `body` runs what was collected so far in place.
 */
export async function offThread<T>(body: () => T): Promise<T> {
  if (deferring) return body();
  deferring = true;
  let done: Promise<void>;
  let result: T;
  try {
    result = body();
    const length = count;
    count = 0;
    done = length ? native().addon.submit(words, length) : Promise.resolve();
  } finally {
    count = 0;
    deferring = false;
    releaseWaiting();
  }
  await done.catch((error) => {
    throw asFault(error);
  });
  return result;
}

/** Faults of the addon, "code: text", as a LowbitError; anything else as it is. */
export function asFault(error: unknown): unknown {
  if (error instanceof LowbitError || !(error instanceof Error)) return error;
  const [, code, text] = /^([a-z-]+): ([\s\S]*)$/.exec(error.message) ?? [];
  const [, where, problem] = /^(\w+): ([\s\S]*)$/.exec(text ?? '') ?? [];
  const faults: Record<string, Fault> = {
    'out-of-memory': { code: 'outOfMemory', what: text },
    disposed: { code: 'disposed', what: text },
    declined: { code: 'kernel', op: (text ?? '').split(' ')[0], row: (text ?? '').split(' row ')[1], problem: 'does not take this call' },
    data: { code: 'data', where, problem },
    internal: { code: 'internal', problem: text },
  };
  return code in faults ? new LowbitError(faults[code]) : error;
}
