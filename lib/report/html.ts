/** A page in one file: nothing is loaded, light and dark as the reader's system is. */

/** Text as it stands in HTML and its attributes. */
export const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** A number that matters, with its name and a remark. */
export interface Tile {
  name: string;
  value: string;
  note?: string;
}

/** Numbers side by side. */
export function tiles(numbers: readonly Tile[]): string {
  const tile = ({ name, value, note = '' }: Tile) =>
    `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}<small>${escaped(note)}</small></dd></div>`;
  return `<dl>\n${numbers.map(tile).join('\n')}\n</dl>`;
}

/** Text in rows and columns; rows may stand out. */
export function table(head: readonly string[], rows: readonly { cells: readonly string[]; isBest?: boolean }[]): string {
  const cells = (tag: string, texts: readonly string[]) => texts.map((text) => `<${tag}>${escaped(text)}</${tag}>`).join('');
  const body = rows.map((row) => `<tr${row.isBest ? ' class="best"' : ''}>${cells('td', row.cells)}</tr>`);
  return `<div class="wide"><table><tr>${cells('th', head)}</tr>\n${body.join('\n')}</table></div>`;
}

/** Something to open. */
export const folded = (name: string, body: string) => `<details><summary>${escaped(name)}</summary>${body}</details>`;

/**
 * A part of a page.
 * @param told how to read it
 * @param body HTML
 */
export const section = (name: string, told: string, body: string) =>
  `<section><h2>${escaped(name)}</h2>${told && `<p>${escaped(told)}</p>`}\n${body}</section>`;

/** Text as it is. */
export const verbatim = (text: string) => `<pre>${escaped(text)}</pre>`;

/** What a run ran with. */
export interface Machine {
  versions: { lowbit: string; node: string };
  processor: string;
  threads: number;
}

/** The last line of a page. */
export function footer({ versions, processor, threads }: Machine): string {
  const machine = `lowbit ${versions.lowbit}, Node ${versions.node}, ${processor}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
  return `<footer>${escaped(machine)}</footer>`;
}

/**
 * @param body HTML
 * @param ownStyle CSS of this kind of page
 */
export function page(title: string, body: string, ownStyle = ''): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<style>${style}${ownStyle}</style>
<main>
${body}
</main>
</html>
`;
}

const style = `
:root {
  color-scheme: light dark;
  --ground: #f6f5f2; --card: #fdfdfc; --edge: #e4e2dd; --ink: #1d1c1a; --soft: #6a6861; --grid: #ebe9e4;
  --s0: #2a78d6; --s1: #d9622b; --s2: #2f9a76; --sure: #1f8f6b; --flips: #8455c4;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #141413; --card: #1d1d1b; --edge: #33322f; --ink: #f0efec; --soft: #a19f98; --grid: #2d2c2a;
    --s0: #5a9cf0; --s1: #ee8a5a; --s2: #55c29c; --sure: #4fc79d; --flips: #b08cec;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 40px 24px 64px; }
h1 { margin: 0; font-size: 28px; font-weight: 650; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { margin: 0; font-size: 17px; font-weight: 600; }
.bits { padding: 2px 10px; border-radius: 8px; background: var(--s0); color: var(--card); font-size: 20px; white-space: nowrap; vertical-align: 3px; }
p { margin: 4px 0 0; color: var(--soft); }
footer { margin-top: 20px; font-size: 13px; color: var(--soft); }
section { margin-top: 16px; padding: 16px 18px; background: var(--card); border: 1px solid var(--edge); border-radius: 10px; }
section p { font-size: 13px; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 16px; margin: 28px 0 16px; }
dl div, figure, details { background: var(--card); border: 1px solid var(--edge); border-radius: 10px; }
dl div { padding: 14px 18px; }
dt { color: var(--soft); font-size: 13px; }
dd { margin: 0; font-size: 24px; font-weight: 600; }
dd small { display: block; color: var(--soft); font-size: 13px; font-weight: 400; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(400px, 100%), 1fr)); gap: 16px; }
figure { margin: 0; padding: 16px 18px 8px; container-type: inline-size; }
figcaption { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 12px; font-size: 13px; color: var(--soft); }
figcaption b { flex: 1 0 auto; font-size: 15px; font-weight: 600; color: var(--ink); }
figcaption .legend { display: flex; flex-wrap: wrap; gap: 0 12px; }
figcaption i { display: inline-block; width: 14px; height: 2px; margin-right: 5px; vertical-align: 4px; }
i.s0 { background: var(--s0); } i.s1 { background: var(--s1); } i.s2 { background: var(--s2); }
figcaption i.level { height: 0; border-top: 2px dashed var(--soft); }
svg { display: block; width: 100%; margin-top: 8px; font-size: 12px; font-variant-numeric: tabular-nums; overflow: visible; }
svg text { fill: var(--soft); }
.grid { stroke: var(--grid); }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.line.s0 { stroke: var(--s0); } .line.s1 { stroke: var(--s1); } .line.s2 { stroke: var(--s2); }
.dot { stroke: var(--card); stroke-width: 2; }
.dot.s0 { fill: var(--s0); } .dot.s1 { fill: var(--s1); } .dot.s2 { fill: var(--s2); }
.level { fill: none; stroke: var(--soft); stroke-width: 1.5; stroke-dasharray: 6 4; }
.turn { stroke: var(--soft); opacity: 0.6; }
.reading { opacity: 0; } .reading:hover { opacity: 1; }
.reading rect { fill: transparent; } .rule { stroke: var(--soft); stroke-dasharray: 2 3; }
details { margin-top: 16px; padding: 12px 18px; }
summary { cursor: pointer; font-weight: 600; }
.wide { overflow-x: auto; }
.texts th, .texts td { text-align: left; white-space: normal; overflow-wrap: anywhere; }
table { width: 100%; margin: 12px 0 4px; border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 10px; text-align: right; white-space: nowrap; border-top: 1px solid var(--grid); }
th { color: var(--soft); font-weight: 500; border: 0; }
tr.best td { font-weight: 650; }
pre { margin: 12px 0 4px; overflow-x: auto; font: 13px/1.5 ui-monospace, monospace; }
@media (max-width: 560px) {
  main { padding: 24px 12px 40px; }
  dl { grid-template-columns: 1fr 1fr; gap: 8px; margin: 20px 0 12px; }
  dl div, figure, details { padding-left: 12px; padding-right: 12px; }
  section { padding: 12px; }
  .charts { gap: 8px; }
}
@container (max-width: 440px) { svg { font-size: 16px; } }
`;
