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
import type { TrainConfig } from './trainConfig.js';

type Role = 'train' | 'validation';
type Options = Record<string, unknown>;

/** What is not null. */
const chosen = (options: Options) => Object.fromEntries(Object.entries(options).filter(([, value]) => value !== null));

/**
 * Opens the samples to learn from, or those to validate with.
 * @throws LowbitError as `openDataset`
 */
export async function openSamples({ train, validation, ...shared }: TrainConfig['data'], role: Role): Promise<Dataset | undefined> {
  const set = role === 'train' ? train : validation;
  if (!set) return undefined;
  const { source, ...own } = set;
  return openDataset(source, { ...chosen(shared), ...apart(source, role), ...chosen(own) } as DatasetOptions);
}

/** What keeps the two sets apart where nothing is said: the files of a folder, the seed of digits. */
function apart(source: string, role: Role): DatasetOptions {
  const [, kind, path] = /^([^:]*):([\s\S]+)$/.exec(source)!;
  const { options } = datasetKinds[kind];
  if (options.includes('seed')) return { seed: role === 'train' ? 1 : 2 };
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory();
  return options.includes('split') && isFolder ? { split: role === 'train' ? 'train' : 'test' } : {};
}

/**
 * The network before it has learned.
 * @param samples what it will see
 * @throws LowbitError 'data' for a network whose layers do not fit the samples; as `importOnnx`
 */
export function networkOf({ model, augment }: Pick<TrainConfig, 'model' | 'augment'>, { shape, dtype, description }: Dataset): Graph {
  if (model.name === 'onnx') return importOnnx(model.path);
  const { name, ...options } = model;
  const make = models[name] as (options: Options) => Module;
  const sample = augment.crop?.size ? [shape[0], ...augment.crop.size] : shape;
  const module = make(options);
  try {
    return traceModule(module, { input: { dtype, shape: sample } }, { name });
  } catch (error) {
    if (!(error instanceof LowbitError)) throw error;
    const todo = `In its layers: ${error.message} See the options of the model, and of the data and its crop.`;
    return fail({ code: 'data', where: description, problem: `${name} does not take samples ${dtype} ${shapeText(sample)}`, todo });
  }
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
