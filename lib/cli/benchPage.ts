/** How long a model takes as a page to look at: the table, what is slower, the layers as bars. */
import type { BenchReport, Timing } from '../recipes/benchReport.js';
import { escaped, folded, footer, page, table } from '../report/html.js';
import { digits3, large, shortPercent, whole } from '../report/numbers.js';

/** HTML that needs nothing else. */
export function benchPage(report: BenchReport): string {
  const { model, results, slower, ceilings, ranges, versions, processor } = report;
  const peaks = ceilings.flatMap(({ threads, fp32, int8 }) =>
    fp32 && int8 ? [`${threads}: ${whole(fp32)} fp32, ${whole(int8)} int8`] : [],
  );
  const told = [
    `onnxruntime ${versions.onnxruntime ?? 'is not installed'}`,
    ...(ranges === null || ranges === 'file' ? [] : [`quantized for this on ${ranges}`]),
    ...(peaks.length ? [`peak in registers by threads, GOP/s: ${peaks.join('; ')}`] : []),
  ];
  const body = `<h1>${escaped(model)}</h1>
<p>${escaped(told.join(' · '))}</p>
${timingTable(results)}
${paragraphs(slower.length ? slower.map(slowerText) : ['Nothing is slower than what it is compared with.'])}
${results
  .filter(({ steps }) => steps)
  .map(layers)
  .join('\n')}
${footer({ versions, processor, threads: Math.max(...ceilings.map(({ threads }) => threads)) })}`;
  return page(`${model}, timed`, body, style);
}

const paragraphs = (texts: readonly string[]) => texts.map((text) => `<p>${escaped(text)}</p>`).join('\n');

const heading = ({ form, batch, threads }: Pick<Timing, 'form' | 'batch' | 'threads'>) =>
  `${form}, batch ${batch}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;

const slowerText = ({ than, times, ...own }: BenchReport['slower'][number]) =>
  `${heading(own)}: slower, ${times.toFixed(2)} times the time of ${than.runtime} ${than.form}`;

function timingTable(results: readonly Timing[]): string {
  const rows = results.map((timing) => {
    const { runtime, medianMs, p90Ms, p99Ms, cpuMs, throughput, gops, ofPeak } = timing;
    const numbers = [digits3(medianMs), digits3(p90Ms), digits3(p99Ms), digits3(cpuMs), whole(throughput), whole(gops), percent(ofPeak)];
    return { cells: [`${runtime} ${heading(timing)}`, ...numbers] };
  });
  return table(['', 'median ms', 'p90 ms', 'p99 ms', 'CPU ms', 'samples/s', 'GOP/s', 'of peak'], rows);
}

const percent = (share: number | null) => (share === null ? '' : shortPercent(Number(share.toFixed(3))));

function layers(timing: Timing): string {
  const longest = Math.max(...timing.steps!.map(({ ofTotal }) => ofTotal));
  const rows = timing.steps!.map(({ name, op, shape, macs, milliseconds, gops, ofPeak, ofTotal }) => {
    const rates = macs ? [large(macs), digits3(1000 * milliseconds), whole(gops)] : ['', digits3(1000 * milliseconds), ''];
    const texts = [name, op, shape.join('×'), ...rates, percent(ofPeak), percent(ofTotal)];
    const bar = `<td class="timed"><i class="bar" style="width: ${((100 * ofTotal) / (longest || 1)).toFixed(1)}%"></i></td>`;
    return `<tr>${texts.map((text) => `<td>${escaped(text)}</td>`).join('')}${bar}</tr>`;
  });
  const head = ['layer', 'op', 'output', 'MACs', 'µs', 'GOP/s', 'of peak', 'of all', ''].map((name) => `<th>${name}</th>`).join('');
  return folded(heading(timing), `<div class="wide"><table><tr>${head}</tr>\n${rows.join('\n')}</table></div>`);
}

const style = `
td:first-child, details td:nth-child(-n+3), details th:nth-child(-n+3) { text-align: left; }
.timed { width: 25%; }
.bar { display: block; height: 8px; min-width: 2px; border-radius: 2px; background: var(--s0); }
`;
