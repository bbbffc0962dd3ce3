// Runs the tests and closes with one plain line: N passed, N failed, N skipped. Arguments go to ava.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

const root = path.join(import.meta.dirname, '..');
// Without a graphics card CUDA kernels run in their emulation.
if (!existsSync('/dev/nvidiactl')) process.env.LOWBIT_CUDA_LIB ??= path.join(root, 'build', 'Release', 'lowbit_cuda_emulation.so');
const ava = path.join(root, 'node_modules', 'ava', 'entrypoints', 'cli.mjs');
const child = spawn(process.execPath, [ava, '--tap', ...process.argv.slice(2)], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
const counts = { passed: 0, failed: 0, skipped: 0 };

for await (const line of createInterface({ input: child.stdout })) {
  if (/^ok .*# SKIP/.test(line)) counts.skipped++;
  else if (/^ok /.test(line)) counts.passed++;
  else if (/^not ok /.test(line)) counts.failed++;
  console.log(line);
}
const code = await new Promise((resolve) => (child.exitCode === null ? child.on('exit', resolve) : resolve(child.exitCode)));
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = code === 0 && counts.failed === 0 && counts.passed > 0 ? 0 : 1;
