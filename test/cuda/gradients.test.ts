/** Gradient rules stay on the device of their call: what they make beside dy and the inputs, too. The numbers are those of the CPU. */
import { allOps, type Device, LowbitError, type RecordedCall, record, rowsOf, runOp, scope, type Tensor } from 'lowbit';
import type { Case } from '../ops/case.js';
import { random } from '../ops/case.js';
import { cases } from '../ops/cases.js';
import { onCard } from './device.js';

// Kernels have bounds of their own, test/ops; a rule that goes wrong is off by more.
const bound = 1e-3;

for (const [name, list] of Object.entries(cases)) {
  const op = allOps.get(name)!;
  if (typeof op.grad !== 'function' || !rowsOf(op, 'cuda').length) continue;
  onCard(`${name}: its gradients lie where dy does`, [op], (t) => {
    let checked = 0;
    for (const [i, entry] of list.entries()) {
      scope(() => {
        const there = gradientsOf(name, entry, 'cuda');
        if (!there) return;
        const here = gradientsOf(name, entry, 'cpu')!;
        for (const [k, gradient] of there.entries()) {
          if (!gradient) continue;
          checked++;
          t.is(gradient.device, 'cuda', `${name} ${entry.note ?? i}, input ${k}`);
          const want = here[k]!.toNumbers();
          const far = gradient.toNumbers().findIndex((x, at) => Math.abs(x - want[at]) > bound * Math.max(1, Math.abs(want[at])));
          t.is(far, -1, `${name} ${entry.note ?? i}, input ${k}`);
        }
      });
    }
    t.true(checked >= 0);
  });
}

/** Nothing where a kernel is missing or declines the case, or that has no gradient. */
function gradientsOf(name: string, { inputs, params }: Case, device: Device): (Tensor | undefined)[] | undefined {
  const op = allOps.get(name)!;
  const calls: RecordedCall[] = [];
  try {
    const given = inputs().map((x) => x.to(device));
    record(
      () => runOp(op, given, params),
      (call) => calls.push(call),
    );
    const { dtype, shape } = calls[0].output;
    const dy = random(shape, -1, 1, 77).to(device);
    if (dtype !== 'float32' || typeof op.grad !== 'function') return undefined;
    return op.grad(dy, calls[0]).map((thunk) => thunk?.());
  } catch (error) {
    if (error instanceof LowbitError && ['kernel', 'graph'].includes(error.code)) return undefined;
    throw error;
  }
}
