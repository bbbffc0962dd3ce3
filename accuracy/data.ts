/** Where the data sets are: they are not part of the repository. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Dataset, type DatasetOptions, openDataset } from 'lowbit';

function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

/** By name: how it is opened, and how its pixels are normalized. */
const sets = {
  mnist: { kind: 'mnist', folder: 'mnist', mean: [0.1307], std: [0.3081] },
  cifar10: { kind: 'cifar10', folder: 'cifar-10-batches-bin', mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] },
};

/**
 * A set from its folder in LOWBIT_DATA, by default in shared/data beside the repository.
 * @throws Error that says which folder is missing
 */
export function open(name: keyof typeof sets, options: DatasetOptions): Promise<Dataset> {
  const { kind, folder, mean, std } = sets[name];
  const path = join(process.env.LOWBIT_DATA ?? join(packageRoot(), '..', 'shared', 'data'), folder);
  if (!existsSync(path)) {
    throw new Error(`There is no ${path}: put the files of ${name} there, or set LOWBIT_DATA to the folder that has ${folder}/ in it.`);
  }
  return openDataset(`${kind}:${path}`, { ...options, mean, std });
}
