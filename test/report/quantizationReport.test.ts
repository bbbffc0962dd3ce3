import test from 'ava';
import type { QuantizationRecord } from '../../lib/report/quantizationRecord.js';
import { quantizationReport } from '../../lib/report/quantizationReport.js';
import { tilesOf, wellFormed } from './html.js';
import { ladder, layer, odd, one, sample, sensitive } from './quantizationSamples.js';

/** A section by its title. */
const sectionOf = (html: string, title: string) => html.split('<section>').find((part) => part.startsWith(`<h2>${title}</h2>`)) ?? '';

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
  t.regex(sectionOf(html, '5 layers'), /each channel scaled back/);
  t.notRegex(quantizationReport({ ...sample, scaled: false }), /scaled back/);
});

test('it says where and why: what lost most comes first', (t) => {
  const linesOf = (layers: QuantizationRecord['layers']) =>
    [...quantizationReport({ ...sample, layers }).matchAll(/<li><b>(.*?)<\/b> (.*?)<\/li>/g)].map(([, name, text]) => `${name} ${text}`);
  t.deepEqual(linesOf(sample.layers), [
    'a &lt;b&gt; &amp; &quot;c&quot; loses 10.0 dB: 25 % of its outputs are clipped',
    'narrow loses 10.0 dB: its channels are up to 100 times apart and share one scale, 1 of 2 use less than a sixteenth of the codes',
    'coarse loses 8.0 dB: its weights have 11.5 dB in 4 bits',
  ]);
  // Numbers between 0 and 10, steps of 1: power 0.75 of 100 too little for the steps. Mean square of 1.25, 3.75, 6.25, 8.75 is 32.8125.
  const small = layer('small', 25, {
    inputSqnr: 38,
    activation: { ...one.activation!, range: { min: 0, max: 255 } },
  });
  const left = (10 * Math.log10(12 * 32.8125)).toFixed(1);
  t.deepEqual(linesOf([one, small]), [
    `small loses 13.0 dB: most of its outputs are small beside their range: rounding alone leaves ${left} dB`,
  ]);
  t.regex(linesOf([one, layer('two', 30, { inputSqnr: 36 })])[0], /^two loses 6.0 dB: .* noise of its inputs and weights grow$/);
  t.regex(linesOf([layer('two', 21)])[0], /^two begins with 21.0 dB: its own codes are fine/);
  t.regex(sectionOf(quantizationReport(sample), 'Where it is lost'), /In 1 of 5 layers channels share one scale/);
  t.regex(linesOf([one, layer('two', 25, { inputSqnr: 36, shifted: 0.43 })])[0], /^two loses 11.0 dB: 43 % of its noise shifts the means/);
  // What a layer reads counts, not what stands before it in the list.
  const branch = layer('branch', 18, { inputSqnr: 19 });
  t.false(quantizationReport({ ...sample, layers: [one, branch] }).includes('Where it is lost'));
});

test('the pictures: counts, the ends of the codes, channels above the step', (t) => {
  const html = quantizationReport(sample);
  const rows = html.slice(html.indexOf('<table class="layers">')).split('<tr>');
  const row = rows.find((text) => text.includes('25 % clipped'))!;
  t.true(row.includes('<path class="clip" d="M0 0V40"/><path class="clip" d="M75 0V40"/>')); // 0 and 5 of 0..10, 150 wide
  t.true(row.includes('<path class="bars" d="M0 40V0H37.5V0H75V0H112.5V0H150V40Z"/>'));
  const weights = rows.find((text) => text.includes('narrow, largest'))!;
  // 16 bits are 40 high: a hundredth of the widest lies 40·log2(100)/16 below it, and so does the step.
  t.true(weights.includes('<path class="bars" d="M0 40V0H75V16.6H150V40Z"/><path class="step" d="M0 16.6V16.6H75V16.6H150"/>'));
  t.true(weights.includes('largest weights of 2 channels: 0.01 to 1, in the file 0.01 to 2, steps of 0.01'));
});

test('channels that lie far apart are shown first, those with few codes apart', (t) => {
  const part = sectionOf(quantizationReport(sample), 'Ranges of channels');
  const names = [...part.matchAll(/<figcaption><b>(.*?)<\/b>/g)].map(([, name]) => name);
  t.deepEqual(names, ['narrow', 'one', 'a &lt;b&gt; &amp; &quot;c&quot;', 'coarse']);
  const [narrow, plain] = part.split('<figure>').slice(1);
  t.true(
    narrow.includes(
      '2 channels, 200 times apart in the float file, now 100 times apart, share one scale; 1 of them (orange) use less than',
    ),
  );
  t.true(narrow.includes('class="level"') && narrow.includes('class="bars poor"'));
  t.true(plain.includes('conv2d: 2 channels up to 2 times apart, have a scale each.'));
  t.false(plain.includes('class="level"') || plain.includes('class="bars poor"'));
  // Channels that compute nothing do not count.
  const switchedOff = layer('off', 40, { weight: { ...one.weight, channels: { now: [1, 0.5, 1e-9, 0] }, scales: [0.1] } });
  t.true(quantizationReport({ ...sample, layers: [switchedOff] }).includes('4 channels up to 2 times apart, share one scale'));
});

test('the ladder: each rung, and whether the target was met', (t) => {
  const part = sectionOf(quantizationReport({ ...sample, ladder }), 'The ladder');
  t.true(part.includes('The target is not met: asked for at most 0.5 points below the float network; reached 56.2 %, −1.00 points.'));
  t.true(part.includes('on 400 samples of a &lt;b&gt; &amp; &quot;c&quot;, which calibration did not see'));
  t.true(part.includes('Left float, the most sensitive first: a &lt;b&gt;'));
  const rows = [...part.matchAll(/<tr>(<td>.*?)<\/tr>/g)].map(([, cells]) => cells.replaceAll(/<[^>]+>/g, '|').replaceAll(/\|+/g, '|'));
  t.deepEqual(rows, [
    '|1|calibrate|observer &lt;mse&gt;|20 %|3.0 dB|500 bytes|2.0 s|kept|',
    '|2|absorb biases|no ReLU is unclipped|0.1 s|nothing to do|',
    '|3|AdaRound|4 layers|10 %|2.5 dB|500 bytes|3 min|dropped|',
    '|4|leave layers float|a &lt;b&gt; &amp; &quot;c&quot;|56.2 %|11.0 dB|600 bytes|20.0 s|kept|',
  ]);
  // Between 10 and 60 %, from 206 up to 18, rungs 121 wide: the line stays where it is until the fourth rung.
  const y = (share: number) => Math.round(10 * (206 - (188 * (share - 0.1)) / 0.5)) / 10;
  t.true(part.includes(`<path class="line s0" d="M62 ${y(0.2)}H183H304H425V${y(0.562)}H546"/>`));
  t.true(part.includes(`<circle class="hollow" cx="364.5" cy="${y(0.1)}" r="5"><title>AdaRound: 10 %, dropped</title>`));
  for (const [name, share] of [
    ['float', 0.572],
    ['target', 0.567],
  ] as const) {
    t.regex(part, new RegExp(`M62 ${y(share)}H546"/><text [^>]*>${name} `));
  }
});

test('the ladder without labels goes by decibels', (t) => {
  const unlabelled = {
    ...ladder,
    ...{ target: { minSqnr: 10 }, met: true, float: { top1: null, bytes: 2000 }, leftFloat: [] },
    judged: { ...ladder.judged, heldOut: false },
    rungs: ladder.rungs.map((rung) => ({ ...rung, ...(rung.result && { result: { ...rung.result, top1: null } }) })),
  };
  const html = quantizationReport({ ...sample, ladder: unlabelled });
  t.is(wellFormed(html), undefined);
  const part = sectionOf(html, 'The ladder');
  t.true(part.includes('The target is met: at least 10 dB at the outputs; reached 11.0 dB.'));
  t.true(part.includes('which calibration saw as well'));
  t.true(part.includes('target 10.0 dB') && !part.includes('float '));
  const nothing = { ...unlabelled, met: false, rungs: unlabelled.rungs.slice(1, 2) };
  t.regex(quantizationReport({ ...sample, ladder: nothing }), /not met: asked for at least 10 dB at the outputs; nothing was kept\./);
});

test('sensitivity: the noise that a layer brings alone, of many layers most can be opened', (t) => {
  const few = [sensitive(odd, 20, 0.5), sensitive('b', 40, 0.55), sensitive('c', null, 0.56)];
  const part = sectionOf(quantizationReport({ ...sample, sensitivity: few }), 'Sensitivity');
  t.true(part.includes('it alone brings to the outputs'));
  const rows = [...part.matchAll(/<li><span.*?<\/li>/g)].map(([row]) => row);
  t.is(rows.length, 3);
  // This one stays float.
  t.true(rows[0].includes('<i class="bar bad" style="width: 100.0%"></i></span><b>10 %</b><small>20.0 dB</small><small>50 %</small>'));
  t.true(rows[1].includes('<i class="bar" style="width: 10.0%"></i></span><b>1 %</b><small>40.0 dB</small>'));
  t.true(rows[2].includes('<b>0 %</b><small>equal</small>'));
  const backwards = quantizationReport({ ...sample, sensitivity: few.toReversed() });
  t.true(backwards.includes('All layers are quantized but one'));

  const many = Array.from({ length: 200 }, (_, i) => sensitive(`layer ${i}`, 10 + i / 5));
  const html = quantizationReport({ ...sample, sensitivity: many });
  t.is(wellFormed(html), undefined);
  t.true(html.includes('The other 175 layers'));
  t.is(html.match(/title="conv2d, 100 parameters, 8 bits"/g)!.length, 200);
});

test('how it was made: files, data, every option', (t) => {
  const part = sectionOf(quantizationReport(sample), 'How it was made');
  for (const text of [
    '<td>2.00 kB, sha256 aa</td>',
    '<td>500 bytes, sha256 bb</td>',
    '<td>500 samples of a &lt;b&gt; &amp; &quot;c&quot;</td>',
    '<td>400 samples of d</td>',
    '<td>observer</td><td>mse</td>',
    '<td>exclude</td><td>none</td>',
    '<td>adaround.rate</td><td>0.01</td>',
    'lowbit 1.2.3, Node v20, a processor, 2 threads',
  ])
    t.true(part.includes(text), text);
});

test('what is not known is left out', (t) => {
  const { accuracy: _a, options: _o, calibration: _c, ...rest } = sample;
  const html = quantizationReport({ ...rest, float: [], layers: rest.layers.map(({ milliseconds: _m, ...known }) => known) });
  t.is(wellFormed(html), undefined);
  t.notRegex(html.replace(/<style>[^<]*/, ''), /Accuracy|Options|µs|stay float|The ladder|Sensitivity/);
});

test('numbers that are none, empty and single things, and long names make a page', (t) => {
  const name = 'x'.repeat(200);
  const bare = layer(name, null, {
    ...{ shape: [], parameters: 0, floatBytes: 0, bytes: 0, milliseconds: 0 },
    weight: { ...one.weight, bits: 1, sqnr: null, channels: { now: [Number.NaN] }, scales: [0] },
    activation: { name, range: { min: 0, max: 0 }, clipped: 0, histogram: { low: 0, high: 0, counts: [0] } },
  });
  const single = layer('single', -3, { weight: { ...one.weight, channels: { now: [] }, histogram: { low: 0, high: 0, counts: [5] } } });
  for (const layers of [[bare], [single], [bare, single], [{ ...single, sqnr: undefined }]]) {
    const html = quantizationReport({ ...sample, layers, outputs: [], quantized: { bytes: 1, sha256: '' } });
    t.is(wellFormed(html), undefined);
  }
});

test('300 layers of 512 channels make a page of bounded size', (t) => {
  const noise = (i: number) => ((i * 7919) % 101) / 101 + 0.01;
  const now = Array.from({ length: 512 }, (_, c) => noise(c));
  const counts = Array.from({ length: 64 }, (_, i) => Math.round(1000 * noise(i)));
  const layers = Array.from({ length: 300 }, (_, i) =>
    layer(`layer ${i}`, 20 + 10 * noise(i), {
      weight: {
        ...one.weight,
        channels: { now, before: now.map((x) => 2 * x) },
        scaled: true,
        scales: now,
        histogram: { low: -1, high: 1, counts },
      },
      activation: { ...one.activation!, histogram: { low: 0, high: 10, counts } },
    }),
  );
  const html = quantizationReport({ ...sample, layers });
  t.is(wellFormed(html), undefined);
  t.true(html.length < 2.5e6, `${html.length}`);
});
