/** Where the tests are: they are not part of the repository. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

/**
 * The folder of the tests: the one given, that of LOWBIT_CONFORMANCE, or the one beside the repository. Archives in it are unpacked
 * into .cache/ first. Undefined where there is none.
 */
export function testFolder(given: string | undefined): string | undefined {
  const folder = given ?? process.env.LOWBIT_CONFORMANCE ?? join(packageRoot(), '..', 'shared', 'data', 'onnx-conformance');
  if (!existsSync(folder)) return undefined;
  const archives = readdirSync(folder).filter((file) => file.endsWith('.tar.gz'));
  if (!archives.length) return folder;
  const cache = join(packageRoot(), '.cache', 'conformance');
  for (const archive of archives) unpack(join(folder, archive), join(cache, basename(archive, '.tar.gz')));
  return cache;
}

// Beside its place first, so that an interrupted run leaves no half of it there.
function unpack(archive: string, target: string): void {
  if (existsSync(target)) return;
  const staging = `${target}.${process.pid}`;
  mkdirSync(staging, { recursive: true });
  const { status } = spawnSync('tar', ['-xzf', archive, '-C', staging], { stdio: 'inherit' });
  if (status === 0) renameSync(staging, target);
  else rmSync(staging, { recursive: true });
  if (status !== 0) throw new Error(`${archive} could not be unpacked`);
}
