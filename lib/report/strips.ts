/** Epochs from left to right in a strip of any width: a colour each, or shares stacked. */
import { escaped } from './html.js';

/** Past this many, several epochs share a column: the strip is about so many dots wide. */
const mostColumns = 100;

/** Indexes of epochs: from the first, to the one behind the last. */
interface Column {
  from: number;
  to: number;
}

function columnsOf(count: number): Column[] {
  const columns = Math.min(count, mostColumns);
  return Array.from({ length: columns }, (_, i) => ({
    from: Math.floor((i * count) / columns),
    to: Math.floor(((i + 1) * count) / columns),
  }));
}

/** @param turns indexes of epochs before which a line stands */
function strip(count: number, label: string, body: string, turns: readonly number[]): string {
  const lines = turns.map((epoch) => `<path class="turn" d="M${epoch} 0V100"/>`).join('');
  return `<svg class="strip" viewBox="0 0 ${count} 100" preserveAspectRatio="none" role="img" aria-label="${escaped(label)}">${body}${lines}</svg>`;
}

export interface Heat {
  label: string;
  /** A number an epoch. */
  values: readonly (number | undefined)[];
  /** 0 for the palest colour to 1 for the fullest. */
  fullness: (value: number) => number;
  format: (value: number) => string;
  /** Whether an epoch is drawn without colour. */
  isGrey?: (epoch: number) => boolean;
  turns: readonly number[];
}

const shadesOfHeat = 32;

/** A strip of colours. Neighbours of one shade are one rectangle. */
export function heat({ label, values, fullness, format, isGrey = () => false, turns }: Heat): string {
  const runs: (Column & { shade: number; grey: boolean; sum: number; numbers: number })[] = [];
  for (const { from, to } of columnsOf(values.length)) {
    const numbers = values.slice(from, to).filter((value) => value !== undefined);
    if (!numbers.length) continue;
    const sum = numbers.reduce((a, b) => a + b, 0);
    const shade = Math.round(shadesOfHeat * Math.min(1, Math.max(0, fullness(sum / numbers.length))));
    const grey = isGrey(from);
    const last = runs.at(-1);
    if (last?.to === from && last.shade === shade && last.grey === grey) {
      Object.assign(last, { to, sum: last.sum + sum, numbers: last.numbers + numbers.length });
    } else runs.push({ from, to, shade, grey, sum, numbers: numbers.length });
  }
  const body = runs.map(({ from, to, shade, grey, sum, numbers }) => {
    const title = `${epochsText(from, to)}: ${format(sum / numbers)}`;
    const opacity = Number((shade / shadesOfHeat).toFixed(2));
    return `<rect${grey ? ' class="grey"' : ''} x="${from}" width="${to - from}" height="100" opacity="${opacity}"><title>${escaped(title)}</title></rect>`;
  });
  return strip(values.length, label, body.join(''), turns);
}

const epochsText = (from: number, to: number) => (to - from === 1 ? `epoch ${to}` : `epochs ${from + 1} to ${to}`);

export interface Stack {
  label: string;
  /** Counts of each kind, an epoch; the first kind lies below. */
  counts: readonly (readonly number[] | undefined)[];
  /** What each kind is called; kind i has the colour of class `v<i>`. */
  names: readonly string[];
  turns: readonly number[];
}

/** A strip of shares that fill its height. Each kind is drawn down to the ground, those below it are drawn later. */
export function stack({ label, counts, names, turns }: Stack): string {
  const columns = columnsOf(counts.length).map(({ from, to }) => ({ to, ...sharesOf(counts.slice(from, to), names.length) }));
  const kinds = names.map((name, kind) => {
    const tops = columns.map(({ to, shares }) => ({ to, top: 100 - Math.round(100 * sum(shares.slice(0, kind + 1))) }));
    const edge = tops.filter(({ top }, i) => tops[i + 1]?.top !== top).map(({ to, top }) => `V${top}H${to}`);
    const [first, last] = [columns[0], columns.at(-1)!].map(({ shares }) => `${Math.round(100 * (shares[kind] ?? 0))} %`);
    const title = `${name}: ${first === last ? first : `${first} at first, ${last} at last`}`;
    return `<path class="v${kind}" d="M0 100${edge.join('')}V100Z"><title>${escaped(title)}</title></path>`;
  });
  return strip(counts.length, label, kinds.reverse().join(''), turns);
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** The shares of the kinds in some epochs; none where nothing was counted. */
function sharesOf(counts: Stack['counts'], kinds: number): { shares: number[] } {
  const totals = Array.from({ length: kinds }, (_, kind) => sum(counts.map((count) => count?.[kind] ?? 0)));
  const all = sum(totals);
  return { shares: all ? totals.map((total) => total / all) : [] };
}
