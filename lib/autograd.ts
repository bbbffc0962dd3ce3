/** Gradients: the calls of a computation are written down as they run and walked backwards. */
import { fail } from './error.js';
import { type GradThunk, type RecordedCall, record } from './op.js';
import { add } from './ops/elementwise.js';
import { fill } from './ops/layout.js';
import { scope, Tensor, tensorsIn } from './tensor.js';

let paused = 0;

/** Runs `body` without writing its calls down for gradients: what it returns counts as constant. */
export function noGrad<T>(body: () => T): T {
  paused++;
  try {
    return body();
  } finally {
    paused--;
  }
}

/** What a computation returned, and the gradient of its loss by each parameter that the loss depends on. */
export interface Differentiated<T> {
  value: T;
  gradients: Map<Tensor, Tensor>;
}

/**
 * Runs `body` and differentiates the loss it returns (reverse mode). Everything made on the way is freed; value and gradients are the caller's.
 * Call it inside `offThread` to leave the event loop free.
 * @param body returns the loss, a float tensor of one element, alone or as `loss` of an object with other tensors
 * @param parameters what to differentiate by; the others are frozen
 * @throws LowbitError 'graph' where the loss goes through an op without a gradient rule
 */
export function valueAndGradients<T extends Tensor | { loss: Tensor }>(body: () => T, parameters: Iterable<Tensor>): Differentiated<T> {
  return scope(() => {
    const calls: RecordedCall[] = [];
    const value = record(body, (call) => {
      if (!paused) calls.push(call);
    });
    const loss = value instanceof Tensor ? value : value.loss;
    if (loss.size !== 1 || !loss.dtype.startsWith('float')) {
      fail({ code: 'shape', op: 'valueAndGradients', input: 'the loss', came: loss.shape, expected: 'a float tensor of one element' });
    }
    const kept = tensorsIn(value);
    return { value, gradients: backward(loss, calls, new Set(parameters), kept) };
  });
}

/** Walks the calls backwards; every output that is not `kept` is freed as soon as its own call is done with. */
function backward(loss: Tensor, calls: readonly RecordedCall[], parameters: Set<Tensor>, kept: Set<Tensor>): Map<Tensor, Tensor> {
  const depends = new Set(parameters);
  for (const { inputs, output } of calls) if (inputs.some((input) => depends.has(input))) depends.add(output);

  const slots = new Slots();
  if (depends.has(loss)) slots.put(loss, fill({ shape: loss.shape, value: 1, dtype: loss.dtype, device: loss.device }));
  for (const call of [...calls].reverse()) {
    const { inputs, output } = call;
    const dy = slots.take(output);
    if (dy) {
      const gradients = scope(() => gradientsOf(call, dy, depends, slots));
      for (const [i, input] of inputs.entries()) {
        const gradient = gradients[i];
        if (gradient) slots.put(input, gradient);
      }
      if (parameters.has(output)) slots.put(output, dy);
      slots.release(dy);
    }
    if (!kept.has(output) && !parameters.has(output)) output.dispose();
  }
  return slots.of(parameters);
}

function ruleOf({ op }: RecordedCall) {
  if (op.grad === 'none') return () => [];
  return op.grad;
}

/** The gradients of a call by those of its inputs that somebody depends on. What a rule makes on the way is freed by the caller's scope. */
function gradientsOf(call: RecordedCall, dy: Tensor, depends: Set<Tensor>, slots: Slots): (Tensor | undefined)[] {
  const thunks = ruleOf(call)(dy, call);
  return call.inputs.map((input, i) => {
    const thunk = depends.has(input) ? thunks[i] : undefined;
    return thunk && gradientOf(call, input, thunk, slots);
  });
}

/** What the thunk gives; if it offers to add, with what was known of the gradient before, which then leaves its slot. */
function gradientOf({ op }: RecordedCall, input: Tensor, thunk: GradThunk, slots: Slots): Tensor {
  const before = thunk.length ? slots.take(input) : undefined;
  const gradient = thunk(before);
  if (before) slots.release(before);
  const same = gradient.dtype === input.dtype && gradient.shape.join() === input.shape.join();
  if (!same) fail({ code: 'internal', problem: `${op.name}: a gradient is ${gradient}, its input ${input}` });
  return gradient;
}

/** The gradients that are known so far. One tensor may be the gradient of several, so holders are counted. */
class Slots {
  readonly #gradients = new Map<Tensor, Tensor>();
  readonly #holders = new Map<Tensor, number>();

  /** Adds a gradient to that of a tensor. */
  put(target: Tensor, gradient: Tensor): void {
    this.#hold(gradient);
    const before = this.#gradients.get(target);
    if (!before) {
      this.#gradients.set(target, gradient);
      return;
    }
    const sum = add(before, gradient);
    this.#hold(sum);
    this.#gradients.set(target, sum);
    this.release(before);
    this.release(gradient);
  }

  /** Removes the gradient of a tensor; the caller releases it. */
  take(target: Tensor): Tensor | undefined {
    const gradient = this.#gradients.get(target);
    this.#gradients.delete(target);
    return gradient;
  }

  release(gradient: Tensor): void {
    const left = this.#holders.get(gradient)! - 1;
    this.#holders.set(gradient, left);
    if (left === 0) gradient.dispose();
  }

  of(targets: Iterable<Tensor>): Map<Tensor, Tensor> {
    const found = new Map<Tensor, Tensor>();
    for (const target of targets) {
      const gradient = this.#gradients.get(target);
      if (gradient) found.set(target, gradient);
    }
    return found;
  }

  #hold(gradient: Tensor): void {
    this.#holders.set(gradient, (this.#holders.get(gradient) ?? 0) + 1);
  }
}
