import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { type DatasetOptions, evaluate, Graph, gather, openDataset, reduceSum, Tensor, Tokenizer, trainingBatches } from 'lowbit';
import { faults, faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { shared } from '../shared.js';
import { whole } from './batches.js';

const open = (text: string, options: DatasetOptions = {}, name = 'a.tsv') =>
  openDataset(`text:${join(temporaryFolder({ [name]: text }), name)}`, options);

test('a vocabulary is sorted by frequency and then by code unit', (t) => {
  const tokenizer = Tokenizer.from(["B a b! It's", 'b ÄA\u0308 z !']);
  t.deepEqual(tokenizer.tokens, ['[pad]', '[unknown]', 'b', '!', "'", 'a', 'it', 's', 'z', 'ää']);
  t.is(tokenizer.size, 10);
  t.deepEqual(Tokenizer.from(['b a b'], { size: 3 }).tokens, ['[pad]', '[unknown]', 'b']);
  t.deepEqual(Tokenizer.from([], { size: 2 }).tokens, ['[pad]', '[unknown]']);
  faults(t, () => Tokenizer.from([], { size: 1 }), 'option', /size is 1, expected a whole number from 2/);
});

test('texts become tokens and come back', (t) => {
  const tokenizer = Tokenizer.from(['the cat sat . the end .']);
  t.deepEqual(tokenizer.encode('The CAT ran.'), Int32Array.of(3, 4, 1, 2));
  t.deepEqual(tokenizer.encode('the cat', 4), Int32Array.of(3, 4, 0, 0));
  t.deepEqual(tokenizer.encode('the cat sat .', 2), Int32Array.of(3, 4));
  t.deepEqual(tokenizer.encode(' \n'), Int32Array.of());
  t.deepEqual(tokenizer.encode('[pad]', 3), Int32Array.of(1, 1, 1));
  t.is(tokenizer.decode([3, 4, 1, 0, 0]), 'the cat [unknown]');
  faults(t, () => tokenizer.decode([99]), 'data', /there is no token 99/);
});

test('a vocabulary is saved and loaded', (t) => {
  const folder = temporaryFolder({
    'cut.json': '{"kind": "wo',
    'other.json': '[]',
    'twice.json': '{"kind":"words","tokens":["[pad]","[unknown]","a","a"]}',
  });
  const tokenizer = Tokenizer.from(['größer 大 "quoted" \\']);
  tokenizer.save(join(folder, 'v.json'));
  t.deepEqual(Tokenizer.load(join(folder, 'v.json')).tokens, tokenizer.tokens);
  t.deepEqual(Tokenizer.fromJSON(JSON.parse(JSON.stringify(tokenizer))).encode('大'), tokenizer.encode('大'));
  faults(t, () => Tokenizer.load(join(folder, 'cut.json')), 'format', /cut\.json: not a valid JSON file/);
  faults(t, () => Tokenizer.load(join(folder, 'other.json')), 'data', /other\.json: this is no vocabulary/);
  faults(t, () => Tokenizer.load(join(folder, 'twice.json')), 'data', /this is no vocabulary/);
  faults(t, () => Tokenizer.load(join(folder, 'none.json')), 'file', /none\.json/);
  for (const json of [null, 3, { kind: 'words' }, { kind: 'words', tokens: ['a'] }, { kind: 'words', tokens: [1] }]) {
    faults(t, () => Tokenizer.fromJSON(json), 'data', /Tokenizer\.fromJSON: this is no vocabulary/);
  }
});

test('texts and labels; a test set takes vocabulary and classes of the training set', async (t) => {
  const train = await open('good , good film\tpos\nbad film\tneg\n', { length: 3 });
  t.deepEqual([train.length, train.shape, train.dtype, train.classes], [2, [3], 'int32', ['neg', 'pos']]);
  t.deepEqual(train.tokenizer?.tokens, ['[pad]', '[unknown]', 'film', 'good', ',', 'bad']);
  const batch = await whole(train);
  t.deepEqual([batch.data, batch.labels], [Int32Array.of(3, 4, 3, 5, 2, 0), Int32Array.of(1, 0)]);
  const { tokenizer: vocabulary, classes } = train;
  const other = await whole(await open('dull film\tpos', { length: 3, vocabulary, classes }));
  t.deepEqual([other.data, other.labels], [Int32Array.of(1, 2, 0), Int32Array.of(1)]);
  const file = join(temporaryFolder(), 'v.json');
  vocabulary!.save(file);
  t.deepEqual((await whole(await open('dull film\t1', { length: 3, vocabulary: file }))).data, other.data);
  t.is((await open('a b c\t0', { vocabulary: 3 })).tokenizer?.size, 3);
  await faultsLater(t, () => open('a\tb', { vocabulary: 1 }), 'option', /size is 1/);
});

test('columns, headers and quotes', async (t) => {
  const csv = await open('label,n,text\n1,0,"Yes, ""so"""\n', { text: 'text', label: 'label', length: 8 }, 'a.csv');
  t.deepEqual((await whole(csv)).labels, Int32Array.of(1));
  t.is(csv.tokenizer?.decode((await whole(csv)).data), 'yes , " so "');
  t.is((await open('"a" b\tx\n', { length: 4 })).tokenizer?.size, 5); // in a .tsv quotes are text
  t.is((await open('text\tlabel\na\t1\n', { header: true })).length, 1);
  const alone = await open('a b\nc d\n', { length: 2 }, 'a.txt.tsv');
  t.deepEqual([alone.hasLabels, alone.length], [false, 2]);
  t.false((await open('a\tb', { label: false })).hasLabels);
  await faultsLater(t, () => open('a\tb', { length: 0 }), 'option', /length is 0/);
  await faultsLater(t, () => open('a\tb', { text: 2 }), 'option', /text is 2/);
  await faultsLater(t, () => open('a\tb\nc\n'), 'data', /a\.tsv, line 2: 1 field, expected 2/);
});

/** Sums the rows of a table of numbers for each token: (n, 3) int32 or int64 to (n, 2). */
function bagOfWords(tokens: number, dtype: 'int32' | 'int64' | 'float32'): Graph {
  const graph = new Graph('bag');
  const x = graph.input('x', { dtype, shape: [Number.NaN, 3] });
  if (dtype === 'float32') graph.output('y', x);
  else {
    const rows = Array.from({ length: 2 * tokens }, (_, i) => (i >> 1 === 3 ? [0, 1][i & 1] : [0.5, 0][i & 1]));
    const table = graph.constant(Tensor.from(rows, [tokens, 2], 'float32'), 'table');
    graph.output('y', graph.add(reduceSum, [graph.add(gather, [table, x])], { axes: [1], keepDims: false }));
  }
  return graph;
}

test('models that take tokens are evaluated', async (t) => {
  const set = await open('good good good\t1\nbad film\t0\nfilm film\t1\n', { length: 3 });
  t.is(set.tokenizer?.tokens[3], 'good');
  for (const dtype of ['int32', 'int64'] as const) t.is((await evaluate(bagOfWords(6, dtype), set)).top1, 2 / 3);
  await faultsLater(t, () => evaluate(bagOfWords(6, 'float32'), set), 'data', /input "x" takes float32, this data set gives tokens/);
  for await (const { data, labels } of trainingBatches(set, { batchSize: 3, shuffle: false })) {
    t.deepEqual([data.dtype, data.shape, labels.toNumbers()], ['int32', [3, 3], [1, 0, 1]]);
  }
});

(existsSync(shared('data/sst2')) ? test : test.skip)('real sentences (skipped where the shared data is absent)', async (t) => {
  const train = await openDataset(`text:${shared('data/sst2/train.tsv')}`, { length: 50 });
  t.deepEqual([train.length, train.shape, train.classes, train.tokenizer?.size], [6920, [50], undefined, 10_000]);
  const set = await openDataset(`text:${shared('data/sst2/dev.tsv')}`, { length: 50, vocabulary: train.tokenizer });
  const { data, labels } = await whole(set);
  t.is(set.length, 872);
  t.true(labels!.every((label) => label === 0 || label === 1));
  const unknown = data.filter((token) => token === 1).length / data.filter((token) => token !== 0).length;
  t.true(unknown > 0.01 && unknown < 0.12, String(unknown));
});
