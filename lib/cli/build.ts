/** `lowbit build` */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Command } from 'commander';
import { fail } from '../error.js';
import { native, packageRoot } from '../native.js';
import { command, runs } from './command.js';

export function addBuild(program: Command): void {
  const target = command(program, 'build', 'build the native addon on this machine (cmake >= 3.18, a C++20 compiler)');
  runs(target, async () => {
    const script = join(packageRoot(), 'scripts', 'native-build.cjs');
    // The compiler's output is for people: stdout belongs to the report.
    const { status, error } = spawnSync(process.execPath, [script], { stdio: ['ignore', process.stderr, process.stderr] });
    if (status !== 0) {
      const problem = error?.message ?? `the build ended with ${status ?? 'a signal'}`;
      fail({ code: 'native', problem, todo: 'The lines above say why.' });
    }
    const { path } = native();
    return { data: { addon: path }, text: `built ${path}` };
  });
}
