/** `lowbit demo` */
import { relative } from 'node:path';
import type { Command } from 'commander';
import { type Demo, type DemoModel, demo } from '../recipes/demo.js';
import { command, runs } from './command.js';
import { bytes, digits3, percent, table } from './format.js';
import { epochText, progressText } from './trainingText.js';

interface Options {
  output: string;
  json?: boolean;
}

export function addDemo(program: Command): void {
  const target = command(program, 'demo', 'train, quantize and verify a small network on generated digits').option(
    '-o, --output <folder>',
    'where the two models go',
    'lowbit-demo',
  );
  runs<Options>(target, async ({ options: { output, json }, signal, progress }) => {
    const line = progress('training');
    const say = (text: string) => {
      line.clear();
      if (!json) process.stdout.write(`${text}\n`);
    };
    const found = await demo(output, {
      onStep: (what) => say(`${what} ...`),
      onProgress: (state) => line.show(progressText(state)),
      onEpoch: (report, epochs) => say(`  ${epochText(report, epochs)}`),
      signal,
    });
    return { data: found, text: text(found), failed: !found.verification.equal };
  });
}

function text({ fp32, int8, testSamples, verification }: Demo): string {
  const row = (name: string, of: (model: DemoModel) => string) => [name, of(fp32), of(int8)];
  const comparison = table(
    ['', 'fp32', 'int8'],
    [
      row(`accuracy on ${testSamples} digits`, ({ accuracy }) => percent(accuracy)),
      row('file size', (model) => bytes(model.bytes)),
      row('milliseconds a digit, 1 thread', ({ milliseconds }) => digits3(milliseconds)),
    ],
  );
  const kernels = [...new Set(verification.rows.map(({ name }) => name.split(',')[0]))].join(', ');
  const verdict = verification.equal
    ? `verified: the same bytes from all kernels (${kernels})\non ${verification.samples} samples, on one thread and on all`
    : 'NOT VERIFIED: kernels differ, see `lowbit verify`';
  const written = [fp32, int8].map(({ path }) => `wrote ${relative('', path)}`).join('\n');
  return `\n${comparison}\n\n${verdict}\n${written}`;
}
