// Twenty workers are stopped while ops run or wait: the process lives on, and the memory they held is free again.
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { add, conv2d, memory, offThread, Tensor } from 'lowbit';
import { random } from '../ops/case.js';

const work = {
  loop() {
    const [x, w, bias] = [random([1, 32, 32, 16]), random([16, 3, 3, 16]), random([16])];
    parentPort!.postMessage('busy');
    for (;;) conv2d(x, w, bias).dispose();
  },
  queue() {
    const [x, w, bias] = [random([4, 32, 32, 16]), random([16, 3, 3, 16]), random([16])];
    for (let i = 0; i < 50; i++) void offThread(() => conv2d(x, w, bias));
    parentPort!.postMessage('busy');
  },
};

if (isMainThread) {
  for (let round = 0; round < 5; round++) {
    const workers = ['loop', 'queue', 'loop', 'queue'].map((kind) => new Worker(new URL(import.meta.url), { workerData: kind }));
    await Promise.all(
      workers.map(async (worker, i) => {
        await once(worker, 'message');
        await new Promise((resolve) => setTimeout(resolve, 3 * i));
        await worker.terminate();
      }),
    );
  }
  assert.equal(memory().buffers, 0);
  assert.equal(add(Tensor.scalar(1), Tensor.scalar(2)).item(), 3);
} else {
  work[workerData as keyof typeof work]();
}
