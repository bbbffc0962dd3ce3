/** The kinds of data sets, by name. */
import { checkOptions, fail, nearest } from '../error.js';
import { arrays } from './arrays.js';
import { type Cifar10Options, cifar10 } from './cifar10.js';
import { type CsvOptions, csv } from './csv.js';
import { type Dataset, dataset, type Source, type Window } from './dataset.js';
import { type DigitsOptions, digitsSource } from './digits.js';
import { type ImagesOptions, images } from './images.js';
import { type MnistOptions, mnist } from './mnist.js';
import { normalizationOptions } from './normalize.js';
import { type TextOptions, text } from './text.js';

/** The options of all kinds; each kind takes its own (`datasetKinds`), the window is for all. */
export type DatasetOptions = Window &
  Cifar10Options &
  MnistOptions &
  ImagesOptions &
  CsvOptions &
  TextOptions &
  Omit<DigitsOptions, 'count'>;

interface Kind {
  /** What stands after the colon, for people. */
  path: string;
  options: readonly (keyof DatasetOptions)[];
  open(path: string, options: DatasetOptions): Source | Promise<Source>;
}

export const datasetKinds: Readonly<Record<string, Kind>> = {
  cifar10: { path: 'a .bin file or a folder of them', options: ['bgr', 'split', ...normalizationOptions], open: cifar10 },
  mnist: { path: 'an IDX file of images or a folder of them', options: ['split', ...normalizationOptions], open: mnist },
  images: { path: 'a folder', options: ['resize', 'crop', 'bgr', 'labels', ...normalizationOptions], open: images },
  npy: { path: 'a file, or a folder of x.npy and y.npy', options: normalizationOptions, open: arrays },
  csv: { path: 'a .csv or .tsv file of numbers', options: ['columns', 'label', 'header', 'classes', ...normalizationOptions], open: csv },
  text: {
    path: 'a .tsv or .csv file of texts and labels',
    options: ['text', 'label', 'header', 'length', 'vocabulary', 'classes'],
    open: text,
  },
  digits: { path: 'a count', options: ['seed', 'size'], open: (count, options) => digitsSource({ ...options, count: Number(count) }) },
};

/**
 * Opens a data set: `openDataset('cifar10:data/test_batch.bin', { limit: 1000, mean: [0.5, 0.5, 0.5] })`.
 * @param spec `KIND:PATH`, the kind one of `datasetKinds`
 * @throws LowbitError 'option' or 'unknownOption' for a mistake in the call, 'file', 'format' or 'data' for one in the files,
 *   'missing' where images need a package that is not installed
 */
export async function openDataset(spec: string, options: DatasetOptions = {}): Promise<Dataset> {
  const [, name, path] = /^([^:]*):([\s\S]+)$/.exec(spec) ?? [];
  const kind = Object.hasOwn(datasetKinds, name ?? '') ? datasetKinds[name] : undefined;
  if (!kind) {
    const known = Object.keys(datasetKinds);
    const near = nearest(name ?? spec, known);
    const expected = near ? `${near}:${datasetKinds[near].path}` : `KIND:PATH with one of the kinds ${known.join(', ')}`;
    return fail({ code: 'option', where: 'openDataset', option: 'spec', came: spec, expected });
  }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as DatasetOptions;
  checkOptions(`openDataset("${name}:...")`, given, ['skip', 'limit', ...kind.options]);
  return dataset(await kind.open(path, given), given);
}
