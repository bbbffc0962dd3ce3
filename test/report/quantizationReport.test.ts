import test from 'ava';
import type { LayerRecord, QuantizationRecord } from '../../lib/report/quantizationRecord.js';
import { quantizationReport } from '../../lib/report/quantizationReport.js';
import { tilesOf, wellFormed } from './html.js';

const odd = 'a <b> & "c"';
const flat = { low: 0, high: 10, counts: [1, 1, 1, 1] };

const layer = (name: string, sqnr: number | null, given: Partial<LayerRecord> = {}): LayerRecord => ({
  name,
  op: 'conv2d',
  shape: [8, 8, 2],
  parameters: 100,
  floatBytes: 400,
  bytes: 100,
  weight: { bits: 8, sqnr: 40, histogram: { low: -1, high: 1, counts: [1, 2, 1] }, channels: { now: [1, 0.5] }, scales: [0.1, 0.2] },
  activation: { name: `${name}.relu`, sqnr, range: { min: 0, max: 10 }, clipped: 0, histogram: flat },
  milliseconds: 0.25,
  ...given,
});

const one = layer('one', 41.04);
const sample: QuantizationRecord = {
  versions: { lowbit: '1.2.3', node: 'v20' },
  processor: 'a processor',
  threads: 2,
  model: { name: odd, bytes: 2000, sha256: 'aa' },
  quantized: { bytes: 500, sha256: 'bb' },
  options: { observer: 'mse' },
  calibration: { data: odd, samples: 500 },
  accuracy: { data: 'd', float: { top1: 0.572, top5: 0.8, samples: 400 }, quantized: { top1: 0.56, top5: 0.79, samples: 400 } },
  outputs: [{ name: 'logits', sqnr: 14.06 }],
  samples: 64,
  layers: [
    one,
    layer(odd, 30, { activation: { ...one.activation!, sqnr: 30, range: { min: 0, max: 5 }, clipped: 0.25 } }),
    layer('narrow', 20, { weight: { ...one.weight, scales: [0.1], channels: { now: [1, 0.01], before: [2, 0.01] } } }),
    layer('coarse', 12, { weight: { ...one.weight, sqnr: 11.5, bits: 4 } }),
    layer('real', null, { activation: undefined, milliseconds: undefined }),
  ],
  float: [{ name: odd, op: 'gemm', reason: 'excluded <by> name' }],
};

test('a page shows what was lost', (t) => {
  const html = quantizationReport(sample);
  t.is(wellFormed(html), undefined);
  t.true(html.includes('a &lt;b&gt; &amp; &quot;c&quot; <span class="bits">quantized</span>'));
  t.true(html.includes('5 of 6 layers on codes · calibrated on 500 samples of a &lt;b&gt;'));
  t.deepEqual(tilesOf(html), [
    'Accuracy | 56 % | float 57.2 %, −1.20 points; 400 samples',
    'Signal to noise of logits | 14.1 dB | ',
    'File | 500 bytes | of 2.00 kB, 4.0 times smaller',
    'Noisiest layer | 12.0 dB | coarse',
    'Time of its layers | 1.00 ms | one sample',
  ]);
  t.true(html.includes('excluded &lt;by&gt; name'));
});

test('it says where and why: what lost most comes first', (t) => {
  const html = quantizationReport(sample);
  const lines = [...html.matchAll(/<li><b>(.*?)<\/b> (.*?)<\/li>/g)].map(([, name, text]) => `${name} ${text}`);
  t.deepEqual(lines, [
    'a &lt;b&gt; &amp; &quot;c&quot; loses 11.0 dB: 25 % of its outputs are clipped',
    'narrow loses 10.0 dB: its channels are up to 100 times apart and share one scale',
    'coarse loses 8.0 dB: its weights have 11.5 dB in 4 bits',
  ]);
  // Numbers between 0 and 10, steps of 1: power 0.75 of 100 too little for the steps. Mean square of 1.25, 3.75, 6.25, 8.75 is 32.8125.
  const small = layer('small', 25, { activation: { ...one.activation!, sqnr: 25, range: { min: 0, max: 255 } } });
  const told = quantizationReport({ ...sample, layers: [one, small] });
  t.true(told.includes(`rounding alone leaves ${(10 * Math.log10(12 * 32.8125)).toFixed(1)} dB`));
  t.true(quantizationReport({ ...sample, layers: [one, layer('two', 30)] }).includes('comes with its inputs and weights'));
  t.false(quantizationReport({ ...sample, layers: [one] }).includes('Where it is lost'));
});

test('the pictures: counts, the ends of the codes, channels before and now', (t) => {
  const html = quantizationReport(sample);
  const rows = html.slice(html.indexOf('<table class="layers">')).split('<tr>');
  const row = rows.find((text) => text.includes('25 % clipped'))!;
  t.true(row.includes('<path class="clip" d="M0 0V40"/><path class="clip" d="M75 0V40"/>')); // 0 and 5 of 0..10, 150 wide
  t.true(row.includes('<path class="bars" d="M0 40V0H37.5V0H75V0H112.5V0H150V40Z"/>'));
  const weights = rows.find((text) => text.includes('narrow'))!;
  t.true(weights.includes('<path class="channels before" d="M0 0V0H75V39.8H150"/>'));
  t.true(weights.includes('<path class="channels" d="M0 20V20H75V39.8H150"/>'));
  t.true(weights.includes('largest weights of 2 channels: 0.01 to 1, before 0.01 to 2'));
});

test('what is not known is left out', (t) => {
  const { accuracy: _a, options: _o, calibration: _c, ...rest } = sample;
  const html = quantizationReport({ ...rest, float: [], layers: rest.layers.map(({ milliseconds: _m, ...known }) => known) });
  t.is(wellFormed(html), undefined);
  t.false(/Accuracy|Options|µs|stay float/.test(html));
});
