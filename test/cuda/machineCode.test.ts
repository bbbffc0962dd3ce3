/**
 * What nvcc has made of the kernels: registers that are spilled, or products that are not of tensor cores, change nothing but the speed, so that
 * no other test would notice.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import anyTest from 'ava';
import { repositoryRoot } from '../shared.js';
import { kernelsIn, tensorOpcodes } from './machineCode.js';

const library = join(repositoryRoot(), 'build', 'Release', 'lowbit_cuda.so');
const missing = existsSync(library) ? undefined : 'there is no build/Release/lowbit_cuda.so, which takes nvcc';
const test = missing ? anyTest.skip : anyTest;
const titled = (title: string) => (missing ? `${title} (skipped: ${missing})` : title);
const kernels = missing ? [] : kernelsIn(readFileSync(library));

const folder = join(repositoryRoot(), 'native', 'kernels');
/** Sources by family. */
const families = readdirSync(folder).map((family) => {
  const sources = readdirSync(join(folder, family)).filter((file) => /\.(cu|cuh)$/.test(file));
  return { family, sources, text: sources.map((file) => readFileSync(join(folder, family, file), 'utf8')).join('\n') };
});

/** The instructions behind the wrappers of native/cuda/device.cuh. */
const products = {
  multiplyS8S8: tensorOpcodes.IMMA,
  multiplyU8S8: tensorOpcodes.IMMA,
  multiplyBits: tensorOpcodes.BMMA,
  multiplyTf32: tensorOpcodes.HMMA,
  multiplyBf16: tensorOpcodes.HMMA,
};

/** Cards that the library was built for: one here (LOWBIT_CUDA_ARCHS for more), all where it is released. */
const architectures = [...new Set(kernels.map(({ architecture }) => architecture))];

test(titled('there is code from every file for every card that the library was built for'), (t) => {
  t.true(architectures.length > 0);
  // view_cuda.cu describes walks, which move_cuda.cu makes.
  const files = families.flatMap(({ sources }) => sources.filter((file) => file.endsWith('.cu') && file !== 'view_cuda.cu'));
  for (const architecture of architectures) {
    const names = kernels.filter((kernel) => kernel.architecture === architecture).map(({ name }) => name);
    for (const file of files)
      t.true(
        names.some((name) => name.includes(partOf(file))),
        `${file} for ${architecture}`,
      );
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
    .map((kernel) => `${kernel.name} (${kernel.architecture}): ${kernel.frame} bytes`);
  t.deepEqual(spilling, []);
});

test(titled('products run on tensor cores'), (t) => {
  for (const { family, sources, text } of families) {
    const mine = kernels.filter(({ name, specific }) => !specific && sources.some((file) => name.includes(partOf(file))));
    for (const [wrapper, opcode] of Object.entries(products)) {
      if (!new RegExp(`\\b${wrapper}\\(`).test(text)) continue;
      for (const architecture of architectures) {
        const some = mine.some((kernel) => kernel.architecture === architecture && kernel.opcodes.includes(opcode));
        t.true(some, `${family}: ${wrapper} on ${architecture}`);
      }
    }
  }
  t.pass();
});

/** How a file is named in its kernels. */
const partOf = (file: string) => `${basename(file).replace('.', '_')}_`;
