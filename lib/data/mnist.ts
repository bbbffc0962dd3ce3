/** MNIST and sets in its form (Fashion-MNIST, KMNIST): IDX files with big-endian headers, compressed or not. */
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { fail } from '../error.js';
import { readBytes } from '../file.js';
import { pick, type Source } from './dataset.js';
import { type Normalization, pixelLevels } from './normalize.js';
import { checkSplit, isFolder, type Split } from './paths.js';

/** The default split of a folder is 'test'. */
export type MnistOptions = Normalization & Split;

/** A file of images, with its labels where they lie beside it, or a folder of the four files. */
export async function mnist(path: string, options: MnistOptions): Promise<Source> {
  const levels = pixelLevels('mnist', options, 1);
  const images = imagesFile(path, options);
  const { dims, values } = await readIdx(images, 3);
  const [length, rows, columns] = dims;
  const labelsPath = labelsFile(images);
  const labels = labelsPath === undefined ? undefined : await readIdx(labelsPath, 1);
  if (labels && labels.dims[0] !== length) {
    fail({ code: 'data', where: labelsPath as string, problem: `${labels.dims[0]} labels for the ${length} images of ${images}` });
  }
  const size = rows * columns;
  return {
    description: `mnist:${images}`,
    length: size === 0 ? 0 : length,
    hasLabels: labels !== undefined,
    shape: [1, rows, columns],
    dtype: 'float32',
    levels,
    gather: (numbers) => ({
      values: pick(values, size, numbers),
      labels: labels && Int32Array.from(numbers, (n) => labels.values[n]),
    }),
  };
}

function imagesFile(path: string, options: MnistOptions): string {
  const folder = isFolder(path);
  checkSplit('mnist', options, folder);
  if (!folder) return path;
  const prefix = options.split === 'train' ? 'train' : 't10k';
  const name = readdirSync(path).find((entry) => new RegExp(`^${prefix}-images[-.]idx3-ubyte(\\.gz)?$`).test(entry));
  return name === undefined
    ? fail({ code: 'data', where: path, problem: `no ${prefix}-images-idx3-ubyte or ${prefix}-images-idx3-ubyte.gz in this folder` })
    : join(path, name);
}

// t10k-images-idx3-ubyte.gz -> t10k-labels-idx1-ubyte.gz, compressed or not
function labelsFile(images: string): string | undefined {
  const plain = (name: string) => name.replace(/\.gz$/, '');
  const wanted = plain(basename(images)).replace('images', 'labels').replace('idx3', 'idx1');
  if (wanted === plain(basename(images))) return undefined;
  const name = readdirSync(dirname(images)).find((entry) => plain(entry) === wanted);
  return name && join(dirname(images), name);
}

/** An IDX file of bytes: 0, 0, 8 (unsigned bytes), rank, the dimensions as uint32, the values. */
async function readIdx(path: string, rank: number): Promise<{ dims: number[]; values: Uint8Array }> {
  const wrong = (problem: string) => fail({ code: 'format', format: 'IDX', path, problem });
  const stored = readBytes(path);
  const compressed = stored[0] === 0x1f && stored[1] === 0x8b;
  const bytes = compressed
    ? await promisify(gunzip)(stored).catch((error) => wrong(`it cannot be decompressed (${error.message})`))
    : stored;
  const header = 4 + 4 * rank;
  if (bytes.length < header) wrong(`${bytes.length} bytes are too few for its header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  if (magic !== 0x0800 + rank) wrong(`it starts with ${magic}, expected ${0x0800 + rank}`);
  const dims = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const expected = header + dims.reduce((a, b) => a * b, 1);
  if (bytes.length !== expected) wrong(`${bytes.length} bytes, expected ${expected} for ${dims.join(' × ')} (it may be cut)`);
  return { dims, values: bytes.subarray(header) };
}
