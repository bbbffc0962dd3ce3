/** What paths of data sets have in common: folders with a training and a test set in them. */
import { statSync } from 'node:fs';
import { fail } from '../error.js';
import { failOnFile } from '../file.js';

export interface Split {
  /** Which part of a folder. */
  split?: 'train' | 'test';
}

/** Whether the path is a folder; a fault where it is nothing. */
export function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    return failOnFile(path, error);
  }
}

/** Refuses a split that does not exist, and any where the path names one file. */
export function checkSplit(where: string, { split }: Split, folder: boolean): void {
  if (split === undefined) return;
  const wrong = (expected: string, because?: string) => fail({ code: 'option', where, option: 'split', came: split, expected, because });
  if (split !== 'train' && split !== 'test') wrong('train or test');
  if (!folder) wrong('nothing', 'the path names one file');
}
