import test from 'ava';
import { type TrainingRecord, trainingReport } from '../../lib/report/trainingReport.js';

const epoch = (number: number, loss: number) => ({
  epoch: number,
  step: 10 * number,
  training: { loss, accuracy: 1 - loss / 3 },
  validation: { loss: loss + 0.1, accuracy: 0.9 - loss / 3 },
  rate: 0.1 / number,
  seconds: 2,
  samplesPerSecond: 1000 + number,
});

const record: TrainingRecord = {
  model: { name: 'a <b> & "c"', parameters: 61706 },
  samples: { train: 2000, validation: 100 },
  epochs: 5,
  history: [epoch(1, 2), epoch(2, 1), epoch(3, 0.5)],
  best: { epoch: 3, metric: 'validation accuracy', value: 0.7333 },
  stopped: null,
  versions: { lowbit: '1.2.3', node: 'v20' },
  processor: 'a processor',
  threads: 2,
  config: 'model: <x>\n',
};

test('a page shows what the run was and how it went, and loads nothing', (t) => {
  const html = trainingReport(record);
  t.true(html.includes('<h1>a &lt;b&gt; &amp; &quot;c&quot;</h1>'));
  t.true(html.includes('61,706 parameters · 2,000 samples, 100 to validate · 3 of 5 epochs'));
  t.true(html.includes('<dt>Best validation accuracy</dt><dd>73.33 %<small>epoch 3</small>'));
  t.true(html.includes('<pre>model: &lt;x&gt;\n</pre>'));
  t.is(html.match(/<figure>/g)!.length, 4); // loss, accuracy, learning rate, speed
  t.true(html.includes('<title>epoch 2: training 1, validation 1.1</title>'));
  t.notRegex(html, /https?:|<script|<link|src=|url\(/);
  t.notRegex(html, /NaN|undefined|Infinity/);
  // The first and the last point of a line are at the edges of the plot, the best one is marked.
  t.regex(html, /class="line s0" d="M58 [\d.]+L302 [\d.]+L546 [\d.]+"/);
  t.regex(html, /<circle class="dot s1" cx="546" cy="[\d.]+" r="5"\/>/);
});

test('one epoch, no validation, equal numbers', (t) => {
  const { validation: _none, ...only } = epoch(1, 0);
  const best = { epoch: 1, metric: 'accuracy', value: 1 };
  const html = trainingReport({ ...record, samples: { train: 10, validation: 0 }, history: [only], best, stopped: 'enough' });
  t.notRegex(html, /NaN|undefined|Infinity|validation loss/i);
  t.true(html.includes('1 of 5 epochs · enough'));
});
