/** What tests look for in a page. */

/** Every tag is closed in its turn, every attribute quoted, every & begins an entity, and there is nothing to load. */
export function wellFormed(html: string): string | undefined {
  const open: string[] = [];
  const body = html.replace('<!doctype html>', '').replace(/<style>[^<]*<\/style>/, '');
  for (const [tag, end, name, , empty] of body.matchAll(/<(\/?)([a-z0-9]+)((?: [a-zA-Z-]+="[^"<>]*")*)(\/?)>/g)) {
    if (empty || name === 'meta') continue;
    if (!end) open.push(name);
    else if (open.pop() !== name) return `${tag} closes something else`;
  }
  if (open.length) return `${open.join()} stays open`;
  const text = body.replaceAll(/<\/?[a-z0-9]+(?: [a-zA-Z-]+="[^"<>]*")*\/?>/g, '');
  if (/[<>]/.test(text)) return 'a bracket is no tag';
  if (/&(?!amp;|lt;|gt;|quot;)/.test(body)) return 'an & is no entity';
  return /NaN|undefined|Infinity/.exec(html)?.[0] ?? /https?:|\/\/|<script|<link|src=|href=|url\(|@import/.exec(html)?.[0];
}

/** The text of the page's tiles: name, number, remark. */
export const tilesOf = (html: string) =>
  [...html.matchAll(/<dt>(.*?)<\/dt><dd>(.*?)<small>(.*?)<\/small>/g)].map(([, ...parts]) => parts.join(' | '));
