/** Files that commands write. */
import { realpathSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fail } from '../error.js';
import { failOnFile } from '../file.js';

/**
 * Refuses a file that could not be written, or that is the model: known before work that may take minutes.
 * @param option how the command calls it
 */
export function checkOutput(command: string, model: string, output: string, option = 'output'): void {
  const folder = dirname(resolve(output));
  const info = statSync(folder, { throwIfNoEntry: false });
  if (!info?.isDirectory()) fail({ code: 'file', path: output, problem: `there is no folder ${folder}`, todo: 'Create it first.' });
  const existing = statSync(output, { throwIfNoEntry: false });
  if (existing?.isDirectory()) failOnFile(output, { code: 'EISDIR' });
  const own = statSync(model, { throwIfNoEntry: false });
  if (existing && own && realpathSync(output) === realpathSync(model)) {
    fail({ code: 'option', where: command, option, came: output, expected: 'another file than the model, which is kept' });
  }
}
