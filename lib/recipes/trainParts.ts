/** From a training configuration to the things it speaks of. */
import { statSync } from 'node:fs';
import type { Augmentation } from '../data/augment.js';
import type { Dataset } from '../data/dataset.js';
import { type DatasetOptions, datasetKinds, openDataset } from '../data/open.js';
import { fail, LowbitError, shapeText } from '../error.js';
import type { Graph } from '../graph/graph.js';
import { traceModule } from '../graph/traceModule.js';
import { type Module, models } from '../nn/index.js';
import { importOnnx } from '../onnx/importOnnx.js';
import type { Callback } from '../train/callback.js';
import { earlyStop } from '../train/callbacks/earlyStop.js';
import { nanGuard } from '../train/callbacks/nanGuard.js';
import { crossEntropy, type Loss } from '../train/losses.js';
import { adam, adamw } from '../train/optim/adam.js';
import type { Optimizer } from '../train/optim/optimizer.js';
import { sgd } from '../train/optim/sgd.js';
import { type Schedule, schedules, warmUp } from '../train/schedule.js';
import { Trainable } from '../train/trainable.js';
import type { TrainConfig } from './trainConfig.js';

type Role = 'train' | 'validation';
type Options = Record<string, unknown>;

/** What is not null. */
const chosen = (options: Options) => Object.fromEntries(Object.entries(options).filter(([, value]) => value !== null));

/**
 * Opens the samples to learn from and those to validate with, if there are any: words and labels have the same numbers in both.
 * @throws LowbitError as `openDataset`
 */
export async function openSamples({
  train,
  validation,
  ...shared
}: TrainConfig['data']): Promise<{ train: Dataset; validation?: Dataset }> {
  const open = ({ source, ...own }: TrainConfig['data']['train'], role: Role, more: Options = {}) =>
    openDataset(source, { ...chosen(shared), ...apart(source, role), ...chosen(own), ...more } as DatasetOptions);
  const samples = await open(train, 'train');
  if (!validation) return { train: samples };
  const { options } = kindOf(validation.source);
  const numbering = { vocabulary: samples.tokenizer, classes: samples.classes };
  const same = Object.entries(numbering).filter(([name, value]) => value && options.includes(name as keyof DatasetOptions));
  return { train: samples, validation: await open(validation, 'validation', Object.fromEntries(same)) };
}

const kindOf = (source: string) => datasetKinds[source.slice(0, source.indexOf(':'))];

/** What keeps the two sets apart where nothing is said: the files of a folder, the seed of digits. */
function apart(source: string, role: Role): DatasetOptions {
  const { options } = kindOf(source);
  if (options.includes('seed')) return { seed: role === 'train' ? 1 : 2 };
  const isFolder = statSync(source.slice(source.indexOf(':') + 1), { throwIfNoEntry: false })?.isDirectory();
  return options.includes('split') && isFolder ? { split: role === 'train' ? 'train' : 'test' } : {};
}

/** Whether a source that is given twice stands for two sets: one to learn from, one to validate with. */
export const hasOtherSamples = (source: string) => kindOf(source) !== undefined && Object.keys(apart(source, 'validation')).length > 0;

type ModelConfig = Pick<TrainConfig, 'model' | 'augment' | 'parameters' | 'freeze'>;

/**
 * The model before it has learned. What an encoder does not say of its tokens is as the samples have it.
 * @param samples what it will see
 * @throws LowbitError 'data' for a network whose layers do not fit the samples; as `importOnnx`
 */
export function modelOf({ model, augment, parameters, freeze }: ModelConfig, samples: Dataset): Trainable {
  if (model.name === 'onnx') return new Trainable(importOnnx(model.path), { parameters: parameters ?? undefined, freeze, inPlace: true });
  const { name, ...options } = model;
  const { shape, dtype } = samples;
  const make = models[name] as (options: Options) => Module;
  const module = make(name === 'encoder' ? { ...tokensOf(samples), ...chosen(options) } : options);
  const sample = augment.crop?.size ? [shape[0], ...augment.crop.size] : shape;
  const graph = tracedFor(name, module, { dtype, shape: sample }, samples.description);
  return new Trainable(graph, { parameters: parameters ?? [...module.parameters().keys()], freeze, inPlace: true });
}

function tracedFor(name: string, module: Module, { dtype, shape }: Pick<Dataset, 'dtype' | 'shape'>, where: string): Graph {
  try {
    return traceModule(module, { input: { dtype, shape } }, { name });
  } catch (error) {
    if (!(error instanceof LowbitError)) throw error;
    const todo = `In its layers: ${error.message} See the options of the model, and of the data and its crop.`;
    return fail({ code: 'data', where, problem: `${name} does not take samples ${dtype} ${shapeText(shape)}`, todo });
  }
}

function tokensOf({ description, dtype, shape, tokenizer }: Dataset): Options {
  if (dtype !== 'int32') {
    fail({ code: 'data', where: description, problem: 'an encoder reads tokens, these samples are numbers', todo: 'See text:FILE.' });
  }
  return { length: shape[0], vocabulary: tokenizer?.size };
}

export function lossOf({ name, ...options }: TrainConfig['loss']): Loss {
  return { crossEntropy }[name](options);
}

export function optimizerOf({ name, groups, ...options }: TrainConfig['optimizer']): Optimizer {
  const make = { sgd, adam, adamw }[name] as (options: Options) => Optimizer;
  return make({ ...options, groups: groups.map(chosen) });
}

export function scheduleOf({ name, warmUp: ramp, ...options }: TrainConfig['schedule']): Schedule {
  const make = schedules[name] as (options: Options) => Schedule;
  const schedule = make(options);
  return ramp ? warmUp(schedule, ramp as Parameters<typeof warmUp>[1]) : schedule;
}

export function augmentationOf({ crop, flip, cutout }: TrainConfig['augment']): Augmentation {
  return { ...(crop && { crop: chosen(crop) }), flip, cutout };
}

/** What watches the learning itself. */
export function guardsOf({ earlyStop: early, skipNonFinite }: Pick<TrainConfig, 'earlyStop' | 'skipNonFinite'>): Callback[] {
  return [...(skipNonFinite ? [nanGuard({ patience: skipNonFinite })] : []), ...(early ? [earlyStop(chosen(early))] : [])];
}
