/** Options that several commands share, and how their values are read. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type CudaPrecision, cudaPrecisions } from '../cuda.js';
import type { Dataset } from '../data/dataset.js';
import { type DatasetOptions, datasetKinds, openDataset } from '../data/open.js';
import { type Device, devices } from '../shape.js';
import { targetNames } from '../targets/targets.js';
import { requires } from './command.js';

export function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.');
  return value;
}

/** A parser of whole numbers from `least` on. */
export const wholeFrom = (least: number) => (text: string) => {
  const value = number(text);
  if (!Number.isSafeInteger(value) || value < least) throw new InvalidArgumentError(`Expected a whole number from ${least}.`);
  return value;
};

/** A parser of comma-separated values. */
export const listOf =
  <T>(item: (text: string) => T) =>
  (text: string): T[] =>
    text.split(',').map(item);

/** Numbers for each channel, or one for all. */
function perChannel(text: string): number | number[] {
  const list = listOf(number)(text);
  return list.length === 1 ? list[0] : list;
}

const column = (text: string) => (/^\d+$/.test(text) ? Number(text) : text);

/** What `addSampleOptions` adds to a command's options. */
export interface SampleOptions extends DatasetOptions {
  data?: string;
}

/** What `addDataOptions` adds. */
export interface DataOptions extends SampleOptions {
  batch?: number;
}

const kinds = Object.entries(datasetKinds).map(([kind, { path }]) => `${kind} takes ${path}`);

/** How pixels become numbers. */
function addPixelOptions(target: Command): Command {
  return target
    .option('--resize <pixels>', 'images: scale the shorter side to this', wholeFrom(1))
    .option('--crop <pixels>', 'images: cut a square of this side from the centre', wholeFrom(1))
    .option('--bgr', 'blue first')
    .option('--scale <list>', 'pixel values are divided by this first (default: 255)', perChannel)
    .option('--mean <list>', 'then this is subtracted, one number or one for each channel', perChannel)
    .option('--std <list>', 'then they are divided by this', perChannel);
}

const samplesText = `samples; ${kinds.join('; ')}`;

/** What a command learns from and validates with. */
export interface TrainingDataOptions extends Pick<DatasetOptions, 'limit' | 'resize' | 'crop' | 'bgr' | 'scale' | 'mean' | 'std'> {
  data?: string;
  validation?: string;
}

/** The options of a command that learns without a configuration file. */
export function addTrainingDataOptions(target: Command): Command {
  target
    .option('--data <kind:path>', `${samplesText}; of a folder of mnist or cifar10 the training files`)
    .option('--validation <kind:path>', 'samples to validate with (default: the test files of the same folder, other digits)')
    .option('--limit <n>', 'learn from at most n samples', wholeFrom(1));
  return addPixelOptions(target);
}

/** The options of every command that reads samples. */
export function addDataOptions(target: Command, { needed }: { needed: boolean }): Command {
  if (needed) requires(target, 'data');
  return addSampleOptions(target).option('--batch <n>', 'samples a run (default: 32)', wholeFrom(1));
}

/** Which samples, and what they are made into. */
export function addSampleOptions(target: Command): Command {
  target
    .option('--data <kind:path>', samplesText)
    .option('--limit <n>', 'use at most n samples', wholeFrom(1))
    .option('--skip <n>', 'leave out the first n samples', wholeFrom(0));
  return addPixelOptions(target)
    .option('--labels <file>', 'images: CSV file of lines file,label')
    .option('--columns <list>', 'csv: the features, by name or number from 0 (default: all but the label)', listOf(column))
    .option('--label <column>', 'csv, text: the column of the labels (default: the last)', column)
    .option('--text <column>', 'text: the column of the texts (default: the first)', column)
    .option('--length <n>', 'text: tokens of a sample (default: 64)', wholeFrom(1))
    .option('--vocabulary <file>', 'text: JSON file of the words that the model knows')
    .addOption(new Option('--split <name>', 'mnist, cifar10: which files of a folder').choices(['train', 'test']));
}

/** Where a command computes. */
export interface DeviceOptions {
  device?: Device;
}

/** Where it learns, and how exactly. */
export interface LearningOptions extends DeviceOptions {
  precision?: CudaPrecision;
}

export const deviceOption = () => new Option('--device <name>', 'where it is computed, cuda is an NVIDIA card').choices(devices);

export const precisionOption = () =>
  new Option(
    '--precision <name>',
    'what cuda rounds factors of products to; bf16 is mixed precision (default: as the file says, or float32)',
  ).choices(cudaPrecisions);

/** The runtime that a model is made for. */
export const targetOption = (text: string) => new Option('--target <name>', text).choices(targetNames);

/** The data set that the options describe. */
export function datasetOf(spec: string, options: SampleOptions): Promise<Dataset> {
  const { limit, skip, resize, crop, bgr, scale, mean, std, labels, split, columns, label, text, length, vocabulary } = options;
  const table = { columns, label, text, length, vocabulary };
  return openDataset(spec, { limit, skip, resize, crop, bgr, scale, mean, std, labels, split, ...table });
}
