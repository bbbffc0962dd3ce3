/** YAML text to a checked configuration, and back. Every mistake is shown with its line and column. */
import { Document, isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import type * as z from 'zod';
import { fail } from '../error.js';

/** Where something is wrong in the text, and what. */
interface Mistake {
  offset: number;
  problem: string;
}

/**
 * The configuration that the text describes, defaults filled in.
 * @param path of the file, for messages
 * @param schema made of the words of configFields.ts
 * @throws LowbitError 'data' that lists all mistakes: "train.yaml:7:3: optimizer.momentum is "high", expected a number from 0 to 1."
 */
export function readConfig<T>(content: string, path: string, schema: z.ZodType<T>): T {
  const lines = new LineCounter();
  const refuse = (mistakes: readonly Mistake[]): never => {
    const sorted = mistakes.toSorted((a, b) => a.offset - b.offset);
    const [first, ...others] = sorted.map(({ offset, problem }) => {
      const { line, col } = lines.linePos(offset);
      return { where: `${path}:${line}:${col}`, problem };
    });
    const more = others.map(({ where, problem }) => `.\n${where}: ${problem}`).join('');
    return fail({ code: 'data', where: first.where, problem: `${first.problem}${more}` });
  };
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const broken = [...document.errors, ...document.warnings].map(({ message, pos }) => ({
    offset: pos[0],
    problem: `not valid YAML: ${message}`,
  }));
  if (broken.length > 0) refuse(broken);
  const value = plain(document, (problem) => refuse([{ offset: 0, problem }]));
  const { success, data, error } = schema.safeParse(value);
  return success
    ? data
    : refuse(
        error.issues.flatMap((issue) => problemsOf(issue, value)).map(({ at, problem }) => ({ offset: offsetOf(document, at), problem })),
      );
}

/**
 * The configuration that a plain value describes, defaults filled in.
 * @param where it comes from, for messages
 * @throws LowbitError 'data' that lists all mistakes
 */
export function checkConfig<T>(value: unknown, where: string, schema: z.ZodType<T>): T {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const problems = error.issues.flatMap((issue) => problemsOf(issue, value)).map(({ problem }) => problem);
  return fail({ code: 'data', where, problem: problems.join(`.\n${where}: `) });
}

function plain(document: Document, refuse: (problem: string) => never): unknown {
  try {
    return document.toJS();
  } catch (error) {
    return refuse(`not valid YAML: ${(error as Error).message}`);
  }
}

/** What is wrong, and at which key or item. */
function problemsOf({ path, message, ...issue }: z.core.$ZodIssue, whole: unknown): { at: readonly PropertyKey[]; problem: string }[] {
  const named = (keys: readonly PropertyKey[]) => keys.join('.') || 'the configuration';
  if (issue.code === 'unrecognized_keys') {
    const refusals = message.split('\n');
    return issue.keys.map((key, i) => ({ at: [...path, key], problem: `${named([...path, key])} ${refusals[i]}` }));
  }
  const came = path.reduce((value, key) => (isGroup(value) ? value[key] : value), whole); // a plain value may stand for a group
  return [{ at: path, problem: `${named(path)} is ${valueText(came)}, expected ${message}` }];
}

/** Where the key or the list item at the end of the path begins; of a path that ends early, where its last part does. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0] ?? 0;
  for (const key of path) {
    if (isAlias(node)) node = node.resolve(document);
    const pair = isMap(node) ? node.items.find((item) => isScalar(item.key) && item.key.value === key) : undefined;
    const place = pair?.key ?? (isSeq(node) ? node.items[Number(key)] : undefined);
    if (!isNode(place) || !place.range) break;
    offset = place.range[0];
    node = pair ? pair.value : place;
  }
  return offset;
}

const isGroup = (value: unknown): value is Record<PropertyKey, unknown> => typeof value === 'object' && value !== null;

function valueText(value: unknown): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  if (!isGroup(value)) return String(value);
  if (!Array.isArray(value)) return `{ ${Object.keys(value).join(', ')} }`;
  const short = value.length <= 8 && !value.some(isGroup);
  return short ? `[${value.map(valueText).join(', ')}]` : 'a list';
}

/** The configuration as YAML; lists of plain values take one line. */
export function writeConfig(config: object): string {
  const document = new Document(config, { aliasDuplicateObjects: false });
  visit(document, {
    Seq(_, list) {
      if (list.items.every((item) => isScalar(item))) list.flow = true;
    },
  });
  return document.toString({ lineWidth: 0 });
}
