/** The emulation of warpgroups sees mistakes that a card would not report, or not each time. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import anyTest from 'ava';
import { temporaryFolder } from '../folder.js';
import { repositoryRoot } from '../shared.js';

const compiler = process.env.CXX ?? 'c++';
const missing = spawnSync(compiler, ['--version']).status === 0 ? undefined : 'there is no C++ compiler';
const test = missing ? anyTest.skip : anyTest;

/** In the order of warpgroups.cc. */
const mistakes = [
  'none',
  'products do not wait until a stage is full',
  'loads do not wait until a stage is empty',
  'loads wait for another phase',
  'a stage is left while it is read',
  'sums are read before they are finished',
  'fewer bytes are announced than arrive',
  'more threads arrive than were announced',
  'a descriptor has rows elsewhere',
  'a descriptor has the next bytes elsewhere',
  'barriers are not begun',
];

test(`mistakes of warpgroups show${missing ? ` (skipped: ${missing})` : ''}`, (t) => {
  t.timeout(300_000);
  const root = repositoryRoot();
  const program = join(temporaryFolder(), 'warpgroups');
  const sources = ['test/cuda/warpgroups.cc', 'native/emulation/fibers.cc', 'native/emulation/warpgroup.cc'];
  const options = ['-std=c++20', '-O1', '-DLOWBIT_EMULATION', '-Wno-psabi'];
  const built = spawnSync(compiler, [...options, '-o', program, ...sources], { cwd: root, encoding: 'utf8' });
  t.is(built.status, 0, built.stderr);
  const { stdout, status } = spawnSync(program, { encoding: 'utf8' });
  t.is(status, 0);
  const results = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map(Number));
  t.is(results.length, mistakes.length);
  for (const [i, [right, wrong, faults]] of results.entries()) {
    t.is(right + wrong + faults, 3);
    t.is(right === 3, i === 0, `${mistakes[i]}: ${right} right, ${wrong} wrong, ${faults} faults`);
  }
});
