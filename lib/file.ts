/** Files: read whole, written so that a reader sees the old file or the new one and nothing in between. */
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fail } from './error.js';

/** What the system's error codes mean for the file that was asked for. */
const problems: Record<string, string> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'this is a folder, expected a file',
  ENOTDIR: 'a part of the path is a file, expected a folder',
  ENOSPC: 'no space is left on the disk',
  EROFS: 'the disk is read-only',
  ENAMETOOLONG: 'the name is too long',
  ERR_FS_FILE_TOO_LARGE: 'the file is larger than 2 GiB',
  ERR_INVALID_ARG_VALUE: 'this is not a path',
};

/** Throws a system error as a fault that names the file. */
export function failOnFile(path: string, error: unknown): never {
  const { code, message } = error as NodeJS.ErrnoException;
  return fail({ code: 'file', path, problem: problems[code ?? ''] ?? message });
}

/**
 * The bytes of a file.
 * @throws LowbitError 'file' where it is missing, a folder or not readable
 */
export function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    return failOnFile(path, error);
  }
}

/**
 * Writes a file as a whole: after any failure the old file, if there was one, is still there.
 * @throws LowbitError 'file' where the folder is missing or not writable, the disk is full, or `path` is a folder
 */
export function writeAtomically(path: string, bytes: Uint8Array): void {
  writeTogether([[path, [bytes]]]);
}

/** Writes several files, each from pieces that follow each other; none is replaced before all are on disk. */
export function writeTogether(files: readonly (readonly [path: string, pieces: readonly Uint8Array[]])[]): void {
  const staged = files.map(([path, pieces]) => ({ path, pieces, temporary: besides(path) }));
  let current = '';
  try {
    for (const { path, pieces, temporary } of staged) {
      current = path;
      writeSynced(temporary, pieces);
    }
    for (const { path, temporary } of staged) {
      current = path;
      renameSync(temporary, path);
    }
  } catch (error) {
    for (const { temporary } of staged) if (existsSync(temporary)) unlinkSync(temporary);
    failOnFile(current, error);
  }
}

const besides = (path: string) => join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);

function writeSynced(path: string, pieces: readonly Uint8Array[]): void {
  const file = openSync(path, 'wx');
  try {
    for (const piece of pieces) writeFileSync(file, piece);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
