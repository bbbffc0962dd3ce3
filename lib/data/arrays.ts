/** Samples that lie in .npy files: a folder of x.npy and y.npy, or one file without labels. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { fail, shapeText } from '../error.js';
import { failOnFile } from '../file.js';
import { halfToNumber } from '../rounding.js';
import { isInteger, sizeOf } from '../shape.js';
import type { Source } from './dataset.js';
import { type Normalization, type Rule, rules } from './normalize.js';
import { type NpyArray, readNpy } from './npy.js';

/** The first axis counts the samples. Values are taken as they are; with scale, mean or std the channels are the axis after it. */
export async function arrays(path: string, options: Normalization): Promise<Source> {
  const folder = isFolder(path);
  const x = readNpy(folder ? join(path, 'x.npy') : path);
  const labels = folder ? labelsOf(join(path, 'y.npy'), x.shape[0]) : undefined;
  if (x.shape.length === 0) fail({ code: 'data', where: path, problem: 'one number, expected an array of samples' });
  const [length, ...shape] = x.shape;
  const size = sizeOf(shape);
  const channels = shape[0] ?? 1;
  const plane = size / channels;
  const scaled = options.scale !== undefined || options.mean !== undefined || options.std !== undefined;
  const perChannel: Rule[] | undefined = scaled ? rules('npy', options, channels, 1) : undefined;
  return {
    description: `npy:${path}`,
    length: size === 0 ? 0 : length,
    hasLabels: labels !== undefined,
    shape,
    read: (first, count) => {
      const data = Float32Array.from({ length: count * size }, (_, i) => {
        const value = numberAt(x, first * size + i);
        return perChannel ? perChannel[Math.floor((i % size) / plane)](value) : value;
      });
      const bad = data.findIndex((value) => !Number.isFinite(value));
      if (bad >= 0) {
        const sample = first + Math.floor(bad / size);
        fail({ code: 'data', where: path, problem: `sample ${sample} contains ${data[bad]} (element ${bad % size})` });
      }
      return { data, labels: labels?.slice(first, first + count) };
    },
  };
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    return failOnFile(path, error);
  }
}

function numberAt({ dtype, data }: NpyArray, i: number): number {
  return dtype === 'float16' ? halfToNumber(data[i] as number) : Number(data[i]);
}

function labelsOf(path: string, count: number): Int32Array {
  const y = readNpy(path);
  const wrong = (problem: string) => fail({ code: 'data', where: path, problem });
  if (!isInteger(y.dtype)) wrong(`labels of type ${y.dtype}, expected whole numbers`);
  if (y.shape[0] !== count || y.data.length !== count) wrong(`labels of shape ${shapeText(y.shape)} for ${count} samples`);
  return Int32Array.from({ length: count }, (_, i) => {
    const label = Number(y.data[i]);
    return label === (label | 0) ? label : wrong(`label ${i} is ${label}, which does not fit 32 bits`);
  });
}
