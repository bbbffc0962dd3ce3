import test from 'ava';
import { type Lifetime, layOut } from '../../lib/session/arena.js';
import { randomNumbers } from '../ops/case.js';

const meet = (a: Lifetime, b: Lifetime) => a.from <= b.to && b.from <= a.to;

test('values that live at the same time have places of their own, with room for a vector behind each', (t) => {
  for (let seed = 1; seed <= 200; seed++) {
    const values = Array.from({ length: 1 + (seed % 30) }, (_, i): Lifetime => {
      const [bytes, from, length] = randomNumbers(3, 0, 1, seed * 100 + i);
      const start = Math.floor(from * 20);
      return { bytes: Math.floor(bytes * 1000), from: start, to: start + Math.floor(length * 6) };
    });
    const { offsets, bytes } = layOut(values);
    for (const [i, a] of values.entries()) {
      t.is(offsets[i] % 64, 0);
      t.true(offsets[i] + a.bytes + 64 <= bytes);
      for (const [j, b] of values.entries()) {
        if (j >= i || !meet(a, b)) continue;
        t.true(offsets[i] + a.bytes + 64 <= offsets[j] || offsets[j] + b.bytes + 64 <= offsets[i], `seed ${seed}: ${i} and ${j}`);
      }
    }
  }
});

test('places are used again', (t) => {
  const chain = Array.from({ length: 10 }, (_, i): Lifetime => ({ bytes: 1000, from: i, to: i + 1 }));
  t.is(layOut(chain).bytes, 2 * (1024 + 64));
  t.deepEqual(layOut([]), { offsets: [], bytes: 0 });
});
