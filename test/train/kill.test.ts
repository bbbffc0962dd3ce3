import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { train } from 'lowbit';
import { temporaryFolder } from '../folder.js';
import { randomNumbers } from '../ops/case.js';

const program = fileURLToPath(new URL('./interrupted.js', import.meta.url));
const kills = 30;

/** Runs the program; after so many milliseconds from its first sign of life it is killed. Resolves with whether it ended by itself. */
function run(folder: string, killAfter?: number): Promise<boolean> {
  const child = spawn(process.execPath, [program, folder], { stdio: ['ignore', 'ignore', 'inherit'] });
  const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfter);
  return new Promise((resolve, reject) => {
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (signal === 'SIGKILL') resolve(false);
      else if (code === 0) resolve(true);
      else reject(new Error(`the run ended with ${code ?? signal}`));
    });
  });
}

/** What a run leaves: tensors byte by byte, numbers without the times. */
function remains(folder: string) {
  const [checkpoint] = train.checkpointsIn(join(folder, 'checkpoints')).slice(-1);
  const files = readdirSync(checkpoint).filter((name) => name.endsWith('.safetensors'));
  const { history, ...progress } = JSON.parse(readFileSync(join(checkpoint, 'progress.json'), 'utf8'));
  const log = readFileSync(join(folder, 'log.csv'), 'utf8').trim().split('\n');
  return {
    tensors: files.map((name) => [name, readFileSync(join(checkpoint, name)).toString('base64')]),
    progress,
    history: history.map(({ seconds: _, samplesPerSecond: __, ...numbers }: train.EpochReport) => numbers),
    log: log.map((line) => line.split(',').slice(0, -2)),
  };
}

test('a run that is killed thirty times ends like one that is not', async (t) => {
  t.timeout(300_000);
  const [whole, killed] = [temporaryFolder(), temporaryFolder()];
  await run(whole);
  // Starting takes most of the time; some runs die before their first checkpoint, some while they write one.
  const moments = randomNumbers(kills, 150, 700, 5);
  let died = 0;
  for (const moment of moments) if (!(await run(killed, moment))) died++;
  t.true(died >= kills / 2, `${died} were killed`);
  await run(killed);
  t.deepEqual(remains(killed), remains(whole));
  const leftovers = readdirSync(join(killed, 'checkpoints')).filter((name) => name.startsWith('.'));
  t.true(leftovers.length <= 1 && existsSync(join(killed, 'log.csv')), leftovers.join());
});
