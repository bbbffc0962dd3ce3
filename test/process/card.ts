// Two threads and the main thread use the graphics card at once, op by op and in sessions: all get the same bytes, and nothing is left behind.
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { add, compile, cudaCard, mul, relu, scope, sub, type Tensor, trace } from 'lowbit';
import { random } from '../ops/case.js';

const layer = (x: Tensor) => relu(sub(mul(add(x, x), x), x));

async function compute(): Promise<Uint8Array> {
  const x = random([1000]);
  const session = compile(
    trace(({ x }) => layer(x), { x }),
    { device: 'cuda', shapes: { x: [1000] } },
  );
  const direct = scope(() => layer(x.to('cuda')).data());
  for (let i = 0; i < 30; i++) {
    assert.deepEqual(
      scope(() => layer(x.to('cuda')).data()),
      direct,
    );
    assert.deepEqual((await session.run({ x })).output, direct);
    assert.deepEqual(session.runSync({ x }).output, direct);
  }
  session.dispose();
  x.dispose();
  return new Uint8Array(direct.buffer);
}

if (isMainThread) {
  const workers = Array.from({ length: 2 }, () => new Worker(new URL(import.meta.url)));
  const results = workers.map((worker) => once(worker, 'message'));
  const ends = workers.map((worker) => once(worker, 'exit'));
  const mine = await compute();
  for (const [theirs] of await Promise.all(results)) assert.deepEqual(theirs, mine);
  await Promise.all(ends);
  const card = cudaCard();
  assert.equal('problem' in card ? 0 : card.inUse, 0);
} else {
  parentPort!.postMessage(await compute());
}
