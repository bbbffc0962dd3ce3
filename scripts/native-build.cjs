#!/usr/bin/env node
// The one way to build the addon: `node scripts/native-build.cjs [rebuild] [--debug] [--out-dir=DIR]`.
// Uses cmake-js where it is installed (development), plain cmake elsewhere (`npx lowbit build`). It also serves prebuildify as
// --node-gyp, so unknown arguments are ignored.
'use strict';
const { spawnSync } = require('node:child_process');
const { rmSync, existsSync } = require('node:fs');
const { availableParallelism } = require('node:os');
const path = require('node:path');

const root = path.join(__dirname, '..');
const args = process.argv.slice(2);
const type = args.includes('--debug') ? 'Debug' : 'Release';
const out = args.find((arg) => arg.startsWith('--out-dir='))?.slice('--out-dir='.length) ?? path.join(root, 'build', type);
const jobs = process.env.LOWBIT_JOBS ?? String(availableParallelism());
const tree = path.join(root, 'build', 'cmake');

if (args.includes('rebuild')) rmSync(path.join(root, 'build'), { recursive: true, force: true });

function run(command, commandArgs) {
  const result = spawnSync(command, commandArgs, { cwd: root, stdio: 'inherit' });
  if (result.error?.code === 'ENOENT') {
    console.error(`lowbit: ${command} was not found; building the addon needs cmake >= 3.18 and a C++20 compiler.`);
    process.exit(127);
  }
  if (result.status !== 0) process.exit(result.status ?? 1);
}

let cmakeJs;
try {
  cmakeJs = require.resolve('cmake-js/bin/cmake-js', { paths: [root] });
} catch {
  // an installed package has no cmake-js
}
if (cmakeJs) {
  const config = type === 'Debug' ? ['-D'] : [];
  run(process.execPath, [cmakeJs, 'build', '-O', tree, '-p', jobs, ...config, `--CDCMAKE_LIBRARY_OUTPUT_DIRECTORY=${out}`]);
} else {
  run('cmake', ['-S', '.', '-B', tree, `-DCMAKE_BUILD_TYPE=${type}`, `-DCMAKE_LIBRARY_OUTPUT_DIRECTORY=${out}`]);
  run('cmake', ['--build', tree, '-j', jobs]);
}
if (!existsSync(path.join(out, 'lowbit.node'))) {
  console.error(`lowbit: the build ended without ${path.join(out, 'lowbit.node')}`);
  process.exit(1);
}
