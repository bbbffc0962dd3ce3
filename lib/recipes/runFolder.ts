/** The folder of a training run: what lies in it, and the model that it holds. */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Dataset } from '../data/dataset.js';
import { fail } from '../error.js';
import { failOnFile, readBytes } from '../file.js';
import type { Graph } from '../graph/graph.js';
import { importOnnx } from '../onnx/importOnnx.js';
import { readSafetensors } from '../safetensors.js';
import { latestCheckpoint } from '../train/checkpoint.js';
import { resolveSearchConfig, type SearchConfig } from './searchConfig.js';
import { resolveConfig, type TrainConfig } from './trainConfig.js';
import { modelOf, openSamples } from './trainParts.js';

export interface RunFolder {
  path: string;
  /** Every option of the run. */
  config: string;
  /** A line an epoch. */
  log: string;
  /** The vocabulary of texts: what `--vocabulary` takes. */
  tokenizer: string;
  /** A folder of checkpoints. */
  checkpoints: string;
  /** The trained model, and its parameters and running statistics alone. */
  onnx: string;
  state: string;
  report: string;
  /** The curves, to look at; new after every epoch. */
  page: string;
}

/** In the folder of a search: the network with packed weights. */
export const packedName = 'packed.onnx';

/** The names of the files of a run. */
export function runFolder(path: string): RunFolder {
  const at = (name: string) => join(path, name);
  const model = { onnx: at('model.onnx'), state: at('model.safetensors') };
  return {
    path,
    config: at('config.yaml'),
    log: at('log.csv'),
    tokenizer: at('tokenizer.json'),
    checkpoints: at('checkpoints'),
    ...model,
    report: at('report.json'),
    page: at('report.html'),
  };
}

/**
 * Makes the folder of a run.
 * @throws LowbitError 'file' where it cannot be made, or holds a run that this one does not go on with; what a run left that came
 *   to nothing, with no checkpoint, is written over
 */
export function makeRunFolder(path: string, resumed: boolean): RunFolder {
  const folder = runFolder(path);
  if (!resumed && (existsSync(folder.report) || latestCheckpoint(folder.checkpoints))) {
    const todo = 'Go on with it (--resume), or give another folder (--output).';
    fail({ code: 'file', path, problem: 'there is a run in this folder already', todo });
  }
  try {
    mkdirSync(folder.checkpoints, { recursive: true });
  } catch (error) {
    failOnFile(path, error);
  }
  return folder;
}

/** The checkpoints to go on from: those of a run, or the folder itself. */
export function checkpointsAt(path: string): string {
  const { checkpoints } = runFolder(path);
  return existsSync(checkpoints) ? checkpoints : path;
}

/**
 * The model that a run has made: its last one where the run has ended, otherwise that of its newest checkpoint. Of a search it is the packed
 * network.
 * @param path the folder of a run or of one checkpoint in it, or of a search that is done
 * @param samples what the model will see; only their shape and type matter
 * @throws LowbitError 'file' where there is no run or no checkpoint yet, 'format' and 'data' where files are damaged or belong to another model
 */
export async function readTrained(path: string, samples: Dataset): Promise<Graph> {
  const config = await configAbove(path);
  if ('search' in config) return packedIn(path);
  const state = [path, latestCheckpoint(checkpointsAt(path))]
    .map((place) => place && runFolder(place).state)
    .find((file) => file && existsSync(file));
  if (!state) return fail({ code: 'file', path, problem: 'there is no trained model and no checkpoint in this folder' });
  const model = modelOf(config, samples);
  const { tensors } = readSafetensors(state);
  try {
    model.load(tensors, state);
  } finally {
    for (const tensor of tensors.values()) tensor.dispose();
  }
  return model.graph;
}

function packedIn(path: string): Graph {
  const packed = join(path, packedName);
  if (existsSync(packed)) return importOnnx(packed);
  const todo = 'Give the folder of one search that is done, like w4a8.';
  return fail({ code: 'file', path, problem: 'there is no packed network in this folder', todo });
}

/**
 * The samples that a run was validated with, by its configuration.
 * @param path the folder of a run or of one checkpoint in it
 * @throws LowbitError 'data' where it has none; as `openDataset`
 */
export async function validationOf(path: string): Promise<Dataset> {
  const { data } = await configAbove(path);
  const todo = 'Say which samples to take (--data).';
  return (await openSamples(data)).validation ?? fail({ code: 'data', where: path, problem: 'the run was not validated', todo });
}

/** The configuration of the run that a folder belongs to: a run, its checkpoints, or one of them. */
async function configAbove(path: string): Promise<TrainConfig | SearchConfig> {
  const places = [path, dirname(resolve(path)), dirname(dirname(resolve(path)))].map((place) => runFolder(place).config);
  const file = places.find((place) => existsSync(place));
  if (file === undefined) return fail({ code: 'file', path, problem: 'this is no folder of a training run: there is no config.yaml' });
  const content = Buffer.from(readBytes(file)).toString();
  return /^search:/m.test(content) ? resolveSearchConfig(content, file) : resolveConfig(content, file);
}
