// Checks the C++ files' formatting, or rewrites them with --write.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..');
const files = readdirSync(path.join(root, 'native'), { recursive: true })
  .filter((file) => /\.(h|cc)$/.test(file))
  .map((file) => path.join('native', file));
const mode = process.argv.includes('--write') ? ['-i'] : ['--dry-run', '-Werror'];
const { status } = spawnSync('npx', ['clang-format', ...mode, ...files], { cwd: root, stdio: 'inherit' });
process.exitCode = status ?? 1;
