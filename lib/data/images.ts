/** A folder of image files. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fail } from '../error.js';
import { failOnFile } from '../file.js';
import type { Samples, Source } from './dataset.js';
import { decodeImage, loadSharp, type Picture } from './decode.js';
import { type Normalization, pixelLevels } from './normalize.js';

export interface ImagesOptions extends Normalization {
  /** The shorter side after scaling, in pixels. */
  resize?: number;
  /** The side of the square that is cut from the centre, after scaling. */
  crop?: number;
  /** Blue first. */
  bgr?: boolean;
  /** A CSV file of lines `file,label` that says which files of the folder are the samples, in which order. */
  labels?: string;
}

interface Entry {
  path: string;
  label?: number;
}

interface Listing {
  entries: Entry[];
  /** The names of the sub-folders that labels come from. */
  classes?: string[];
}

const extensions = /\.(jpe?g|png|webp|avif|gif|tiff?)$/i;
const atOnce = 4; // images decoded at the same time: as many as libuv has threads

/**
 * Labels come from the CSV file where one is given; else from sub-folders (0, 1, ... in the order of their names); else from the digits
 * that the file names start with; else there are none. All images must end with one size.
 */
export async function images(path: string, options: ImagesOptions): Promise<Source> {
  const { resize, crop, bgr = false } = options;
  for (const option of ['resize', 'crop'] as const) {
    const came = options[option];
    if (came !== undefined && !(Number.isInteger(came) && came >= 1 && came <= 16384)) {
      fail({ code: 'option', where: 'images', option, came, expected: 'a whole number from 1 to 16384' });
    }
  }
  const levels = pixelLevels('images', options, 3);
  const { entries, classes }: Listing = options.labels === undefined ? entriesOf(path) : { entries: listed(path, options.labels) };
  if (entries.length === 0) fail({ code: 'data', where: path, problem: 'there are no images (jpg, png, webp, avif, gif, tiff)' });
  const sharp = await loadSharp();
  const { width, height } = await decodeImage(sharp, entries[0].path, resize, crop);
  const hasLabels = entries[0].label !== undefined;

  async function gather(numbers: Uint32Array): Promise<Samples> {
    const size = 3 * width * height;
    const values = new Uint8Array(numbers.length * size);
    let next = 0;
    const work = async () => {
      while (next < numbers.length) {
        const n = next++;
        const { path } = entries[numbers[n]];
        const picture = await decodeImage(sharp, path, resize, crop);
        if (picture.width !== width || picture.height !== height) {
          const problem = `${picture.width} × ${picture.height} pixels, the first image has ${width} × ${height}`;
          fail({ code: 'data', where: path, problem, todo: 'Use resize and crop.' });
        }
        toPlanes(picture, bgr, values.subarray(n * size, (n + 1) * size));
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, numbers.length) }, work));
    return { values, labels: hasLabels ? Int32Array.from(numbers, (n) => entries[n].label as number) : undefined };
  }

  const shape = [3, height, width];
  return { description: `images:${path}`, length: entries.length, hasLabels, classes, shape, dtype: 'float32', levels, gather };
}

// (h, w, c) -> (c, h, w)
function toPlanes({ width, height, channels, pixels }: Picture, bgr: boolean, out: Uint8Array): void {
  const plane = width * height;
  for (let c = 0; c < 3; c++) {
    const from = channels < 3 ? 0 : bgr ? 2 - c : c;
    for (let i = 0; i < plane; i++) out[c * plane + i] = pixels[i * channels + from];
  }
}

function entriesOf(path: string): Listing {
  const [inside, folders] = listing(path);
  const classes = folders.filter((name) => listing(join(path, name))[0].length > 0);
  if (classes.length === 0) return { entries: numbered(path, inside) };
  if (inside.length > 0) fail({ code: 'data', where: path, problem: `images in sub-folders and beside them (${inside[0]})` });
  const filesOf = (name: string) => listing(join(path, name))[0].map((file) => join(path, name, file));
  return { entries: classes.flatMap((name, label) => filesOf(name).map((file) => ({ path: file, label }))), classes };
}

// Images and sub-folders of a folder, each sorted by name; hidden ones are left out.
function listing(path: string): [files: string[], folders: string[]] {
  try {
    const visible = readdirSync(path).filter((name) => !name.startsWith('.'));
    const folders = visible.filter((name) => statSync(join(path, name)).isDirectory());
    const files = visible.filter((name) => !folders.includes(name) && extensions.test(name));
    return [files.sort(), folders.sort()];
  } catch (error) {
    return failOnFile(path, error);
  }
}

// 017_cat.jpg has label 17.
function numbered(path: string, names: readonly string[]): Entry[] {
  const digits = names.map((name) => /^\d+/.exec(name)?.[0]);
  const without = names.filter((_, i) => digits[i] === undefined);
  if (without.length > 0 && without.length < names.length) {
    const problem = `some names start with a number, ${without[0]} does not`;
    fail({ code: 'data', where: path, problem, todo: 'Give labels as a CSV file, or rename the images.' });
  }
  return names.map((name, i) => {
    const text = digits[i];
    return { path: join(path, name), label: text === undefined ? undefined : labelFrom(text, join(path, name)) };
  });
}

function listed(path: string, csv: string): Entry[] {
  let text: string;
  try {
    text = readFileSync(csv, 'utf8');
  } catch (error) {
    return failOnFile(csv, error);
  }
  const lines = text.split(/\r?\n/).map((line, i) => ({ line: line.trim(), where: `${csv}, line ${i + 1}` }));
  const rows = lines.filter(({ line }, i) => line !== '' && !(i === 0 && /,\s*label$/i.test(line)));
  return rows.map(({ line, where }) => {
    const [, name, label] = /^"?([^"]+?)"?\s*,\s*([^,]*)$/.exec(line) ?? [];
    if (name === undefined) fail({ code: 'data', where, problem: `"${line}", expected file,label` });
    const file = join(path, name);
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) {
      fail({ code: 'data', where, problem: `there is no ${name} in ${basename(path)}` });
    }
    return { path: file, label: labelFrom(label, where) };
  });
}

function labelFrom(text: string, where: string): number {
  const label = Number(text);
  if (!/^-?\d+$/.test(text) || label !== (label | 0))
    fail({ code: 'data', where, problem: `label "${text}", expected a whole number of 32 bits` });
  return label;
}
