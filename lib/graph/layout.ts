/**
 * Permutations of dimensions, and values that are stored transposed until somebody needs them otherwise.
 * A value v is stored by `perm` when what is in memory is transpose(v, perm), that is dimension i of memory is dimension perm[i] of v.
 */

export type Perm = readonly number[];

export const identityPerm = (rank: number): Perm => Array.from({ length: rank }, (_, i) => i);
export const isIdentity = (perm: Perm) => perm.every((n, i) => n === i);
export const samePerm = (a: Perm, b: Perm) => a.length === b.length && a.every((n, i) => n === b[i]);

/** transpose(transpose(x, first), second) = transpose(x, compose(first, second)). */
export const compose = (first: Perm, second: Perm): Perm => second.map((i) => first[i]);
export const inverse = (perm: Perm): Perm => identityPerm(perm.length).map((i) => perm.indexOf(i));

/** ONNX keeps channels second, we keep them last. */
export const channelsLast = (rank: number): Perm => [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];
export const channelsFirst = (rank: number): Perm => inverse(channelsLast(rank));

/** How each value is stored. K is a value of the graph, S what stands for its memory: a value of a new graph, a name in a file. */
export class Layouts<K, S> {
  readonly #stored = new Map<K, { stored: S; perm: Perm | undefined }>();
  readonly #made = new Map<S, Map<string, S>>();

  /** @param transpose makes transpose(stored, perm) and returns what stands for it */
  constructor(readonly transpose: (stored: S, perm: Perm) => S) {}

  has(key: K): boolean {
    return this.#stored.has(key);
  }
  /** Says how a value is stored; no perm means as it is (its rank need not be known). */
  set(key: K, stored: S, perm?: Perm): void {
    this.#stored.set(key, { stored, perm: perm && isIdentity(perm) ? undefined : perm });
  }
  get(key: K): { stored: S; perm: Perm | undefined } {
    const found = this.#stored.get(key);
    if (!found) throw new Error('a value is read before it is stored');
    return found;
  }
  /** The value stored by `perm` (as it is when left out), transposing at most once for each perm. */
  as(key: K, perm?: Perm): S {
    const { stored, perm: has } = this.get(key);
    const rank = perm?.length ?? has?.length;
    if (rank === undefined) return stored;
    const need = compose(inverse(has ?? identityPerm(rank)), perm ?? identityPerm(rank));
    if (isIdentity(need)) return stored;
    const made = this.#made.get(stored) ?? new Map<string, S>();
    this.#made.set(stored, made);
    const known = made.get(need.join());
    if (known !== undefined) return known;
    const fresh = this.transpose(stored, need);
    made.set(need.join(), fresh);
    return fresh;
  }
}

/** How transpose(x, q) is stored when x is stored by `perm`: the same memory. */
export function throughTranspose(perm: Perm | undefined, q: Perm): Perm {
  return compose(inverse(q), perm ?? identityPerm(q.length));
}
