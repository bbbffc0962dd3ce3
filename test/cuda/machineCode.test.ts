/**
 * What nvcc has made of the kernels: registers that are spilled, or products that are not of tensor cores, change nothing but the speed, so that
 * no other test would notice.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import anyTest from 'ava';
import { repositoryRoot } from '../shared.js';
import { kernelsIn, multiplyOnTensorCores, products } from './machineCode.js';

const library = join(repositoryRoot(), 'build', 'Release', 'lowbit_cuda.so');
const missing = existsSync(library) ? undefined : 'there is no build/Release/lowbit_cuda.so, which takes nvcc';
const test = missing ? anyTest.skip : anyTest;
const titled = (title: string) => (missing ? `${title} (skipped: ${missing})` : title);
const kernels = missing ? [] : kernelsIn(readFileSync(library));

/** How a file is named in its kernels. */
const partOf = (file: string) => `${basename(file).replace('.', '_')}_`;
/** Cards that the kernels of a file are for: one here (LOWBIT_CUDA_ARCHS for more), all where it is released. Files *_sm90a.cu are for one. */
const cardsOf = (file: string) => (file.endsWith('_sm90a.cu') ? ['90a'] : architectures);
const isOf = (file: string, card: string) => (kernel: { name: string; card: string }) =>
  kernel.card === card && kernel.name.includes(partOf(file));

const files = readdirSync(join(repositoryRoot(), 'native', 'kernels'), { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.cu'),
);
const architectures = [...new Set(kernels.filter(({ name }) => name.includes('_cuda_cu_')).map(({ card }) => card))];

test(titled('there is code from every file for every card that the library was built for'), (t) => {
  t.true(architectures.length > 0);
  for (const file of files) {
    if (file.endsWith('view_cuda.cu')) continue; // it describes walks, which move_cuda.cu makes
    for (const card of cardsOf(file)) t.true(kernels.some(isOf(file, card)), `${file} for ${card}`);
  }
});

/** Kernels with arrays that they index: these lie in memory, of at most so many bytes. */
const arrays: readonly { in: RegExp; bytes: number; what: string }[] = [
  { in: /Reduction|reduceInOrder|reduceLongRuns/, bytes: 128, what: 'indices of a walk along sixteen dimensions' },
  { in: /resolveTuples/, bytes: 120, what: 'sizes of the axes of x' },
  { in: /sumCopies/, bytes: 128, what: 'places along the axes of x' },
  { in: /transcendental_cuda.*(Sine|Cosine|Tangent)/, bytes: 40, what: 'digits of pi for large angles' },
];

test(titled('no kernel keeps registers in memory'), (t) => {
  const most = (name: string) => arrays.find((entry) => entry.in.test(name))?.bytes ?? 0;
  const spilling = kernels
    .filter(({ name, frame }) => frame > most(name))
    .map((kernel) => `${kernel.name} (${kernel.card}): ${kernel.frame} bytes`);
  t.deepEqual(spilling, []);
});

test(titled('products run on tensor cores'), (t) => {
  for (const file of products.keys())
    for (const card of cardsOf(file)) t.true(multiplyOnTensorCores(file, kernels.filter(isOf(file, card))), `${file} for ${card}`);
});
