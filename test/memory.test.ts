/** Who owns native memory: disposal, scopes, what happens when there is none left, and what threads may not change. */
import test from 'ava';
import { add, conv2d, keep, memory, mul, offThread, relu, scope, Tensor, threads } from 'lowbit';
import { faults, faultsLater } from './faults.js';
import { bytesOf, random } from './ops/case.js';

const counts = () => {
  const { tensors, buffers, bytes } = memory();
  return { tensors, buffers, bytes };
};

test.serial('a disposed tensor is refused by ops, reads and offThread', async (t) => {
  const x = Tensor.from([1, 2]);
  const y = Tensor.from([3, 4]);
  x.dispose();
  x.dispose();
  t.true(x.disposed);
  faults(t, () => add(x, y), 'disposed', /a float32 tensor of shape \[2\] was used after dispose\(\)/);
  faults(t, () => add(y, x), 'disposed', /shape \[2\]/);
  faults(t, () => x.data(), 'disposed', /shape \[2\]/);
  await faultsLater(t, () => offThread(() => relu(x)), 'disposed', /shape \[2\]/);
  t.deepEqual(add(y, y).toNumbers(), [6, 8]);
});

test.serial('a call that fails leaves no tensor behind', (t) => {
  const [x, y] = [random([2, 3]), random([4, 5])];
  const before = counts();
  t.throws(() => add(x, y));
  t.throws(() => conv2d(x, y, x));
  t.throws(() => Tensor.from([1, 2], [3]));
  t.deepEqual(counts(), before);
});

test.serial('scope frees what it does not return', (t) => {
  const before = counts();
  const { kept, sum } = scope(() => {
    const x = random([3, 4]);
    const inner = scope(() => ({ list: [mul(x, x)], lost: 1 }));
    return { kept: keep(relu(x)), sum: add(inner.list[0], x) };
  });
  t.is(memory().tensors, before.tensors + 2);
  t.throws(
    () =>
      scope(() => {
        random([5]);
        throw new Error('stop');
      }),
    { message: 'stop' },
  );
  t.is(memory().tensors, before.tensors + 2);
  kept.dispose();
  sum.dispose();
  t.deepEqual(counts(), before);
});

test.serial('memory that does not exist is a fault, and the process goes on', (t) => {
  const before = counts();
  faults(t, () => Tensor.uninitialized('uint8', [2 ** 24, 2 ** 24]), 'outOfMemory', /281474976710656 bytes for a uint8 tensor/);
  faults(t, () => Tensor.uninitialized('float64', [2 ** 30, 2 ** 30]), 'outOfMemory', /bytes for a float64 tensor/);
  t.deepEqual(counts(), before);
  t.is(add(Tensor.scalar(1), Tensor.scalar(2)).item(), 3);
});

test.serial('freed memory is kept for reuse until it is trimmed', (t) => {
  random([1000]).dispose();
  t.true(memory().cachedBytes > 0);
  t.is(memory('trim').cachedBytes, 0);
});

test.serial('the thread count changes no byte', (t) => {
  const [x, w, bias] = [random([3, 19, 17, 12]), random([20, 3, 3, 12]), random([20])];
  const start = threads();
  const results = [1, 2, 3, 7, 64].map((count) => {
    t.is(threads(count), count);
    return bytesOf(conv2d(x, w, bias, { pads: [1, 1, 1, 1] }).data());
  });
  for (const result of results) t.true(result.equals(results[0]));
  threads(start);
});

test.serial('a thread count that makes no sense is refused', (t) => {
  const start = threads();
  for (const count of [0, -1, 65, 1.5, Number.NaN]) faults(t, () => threads(count), 'option', /whole number from 1 to 64/);
  t.is(threads(), start);
});
