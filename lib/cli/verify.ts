/** `lowbit verify MODEL` */
import type { Command } from 'commander';
import { howToInstall } from '../recipes/onnxruntime.js';
import { type Verification, type VerifiedRow, verifyModel } from '../recipes/verifyModel.js';
import { command, runs } from './command.js';
import { percent, table } from './format.js';
import { addDataOptions, type DataOptions, datasetOf, wholeFrom } from './options.js';

type Options = DataOptions & { samples?: number };

export function addVerify(program: Command): void {
  const target = addDataOptions(
    command(program, 'verify <model>', 'compare all kernels, and onnxruntime, with the integer arithmetic').option(
      '--samples <n>',
      'how many samples (default: 16), random ones without --data',
      wholeFrom(1),
    ),
    { needed: false },
  );
  runs<Options>(target, async ({ options, signal, progress }, model) => {
    const dataset = options.data === undefined ? undefined : await datasetOf(options.data, options);
    const line = progress('verifying');
    const found = await verifyModel(model, { dataset, samples: options.samples, onProgress: line.update, signal });
    return { data: found, text: text(found), failed: !found.equal };
  });
}

function text({ equal, samples, rows, onnxruntime }: Verification): string {
  const verdict = equal
    ? `Every kernel gives the bytes of the simulation on ${samples} samples.`
    : 'NOT EQUAL: a kernel differs from the simulation.';
  const lines = table(
    ['kernels', 'against the simulation'],
    rows.map((row) => [row.name, row.equal ? 'equal' : differenceText(row)]),
  );
  return [lines, verdict, onnxruntime ? runtimeText(onnxruntime) : howToInstall].join('\n\n');
}

function differenceText({ firstDifference }: VerifiedRow): string {
  const { value, index, expected, came } = firstDifference!;
  return `${value}[${index}] is ${came}, not ${expected}`;
}

function runtimeText({ version, maxSteps, worst, tensors, argmaxAgreement }: NonNullable<Verification['onnxruntime']>): string {
  const distance = maxSteps === 0 ? 'equal codes' : `codes at most ${maxSteps} step${maxSteps === 1 ? '' : 's'} away (${worst})`;
  return `onnxruntime ${version}: ${distance} in ${tensors} tensors,\nthe same answer for ${percent(argmaxAgreement)} of the samples.`;
}
