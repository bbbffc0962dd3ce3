/** Calls as numbers: how an op call reaches the addon, at once or together with others on a thread of its own. */
import { CallWords, type Place } from './callWords.js';
import { asFault } from './error.js';
import { native } from './native.js';
import { setPending, type Tensor } from './tensor.js';

const list = new CallWords();
let deferring = false;
/** What of the current batch runs already. */
let parts: Promise<void>[] = [];
/** Nothing more of it starts before all of it is known. */
let holding = false;
let waiting: number[] = [];
/** Of a body whose calls are noted. */
let notes: NotedCall[] | undefined;

// A batch starts to run while the rest of it is still being written down: about fifty calls at a time.
const wordsOfPart = 2048;

/**
 * Runs a row of an op (-1: the best one), or notes the call down inside `offThread`.
 * @param op its index in the op table
 * @param params the numbers of each parameter, in the order of the op table
 * @param updates the call changes its inputs: inside `offThread` it does not start before the whole body has succeeded
 */
export function call(
  op: number,
  row: number,
  inputs: readonly Tensor[],
  output: Tensor,
  params: readonly (readonly number[])[],
  updates = false,
): void {
  if (notes) {
    notes.push({ op, row, inputs: inputs.map(placeOf), output: placeOf(output), params, written: updates ? inputs : [] });
    return;
  }
  list.push(op, row, inputs, output, params);
  holding ||= updates && deferring;
  if (!deferring) flush();
  else if (list.count >= wordsOfPart && !holding) submit(true);
}

function submit(more: boolean): void {
  const { words, count } = list;
  list.count = 0;
  parts.push(native().addon.submit(words, count, more, waiting));
  waiting = [];
}

function flush(): void {
  if (parts.length) native().addon.settle();
  const { words, count } = list;
  if (!count) return;
  list.count = 0;
  try {
    native().addon.call(words, count);
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
    if (notes) throw looked;
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
  let outcome: { result: T } | { error: unknown };
  try {
    outcome = { result: body() };
  } catch (error) {
    outcome = { error };
    list.count = 0; // what has not started never does
  }
  if (list.count || parts.length) submit(false);
  const running = parts;
  parts = [];
  holding = false;
  deferring = false;
  const faults = (await Promise.allSettled(running)).filter((part) => part.status === 'rejected');
  if ('error' in outcome) throw asFault(outcome.error);
  if (faults.length) throw asFault(faults[0].reason);
  return outcome.result;
}

/** A call as it was made: its tensors may be gone, or hold nothing. */
export interface NotedCall {
  op: number;
  row: number;
  inputs: readonly Place[];
  output: Place;
  params: readonly (readonly number[])[];
  /** What the call changes in place. */
  written: readonly Tensor[];
}

export interface Noted<T> {
  result: T;
  calls: readonly NotedCall[];
  /** Frees what the body made and has disposed of: until then all places of the calls are there. */
  release(): void;
}

const placeOf = ({ handle, dtype, shape }: Tensor): Place => ({ handle, dtype, shape });

const looked = new Error('a body whose calls are noted has looked at elements');

/**
 * The calls of a body, none of which runs: the tensors it makes hold nothing but what came from the host.
 * @returns nothing for a body that copies or looks at elements, which it cannot do yet
 */
export function noteCalls<T>(body: () => T): Noted<T> | undefined {
  const calls: NotedCall[] = [];
  const before = waiting;
  waiting = [];
  notes = calls;
  deferring = true;
  try {
    const result = body();
    const unused = waiting;
    return { result, calls, release: () => unused.forEach((handle) => void native().addon.release(handle)) };
  } catch (error) {
    releaseWaiting();
    if (error !== looked) throw error;
    return undefined;
  } finally {
    waiting = before;
    notes = undefined;
    deferring = false;
  }
}
