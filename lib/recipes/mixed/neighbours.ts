import type { Choice } from './knapsack.js';

/** An item that gets another choice. */
type Move = readonly [item: number, choice: number];

/**
 * The choices that differ from these in one item, or in two of which one gets less noise and the other costs less, and are within the budget:
 * the least noise first.
 */
export function* neighbours(items: readonly (readonly Choice[])[], choice: readonly number[], budget: number): Generator<number[]> {
  const change = ([item, to]: Move) => {
    const [now, then] = [items[item][choice[item]], items[item][to]];
    return { cost: then.cost - now.cost, noise: then.noise - now.noise };
  };
  const spent = choice.reduce((sum, c, i) => sum + items[i][c].cost, 0);
  const single = items.flatMap((choices, item) =>
    choices.flatMap((_, to) => (to === choice[item] ? [] : [{ moves: [[item, to]] as Move[], ...change([item, to]) }])),
  );
  const better = single.filter(({ noise, cost }) => noise < 0 && cost > 0);
  const cheaper = single.filter(({ noise, cost }) => noise > 0 && cost < 0);
  const double = better.flatMap((a) =>
    cheaper
      .filter((b) => b.moves[0][0] !== a.moves[0][0])
      .map((b) => ({ moves: [...a.moves, ...b.moves], cost: a.cost + b.cost, noise: a.noise + b.noise })),
  );
  const within = [...single, ...double].filter(({ cost }) => spent + cost <= budget);
  for (const { moves } of within.sort((a, b) => a.noise - b.noise)) {
    const next = [...choice];
    for (const [item, to] of moves) next[item] = to;
    yield next;
  }
}
