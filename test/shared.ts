/** Real models and data sets that lie beside the repository; tests that need them skip where they are absent. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the package under test. */
export function repositoryRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

/** The path of a file or folder of the shared data. */
export const shared = (path: string) => join(repositoryRoot(), '..', 'shared', path);
