/** Which of some names are meant: by name, by pattern, by a question. */
import { fail, nearest } from '../error.js';

/** A name in which `*` stands for any run of characters, a regular expression, a question, or several of these. */
export type Selection = string | RegExp | ((name: string) => boolean) | readonly Selection[];

/** Whether the selection means the name. */
export function selects(selection: Selection, name: string): boolean {
  if (typeof selection === 'function') return selection(name);
  if (selection instanceof RegExp) return selection.test(name);
  if (typeof selection === 'string') return wildcard(selection).test(name);
  return selection.some((part) => selects(part, name));
}

const wildcard = (pattern: string) => new RegExp(`^${pattern.split('*').map(escaped).join('.*')}$`);
const escaped = (text: string) => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');

/** Refuses parts of a selection that mean none of the names: a slip of the keyboard would train the wrong things. */
export function checkSelection(where: string, option: string, selection: Selection, names: readonly string[]): void {
  const parts = Array.isArray(selection) ? (selection as readonly Selection[]) : [selection];
  for (const part of parts) {
    if (names.some((name) => selects(part, name))) continue;
    const near = typeof part === 'string' ? nearest(part, names) : undefined;
    const expected = near ? `a name like "${near}"` : `a selection of ${shown(names)}`;
    fail({ code: 'option', where, option, came: String(part), expected });
  }
}

const shown = (names: readonly string[]) => (names.length > 6 ? `${names.slice(0, 6).join(', ')}, ...` : names.join(', ') || 'nothing');
