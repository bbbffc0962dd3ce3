/** The addon as the package carries it: stripped, with the kernels of every processor. */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import anyTest from 'ava';
import { temporaryFolder } from './folder.js';
import { repositoryRoot } from './shared.js';

const addon = join(repositoryRoot(), 'build', 'Release', 'lowbit.node');
const noTool = spawnSync('strip', ['--version']).status !== 0;
const missing = noTool ? 'there is no strip here' : existsSync(addon) ? undefined : 'the addon was not built here';
const test = missing ? anyTest.skip : anyTest;

test(`the stripped addon is smaller than 3 MB${missing ? ` (skipped: ${missing})` : ''}`, (t) => {
  const stripped = join(temporaryFolder(), 'lowbit.node');
  t.is(spawnSync('strip', ['-o', stripped, addon]).status, 0);
  const { size } = statSync(stripped);
  t.true(size < 3_000_000, `${size} bytes`);
});
