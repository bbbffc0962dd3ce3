// Builds the binary that the package carries: prebuilds/<platform>-<arch>/lowbit.<libc>.node, stripped. It starts from a clean tree.
// LOWBIT_SYSROOT=DIR links against the older libc in DIR, so that the binary loads on older systems too.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..');
const prebuildify = createRequire(import.meta.url).resolve('prebuildify/bin.js');
const builder = path.join(root, 'scripts', 'native-build.cjs');
const env = { ...process.env };
if (env.LOWBIT_SYSROOT) env.CMAKE_TOOLCHAIN_FILE = path.join(root, 'cmake', 'glibc-sysroot.cmake');

const { status } = spawnSync(
  process.execPath,
  [prebuildify, '--napi', '--strip', '--tag-libc', '--name', 'lowbit', '--target', process.versions.node, '--node-gyp', builder],
  { cwd: root, env, stdio: 'inherit' },
);
process.exitCode = status ?? 1;
