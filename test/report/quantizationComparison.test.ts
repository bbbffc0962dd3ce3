import test from 'ava';
import { quantizationComparison } from 'lowbit';
import { faults } from '../faults.js';
import { wellFormed } from './html.js';
import { layer, odd, one, sample } from './quantizationSamples.js';

const other = {
  ...sample,
  quantized: { bytes: 400, sha256: 'cc' },
  options: { observer: 'minmax', exclude: [], adaround: { rate: 0.02 } },
  accuracy: { ...sample.accuracy!, quantized: { top1: 0.565, top5: 0.78, samples: 400 } },
  outputs: [{ name: 'logits', sqnr: 16.06 }],
  layers: [
    layer('one', 40.04),
    layer(odd, 36, { weight: { ...one.weight, bits: 4 }, bytes: 50, milliseconds: 0.5 }),
    ...sample.layers.slice(2, 4),
    layer('new', 3),
  ],
};

const runs = () =>
  [
    { name: 'a <1>.json', record: sample },
    { name: 'b.json', record: other },
  ] as const;

const plain = (html: string) => html.replaceAll(/<[^>]+>/g, '|').replaceAll(/\|+/g, '|');

test('results of two runs and their differences', (t) => {
  const html = quantizationComparison(...runs());
  t.is(wellFormed(html), undefined);
  t.true(html.includes('A: a &lt;1&gt;.json') && html.includes('B: b.json'));
  const rows = [...html.matchAll(/<tr>(<td>.*?)<\/tr>/g)].map(([, row]) => plain(row));
  t.deepEqual(rows.slice(0, 6), [
    '|accuracy|56 %|56.5 %|+0.50 points|',
    '|among the first five|79 %|78 %|−1.00 points|',
    '|signal to noise of logits|14.1 dB|16.1 dB|+2.0 dB|',
    '|file|500 bytes|400 bytes|−20.0 %|',
    '|time of its layers|1.00 ms|1.50 ms|+50.0 %|',
    '|layers on codes|5|5|',
  ]);
  t.true(html.includes('<b class="better">+0.50 points</b>') && html.includes('<b class="worse">−1.00 points</b>'));
  t.true(html.includes('<b class="better">−20.0 %</b>') && html.includes('<b class="worse">+50.0 %</b>'));
});

test('options that differ, and no others', (t) => {
  const html = quantizationComparison(...runs());
  t.true(
    html.includes('<td>observer</td><td>mse</td><td>minmax</td>') && html.includes('<td>adaround.rate</td><td>0.01</td><td>0.02</td>'),
  );
  t.false(html.includes('<td>exclude</td>'));
  const [a] = runs();
  t.true(quantizationComparison(a, a).includes('They are the same.'));
  t.true(quantizationComparison(a, { name: 'b', record: { ...other, options: undefined } }).includes('Those of B are not known'));
});

test('layers side by side, what differs marked', (t) => {
  const html = quantizationComparison(...runs());
  const rows = html.slice(html.indexOf('<table class="pairs">')).split('<tr>').slice(2);
  t.is(rows.length, 4 + 3); // and three of one run alone
  const [first, second] = rows;
  t.true(plain(first).startsWith('|one|conv2d|A|B|41.0|40.0|−1.0|0 %|0 %|8|8|100 bytes|100 bytes|250|250|'));
  // 6 dB are the largest difference: half of the bar.
  t.true(first.includes('<i class="worse" style="left: 41.7%; width: 8.3%"></i>'));
  t.true(second.includes('<i class="better" style="left: 50.0%; width: 50.0%"></i>'));
  t.true(second.includes('<td class="differs" title="bits"><div>8</div><div>4</div></td>'));
  t.false(first.includes('class="differs"'));
  t.is(second.match(/<svg class="mini"/g)!.length, 2);
  t.true(html.includes('<td>real</td><td>conv2d</td><td>A</td>') && html.includes('<td>new</td><td>conv2d</td><td>B</td>'));
});

test('other float files are told, other networks refused', (t) => {
  const [a, b] = runs();
  t.false(quantizationComparison(a, b).includes('float files differ'));
  const trained = { ...b, record: { ...other, model: { ...other.model, sha256: 'dd' } } };
  t.true(quantizationComparison(a, trained).includes('Their float files differ'));
  const strange = { ...b, record: { ...other, layers: other.layers.map((own) => ({ ...own, parameters: 7 })) } };
  faults(t, () => quantizationComparison(a, strange), 'data', /^b\.json: it is of another network than a <1>\.json: 0 of 5 layers/);
});

test('what one of them does not know', (t) => {
  const bare = { ...other, accuracy: undefined, outputs: [], layers: other.layers.map(({ milliseconds: _m, sqnr: _s, ...rest }) => rest) };
  const [a, b] = runs();
  const html = quantizationComparison(a, { ...b, record: bare });
  t.is(wellFormed(html), undefined);
  t.true(html.includes('<td>56 %</td><td>–</td>'));
});
