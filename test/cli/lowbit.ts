/** The built command as a child process, and small models for it. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

function root(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

export const script = join(root(), 'bin', 'lowbit.js');

interface Surroundings {
  /** Another copy of the script. */
  file?: string;
  env?: NodeJS.ProcessEnv;
  /** Sees what arrives on stderr and may send signals. */
  onStderr?: (text: string, pid: number) => unknown;
}

/** Runs `lowbit` in a folder. */
export function lowbit(folder: string, args: readonly string[], { file = script, env, onStderr }: Surroundings = {}): Promise<Ended> {
  const child = spawn(process.execPath, [file, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const ended: Ended = { code: null, stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    ended.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    ended.stderr += text;
    onStderr?.(text, child.pid!);
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ ...ended, code })));
}

/** Ctrl-C, so many milliseconds after the command listens for it. */
export function interrupted(milliseconds: number): Surroundings {
  const announce = `process.on('newListener', (event) => event === 'SIGINT' && setTimeout(() => process.stderr.write('now '), ${milliseconds}))`;
  return {
    env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(announce)}` },
    onStderr: (text, pid) => text.startsWith('now') && process.kill(pid, 'SIGINT'),
  };
}

/** Ctrl-C as soon as a file is there. */
export function interruptedAt(path: string): Surroundings {
  const watch = `import { existsSync } from 'node:fs';
    const timer = setInterval(() => existsSync(${JSON.stringify(path)}) && (clearInterval(timer), process.kill(process.pid, 'SIGINT')), 20);
    timer.unref();`;
  return { env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(watch)}` } };
}

/** Runs it with --json and reads the one object that it prints. */
export async function json(folder: string, args: readonly string[]): Promise<{ code: number | null; data: Record<string, unknown> }> {
  const { code, stdout } = await lowbit(folder, [...args, '--json']);
  return { code, data: JSON.parse(stdout) };
}
