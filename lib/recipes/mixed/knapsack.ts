/** The multiple-choice knapsack: of each item one choice, so that costs stay within a budget and the noise is least. */

export interface Choice {
  cost: number;
  noise: number;
}

/** Some items decided: the sums of their choices, the last of them, and what was decided before it. */
interface State extends Choice {
  choice: number;
  before?: State;
}

/**
 * Dynamic programming over states that are not dominated: of two that cost as much, or one less, only the one with less noise is kept. Exact
 * while there are at most `most` of these; of more, only the one with the least noise is kept in each of so many equal parts of what they cost,
 * each part an inexactness of at most its width. Of choices that are equal in noise the cheaper counts, then the earlier.
 * @returns the number of the choice of each item; undefined where the cheapest choices exceed the budget
 */
export function leastNoise(items: readonly (readonly Choice[])[], budget: number, most = 4096): number[] | undefined {
  const least = items.map((choices) => Math.min(...choices.map(({ cost }) => cost)));
  let left = least.reduce((sum, cost) => sum + cost, 0);
  let states: State[] = [{ cost: 0, noise: 0, choice: -1 }];
  for (const [i, choices] of items.entries()) {
    left -= least[i];
    const next = states.flatMap((before) =>
      choices.map(({ cost, noise }, choice): State => ({ cost: before.cost + cost, noise: before.noise + noise, choice, before })),
    );
    states = thinned(undominated(next.filter(({ cost }) => cost + left <= budget)), most);
  }
  return states.length ? decisions(states.at(-1)!) : undefined;
}

/** By rising cost, and so by falling noise. */
function undominated(states: State[]): State[] {
  let least = Number.POSITIVE_INFINITY;
  return states
    .sort((a, b) => a.cost - b.cost || a.noise - b.noise)
    .filter(({ noise }) => {
      const isBetter = noise < least;
      if (isBetter) least = noise;
      return isBetter;
    });
}

/** The cheapest state, and of each part of the costs the one with the least noise, its last. */
function thinned(states: State[], most: number): State[] {
  if (states.length <= most) return states;
  const [{ cost: first }] = states;
  const width = (states.at(-1)!.cost - first) / (most - 1);
  const part = ({ cost }: State) => Math.floor((cost - first) / width);
  return states.filter((state, i) => i === 0 || i === states.length - 1 || part(state) !== part(states[i + 1]));
}

function decisions(last: State): number[] {
  const chosen: number[] = [];
  for (let state: State | undefined = last; state?.before; state = state.before) chosen.push(state.choice);
  return chosen.reverse();
}
