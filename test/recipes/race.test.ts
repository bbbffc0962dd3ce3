import test from 'ava';
import { quantile, race } from '../../lib/recipes/race.js';

test('quantiles lie between the numbers in proportion', (t) => {
  t.is(quantile([1, 2, 4], 0.5), 2);
  t.is(quantile([1, 2, 4, 10], 0.5), 3);
  t.is(quantile([1, 2, 4, 10], 0.9), 4 + 6 * (0.9 * 3 - 2));
  t.is(quantile([7], 0.9), 7);
});

test('contenders run in turn, at least five times and at most as often as they may, each after a run that does not count', async (t) => {
  const order: string[] = [];
  const contenders = ['a', 'b'].map((name) => ({ name, run: () => order.push(name) }));
  const least = await race('racing', contenders, { seconds: 0 });
  t.deepEqual(
    least.map((times) => times.length),
    [5, 5],
  );
  t.is(order.join(''), 'aabb'.repeat(2 + 5));
  const most = await race('racing', contenders, { seconds: 1000, runs: 8 });
  t.deepEqual(
    most.map((times) => times.length),
    [8, 8],
  );
  t.deepEqual(
    most[0],
    most[0].toSorted((a, b) => a - b),
  );
  const message = /racing was stopped/;
  await t.throwsAsync(race('racing', contenders, { seconds: 0 }, AbortSignal.abort()), { message });
});
