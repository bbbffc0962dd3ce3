// Builds the binaries that the package carries: prebuilds/<platform>-<arch>/lowbit.<libc>.node and, beside it, the CUDA kernels,
// lowbit_cuda.so, where nvcc is there (LOWBIT_CUDA=ON insists), both stripped. It starts from a clean tree.
// LOWBIT_SYSROOT=DIR links against the older libc in DIR, so that the binary loads on older systems too.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..');
const prebuildify = createRequire(import.meta.url).resolve('prebuildify/bin.js');
const builder = path.join(root, 'scripts', 'native-build.cjs');
const env = { ...process.env };
env.LOWBIT_CUDA_ARCHS ??= '80-real;90-real;80-virtual'; // the last one is for cards to come; *_sm90a.cu are for 90a in any case
if (env.LOWBIT_SYSROOT) env.CMAKE_TOOLCHAIN_FILE = path.join(root, 'cmake', 'glibc-sysroot.cmake');

const { status } = spawnSync(
  process.execPath,
  [prebuildify, '--napi', '--strip', '--tag-libc', '--name', 'lowbit', '--target', process.versions.node, '--node-gyp', builder],
  { cwd: root, env, stdio: 'inherit' },
);
const kernels = path.join(root, 'build', 'Release', 'lowbit_cuda.so');
if (status === 0 && existsSync(kernels)) {
  const place = path.join(root, 'prebuilds', `${process.platform}-${process.arch}`, 'lowbit_cuda.so');
  copyFileSync(kernels, place);
  process.exitCode = spawnSync('strip', ['--strip-unneeded', place], { stdio: 'inherit' }).status ?? 1;
} else {
  if (status === 0) console.log('lowbit: the package will have no CUDA kernels, for want of nvcc');
  process.exitCode = status ?? 1;
}
