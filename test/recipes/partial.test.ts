import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { isQuantized, type PartialTrial, partialQuantization, type Score, sensitivity } from 'lowbit';
import { leastEnough } from '../../lib/recipes/partial.js';
import { faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { counted, plantedBatches, plantedCase } from './planted.js';

test('bisecting finds what counting up finds, in twice the logarithm of the steps', async (t) => {
  for (const most of [1, 2, 3, 7, 8, 100, 300]) {
    for (const least of [1, 2, 3, 5, most - 1, most, most + 1].filter((k) => k > 0)) {
      let tries = 0;
      const found = await leastEnough(most, async (k) => {
        t.true(k >= 1 && k <= most);
        tries++;
        return k >= least;
      });
      t.is(found, least <= most ? least : undefined);
      t.true(tries <= 2 * Math.ceil(Math.log2(most + 1)) + 1, `${tries} for ${least} of ${most}`);
    }
  }
});

const ranked = async (planted: Record<string, number>) => {
  const found = await plantedCase(6, planted);
  const ranking = (await sensitivity(found.network, found.judge)).map(({ name }) => name);
  return { ...found, ranking };
};
const atLeast = (sqnr: number) => (score: Score) => score.sqnr >= sqnr;

test('the planted layers stay float, and no other one', async (t) => {
  const { network, judge, ranking } = await ranked({ l2: 60, l4: 90 });
  const trials: PartialTrial[] = [];
  const found = await partialQuantization(network, ranking, judge, atLeast(30), plantedBatches, { onTrial: (trial) => trials.push(trial) });
  t.deepEqual(found.leftFloat.toSorted(), ['l2', 'l4']);
  t.true(found.met && found.score.sqnr >= 30);
  t.deepEqual(await judge.score(found.graph), found.score);
  t.deepEqual(
    found.quantized!.layers.map(({ name }) => name),
    ['l0', 'l1', 'l3', 'l5'],
  );
  t.deepEqual(
    trials.map(({ float, enough }) => [float.length, enough]),
    [
      [1, false],
      [2, true],
      [1, false],
    ],
  );
});

test('a ranking that is wrong: what was left float in vain is quantized again', async (t) => {
  const { network, judge } = await ranked({ l2: 60 });
  const found = await partialQuantization(network, ['l5', 'l0', 'l2', 'l1'], judge, atLeast(30), plantedBatches);
  t.deepEqual(found.leftFloat, ['l2']);
  t.deepEqual(await judge.score(found.graph), found.score);
});

test('a target that is met without any, one that only the float network meets, and one that nothing meets', async (t) => {
  const { network, judge, ranking } = await ranked({ l1: 60 });
  const easy = await partialQuantization(network, ranking, judge, () => true, plantedBatches);
  t.deepEqual([easy.leftFloat, easy.met], [[], true]);
  const all = await partialQuantization(network, ranking, judge, atLeast(Number.POSITIVE_INFINITY), plantedBatches);
  t.deepEqual([all.leftFloat.length, all.met, all.quantized, isQuantized(all.graph)], [6, true, undefined, false]);
  const none = await partialQuantization(network, ranking, judge, () => false, plantedBatches, { most: 2 });
  t.deepEqual([none.leftFloat, none.met], [ranking.slice(0, 2), false]);
  t.deepEqual(await judge.score(none.graph), none.score);
});

test('scores that are known are not measured again', async (t) => {
  const { network, judge, ranking } = await ranked({ l2: 60, l4: 90 });
  const folder = temporaryFolder();
  const first = await partialQuantization(network, ranking, judge, atLeast(30), plantedBatches, { folder });
  const before = readFileSync(join(folder, 'partial.json'), 'utf8');
  const count = counted(judge);
  const again = await partialQuantization(network, ranking, judge, atLeast(30), plantedBatches, { folder });
  t.deepEqual([again.leftFloat, again.score, again.met], [first.leftFloat, first.score, first.met]);
  t.is(count.scores, 0);
  t.deepEqual(await judge.score(again.graph), first.score);
  t.is(readFileSync(join(folder, 'partial.json'), 'utf8'), before);
  await faultsLater(
    t,
    () => partialQuantization(network, ranking, judge, atLeast(30), plantedBatches, { folder, weightBits: 4 }),
    'file',
    /another folder/,
  );
});

test('what is refused', async (t) => {
  const { network, judge, ranking } = await ranked({});
  const refused = (names: string[], options: object, message: RegExp) =>
    faultsLater(t, () => partialQuantization(network, names, judge, () => true, plantedBatches, options), 'option', message);
  await refused(['l9'], {}, /ranking is "l9", expected names of layers that are quantized: l0, l1/);
  await refused([], {}, /at least one layer/);
  await refused(['l1', 'l1'], {}, /each once/);
  await refused(ranking, { most: 7 }, /1 to 6/);
});
