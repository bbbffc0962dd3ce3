/** The folder of searches: what lies in it, and which of them are done. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../error.js';
import { failOnFile, readBytes, writeAtomically } from '../file.js';
import { latestCheckpoint } from '../train/checkpoint.js';
import { packedName, type RunFolder, runFolder } from './runFolder.js';
import { checkSameSearch, resolveSearchConfig, type SearchConfig } from './searchConfig.js';
import { printConfig } from './trainConfig.js';

/** The folder of one search in the folder of all. Its report is written last: where it lies, the search is done. */
export interface SearchFolder extends RunFolder {
  /** "w4a8". */
  name: string;
  /** The converted network with packed weights, as it runs here. */
  packed: string;
}

/** Bits of weights and of activations, "W4 A8". */
export const titleOf = (weightBits: number, activationBits: number | null) =>
  `W${weightBits}${activationBits === null ? '' : ` A${activationBits}`}`;

/** The names of the files of one search. */
export function searchFolder(path: string, title: string): SearchFolder {
  const name = title.toLowerCase().replace(' ', '');
  const folder = runFolder(join(path, name));
  return { ...folder, name, packed: join(folder.path, packedName) };
}

/**
 * Makes the folder of searches, with their configuration in it.
 * @throws LowbitError 'file' where it cannot be made, holds searches that these do not go on with, or none to go on with; 'option' where
 *   those began with other options. What came to nothing, with no checkpoint, is written over
 */
export async function makeSearchFolder(config: SearchConfig, resumed: boolean): Promise<RunFolder & { yaml: string }> {
  const folder = runFolder(config.output);
  const { path } = folder;
  if (resumed) {
    if (!existsSync(folder.config)) fail({ code: 'file', path, problem: 'there is no search in this folder to go on with' });
    checkSameSearch(config, await resolveSearchConfig(Buffer.from(readBytes(folder.config)).toString(), folder.config), path);
  } else if (isInUse(path)) {
    const todo = 'Go on with it (--resume), or give another folder (--output).';
    fail({ code: 'file', path, problem: 'there is a run in this folder already', todo });
  }
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    failOnFile(path, error);
  }
  const yaml = await printConfig(config);
  writeAtomically(folder.config, Buffer.from(yaml));
  return { ...folder, yaml };
}

/** Is there a run, or a search that has come to something? */
function isInUse(path: string): boolean {
  if (!existsSync(path)) return false;
  const inside = readdirSync(path).filter((name) => /^w\d(a\d)?$/.test(name));
  const runs = [path, ...inside.map((name) => join(path, name))].map(runFolder);
  return runs.some(({ report, checkpoints }) => existsSync(report) || latestCheckpoint(checkpoints));
}
