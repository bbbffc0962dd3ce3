/** CIFAR-10 in its binary form: records of a label byte and 3 × 32 × 32 pixels, (c, h, w), red first. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '../error.js';
import { failOnFile } from '../file.js';
import type { Samples, Source } from './dataset.js';
import { type Normalization, pixelLevels } from './normalize.js';
import { checkSplit, isFolder, type Split } from './paths.js';

/** The default split of a folder is 'train'. */
export interface Cifar10Options extends Normalization, Split {
  /** Blue first. */
  bgr?: boolean;
}

const plane = 32 * 32;
const record = 1 + 3 * plane;
const classes = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];

interface Part {
  path: string;
  first: number;
  count: number;
  /** The whole file, once a sample of it was asked for. */
  bytes?: Promise<Uint8Array>;
}

/** A file of records, or a folder: all its `data_batch_*.bin` by number, or its `test_batch*.bin`. Files stay in memory once read. */
export async function cifar10(path: string, options: Cifar10Options): Promise<Source> {
  const levels = pixelLevels('cifar10', options, 3);
  const parts = await partsOf(path, options);
  const length = parts.reduce((sum, part) => sum + part.count, 0);
  const gather = (numbers: Uint32Array) => samples(parts, numbers, options.bgr ?? false);
  return { description: `cifar10:${path}`, length, hasLabels: true, classes, shape: [3, 32, 32], dtype: 'float32', levels, gather };
}

async function partsOf(path: string, options: Split): Promise<Part[]> {
  const parts: Part[] = [];
  for (const file of await filesOf(path, options)) {
    const { size } = await stat(file).catch((error) => failOnFile(file, error));
    if (size === 0 || size % record !== 0) {
      fail({ code: 'format', format: 'CIFAR-10', path: file, problem: `${size} bytes, expected a multiple of ${record} (it may be cut)` });
    }
    const last = parts.at(-1);
    parts.push({ path: file, first: last ? last.first + last.count : 0, count: size / record });
  }
  return parts;
}

async function filesOf(path: string, options: Split): Promise<string[]> {
  const folder = isFolder(path);
  checkSplit('cifar10', options, folder);
  if (!folder) return [path];
  const test = options.split === 'test';
  const pattern = test ? /^test_batch.*\.bin$/ : /^data_batch_(\d+)\.bin$/;
  const numbered = (await readdir(path)).flatMap((name) => {
    const found = pattern.exec(name);
    return found ? [{ name, number: Number(found[1]) }] : [];
  });
  if (numbered.length === 0) {
    const problem = `no ${test ? 'test_batch*.bin' : 'data_batch_*.bin'} in this folder`;
    fail({ code: 'data', where: path, problem, todo: 'For another file give its path.' });
  }
  if (test && numbered.length > 1) {
    fail({ code: 'data', where: path, problem: `${numbered.length} files are named test_batch*.bin`, todo: 'Give the path of one.' });
  }
  return numbered.sort((a, b) => a.number - b.number).map(({ name }) => join(path, name));
}

async function samples(parts: readonly Part[], numbers: Uint32Array, bgr: boolean): Promise<Samples> {
  const values = new Uint8Array(numbers.length * 3 * plane);
  const labels = new Int32Array(numbers.length);
  for (const [i, n] of numbers.entries()) {
    const part = parts.findLast(({ first }) => first <= n) as Part;
    part.bytes ??= readPart(part);
    const bytes = await part.bytes;
    const start = (n - part.first) * record;
    labels[i] = bytes[start];
    if (labels[i] > 9)
      fail({ code: 'data', where: part.path, problem: `the label of record ${n - part.first} is ${labels[i]}, expected 0 to 9` });
    for (let c = 0; c < 3; c++) {
      const from = start + 1 + (bgr ? 2 - c : c) * plane;
      values.set(bytes.subarray(from, from + plane), (i * 3 + c) * plane);
    }
  }
  return { values, labels };
}

async function readPart({ path, count }: Part): Promise<Uint8Array> {
  const bytes = await readFile(path).catch((error) => failOnFile(path, error));
  return bytes.length === count * record ? bytes : fail({ code: 'file', path, problem: 'its size changed while it was read' });
}
