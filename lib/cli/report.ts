/** `lowbit report FLOAT QUANTIZED --data SPEC -o PAGE.html`, `lowbit report A.json B.json -o PAGE.html` */
import type { Command } from 'commander';
import { writeAtomically } from '../file.js';
import { readQuantizationRecord } from '../recipes/readQuantizationRecord.js';
import { accuracies, writeQuantizationReport } from '../recipes/writeQuantizationReport.js';
import { quantizationComparison } from '../report/quantizationComparison.js';
import type { QuantizationRecord } from '../report/quantizationRecord.js';
import { command, type Job, type Report, requires, runs } from './command.js';
import { facts, percent } from './format.js';
import { addDataOptions, type DataOptions, datasetOf, wholeFrom } from './options.js';
import { checkOutput } from './output.js';

interface Options extends DataOptions {
  output: string;
  samples?: number;
}

export function addReport(program: Command): void {
  const target = command(
    program,
    'report <float> <quantized>',
    'write a page on what a quantized model lost, where and why, and its numbers beside it; or on two such runs, given as their .json files',
  );
  const areRecords = () => target.args.every((path) => path.toLowerCase().endsWith('.json'));
  requires(target, 'data', areRecords);
  addDataOptions(target, { needed: false })
    .option('-o, --output <file>', 'the page; numbers go into a .json file of the same name')
    .option('--samples <n>', 'compare the tensors on n samples (default: 64)', wholeFrom(1));
  requires(target, 'output');
  runs<Options>(target, async (job, first) => {
    const [, second] = target.args;
    for (const path of [first, second]) checkOutput('report', path, job.options.output);
    return areRecords() ? compareRuns(first, second, job.options.output) : reportModel(first, second, job);
  });
}

async function reportModel(float: string, quantized: string, { options, signal, progress }: Job<Options>): Promise<Report> {
  const { output, samples, batch } = options;
  const data = options.data!;
  const dataset = await datasetOf(data, options);
  const { update } = progress('evaluating');
  const accuracy = await accuracies(float, quantized, { dataset, data }, { batch, onProgress: update, signal });
  const { update: onProgress } = progress('comparing');
  const { record, json } = await writeQuantizationReport(float, quantized, output, { dataset, samples, accuracy, onProgress, signal });
  return {
    data: { output, json, outputs: record.outputs, accuracy: record.accuracy ?? null },
    text: text(output, record),
  };
}

async function compareRuns(first: string, second: string, output: string): Promise<Report> {
  const runOf = async (name: string) => ({ name, record: await readQuantizationRecord(name) });
  const [a, b] = [await runOf(first), await runOf(second)];
  writeAtomically(output, Buffer.from(quantizationComparison(a, b)));
  const accuracyOf = ({ record }: typeof a) => record.accuracy?.quantized.top1 ?? null;
  const [x, y] = [accuracyOf(a), accuracyOf(b)];
  return {
    data: { output, runs: [a, b].map(({ name, record }) => ({ name, outputs: record.outputs, accuracy: record.accuracy ?? null })) },
    text: facts([...(x === null || y === null ? [] : [['top-1', `${percent(x)}, ${percent(y)}`] as const]), ['page', output]]),
  };
}

function text(output: string, { outputs, accuracy, layers }: QuantizationRecord): string {
  const noisy = layers.flatMap(({ name, sqnr }) => (sqnr == null ? [] : [{ name, sqnr }])).toSorted((a, b) => a.sqnr - b.sqnr);
  return facts([
    ...(accuracy ? [['top-1', `${percent(accuracy.quantized.top1)}, float ${percent(accuracy.float.top1)}`] as const] : []),
    ...outputs.map(({ name, sqnr }) => [name, sqnr === null ? 'equal' : `${sqnr.toFixed(1)} dB`] as const),
    ...noisy.slice(0, 3).map(({ name, sqnr }, i) => [i ? '' : 'noisiest', `${name}, ${sqnr.toFixed(1)} dB`] as const),
    ['page', output],
  ]);
}
