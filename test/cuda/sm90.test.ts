/**
 * Products for cards of compute capability 9.0, which the library that was built here need not be for (those of warpgroups always are):
 * compiled for them, and kept in build/cubin until a source changes.
 */
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import anyTest from 'ava';
import { repositoryRoot } from '../shared.js';
import { kernelsOf, multiplyOnTensorCores, products } from './machineCode.js';

const compiler = spawnSync('nvcc', ['--version'], { encoding: 'utf8' });
const missing = compiler.status === 0 ? undefined : 'there is no nvcc';
const test = missing ? anyTest.skip : anyTest;
const folder = join(repositoryRoot(), 'build', 'cubin');
const options = ['-std=c++20', '-O3', '-fmad=false', '--expt-relaxed-constexpr', '--extended-lambda', '-arch=sm_90', '-cubin'];

/** A source and what it includes of ours, by their paths. */
function sourcesOf(file: string, found = new Map<string, string>()): Map<string, string> {
  if (found.has(file)) return found;
  const text = readFileSync(file, 'utf8');
  found.set(file, text);
  for (const [, path] of text.matchAll(/^#include "(.+)"/gm)) sourcesOf(resolve(dirname(file), path), found);
  return found;
}

/** The machine code of a source. */
async function compiled(source: string): Promise<Buffer> {
  const texts = [...sourcesOf(source).values()];
  const hash = createHash('sha256')
    .update([compiler.stdout, ...options, ...texts].join('\0'))
    .digest('hex');
  const file = join(folder, `${basename(source)}-${hash.slice(0, 16)}.cubin`);
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true });
    const unfinished = `${file}.${process.pid}`;
    await promisify(execFile)('nvcc', [...options, '-o', unfinished, source]);
    renameSync(unfinished, file);
  }
  return readFileSync(file);
}

for (const [file, instruction] of products) {
  if (instruction !== 'IMMA' && instruction !== 'BMMA') continue;
  const title = `${file} for sm_90 multiplies on tensor cores and keeps no registers in memory`;
  test(missing ? `${title} (skipped: ${missing})` : title, async (t) => {
    t.timeout(600_000);
    const kernels = kernelsOf(await compiled(join(repositoryRoot(), 'native', 'kernels', file)));
    t.true(multiplyOnTensorCores(file, kernels));
    t.deepEqual(
      kernels.filter(({ frame }) => frame > 0).map(({ name, frame }) => `${name}: ${frame} bytes`),
      [],
    );
  });
}
