/** What only a process of its own can show: threads that load, stop and leave, exit codes, the garbage collector. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { add, mul, relu, sub } from 'lowbit';
import { onCard } from './cuda/device.js';

/** Runs process/<name>.ts and expects its exit code, and not a word on stderr. */
function ends(t: ExecutionContext, name: string, code: number, flags: readonly string[] = []): void {
  const script = fileURLToPath(new URL(`process/${name}.js`, import.meta.url));
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [...flags, script], { encoding: 'utf8', timeout: 120_000 });
  t.deepEqual({ status, signal, stdout, stderr }, { status: code, signal: null, stdout: '', stderr: '' });
}

test('four workers load and compute at once, beside the main thread', (t) => ends(t, 'workers', 0));
onCard('two workers use the graphics card at once, beside the main thread', [add, mul, relu, sub], (t) => ends(t, 'card', 0));
test('workers are terminated with ops running and waiting', (t) => ends(t, 'terminate', 0));
test('the process exits with ops in flight', (t) => ends(t, 'exit', 7));
test('ops in flight keep the process alive until they are done', (t) => ends(t, 'idle', 0));
test('forgotten tensors are freed by the garbage collector', (t) => ends(t, 'backstop', 0, ['--expose-gc']));
