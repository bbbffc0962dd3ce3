/** `lowbit report FLOAT QUANTIZED --data SPEC -o PAGE.html` */
import type { Command } from 'commander';
import { writeTogether } from '../file.js';
import { importOnnx } from '../onnx/importOnnx.js';
import { evaluate } from '../recipes/evaluate.js';
import { quantizationRecord } from '../recipes/quantizationRecord.js';
import type { Accuracy, QuantizationRecord } from '../report/quantizationRecord.js';
import { quantizationReport } from '../report/quantizationReport.js';
import { command, type Job, requires, runs } from './command.js';
import { facts, percent } from './format.js';
import { addDataOptions, type DataOptions, datasetOf, wholeFrom } from './options.js';
import { checkOutput } from './output.js';

interface Options extends DataOptions {
  data: string;
  output: string;
  samples?: number;
}

export function addReport(program: Command): void {
  const target = addDataOptions(
    command(program, 'report <float> <quantized>', 'write a page on what a quantized model lost, where and why, and its numbers beside it'),
    { needed: true },
  )
    .option('-o, --output <file>', 'the page; numbers go into a .json file of the same name')
    .option('--samples <n>', 'compare the tensors on n samples (default: 64)', wholeFrom(1));
  requires(target, 'output');
  runs<Options>(target, async ({ options, signal, progress }, float) => {
    const [, quantized] = target.args;
    for (const model of [float, quantized]) checkOutput('report', model, options.output);
    const dataset = await datasetOf(options.data, options);
    const accuracy = dataset.hasLabels ? await accuracies(float, quantized, options, { signal, progress }) : undefined;
    const line = progress('comparing');
    const record = await quantizationRecord(float, quantized, {
      dataset,
      samples: options.samples,
      ...(accuracy && { accuracy }),
      onProgress: line.update,
      signal,
    });
    const json = writePage(options.output, record);
    return {
      data: { output: options.output, json, outputs: record.outputs, accuracy: record.accuracy ?? null },
      text: text(options.output, record),
    };
  });
}

async function accuracies(
  float: string,
  quantized: string,
  options: Options,
  { signal, progress }: Pick<Job<Options>, 'signal' | 'progress'>,
) {
  const measured: Accuracy[] = [];
  for (const [name, model] of Object.entries({ float, quantized })) {
    const line = progress(`evaluating the ${name} model`);
    const { top1, top5, samples } = await evaluate(importOnnx(model), await datasetOf(options.data, options), {
      batch: options.batch,
      onProgress: line.update,
      signal,
    });
    measured.push({ top1, top5, samples });
  }
  return { data: options.data, float: measured[0], quantized: measured[1] };
}

/** Writes the page and its numbers, both or neither; returns the path of the numbers. */
export function writePage(output: string, record: QuantizationRecord): string {
  const json = output.replace(/(\.html?)?$/, '.json');
  const files = { [json]: `${JSON.stringify(record, undefined, 1)}\n`, [output]: quantizationReport(record) };
  writeTogether(Object.entries(files).map(([path, content]) => [path, [Buffer.from(content)]]));
  return json;
}

function text(output: string, { outputs, accuracy, layers }: QuantizationRecord): string {
  const noisy = layers.filter(({ activation }) => activation?.sqnr != null).toSorted((a, b) => a.activation!.sqnr! - b.activation!.sqnr!);
  return facts([
    ...(accuracy ? [['top-1', `${percent(accuracy.quantized.top1)}, float ${percent(accuracy.float.top1)}`] as const] : []),
    ...outputs.map(({ name, sqnr }) => [name, sqnr === null ? 'equal' : `${sqnr.toFixed(1)} dB`] as const),
    ...noisy.slice(0, 3).map(({ name, activation }, i) => [i ? '' : 'noisiest', `${name}, ${activation!.sqnr!.toFixed(1)} dB`] as const),
    ['page', output],
  ]);
}
