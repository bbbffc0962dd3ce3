/** Samples that lie in .npy files: a folder of x.npy and y.npy, or one file without labels. */
import { join } from 'node:path';
import { fail, shapeText } from '../error.js';
import { halfToNumber } from '../rounding.js';
import { isInteger, sizeOf } from '../shape.js';
import type { Source } from './dataset.js';
import { type Normalization, type Rule, rules } from './normalize.js';
import { type NpyArray, readNpy } from './npy.js';
import { isFolder } from './paths.js';

/** The first axis counts the samples. Values are taken as they are; with scale, mean or std the channels are the axis after it. */
export async function arrays(path: string, options: Normalization): Promise<Source> {
  const folder = isFolder(path);
  const x = readNpy(folder ? join(path, 'x.npy') : path);
  const labels = folder ? labelsOf(join(path, 'y.npy'), x.shape[0]) : undefined;
  if (x.shape.length === 0) fail({ code: 'data', where: path, problem: 'one number, expected an array of samples' });
  const [length, ...shape] = x.shape;
  const size = sizeOf(shape);
  const channels = shape[0] ?? 1;
  const scaled = options.scale !== undefined || options.mean !== undefined || options.std !== undefined;
  const perChannel: Rule[] = scaled ? rules('npy', options, channels, 1) : [(value) => value];
  return {
    description: `npy:${path}`,
    length: size === 0 ? 0 : length,
    hasLabels: labels !== undefined,
    shape,
    dtype: 'float32',
    zero: scaled ? Float32Array.from(perChannel, (rule) => rule(0)) : undefined,
    gather: (numbers) => {
      const values = new Float32Array(numbers.length * size);
      for (const [i, n] of numbers.entries()) {
        const sample = values.subarray(i * size, (i + 1) * size);
        convert(x, n * size, perChannel, sample);
        const bad = sample.findIndex((value) => !Number.isFinite(value));
        if (bad >= 0) fail({ code: 'data', where: path, problem: `sample ${n} contains ${sample[bad]} (element ${bad})` });
      }
      return { values, labels: labels && Int32Array.from(numbers, (n) => labels[n]) };
    },
  };
}

function convert({ dtype, data }: NpyArray, first: number, perChannel: readonly Rule[], out: Float32Array): void {
  const plane = out.length / perChannel.length;
  for (const [c, rule] of perChannel.entries()) {
    for (let i = c * plane; i < (c + 1) * plane; i++) {
      const value = data[first + i];
      out[i] = rule(dtype === 'float16' ? halfToNumber(value as number) : Number(value));
    }
  }
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
