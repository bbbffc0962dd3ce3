import { join } from 'node:path';
import test from 'ava';
import { type DatasetOptions, openDataset } from 'lowbit';
import { faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { whole } from './batches.js';

const open = (text: string | Uint8Array, options: DatasetOptions = {}, name = 'a.csv') =>
  openDataset(`csv:${join(temporaryFolder({ [name]: text }), name)}`, options);

test('features and labels; a first line without numbers is a header', async (t) => {
  const set = await open('a,b,kind\n1,2,0\n3.5,-4e2,7\n');
  t.deepEqual([set.length, set.hasLabels, set.shape, set.dtype, set.classes], [2, true, [2], 'float32', undefined]);
  const batch = await whole(set);
  t.deepEqual([batch.data, batch.labels], [Float32Array.of(1, 2, 3.5, -400), Int32Array.of(0, 7)]);
  t.is((await open('1,2,0\n3,4,7')).length, 2);
  t.is((await open('1,2,0\n3,4,7', { header: true })).length, 1);
  await faultsLater(t, () => open('a,b,kind\n1,2,0', { header: false }), 'data', /a\.csv, line 1: "a" in column 0 is no number/);
});

test('columns by name or number, and no label', async (t) => {
  const text = 'kind,a,b,c\n1,2,3,4\n5,6,7,8';
  const named = await whole(await open(text, { label: 'kind', columns: ['c', 1] }));
  t.deepEqual([named.data, named.labels], [Float32Array.of(4, 2, 8, 6), Int32Array.of(1, 5)]);
  t.deepEqual((await whole(await open(text, { label: 0 }))).data, Float32Array.of(2, 3, 4, 6, 7, 8));
  const none = await open(text, { label: false });
  t.deepEqual([none.hasLabels, none.shape], [false, [4]]);
  await faultsLater(t, () => open(text, { label: 'king' }), 'option', /label is "king", expected "kind"/);
  await faultsLater(t, () => open(text, { columns: ['other'] }), 'option', /expected one of kind, a, b, c, or a column from 0 to 3/);
  await faultsLater(t, () => open('1,2', { label: 'kind' }), 'option', /a column from 0 to 1 because the file has no header/);
  await faultsLater(t, () => open(text, { label: 4 }), 'option', /label is 4/);
  await faultsLater(t, () => open('kind\n1'), 'data', /no column beside the label/);
});

test('labels that are texts become classes, sorted or as given', async (t) => {
  const text = '1,dog\n2,cat\n3,dog\n';
  const set = await open(text);
  t.deepEqual([set.classes, (await whole(set)).labels], [['cat', 'dog'], Int32Array.of(1, 0, 1)]);
  const given = await open(text, { classes: ['dog', 'cat', 'cow'] });
  t.deepEqual([given.classes, (await whole(given)).labels], [['dog', 'cat', 'cow'], Int32Array.of(0, 1, 0)]);
  await faultsLater(t, () => open(text, { classes: ['dog', 'cow'] }), 'data', /a\.csv, line 2: label "cat", expected one of dog, cow/);
  await faultsLater(t, () => open('1,dog\n2,\n'), 'data', /line 2: the label is empty/);
});

test('each feature can be normalized', async (t) => {
  const { data } = await whole(await open('1,2,0\n3,4,0', { mean: [1, 2], std: [2, 4] }));
  t.deepEqual(data, Float32Array.of(0, 0, 1, 0.5));
  await faultsLater(t, () => open('1,2,0', { mean: [1, 2, 3] }), 'option', /mean is \[1, 2, 3\]/);
});

test('quotes, line ends, blank lines, a byte order mark, tabs', async (t) => {
  const text = '\ufeff"a ""x"", y","b\r\nb",kind\r\n"1", 2 ,"yes, \r\n""no"""\r\n\r\n3,4,z"z\r5,6,""" "';
  const set = await open(text, { columns: ['a "x", y', 'b\r\nb'] });
  t.deepEqual(set.classes, ['"', 'yes, \r\n"no"', 'z"z']);
  const batch = await whole(set);
  t.deepEqual([batch.data, batch.labels], [Float32Array.of(1, 2, 3, 4, 5, 6), Int32Array.of(1, 2, 0)]);
  const tabs = await open('1\t2\t"a,b"\n', {}, 'a.TSV');
  t.deepEqual([tabs.shape, tabs.classes], [[2], ['"a,b"']]);
  t.deepEqual((await whole(await open('1,2,0'))).labels, Int32Array.of(0));
});

test('damaged tables are refused with file and line', async (t) => {
  await faultsLater(t, () => open('1,2,0\n1,2\n'), 'data', /a\.csv, line 2: 2 fields, expected 3 as in line 1/);
  await faultsLater(t, () => open('\n1,2,0\n1,2,0,\n'), 'data', /line 3: 4 fields, expected 3 as in line 2/);
  await faultsLater(t, () => open('1,2,"a\nb"\n\n3,x,c'), 'data', /line 4: "x" in column 1 is no number/);
  await faultsLater(t, () => open('a,b,c\n1,,0'), 'data', /line 2: "" in column b is no number/);
  await faultsLater(t, () => open('1,1e39,0'), 'data', /"1e39" in column 1 is no number/);
  await faultsLater(t, () => open('1,2,0\n1,"2,0\n1,2,0\n'), 'data', /line 2: a quoted field starts here and does not end/);
  await faultsLater(t, () => open('1,"2"3,0'), 'data', /line 1: there is text behind the end of a quoted field/);
  await faultsLater(t, () => open(Uint8Array.of(0x31, 0xff)), 'format', /not a valid UTF-8 text file/);
  await faultsLater(t, () => open('\n\n'), 'data', /there are no rows/);
  await faultsLater(t, () => open('a,b\n'), 'data', /there are no samples/);
  await faultsLater(t, () => openDataset('csv:/nowhere.csv'), 'file', /nowhere\.csv: there is no such file/);
  await faultsLater(t, () => openDataset('csv:x', { vocabulary: 3 }), 'unknownOption', /unknown option "vocabulary"/);
});
