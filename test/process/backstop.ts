// Tensors that are forgotten are freed when the garbage collector finds them. Run with --expose-gc.
import { strict as assert } from 'node:assert';
import { setTimeout } from 'node:timers/promises';
import { memory, Tensor } from 'lowbit';

function forget(count: number): void {
  for (let i = 0; i < count; i++) Tensor.from([i]);
}

const kept = Tensor.from([1]);
forget(100);
assert.equal(memory().tensors, 101);
for (let i = 0; i < 50 && memory().tensors > 1; i++) {
  globalThis.gc!();
  await setTimeout(1);
}
const { tensors, collected, buffers } = memory();
assert.deepEqual({ tensors, collected, buffers }, { tensors: 1, collected: 100, buffers: 1 });
assert.equal(kept.item(), 1);
