/** Numbers, tables and the progress line. */
import test from 'ava';
import { bytes, digits3, facts, large, percent, shortened, table, whole } from '../../lib/cli/format.js';
import { networkTree } from '../../lib/cli/networkTree.js';
import { line, progressLine } from '../../lib/cli/progress.js';

test('numbers', (t) => {
  t.is(whole(1234567.6), '1,234,568');
  t.is(percent(0.912345), '91.23 %');
  t.deepEqual([0, 999, 1000, 999_499, 999_999, 1234567, 7e12].map(bytes), [
    ...['0 bytes', '999 bytes', '1.00 kB', '999 kB', '1.00 MB', '1.23 MB', '7,000 GB'],
  ]);
  t.deepEqual([640, 40813184].map(large), ['640', '40.8 M']);
  t.deepEqual([0.01234, 1.234, 12.34, 1234].map(digits3), ['0.0123', '1.23', '12.3', '1,234']);
  t.is(shortened('abcdefghij', 5), 'ab…ij');
  t.is(shortened('abcde', 5), 'abcde');
});

test('tables align numbers to the right', (t) => {
  t.is(
    table(
      ['name', 'n'],
      [
        ['a', '1'],
        ['bcdef', '1,000'],
        ['g', '-'],
      ],
    ),
    ['name       n', 'a          1', 'bcdef  1,000', 'g          -'].join('\n'),
  );
  t.is(table(['name', 'why'], [['a', 'no']]), 'name  why\na     no');
  t.is(
    facts([
      ['a', '1'],
      ['long', '2'],
    ]),
    'a     1\nlong  2',
  );
});

test('the progress line tells how far, how fast and how long', (t) => {
  t.is(line('calibrating', 120, 500, 4), 'calibrating  120/500  30.0/s  13 s left');
  t.is(line('evaluating', 1000, 100000, 1), 'evaluating  1000/100000  1000/s  2 min left');
  t.is(line('verifying', 1, 10000, 1), 'verifying  1/10000  1.0/s  2 h 47 min left');
  t.is(line('timing', 0, 4, 0), 'timing  0/4');
});

test('it is written to terminals only', (t) => {
  const written: string[] = [];
  const stream = (isTTY: boolean) => ({ isTTY, columns: 20, write: (text: string) => written.push(text) }) as unknown as NodeJS.WriteStream;
  const silent = progressLine('working', stream(false));
  silent.update(1, 2);
  silent.clear();
  t.deepEqual(written, []);
  const shown = progressLine('working', stream(true));
  shown.update(1, 2);
  shown.update(2, 2); // too soon after the other
  shown.clear();
  shown.clear();
  t.is(written.length, 2);
  t.regex(written[0], /^\rworking {2}1\/2/);
  t.true(written[0].length <= 20 + 3); // the cursor's way back and the erasing of the rest
  t.is(written[1], '\r\x1b[K');
});

const layer = (name: string, more = {}) => ({ name, op: 'conv2d', shape: [16, 3, 3, 4], bits: 1, inputBits: null, ...more });

test('layers are a tree by their names, no line is wider than 80', (t) => {
  const reason = 'a 1×1 convolution with a stride (quantizeDownsample is false)';
  const layers = [
    layer('stem', { bits: null, reason: 'excluded' }),
    layer('/block.1/conv1/Conv', { bits: 4, inputBits: 8 }),
    layer('/block.1/conv2/Conv', { inputBits: 1 }),
    layer('/block.1/short/Conv', { bits: null, inputBits: 8, reason }),
    layer('fc', { op: 'gemm', shape: [1000, 64] }),
  ];
  const expected = [
    'net',
    '├─ stem           conv2d 16×3×3×4  float: excluded',
    '├─ block.1',
    '│  ├─ conv1.Conv  conv2d 16×3×3×4  4 bits, 576 weights, input 8 bits',
    '│  ├─ conv2.Conv  conv2d 16×3×3×4  1 bit, 576 weights, input 1 bit',
    '│  └─ short.Conv  conv2d 16×3×3×4  float, then int8, input 8 bits:',
    `│                 ${reason}`,
    '└─ fc             gemm 1000×64  1 bit, 64,000 weights',
  ];
  t.is(networkTree('net', layers), expected.join('\n'));
  const deep = networkTree('net', [layer(`a/${'b'.repeat(90)}`), layer('a/c')]);
  t.true(
    deep.split('\n').every((row) => row.length <= 80),
    deep,
  );
});
