import test from 'ava';
import { epochTicks, logTicks, ticks } from '../../lib/report/axis.js';

test('ticks are round and enclose the range', (t) => {
  t.deepEqual(ticks(0, 2.3, 5), [0, 0.5, 1, 1.5, 2, 2.5]);
  t.deepEqual(ticks(0.912, 0.987, 5), [0.9, 0.92, 0.94, 0.96, 0.98, 1]);
  t.deepEqual(ticks(0, 0.1, 5), [0, 0.02, 0.04, 0.06, 0.08, 0.1]);
  t.deepEqual(ticks(0, 0, 5).slice(0, 2), [0, 0.2]);
  t.deepEqual(ticks(3, 3, 5), [3, 4]);
});

test('ticks of a logarithmic axis are 1, 2 and 5 times powers of ten, or powers alone, and enclose the range', (t) => {
  t.deepEqual(logTicks(1, 18.5), [1, 2, 5, 10, 20]);
  t.deepEqual(logTicks(0.03, 0.9), [0.02, 0.05, 0.1, 0.2, 0.5, 1]);
  t.deepEqual(logTicks(1, 1), [1, 2]);
  t.deepEqual(logTicks(7, 7), [5, 10]);
  t.deepEqual(logTicks(1, 1e4), [1, 10, 100, 1000, 10000]);
  t.deepEqual(logTicks(0.5, 2e9), [0.1, 10, 1000, 1e5, 1e7, 1e9, 1e11]);
});

test('epochs under an axis are whole numbers from 1 on, no more than fit', (t) => {
  t.deepEqual(epochTicks(1), [1]);
  t.deepEqual(epochTicks(3), [1, 2, 3]);
  t.deepEqual(epochTicks(40), [1, 10, 20, 30, 40]);
  t.deepEqual(epochTicks(300), [1, 50, 100, 150, 200, 250, 300]);
});
