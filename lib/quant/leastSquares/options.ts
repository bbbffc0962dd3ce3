/** What can be said about rounding by least squares, and what is refused. */
import { checkOptions, fail } from '../../error.js';

export interface LeastSquaresOptions {
  /** Rows of a layer that are kept at most: output positions, chosen at random of all there are, and at most 128 MiB of them. Default 16 384. */
  rows?: number;
  /** Decides which rows are taken. Default 0. */
  seed?: number;
  /** Where each finished layer is written; layers that are there already are not computed again. Default: nowhere. */
  folder?: string;
}

export type LeastSquaresSettings = Required<Omit<LeastSquaresOptions, 'folder'>> & Pick<LeastSquaresOptions, 'folder'>;

/** All options, checked, defaults filled in. */
export function leastSquaresSettings(options: LeastSquaresOptions): LeastSquaresSettings {
  checkOptions('leastSquares', options, ['rows', 'seed', 'folder']);
  const { rows = 16_384, seed = 0, folder } = options;
  const refuse = (option: string, came: unknown, expected: string) =>
    fail({ code: 'option', where: 'leastSquares', option, came, expected });
  if (!(Number.isSafeInteger(rows) && rows >= 1)) refuse('rows', rows, 'a whole number from 1');
  if (!(Number.isSafeInteger(seed) && seed >= 0)) refuse('seed', seed, 'a whole number from 0');
  if (folder !== undefined && (typeof folder !== 'string' || folder === '')) refuse('folder', folder, 'a path');
  return { rows, seed, folder };
}
