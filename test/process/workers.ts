// Four threads load the addon at once and compute while the main thread computes too: all get the same bytes, and nothing is left behind.
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { conv2d, memory, relu, scope, type Tensor } from 'lowbit';
import { random } from '../ops/case.js';

const layer = (x: Tensor) => relu(conv2d(x, random([16, 3, 3, 8], -1, 1, 2), random([16], -1, 1, 3)));
const compute = () => {
  let last: Uint8Array = new Uint8Array();
  for (let i = 0; i < 30; i++) last = new Uint8Array(scope(() => layer(random([2, 20, 20, 8])).data()).buffer);
  return last;
};

if (isMainThread) {
  const workers = Array.from({ length: 4 }, () => new Worker(new URL(import.meta.url)));
  const results = workers.map((worker) => once(worker, 'message'));
  const ends = workers.map((worker) => once(worker, 'exit'));
  const mine = compute();
  for (const [theirs] of await Promise.all(results)) assert.deepEqual(theirs, mine);
  await Promise.all(ends);
  assert.equal(memory().buffers, 0);
} else {
  parentPort!.postMessage(compute());
}
