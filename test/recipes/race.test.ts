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
    least.map(({ wall }) => wall.length),
    [5, 5],
  );
  t.is(order.join(''), 'aabb'.repeat(2 + 5));
  const most = await race('racing', contenders, { seconds: 1000, runs: 8 });
  t.deepEqual(
    most.map(({ cpu }) => cpu.length),
    [8, 8],
  );
  for (const list of [most[0].wall, most[0].cpu]) {
    t.deepEqual(
      list,
      list.toSorted((a, b) => a - b),
    );
  }
  const message = /racing was stopped/;
  await t.throwsAsync(race('racing', contenders, { seconds: 0 }, AbortSignal.abort()), { message });
});

test('time that is waited for is no time of the processor', async (t) => {
  const contenders = [
    { name: 'waits', run: () => new Promise((resolve) => setTimeout(resolve, 20)) },
    { name: 'works', run: () => spin(20) },
  ];
  const [waits, works] = await race('racing', contenders, { seconds: 0 });
  t.true(quantile(waits.wall, 0.5) > 15 && quantile(works.wall, 0.5) >= 19);
  t.true(quantile(waits.cpu, 0) < 10, String(waits.cpu));
  t.true(quantile(works.cpu, 1) > quantile(waits.cpu, 0), String(works.cpu));
});

function spin(milliseconds: number): void {
  const start = performance.now();
  while (performance.now() - start < milliseconds);
}
