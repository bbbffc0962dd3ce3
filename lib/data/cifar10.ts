/** CIFAR-10 in its binary form: records of a label byte and 3 × 32 × 32 pixels, (c, h, w), red first. */
import { open as openFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '../error.js';
import { failOnFile } from '../file.js';
import type { Samples, Source } from './dataset.js';
import { type Normalization, pixelTables } from './normalize.js';

export interface Cifar10Options extends Normalization {
  /** Blue first. */
  bgr?: boolean;
}

const plane = 32 * 32;
const record = 1 + 3 * plane;

interface Part {
  path: string;
  first: number;
  count: number;
}

/** A file of records, or a folder: all its `data_batch_*.bin`, by number. */
export async function cifar10(path: string, options: Cifar10Options): Promise<Source> {
  const tables = pixelTables('cifar10', options, 3);
  const parts = await partsOf(path);
  const length = parts.reduce((sum, part) => sum + part.count, 0);
  return {
    description: `cifar10:${path}`,
    length,
    hasLabels: true,
    shape: [3, 32, 32],
    read: async (first, count) => samples(await recordsOf(parts, first, count), first, count, tables, options.bgr ?? false, path),
  };
}

async function partsOf(path: string): Promise<Part[]> {
  const parts: Part[] = [];
  for (const file of await filesOf(path)) {
    const { size } = await stat(file).catch((error) => failOnFile(file, error));
    if (size === 0 || size % record !== 0) {
      fail({ code: 'format', format: 'CIFAR-10', path: file, problem: `${size} bytes, expected a multiple of ${record} (it may be cut)` });
    }
    const last = parts.at(-1);
    parts.push({ path: file, first: last ? last.first + last.count : 0, count: size / record });
  }
  return parts;
}

async function filesOf(path: string): Promise<string[]> {
  const info = await stat(path).catch((error) => failOnFile(path, error));
  if (!info.isDirectory()) return [path];
  const numbered = (await readdir(path)).flatMap((name) => {
    const number = /^data_batch_(\d+)\.bin$/.exec(name)?.[1];
    return number === undefined ? [] : [{ name, number: Number(number) }];
  });
  if (numbered.length === 0) {
    fail({ code: 'data', where: path, problem: 'no data_batch_*.bin in this folder', todo: 'For another file give its path.' });
  }
  return numbered.sort((a, b) => a.number - b.number).map(({ name }) => join(path, name));
}

async function recordsOf(parts: readonly Part[], first: number, count: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(count * record);
  for (const part of parts) {
    const from = Math.max(first, part.first);
    const to = Math.min(first + count, part.first + part.count);
    if (from >= to) continue;
    const target = bytes.subarray((from - first) * record, (to - first) * record);
    await readInto(part.path, target, (from - part.first) * record);
  }
  return bytes;
}

async function readInto(path: string, target: Uint8Array, position: number): Promise<void> {
  const file = await openFile(path).catch((error) => failOnFile(path, error));
  try {
    const { bytesRead } = await file.read(target, 0, target.length, position);
    if (bytesRead !== target.length) fail({ code: 'file', path, problem: 'it became shorter while it was read' });
  } finally {
    await file.close();
  }
}

function samples(bytes: Uint8Array, first: number, count: number, tables: Float32Array[], bgr: boolean, path: string): Samples {
  const data = new Float32Array(count * 3 * plane);
  const labels = new Int32Array(count);
  for (let n = 0; n < count; n++) {
    labels[n] = bytes[n * record];
    if (labels[n] > 9) fail({ code: 'data', where: path, problem: `the label of record ${first + n} is ${labels[n]}, expected 0 to 9` });
    for (let c = 0; c < 3; c++) {
      const from = n * record + 1 + (bgr ? 2 - c : c) * plane;
      const to = (n * 3 + c) * plane;
      for (let i = 0; i < plane; i++) data[to + i] = tables[c][bytes[from + i]];
    }
  }
  return { data, labels };
}
