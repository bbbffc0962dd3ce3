/**
 * The inner loops of products keep their sums in registers. A compiler that puts one of them on the stack halves the speed and changes nothing
 * else, so that no other test would notice (GCC 12 does without -fno-tree-pre).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import anyTest from 'ava';
import { repositoryRoot } from './shared.js';

// With 16 registers, depthwise convolutions and few rows of packed weights do spill.
const engines =
  /[/\\]((qconv2d|qgemm|qmatmul|lowbit|conv|gemm)_avx512(vnni)?|(qgemm|qmatmul|conv|gemm)_(avx2|avxvnni)|peak(Codes|Reals)_\w+)\.cc\.o$/;
const products = /\t(?:\{vex\} )?(vpdpbusd|vpdpwssd|vpmaddwd|vfmadd\w*p[sd])\b/;
const storeToStack = /\tvmov\w+ +%[xyz]mm\d+,-?(0x[0-9a-f]+)?\(%r[sb]p\)/;

const tree = join(repositoryRoot(), 'build', 'cmake');
const objects = existsSync(tree)
  ? readdirSync(tree, { recursive: true, encoding: 'utf8' }).filter((path) => engines.test(join('/', path)))
  : [];
const noTool = spawnSync('objdump', ['--version']).status !== 0;
const missing = noTool ? 'there is no objdump here' : objects.length === 0 ? 'the addon was not built here' : undefined;
const test = missing ? anyTest.skip : anyTest;

/** The innermost loops that multiply, as their instructions. */
function innerLoops(listing: string): string[][] {
  const lines = listing.split('\n');
  const lineAt = new Map<string, number>();
  const loops: [number, number][] = [];
  for (const [i, line] of lines.entries()) {
    const [, address, jump] = /^ *([0-9a-f]+):\t(?:j\w+ +([0-9a-f]+))?/.exec(line) ?? [];
    if (!address) {
      lineAt.clear(); // the next function
      continue;
    }
    lineAt.set(address, i);
    const target = jump === undefined ? undefined : lineAt.get(jump);
    if (target !== undefined) loops.push([target, i]);
  }
  const innermost = loops.filter(([from, to]) => !loops.some((other) => other[0] >= from && other[1] < to));
  return innermost.map(([from, to]) => lines.slice(from, to + 1)).filter((loop) => loop.filter((line) => products.test(line)).length >= 4);
}

test(`no sum of an inner loop is on the stack${missing ? ` (skipped: ${missing})` : ''}`, (t) => {
  t.true(objects.length >= 11, objects.join());
  for (const object of objects) {
    const { stdout, status } = spawnSync('objdump', ['-d', '--no-show-raw-insn', join(tree, object)], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    t.is(status, 0, object);
    const loops = innerLoops(stdout);
    t.true(loops.length > 0, `${object} has no loop that multiplies`);
    for (const loop of loops) {
      const stored = loop.filter((line) => storeToStack.test(line));
      t.deepEqual(stored, [], `${basename(object)}: a loop of ${loop.length} instructions`);
    }
  }
});
