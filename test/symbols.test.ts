/**
 * Files compiled for newer processors must not define weak symbols. The linker keeps one copy of each, and if that is theirs, portable
 * code runs instructions that an older processor does not have.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import anyTest from 'ava';
import { repositoryRoot } from './shared.js';

const tree = join(repositoryRoot(), 'build', 'cmake');
const objects = existsSync(tree)
  ? readdirSync(tree, { recursive: true, encoding: 'utf8' }).filter((path) =>
      /_(avx2|avxvnni|avx512|avx512vnni|avx512popcnt)\.cc\.o$/.test(path),
    )
  : [];
const noTool = spawnSync('nm', ['--version']).status !== 0;
const missing = noTool ? 'there is no nm here' : objects.length === 0 ? 'the addon was not built here' : undefined;
const test = missing ? anyTest.skip : anyTest;

test(`no weak symbols in the objects of newer processors${missing ? ` (skipped: ${missing})` : ''}`, (t) => {
  for (const object of objects) {
    const { stdout, status } = spawnSync('nm', ['-C', join(tree, object)], { encoding: 'utf8' });
    t.is(status, 0, object);
    t.regex(stdout, / T lowbit::|\bT\b/, `${object} defines nothing`);
    const weak = stdout.split('\n').filter((line) => /^[0-9a-f ]+ [WVwvu] /.test(line));
    t.deepEqual(weak, [], object);
  }
});
