import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { type QuantizationRecord, readQuantizationRecord } from 'lowbit';
import { faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { ladder, sample, sensitive } from '../report/quantizationSamples.js';

const path = join(temporaryFolder(), 'record.json');

function reading(text: string): Promise<QuantizationRecord> {
  writeFileSync(path, text);
  return readQuantizationRecord(path);
}

const whole = { ...sample, ladder, sensitivity: [sensitive('one', 20, 0.5), sensitive('two', null)] };

test.serial('a record comes back as it was', async (t) => {
  t.deepEqual(await reading(JSON.stringify(whole)), JSON.parse(JSON.stringify(whole)));
  t.deepEqual(await reading(JSON.stringify(sample)), JSON.parse(JSON.stringify(sample)));
});

test.serial('what JSON wrote as null is a number that is none; keys of later versions are left out', async (t) => {
  const [layer, ...others] = sample.layers;
  const broken = { ...layer, weight: { ...layer.weight, channels: { now: [Number.NaN, 1] } } };
  const read = await reading(JSON.stringify({ ...sample, layers: [broken, ...others], later: 1 }));
  t.deepEqual(read.layers[0].weight.channels.now, [Number.NaN, 1]);
  t.false('later' in read);
});

test.serial('files that are no record say what is wrong', async (t) => {
  const refuses = (text: string, message: RegExp) => faultsLater(t, () => reading(text), 'format', message);
  await refuses('{', /record\.json: not a valid report file: it is not JSON/);
  await refuses('[]', /its content is not/);
  await refuses('{}', /versions is not/);
  await refuses(JSON.stringify({ ...whole, layers: 3 }), /layers is not a list of layers/);
  await refuses(JSON.stringify({ ...whole, samples: -1 }), /samples is not a whole number from 0/);
  await refuses(JSON.stringify({ ...whole, ladder: { ...ladder, target: {} } }), /ladder\.target is not maxDrop or minSqnr/);
  await refuses(
    JSON.stringify({ ...whole, accuracy: { ...whole.accuracy!, float: { top1: 2 } } }),
    /accuracy\.float\.top1 is not a number from 0 and to 1|accuracy\.float\.top1/,
  );
  const [layer] = sample.layers;
  const wrong = { ...layer, weight: { ...layer.weight, histogram: { low: 0, high: 1, counts: [] } } };
  await refuses(JSON.stringify({ ...whole, layers: [wrong] }), /layers\.0\.weight\.histogram\.counts is not a list of counts/);
});

test('a file that is not there', async (t) => {
  await faultsLater(t, () => readQuantizationRecord(`${path}.none`), 'file', /no such file/);
});
