/**
 * The words in which a configuration is described. Every field says what it expects as its zod message ("a number from 0 to 1");
 * where the value stands and what it is comes from the reader, lib/recipes/configFile.ts.
 */
import * as z from 'zod';
import { nearest } from '../error.js';

/** A number and its limits: `number({ from: 0, below: 1 })`. */
export function number(limits: Limits = {}) {
  const expected = `a number${limitsText(limits)}`;
  return z.number({ error: expected }).refine((n) => within(n, limits), { error: expected });
}

export function whole(limits: Limits) {
  const expected = `a whole number${limitsText(limits)}`;
  return z.int({ error: expected }).refine((n) => within(n, limits), { error: expected });
}

interface Limits {
  from?: number;
  above?: number;
  to?: number;
  below?: number;
}

const limitsText = (limits: Limits) =>
  Object.entries(limits)
    .map(([word, limit]) => ` ${word} ${limit}`)
    .join(' and')
    .replace(/^( from .*) and( to )/, '$1$2');

function within(n: number, { from = -Infinity, above = -Infinity, to = Infinity, below = Infinity }: Limits): boolean {
  return n >= from && n <= to && n > above && n < below;
}

export const flag = () => z.boolean({ error: 'true or false' });
export const text = (expected: string) => z.string({ error: expected }).min(1, { error: expected });
export const oneOf = <const T extends readonly string[]>(...words: T) => z.enum(words, { error: oneOfText(words) });
export const list = <T extends z.ZodType>(item: T, expected: string) => z.array(item, { error: expected });

/** A field that null switches off, as its default does. */
export const orNone = <T extends z.ZodType>(field: T) => z.nullable(field).default(null as never);

const oneOfText = (words: readonly string[]) => (words.length > 1 ? `one of ${words.join(', ')}` : words[0]);

/** What refuses a key: what is known, and where else a key belongs. */
interface Known {
  /** The name that was chosen, if there is a choice. */
  choice?: string;
  elsewhere?: (key: string) => string | undefined;
}

/**
 * A group of fields, no others allowed. The message of unknown keys has a line for each of them.
 */
export function group<S extends z.ZodRawShape>(shape: S, { choice, elsewhere }: Known = {}) {
  const names = Object.keys(shape);
  const refusal = (key: string) => {
    const other = elsewhere?.(key);
    if (other) return `is an option of ${other}, not of ${choice}`;
    const near = nearest(key, names);
    return `is unknown${choice ? ` for ${choice}` : ''} (${near ? `did you mean "${near}"?` : `known: ${names.join(', ')}`})`;
  };
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? issue.keys.map(refusal).join('\n') : `a group of ${names.join(', ')}`),
  });
}

type Members = Readonly<Record<string, z.ZodRawShape>>;
type Member<M extends Members, N extends keyof M> = N extends string
  ? z.ZodObject<{ name: z.ZodLiteral<N> } & M[N], z.core.$strict>
  : never;

/** Groups of fields of which `name` picks one; a name alone stands for its group with nothing but defaults. */
export function choice<const M extends Members>(members: M) {
  const names = Object.keys(members);
  const groups = Object.entries(members).map(([name, shape]) => {
    const elsewhere = (key: string) => names.find((other) => key in members[other]);
    return group({ name: z.literal(name), ...shape }, { choice: name, elsewhere });
  });
  const typed = groups as unknown as [{ [N in keyof M]: Member<M, N> }[keyof M]];
  const spelledOut = (value: unknown) => (typeof value === 'string' ? { name: value } : value);
  return z.preprocess(spelledOut, z.discriminatedUnion('name', typed, { error: oneOfText(names) }));
}

/** A place or a length in a run, in one of three units. */
export function span<T extends z.ZodType>(amount: T) {
  const field = group({ steps: amount.optional(), epochs: amount.optional(), fraction: amount.optional() });
  return field.refine((units) => Object.keys(units).length === 1, { error: 'one of steps, epochs, fraction' });
}
