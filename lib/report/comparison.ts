/** The network as it was beside what searches have made of it. */
import { escaped } from './html.js';
import { bytes, digits3, shortPercent, signed } from './numbers.js';

/** A form of the network. */
export interface Comparison {
  /** "fp32", or the title of a search. */
  name: string;
  accuracy: number;
  /** Of its file. */
  bytes: number;
  /** Milliseconds a sample. */
  latency?: { median: number; p90: number };
}

/** The network before any search. */
export const floatOf = (forms: readonly Comparison[] | undefined) => forms?.find(({ name }) => name === 'fp32');

/**
 * A row each, sizes as bars.
 * @param own the name of the one that stands out
 */
export function comparison(forms: readonly Comparison[], own: string): string {
  const float = floatOf(forms);
  const largest = Math.max(...forms.map((form) => form.bytes));
  const isTimed = forms.some(({ latency }) => latency);
  const rows = forms.map(({ name, accuracy, bytes: size, latency }) => {
    const times = isTimed ? [latency ? digits3(latency.median) : '', latency ? digits3(latency.p90) : ''] : [];
    const numbers = [
      shortPercent(accuracy),
      ...(float ? [name === float.name ? '' : signed(100 * (accuracy - float.accuracy))] : []),
      bytes(size),
      ...(float ? [name === float.name ? '' : `${(float.bytes / size).toFixed(1)}×`] : []),
      ...times,
    ];
    const bar = `<td class="sized"><i class="bar" style="width: ${((100 * size) / largest).toFixed(1)}%"></i></td>`;
    const cells = numbers.map((text) => `<td>${text}</td>`).join('');
    return `<tr${name === own ? ' class="best"' : ''}><td>${escaped(name)}</td>${cells}${bar}</tr>`;
  });
  const head = [
    '',
    'accuracy',
    ...(float ? ['points to fp32'] : []),
    'file',
    ...(float ? ['smaller'] : []),
    ...(isTimed ? ['median ms', 'p90 ms'] : []),
  ];
  return `<section class="forms"><h2>Compared</h2><div class="wide"><table>
<tr>${head.map((name) => `<th>${name}</th>`).join('')}<th class="sized"></th></tr>
${rows.join('\n')}
</table></div></section>`;
}

export const comparisonStyle = `
.forms td:first-child { text-align: left; }
.forms .sized { width: 30%; }
.bar { display: block; height: 8px; min-width: 2px; border-radius: 2px; background: var(--s0); }
@media (max-width: 560px) { .forms th, .forms td { padding: 5px; } .forms .sized { display: none; } }
`;
