/** `lowbit sensitivity MODEL --data SPEC`: what quantizing each layer costs. */
import { extname } from 'node:path';
import { type Command, Option } from 'commander';
import { fail } from '../error.js';
import { writeAtomically } from '../file.js';
import type { WeightBits } from '../quant/weightScheme.js';
import { type SensitivityMode, type SensitivityOrder, sensitivity, sensitivityModes, sensitivityOrders } from '../recipes/sensitivity.js';
import type { SensitivityRecord } from '../report/quantizationRecord.js';
import { command, runs } from './command.js';
import { large, percent, table } from './format.js';
import { addJudgedOptions, calibratedAndJudged, type JudgedOptions } from './judged.js';
import { addDataOptions, type DataOptions, listOf, number, wholeFrom } from './options.js';
import { checkOutput } from './output.js';
import { addSchemeOptions, type SchemeOptions } from './quantizeScheme.js';

interface Options extends DataOptions, SchemeOptions, JudgedOptions {
  data: string;
  calibration: number;
  mode?: SensitivityMode;
  by?: SensitivityOrder;
  bits?: WeightBits[];
  folder?: string;
  output?: string;
}

export function addSensitivity(program: Command): void {
  const target = addDataOptions(command(program, 'sensitivity <model>', 'measure what quantizing each layer costs, one layer at a time'), {
    needed: true,
  })
    .option('--calibration <n>', 'calibrate on n samples, evenly spread over the data', wholeFrom(1), 500)
    .addOption(new Option('--mode <name>', 'quantize only one layer, or all except one (default: only)').choices(sensitivityModes))
    .addOption(new Option('--by <name>', 'what layers are sorted by (default: sqnr)').choices(sensitivityOrders))
    .option('--bits <list>', 'measure each layer with weights of these widths (8,4,2)', listOf(number))
    .option('--folder <folder>', 'measurements are kept here; a run that was stopped goes on')
    .option('-o, --output <file>', 'the table as a file, .csv or .json');
  addJudgedOptions(target);
  addSchemeOptions(target);
  runs<Options>(target, async (job, model) => {
    const { mode = 'only', by = 'sqnr', bits, folder, output, weightBits, weightGroup, weightRange, scales, correctBias } = job.options;
    checkFlags(model, job.options);
    const { network, judge, batches, calibration, heldOut } = await calibratedAndJudged(job, model);
    const line = job.progress('measuring layers');
    const layers = await sensitivity(network, judge, correctBias === 'empirical' ? batches : undefined, {
      ...{ mode, by, bits, folder, weightBits, weightGroup, weightRange, scales, signal: job.signal },
      onProgress: line.update,
    });
    if (output !== undefined) writeAtomically(output, Buffer.from(fileText(output, layers)));
    const data = { mode, by, calibrationSamples: calibration, samples: judge.dataset.length, heldOut, top1: judge.float.top1, layers };
    return { data, text: text(data) };
  });
}

function checkFlags(model: string, { output, rounding }: Options): void {
  const refuse = (option: string, came: unknown, expected: string, because?: string) =>
    fail({ code: 'option', where: 'sensitivity', option, came, expected, because });
  if (rounding !== undefined && rounding !== 'nearest') refuse('rounding', rounding, '"nearest"', 'each layer is measured alone');
  if (output === undefined) return;
  if (!['.csv', '.json'].includes(extname(output))) refuse('output', output, 'a file .csv or .json');
  checkOutput('sensitivity', model, output);
}

const fileText = (path: string, layers: readonly SensitivityRecord[]) =>
  extname(path) === '.json' ? `${JSON.stringify(layers, null, 1)}\n` : csv(layers);

const columns = ['name', 'op', 'parameters', 'bits', 'sqnr', 'cosine', 'top1'] as const;

/** A line a layer; what is not known, or has no noise, is left empty. */
function csv(layers: readonly SensitivityRecord[]): string {
  const quoted = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const lines = layers.map((layer) => columns.map((column) => quoted(String(layer[column] ?? ''))).join());
  return `${[columns.join(), ...lines].join('\n')}\n`;
}

interface Outcome {
  mode: SensitivityMode;
  calibrationSamples: number;
  samples: number;
  heldOut: boolean;
  top1: number | null;
  layers: readonly SensitivityRecord[];
}

function text({ mode, calibrationSamples, samples, heldOut, top1, layers }: Outcome): string {
  const most = Math.max(...layers.map(({ sqnr }) => amplitude(sqnr)));
  const rows = layers.map(({ name, op, parameters, bits, sqnr, cosine, top1: share }) => [
    name,
    op,
    large(parameters),
    String(bits),
    sqnr === null ? 'equal' : sqnr.toFixed(1),
    cosine.toFixed(4),
    ...(top1 === null ? [] : [percent(share ?? 0)]),
    bar(amplitude(sqnr) / most),
  ]);
  const lines = table(['layer', 'op', 'numbers', 'bits', 'SQNR dB', 'cosine', ...(top1 === null ? [] : ['top-1']), ''], rows);
  const what = mode === 'only' ? 'one layer quantized, the others float' : 'one layer float, the others quantized';
  const by = `judged by ${samples} samples${heldOut ? '' : ', which calibration sees too'}, calibrated on ${calibrationSamples}`;
  return [lines, '', `${what}${top1 === null ? '' : `; float ${percent(top1)}`}`, by].join('\n');
}

/** Of the noise, the signal being 1. */
const amplitude = (sqnr: number | null) => (sqnr === null ? 0 : 10 ** (-sqnr / 20));

const barWidth = 12;

const bar = (share: number) => '█'.repeat(Math.round(barWidth * (share || 0)));
