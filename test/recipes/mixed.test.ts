import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { type BitTrial, inspect, searchBits, toOnnx, type WeightBits } from 'lowbit';
import { type Choice, leastNoise } from '../../lib/recipes/mixed/knapsack.js';
import { neighbours } from '../../lib/recipes/mixed/neighbours.js';
import { Dice } from '../dice.js';
import { faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { counted, plantedBatches, plantedCase } from './planted.js';

const sumOf = (items: readonly Choice[][], chosen: readonly number[], of: 'cost' | 'noise') =>
  chosen.reduce((sum, c, i) => sum + items[i][c][of], 0);

/** All ways to choose. */
function* ways(items: readonly Choice[][], from = 0): Generator<number[]> {
  if (from === items.length) return yield [];
  for (const rest of ways(items, from + 1)) for (let c = 0; c < items[from].length; c++) yield [c, ...rest];
}

const randomItems = (dice: Dice, count: number, cost: () => number): Choice[][] =>
  Array.from({ length: count }, () => Array.from({ length: 1 + dice.below(4) }, () => ({ cost: cost(), noise: dice.below(50) / 8 })));

test('the knapsack is as good as the best of all ways, and stays within the budget', (t) => {
  const dice = new Dice(7);
  for (let round = 0; round < 300; round++) {
    const isWhole = round % 2 === 0;
    const items = randomItems(dice, dice.below(7), () => (isWhole ? dice.below(20) : 20 * dice.next()));
    const budget = isWhole ? dice.below(80) : 80 * dice.next();
    const possible = [...ways(items)].filter((way) => sumOf(items, way, 'cost') <= budget);
    const chosen = leastNoise(items, budget);
    t.is(chosen === undefined, possible.length === 0);
    if (!chosen) continue;
    t.is(chosen.length, items.length);
    t.true(sumOf(items, chosen, 'cost') <= budget + 1e-9);
    t.is(sumOf(items, chosen, 'noise'), Math.min(...possible.map((way) => sumOf(items, way, 'noise'))));
  }
});

test('with more states than it keeps, the knapsack is near the best and still within the budget', (t) => {
  const dice = new Dice(11);
  for (let round = 0; round < 20; round++) {
    const items = Array.from({ length: 40 }, () => {
      const size = 1 + 100 * dice.next();
      const noise = 10 ** (-3 * dice.next());
      return [8, 4, 2, 1].map((bits) => ({ cost: (size * bits) / 8, noise: noise * 4 ** -bits }));
    });
    const budget = 0.45 * items.reduce((sum, [{ cost }]) => sum + cost, 0);
    const [few, many] = [64, 20_000].map((most) => leastNoise(items, budget, most)!);
    for (const chosen of [few, many]) t.true(sumOf(items, chosen, 'cost') <= budget);
    const [near, best] = [few, many].map((chosen) => sumOf(items, chosen, 'noise'));
    t.true(near <= 1.2 * best && best <= near, `${near} and ${best}`);
  }
});

test('of equal ways the cheaper is taken, then the first', (t) => {
  const same = [
    { cost: 3, noise: 1 },
    { cost: 2, noise: 1 },
    { cost: 2, noise: 1 },
  ];
  t.deepEqual(leastNoise([same, same], 100), [1, 1]);
  t.deepEqual(leastNoise([], 0), []);
  t.is(leastNoise([same], 1), undefined);
});

test('neighbours differ in one choice or trade one for another, within the budget, the least noise first', (t) => {
  const item = (...pairs: [number, number][]) => pairs.map(([cost, noise]) => ({ cost, noise }));
  const items = [item([8, 1], [4, 4]), item([8, 1], [4, 2]), item([4, 1], [2, 9])];
  t.deepEqual(
    [...neighbours(items, [0, 1, 0], 16)],
    [
      [1, 0, 0], // 1 less and 3 more
      [1, 1, 0],
      [0, 1, 1],
    ],
  );
});

const bitsIn = (found: { bits: Readonly<Record<string, WeightBits>> }) => Object.values(found.bits);

test('a limit of bytes holds to the byte, and more bytes are no worse', async (t) => {
  const { network, judge } = await plantedCase(5, { l1: 4, l3: 8 });
  const share = (maxShare: number, more = {}) =>
    searchBits(network, judge, plantedBatches, { maxShare, widths: [8, 4], refinements: 0, ...more });
  const found = [];
  for (const part of [1, 0.9, 0.85, 0.8]) found.push(await share(part));
  t.deepEqual(bitsIn(found[0]), [8, 8, 8, 8, 8]);
  const [{ used: whole }] = found;
  for (const [i, { used, limit, quantized, score }] of found.entries()) {
    t.is(limit, Math.floor([1, 0.9, 0.85, 0.8][i] * whole));
    t.true(used <= limit);
    t.is(toOnnx(quantized.graph, { weights: i === 0 ? undefined : 'int4' }).length, used);
    t.deepEqual(await judge.score(quantized.graph), score);
  }
  for (let i = 1; i < found.length; i++) t.true(found[i].predicted < found[i - 1].predicted);
  t.true(bitsIn(found[2]).includes(4) && bitsIn(found[2]).includes(8));
  // No layer could have more bits within the limit.
  const exact = await searchBits(network, judge, plantedBatches, { maxBytes: found[2].used, widths: [8, 4], refinements: 0 });
  t.deepEqual(exact.bits, found[2].bits);
});

test('the layers that lose most keep their bits', async (t) => {
  const { network, judge } = await plantedCase(5, { l3: 3 });
  const { used } = await searchBits(network, judge, plantedBatches, { maxShare: 1, widths: [8, 4], refinements: 0 });
  const found = await searchBits(network, judge, plantedBatches, { maxBytes: used - 64, widths: [8, 4] });
  t.is(found.bits.l3, 8);
  t.true(bitsIn(found).includes(4));
});

test('the noise of single layers adds up to what the network has, nearly', async (t) => {
  const { network, judge } = await plantedCase(5, {});
  const { predicted, score } = await searchBits(network, judge, plantedBatches, { maxShare: 0.96, widths: [8, 4], refinements: 0 });
  t.true(Math.abs(predicted - score.sqnr) < 3, `${predicted} and ${score.sqnr} dB`);
});

test('what is judged beside it is better or left', async (t) => {
  const { network, judge } = await plantedCase(5, { l1: 4, l3: 8 });
  const trials: BitTrial[] = [];
  const options = { maxShare: 0.95, widths: [8, 4] as const };
  const computed = await searchBits(network, judge, plantedBatches, { ...options, refinements: 0 });
  const refined = await searchBits(network, judge, plantedBatches, { ...options, refinements: 8, onTrial: (trial) => trials.push(trial) });
  t.true(refined.score.sqnr >= computed.score.sqnr && refined.used <= refined.limit);
  t.is(refined.score.sqnr, Math.max(...trials.map(({ score }) => score?.sqnr ?? 0)));
  t.true(trials.length > 2);
  trials.length = 0;
  await searchBits(network, judge, plantedBatches, { ...options, refinements: 2, onTrial: (trial) => trials.push(trial) });
  t.is(trials.length, 3);
});

test('1 and 2 bits are packed, and run', async (t) => {
  const { network, judge } = await plantedCase(4, {});
  const found = await searchBits(network, judge, plantedBatches, { maxShare: 0.99, widths: [1, 2, 8] });
  t.true(bitsIn(found).some((bits) => bits < 8));
  const packed = inspect(found.quantized.graph).codedWeights.filter(({ grid }) => grid !== null);
  t.deepEqual(
    Object.fromEntries(packed.map(({ layer, bits }) => [layer, bits])),
    Object.fromEntries(Object.entries(found.bits).filter(([, bits]) => bits < 8)),
  );
  t.is(toOnnx(found.quantized.graph, { weights: 'packed' }).length, found.used);
});

test('a limit of time: what was measured is kept, and gives the same network again', async (t) => {
  const { network, judge } = await plantedCase(3, {});
  const folder = temporaryFolder();
  const options = { maxMilliseconds: 1000, folder, refinements: 1 };
  const found = await searchBits(network, judge, plantedBatches, options);
  t.deepEqual(bitsIn(found), [8, 8, 8]);
  t.true(found.used > 0 && found.used < 1000);
  const files = ['times.json', 'milliseconds.json', 'scores.json', 'only.json'].map((name) => readFileSync(join(folder, name), 'utf8'));
  const { measured } = JSON.parse(files[0]);
  t.deepEqual(
    measured[0][1].map(([bits, times]: [number, [string, number][]]) => [bits, times.filter(([name]) => /^l\d$/.test(name)).length]),
    [
      [8, 3],
      [4, 3],
      [2, 3],
    ],
  );
  const count = counted(judge);
  const again = await searchBits(network, judge, plantedBatches, options);
  t.is(count.scores, 0);
  t.deepEqual([again.bits, again.used, again.score], [found.bits, found.used, found.score]);
  t.deepEqual(Buffer.from(toOnnx(again.quantized.graph)), Buffer.from(toOnnx(found.quantized.graph)));
});

test('a folder serves several limits', async (t) => {
  const { network, judge } = await plantedCase(4, { l2: 6 });
  const folder = temporaryFolder();
  const options = { widths: [8, 4] as const, folder, refinements: 0 };
  const alone = await searchBits(network, judge, plantedBatches, { maxShare: 0.95, ...options, folder: undefined });
  await searchBits(network, judge, plantedBatches, { maxShare: 0.97, ...options });
  const count = counted(judge);
  const shared = await searchBits(network, judge, plantedBatches, { maxShare: 0.95, ...options });
  t.true(count.scores <= 1);
  t.deepEqual([shared.bits, shared.score, shared.used], [alone.bits, alone.score, alone.used]);
});

test('AdaRound at the end', async (t) => {
  const { network, judge } = await plantedCase(4, {});
  const options = { maxShare: 0.95, widths: [8, 3] as const, refinements: 0 };
  const nearest = await searchBits(network, judge, plantedBatches, options);
  const learned = await searchBits(network, judge, plantedBatches, { ...options, rounding: 'adaround', adaround: { iterations: 300 } });
  t.deepEqual([learned.bits, learned.used], [nearest.bits, nearest.used]);
  t.true(learned.score.sqnr > nearest.score.sqnr, `${learned.score.sqnr} and ${nearest.score.sqnr} dB`);
  t.is(toOnnx(learned.quantized.graph, { weights: 'int4' }).length, learned.used);
});

test('what is refused', async (t) => {
  const { network, judge } = await plantedCase(2, {});
  const refused = (options: object, message: RegExp, code: 'option' | 'unknownOption' = 'option') =>
    faultsLater(t, () => searchBits(network, judge, plantedBatches, options), code, message);
  await refused({}, /a limit: maxBytes, maxShare or maxMilliseconds/);
  await refused({ maxBytes: 1, maxShare: 0.5 }, /maxShare is 0.5, expected to be left out because maxBytes is the limit/);
  await refused({ maxBytes: 100 }, /a limit that can be met because the network takes \d+ bytes with 2 bits/);
  await refused({ maxMilliseconds: 1e-9 }, /the network takes [\d.]+ ms/);
  await refused({ maxShare: 0 }, /above 0/);
  await refused({ maxBytes: 9999, widths: [8] }, /two widths/);
  await refused({ maxBytes: 9999, widths: [8, 6] }, /one of 1, 2, 3, 4, 8/);
  await refused({ maxBytes: 9999, widths: [8, 1], rounding: 'adaround' }, /signs, which have nothing to round/);
  await refused({ maxBytes: 9999, storage: 'int8' }, /"int4" or "packed"/);
  await refused({ maxBytes: 9999, refinements: -1 }, /a whole number from 0/);
  await refused({ maxSize: 9999 }, /unknown option/, 'unknownOption');
});
