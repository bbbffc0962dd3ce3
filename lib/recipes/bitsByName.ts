/** Bits for all layers, or for some of them by their names. */
import { fail } from '../error.js';
import type { Graph, Node } from '../graph/graph.js';
import { nodesNamed } from '../quant/plan.js';

/** One number of bits, or one by names of layers and patterns written /like this/, of which the last that fits counts. */
export type BitsByName<B extends number> = B | Readonly<Record<string, B>>;

/** All numbers that were given, for a check. */
export const bitsGiven = (bits: BitsByName<number>): number[] => (typeof bits === 'object' && bits ? Object.values(bits) : [bits]);

/**
 * The bits of each of the nodes, by its name; `rest` for those that no name fits.
 * @param option its name, and which nodes it is about
 * @throws LowbitError "option" for a name or a pattern that fits none of the nodes
 */
export function bitsByName<B extends number>(
  graph: Graph,
  nodes: readonly Node[],
  bits: BitsByName<B>,
  rest: B,
  option: { name: string; about: string },
): Map<string, B> {
  if (typeof bits === 'number') return new Map(nodes.map(({ name }) => [name, bits]));
  const found = new Map(nodes.map(({ name }): [string, B] => [name, rest]));
  for (const [pattern, count] of Object.entries(bits)) {
    const named = [...nodesNamed(graph, [pattern], option.name)].filter(({ name }) => found.has(name));
    for (const { name } of named) found.set(name, count);
    if (nodes.length && !named.length) {
      const expected = `names of ${option.about}: ${nodes.map(({ name }) => name).join(', ')}`;
      fail({ code: 'option', where: 'quantize', option: option.name, came: pattern, expected });
    }
  }
  return found;
}
