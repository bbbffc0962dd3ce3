import test from 'ava';
import { type SearchPage, searchReport } from '../../lib/report/searchReport.js';
import { tilesOf, wellFormed } from './html.js';

const odd = 'a <b> & "c"';

/** An epoch of the run and of the search: two layers of 100 and 300 weights, soft until the third epoch. */
const epochs = [1, 2, 3, 4].map((epoch) => {
  const isSoft = epoch < 3;
  const report = {
    epoch,
    step: 10 * epoch,
    training: { loss: 1 / epoch, accuracy: 0.8 + epoch / 100 },
    validation: { loss: 2 / epoch, accuracy: 0.4 + epoch / 10 - (epoch === 4 ? 0.15 : 0) },
    rate: 0.01,
    seconds: 30,
    samplesPerSecond: 100,
  };
  const layer = (name: string, confidence: number, flipRate: number, histogram: number[]) => ({ name, confidence, flipRate, histogram });
  const search = {
    epoch,
    temperature: isSoft ? 4 ** (epoch - 1) : 1,
    mode: isSoft ? ('soft' as const) : ('straightThrough' as const),
    ...(isSoft ? { soft: { loss: 0.5, accuracy: 0.77 + epoch / 100 } } : {}),
    layers: [
      layer('x.logits', 0.5 + epoch / 10, epoch === 1 ? 0 : 0.04, [25, 75]),
      layer('y.logits', 0.9, epoch === 1 ? 0 : 0.08, [150, 150]),
    ],
  };
  return { report, search };
});

const sample: SearchPage = {
  versions: { lowbit: '1.2.3', node: 'v20' },
  model: { name: odd, parameters: 61706 },
  samples: { train: 2000, validation: 100 },
  title: 'W1 A8',
  weightBits: 1,
  activationBits: 8,
  values: [-1, 1],
  epochs: 5,
  history: epochs.map(({ report }) => report),
  search: epochs.map(({ search }) => search),
  layers: [
    { name: odd, op: 'conv2d', weights: 100, floatBytes: 400, bytes: 16 },
    { name: 'y', op: 'gemm', weights: 300, floatBytes: 1200, bytes: 48 },
  ],
  float: [{ name: odd, op: 'conv2d', reason: 'the <first> layer' }],
  warnings: ['there is no <ramp>'],
  table: [
    { name: 'fp32', accuracy: 0.7125, bytes: 2_000_000, latency: { median: 4.1, p90: 4.5 } },
    { name: 'W1 A8', accuracy: 0.7, bytes: 100_000, latency: { median: 0.5, p90: 0.6 } },
  ],
  stopped: 'enough of it',
  processor: 'a processor',
  threads: 2,
  config: 'model: <x>\n',
  algorithm: 'slb(<1>)',
};

const titlesOf = (html: string) => [...html.matchAll(/<figcaption><b>(.*?)<\/b>/g)].map(([, title]) => title);

test('a page shows what a search came to', (t) => {
  const html = searchReport(sample);
  t.is(wellFormed(html), undefined);
  t.true(html.includes('<h1>a &lt;b&gt; &amp; &quot;c&quot; <span class="bits">W1 A8</span></h1>'));
  const told = '1-bit weights, 8-bit activations · 61,706 parameters · 2,000 samples, 100 to validate · 4 of 5 epochs · ';
  t.true(html.includes(`${told}weights decided from epoch 3 on · enough of it`));
  t.deepEqual(tilesOf(html), [
    'Best decided accuracy | 70 % | epoch 3; last 65 %, epoch 4',
    'Best soft accuracy | 79 % | epoch 2, the last',
    'fp32 accuracy | 71.25 % | the best is 1.25 points below',
    'Searched weights | 64 bytes | of 1.60 kB, 25.0 times smaller',
    'Confidence | 85 % | epoch 2, the last before the decision', // (100·0.7 + 300·0.9) / 400
    'Time | 2 min | validation included',
  ]);
  for (const text of [
    'there is no &lt;ramp&gt;',
    '<td>the &lt;first&gt; layer</td>',
    '<pre>model: &lt;x&gt;\n</pre>',
    '<pre>slb(&lt;1&gt;)</pre>',
  ])
    t.true(html.includes(text), text);
  t.true(html.includes('lowbit 1.2.3, Node v20, a processor, 2 threads'));
});

test('the searches stand beside the float network', (t) => {
  const rows = [...searchReport(sample).matchAll(/<tr( class="best")?><td>(fp32|W1 A8)<\/td>(.*?)<td class="sized">/g)];
  const texts = rows.map(([, best, name, cells]) => [
    best ? `${name}!` : name,
    ...cells.replaceAll('<td>', '').split('</td>').slice(0, -1),
  ]);
  t.deepEqual(texts, [
    ['fp32', '71.25 %', '', '2.00 MB', '', '4.10', '4.50'],
    ['W1 A8!', '70 %', '−1.25', '100 kB', '20.0×', '0.500', '0.600'],
  ]);
  t.false(searchReport({ ...sample, table: undefined }).includes('Compared'));
});

test('curves tell soft from decided weights and mark where the ramp and the decision are', (t) => {
  const html = searchReport(sample);
  t.deepEqual(titlesOf(html), ['Accuracy', 'Accuracy, close up', 'Loss', 'Temperature', 'Confidence', 'Weights that changed their choice']);
  t.true(html.includes('<title>epoch 2: training 82 %, soft 79 %, decided 60 %</title>'));
  t.true(html.includes('<title>epoch 3: training 83 %, decided 70 %</title>'));
  // Four epochs from 58 to 546: the second at 220.7, the third at 383.3. In each chart both turns are marked.
  t.is(html.match(/<path class="turn" d="M220.7 22V218"\/><text[^>]*>ramp</g)?.length, 6);
  t.is(html.match(/<path class="turn" d="M383.3 22V218"\/><text[^>]*>decided</g)?.length, 6);
  // 1 to 4 on an axis 1, 2, 5, then 1 again for the gradient.
  const middle = 218 - ((218 - 22) * Math.log(4)) / Math.log(5);
  t.true(html.includes(`<path class="line s0" d="M58 218L220.7 ${middle.toFixed(1)}"/>`));
  t.true(html.includes('<path class="line s1" d="M383.3 218L546 218"/>'));
  t.true(html.includes('<title>epoch 2: share 7 %</title>')); // (100·0.04 + 300·0.08) / 400
  t.false(html.includes('<title>epoch 1: share')); // Nothing to compare with.
});

test('a row a layer: confidence, changes, chosen values, bytes', (t) => {
  const html = searchReport(sample);
  const [, all, first, second] = html
    .slice(html.indexOf('<table class="layers">'))
    .split(/<tr[ >]/)
    .slice(1);
  t.true(all.includes('all 2 layers') && all.includes('1.60 kB → <b>64 bytes</b>') && all.includes('>400</td>'));
  t.true(first.includes('a &lt;b&gt; &amp; &quot;c&quot;</th><td class="op">conv2d</td><td class="weights">100</td>'));
  t.true(first.includes('<title>epoch 2: 70 %</title>') && first.includes('<small>70.0 %</small>'));
  t.true(first.includes('400 bytes → <b>16 bytes</b>'));
  // A quarter chose −1: its area lies below three quarters, that of 1 fills what is behind it.
  t.true(first.includes('<path class="v1" d="M0 100V0H4V100Z"><title>1: 75 %</title></path><path class="v0" d="M0 100V75H4V100Z">'));
  t.true(all.includes('<path class="v0" d="M0 100V56H4V100Z"><title>−1: 44 %</title>')); // 175 of 400
  // Equal neighbours are one rectangle; decided epochs are grey.
  t.true(second.includes('x="0" width="2"') && second.includes('<rect class="grey" x="2" width="2"'));
  t.true(second.includes('<title>epochs 2 to 4: 8 %</title>'));
  t.true(second.includes('<path class="turn" d="M2 0V100"/>'));
});

test('under way: one epoch, one layer, no validation, nothing packed', (t) => {
  const { validation: _none, ...report } = epochs[0].report;
  const { soft: _unknown, ...search } = epochs[0].search;
  const html = searchReport({
    ...sample,
    ...{ activationBits: null, samples: { train: 2000, validation: 0 }, history: [report], table: undefined, stopped: null },
    search: [{ ...search, layers: search.layers.slice(1) }],
    layers: [{ name: 'y', op: 'gemm', weights: 300, floatBytes: 1200 }],
    ...{ float: [], warnings: [] },
  });
  t.is(wellFormed(html), undefined);
  t.true(html.includes('1-bit weights · 61,706 parameters · 2,000 samples · 1 of 5 epochs · weights are still open'));
  t.deepEqual(tilesOf(html), [
    'Best training accuracy | 81 % | epoch 1, the last',
    'Searched weights | 1.20 kB | as float: not packed yet',
    'Confidence | 90 % | epoch 1',
    'Time | 30.0 s | validation included',
  ]);
  t.deepEqual(titlesOf(html), ['Accuracy', 'Loss', 'Temperature', 'Confidence']);
  t.notRegex(html, /least sure|that stay float|class="warning"|all 1 layers|<path class="turn"/);
});

test('a network without accuracy is judged by its loss', (t) => {
  const only = ({ report: { training, validation, ...rest } }: (typeof epochs)[number]) => ({
    ...rest,
    training: { loss: training.loss },
    validation: { loss: validation.loss },
  });
  const html = searchReport({ ...sample, history: epochs.map(only), search: epochs.map(({ search: { soft: _none, ...rest } }) => rest) });
  t.is(tilesOf(html)[0], 'Best decided loss | 0.5 | epoch 4, the last');
  t.is(titlesOf(html)[0], 'Loss');
});

test('60 layers, 300 epochs and 16 values make a page of bounded size', (t) => {
  const layers = Array.from({ length: 60 }, (_, i) => ({ name: `layer ${i}`, op: 'conv2d', weights: 1600, floatBytes: 6400, bytes: 800 }));
  const noise = (a: number, b: number) => ((a * 7919 + b * 104729) % 101) / 101;
  const history = Array.from({ length: 300 }, (_, i) => ({ ...epochs[0].report, epoch: i + 1 }));
  const search = history.map(({ epoch }) => ({
    ...epochs[0].search,
    epoch,
    layers: layers.map(({ name }, i) => ({
      name,
      confidence: noise(i, epoch),
      flipRate: noise(epoch, i),
      histogram: Array.from({ length: 16 }, (_, code) => Math.round(100 * noise(code, epoch + i))),
    })),
  }));
  const values = Array.from({ length: 16 }, (_, code) => (2 * code - 15) / 15);
  const html = searchReport({ ...sample, title: 'W4', weightBits: 4, values, epochs: 300, history, search, layers });
  t.is(wellFormed(html), undefined);
  t.true(html.length < 4e6, `${html.length}`);
  t.is(html.match(/<svg class="strip"/g)!.length, 3 * 61);
  t.true(html.includes('.v15 {') && html.includes('<i class="v15"></i>'));
  // Three epochs a column.
  const mean = (noise(0, 1) + noise(0, 2) + noise(0, 3)) / 3;
  t.true(html.includes(`<title>epochs 1 to 3: ${Number((100 * mean).toFixed(2))} %</title>`));
});

test('layers without weights, and epochs of which the search tells nothing, leave gaps', (t) => {
  const empty = { name: 'e', confidence: 1, flipRate: 0, histogram: [0, 0] };
  const html = searchReport({
    ...sample,
    search: epochs.slice(2).map(({ search }) => ({ ...search, layers: [empty] })),
    layers: [{ name: 'e', op: 'gemm', weights: 0, floatBytes: 0, bytes: 0 }],
  });
  t.is(wellFormed(html), undefined);
  t.true(html.includes('Searched weights</dt><dd>0 bytes<small>of 0 bytes</small>'));
});
