import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { readBytes, writeAtomically, writeTogether } from '../lib/file.js';
import { temporaryFolder } from './folder.js';

const bytes = (text: string) => new TextEncoder().encode(text);

test('a file is replaced as a whole', (t) => {
  const path = join(temporaryFolder({ a: 'old and longer' }), 'a');
  writeAtomically(path, bytes('new'));
  t.is(Buffer.from(readBytes(path)).toString(), 'new');
});

test('a write that fails leaves the old file and nothing beside it', (t) => {
  const folder = temporaryFolder({ a: 'old', b: 'old' });
  const unwritable = [bytes('half of it'), 7 as unknown as Uint8Array];
  t.throws(() => writeTogether([[join(folder, 'a'), unwritable]]), { message: /a: / });
  t.throws(
    () =>
      writeTogether([
        [join(folder, 'a'), [bytes('new')]],
        [join(folder, 'b'), unwritable],
      ]),
    { message: /b: / },
  );
  t.is(readFileSync(join(folder, 'a'), 'utf8'), 'old');
  t.deepEqual(readdirSync(folder).sort(), ['a', 'b']);
});

test('a folder is not replaced', (t) => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'a'));
  t.throws(() => writeAtomically(join(folder, 'a'), bytes('new')), { message: /a: this is a folder, expected a file/ });
  t.deepEqual(readdirSync(folder), ['a']);
});
