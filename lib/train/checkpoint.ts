/** The state of a run on disk: a folder of tensors and numbers that is there as a whole or not at all. */
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fail } from '../error.js';
import { failOnFile, readBytes, writeAtomically } from '../file.js';
import { readSafetensors, writeSafetensors } from '../safetensors.js';
import type { Tensor } from '../tensor.js';
import type { EpochReport } from './callback.js';

/** Where in its course a run is, and all it needs to go on. */
export interface Progress {
  /** Of the run's options those that have to be the same when it goes on. */
  settings: Record<string, unknown>;
  /** Steps done. */
  step: number;
  /** The epoch that is under way or done, from 1. */
  epoch: number;
  /** Steps done of that epoch. */
  stepInEpoch: number;
  /** Sums over the samples of that epoch so far. */
  sums: Record<string, number>;
  samples: number;
  history: EpochReport[];
  /** By callback. */
  callbacks: Record<string, unknown>;
}

export interface Checkpoint {
  /** Parameters and running statistics of the model. */
  model: ReadonlyMap<string, Tensor>;
  optimizer: ReadonlyMap<string, Tensor>;
  /** Tensors of callbacks, as "callback/name". */
  callbacks: ReadonlyMap<string, Tensor>;
  progress: Progress;
}

const version = 1;
const files = { model: 'model.safetensors', optimizer: 'optimizer.safetensors', callbacks: 'callbacks.safetensors' } as const;
const progressFile = 'progress.json';
const pattern = /^step-\d{9}$/;

/**
 * Writes a checkpoint as the folder `step-000001170` of the given folder.
 * Killed at any moment, it leaves a whole checkpoint or one that is not seen.
 * @returns the path of the folder
 * @throws LowbitError 'file'
 */
export function writeCheckpoint(folder: string, checkpoint: Checkpoint): string {
  const path = join(folder, `step-${String(checkpoint.progress.step).padStart(9, '0')}`);
  const temporary = unseen(path);
  try {
    mkdirSync(temporary, { recursive: true });
    for (const part of ['model', 'optimizer', 'callbacks'] as const) {
      if (checkpoint[part].size) writeSafetensors(join(temporary, files[part]), checkpoint[part]);
    }
    const text = JSON.stringify({ version, ...checkpoint.progress }, undefined, 1);
    writeAtomically(join(temporary, progressFile), Buffer.from(`${text}\n`));
    remove(path);
    renameSync(temporary, path);
    synced(folder);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    throw (error as { code?: string }).code === 'file' ? error : failOnFile(path, error);
  }
  return path;
}

/** Where a checkpoint is written and from where it is deleted: a name beside it that no reader looks at. */
const unseen = (path: string) => join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);

/** Deletes a checkpoint, if it is there: killed halfway, this leaves no part of one that a reader would take for whole. */
function remove(path: string): void {
  if (!existsSync(path)) return;
  const going = unseen(path);
  renameSync(path, going);
  rmSync(going, { recursive: true, force: true });
}

/** Makes the entries of a folder outlive a power failure. */
function synced(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** The checkpoints in a folder, oldest first. */
export function checkpointsIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => pattern.test(name));
  return names.sort().map((name) => join(folder, name));
}

/** The newest checkpoint in a folder, if there is one. */
export const latestCheckpoint = (folder: string): string | undefined => checkpointsIn(folder).at(-1);

/** Deletes all but the newest `keep` checkpoints, and what killed runs have left. */
export function pruneCheckpoints(folder: string, keep: number): void {
  const stale = readdirSync(folder).filter((name) => /^\.step-\d{9}\.[0-9a-f]{12}$/.test(name));
  const old = checkpointsIn(folder).slice(0, -keep || undefined);
  for (const path of old) remove(path);
  for (const name of stale) rmSync(join(folder, name), { recursive: true, force: true });
}

/**
 * Reads a checkpoint.
 * @param path the folder `step-...`, or a folder of them, where the newest is taken
 * @returns tensors that belong to the caller
 * @throws LowbitError 'file' or 'format'
 */
export function readCheckpoint(path: string): Checkpoint {
  const from = existsSync(join(path, progressFile)) ? path : latestCheckpoint(path);
  if (!from) return fail({ code: 'file', path, problem: 'there is no checkpoint here', todo: 'Give a folder with step-... in it.' });
  const read = (file: string) => (existsSync(join(from, file)) ? readSafetensors(join(from, file)).tensors : new Map<string, Tensor>());
  return {
    progress: parsed(join(from, progressFile)),
    model: readSafetensors(join(from, files.model)).tensors,
    optimizer: read(files.optimizer),
    callbacks: read(files.callbacks),
  };
}

function parsed(path: string): Progress {
  const broken = (problem: string) => fail({ code: 'format', format: 'checkpoint', path, problem });
  let found: Partial<Progress & { version: number }>;
  try {
    found = JSON.parse(Buffer.from(readBytes(path)).toString());
  } catch (error) {
    if ((error as { code?: string }).code) throw error;
    return broken('it is not JSON');
  }
  const { version: came, ...progress } = found ?? {};
  if (came !== version) return broken(`it is of version ${came}, this is version ${version}`);
  const counts = [progress.step, progress.epoch, progress.stepInEpoch, progress.samples];
  const whole = counts.every((count) => Number.isSafeInteger(count) && (count as number) >= 0);
  const rest = [progress.settings, progress.sums, progress.callbacks].every((part) => typeof part === 'object' && part !== null);
  if (!whole || !rest || !Array.isArray(progress.history)) return broken('parts of it are missing or damaged');
  return progress as Progress;
}

/** Frees the tensors of a checkpoint that was read. */
export function freeCheckpoint({ model, optimizer, callbacks }: Checkpoint): void {
  for (const tensors of [model, optimizer, callbacks]) for (const tensor of tensors.values()) tensor.dispose();
}
