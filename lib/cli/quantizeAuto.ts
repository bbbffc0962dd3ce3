/** `lowbit quantize MODEL --auto`: the ladder, a line a rung. */
import type { Command } from 'commander';
import { fail } from '../error.js';
import { importOnnx } from '../onnx/importOnnx.js';
import { autoQuantize } from '../recipes/auto/autoQuantize.js';
import type { AutoQuantized } from '../recipes/auto/options.js';
import type { LadderRecord, RungRecord } from '../report/quantizationRecord.js';
import type { Job } from './command.js';
import { bytes, facts, percent } from './format.js';
import { addJudgedOptions, evaluationOf, type JudgedOptions } from './judged.js';
import { datasetOf, number } from './options.js';
import type { Options } from './quantize.js';
import { schemeOf } from './quantizeScheme.js';

export interface AutoFlags extends JudgedOptions {
  auto?: boolean;
  maxDrop?: number;
  minSqnr?: number;
  folder?: string;
}

export function addAutoOptions(target: Command): Command {
  return addJudgedOptions(target)
    .option('--auto', 'find the options: more and more steps until the target is met, in the end some layers left float')
    .option('--max-drop <points>', 'auto: points of top-1 that may be lost (default: 0.5)', number)
    .option('--min-sqnr <decibels>', 'auto: signal to noise that the outputs must have instead (default without labels: 20)', number)
    .option('--folder <folder>', 'finished rungs and measurements are kept here; a run that was stopped goes on');
}

const autoOnly = ['maxDrop', 'minSqnr'] as const;
const ofJudges = ['evaluation', 'evaluationSamples'] as const;

/**
 * @param searches whether networks are judged on the way without `--auto` too
 * @param reports whether the result is
 * @throws LowbitError 'option' where something is said for `--auto` and that is not
 */
export function checkAutoOptions(options: AutoFlags, searches: boolean, reports: boolean): void {
  const unused = [...autoOnly, ...(searches ? [] : (['folder'] as const)), ...(searches || reports ? [] : ofJudges)];
  const given = unused.find((name) => options[name] !== undefined);
  if (options.auto || !given) return;
  fail({ code: 'option', where: 'quantize', option: given, came: options[given], expected: 'to be left out', because: 'auto is not set' });
}

export async function quantizeAuto(
  { options, signal, progress }: Job<Options>,
  model: string,
): Promise<Omit<AutoQuantized, 'calibration'> & { samples: number }> {
  const { data, calibration, evaluationSamples: samples, maxDrop, minSqnr, folder, batch, json } = options;
  const line = progress('starting');
  const print = (text: string) => {
    line.clear();
    if (!json) process.stdout.write(`${text}\n`);
  };
  const found = await autoQuantize(importOnnx(model), await datasetOf(data, options), {
    quantize: schemeOf(options),
    ...{ calibration, samples, maxDrop, minSqnr, folder, batch, signal },
    evaluation: await evaluationOf(options),
    onStart: (start) => print(`${startText(start)}\n\n${headerText}`),
    onRung: (rung) => print(rungText(rung)),
    onProgress: (what, done, total) => line.show(`${what}  ${done}/${total}`),
  });
  print('');
  return { ...found, samples: found.calibration };
}

/** What has to be reached, and where from. */
export function startText({ target, float, judged }: Pick<LadderRecord, 'target' | 'float' | 'judged'>): string {
  const aim =
    'maxDrop' in target ? `at most ${target.maxDrop} points less` : `at least ${target.minSqnr} dB of signal to noise in every output`;
  return facts([
    ['float', [...(float.top1 === null ? [] : [percent(float.top1)]), bytes(float.bytes)].join(', ')],
    ['target', aim],
    ['judged by', `${judged.samples} samples${judged.heldOut ? '' : ', which calibration sees too'}`],
  ]);
}

const widths = { name: 18, top1: 8, noise: 8, size: 8, time: 8, outcome: 8 };

const columns = (name: string, ...cells: readonly string[]) => {
  const [top1, noise, size, time, outcome, detail] = cells;
  return [
    name.padEnd(widths.name),
    top1.padStart(widths.top1),
    noise.padStart(widths.noise),
    size.padStart(widths.size),
    time.padStart(widths.time),
    ` ${outcome.padEnd(widths.outcome)}`,
    detail,
  ]
    .join(' ')
    .trimEnd();
};

export const headerText = columns('rung', 'top-1', 'noise', 'size', 'time', 'outcome', 'what it did');

/** "calibrate   57.00 %   23.3 dB   544 kB   3.1 s  kept   28 layers on integers" */
export function rungText({ name, detail, outcome, result, seconds }: RungRecord): string {
  const top1 = result && result.top1 !== null ? percent(result.top1) : '-';
  const noise = result ? (result.sqnr === null ? 'equal' : `${result.sqnr.toFixed(1)} dB`) : '-';
  return columns(name, top1, noise, result ? bytes(result.bytes) : '-', `${seconds.toFixed(1)} s`, outcome, detail);
}
