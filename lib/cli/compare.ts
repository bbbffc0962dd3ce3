/** `lowbit compare A B [--data SPEC]` */
import { type Command, Option } from 'commander';
import { importOnnx } from '../onnx/importOnnx.js';
import { compareModels, type ModelDistance, type TensorDistance } from '../recipes/compareModels.js';
import { command, runs } from './command.js';
import { digits3, table } from './format.js';
import { addDataOptions, type DataOptions, datasetOf, wholeFrom } from './options.js';

type Options = DataOptions & { samples?: number; sort?: 'model' | 'sqnr' };

export function addCompare(program: Command): void {
  const target = addDataOptions(
    command(
      program,
      'compare <float> <model>',
      'measure how far the tensors of a model are from those of another model of the same network',
    )
      .option('--samples <n>', 'how many samples (default: 64), random ones without --data', wholeFrom(1))
      .addOption(new Option('--sort <order>', 'as the model computes them, or worst first').choices(['model', 'sqnr']).default('model')),
    { needed: false },
  );
  runs<Options>(target, async ({ options, signal, progress }, reference) => {
    const dataset = options.data === undefined ? undefined : await datasetOf(options.data, options);
    const [a, b] = [importOnnx(reference), importOnnx(target.args[1])];
    const line = progress('comparing');
    const found = await compareModels(a, b, { dataset, samples: options.samples, onProgress: line.update, signal });
    return { data: { ...found, tensors: found.tensors.map(plain) }, text: text(found, options.sort === 'sqnr') };
  });
}

// JSON has no infinite numbers.
const plain = (tensor: TensorDistance) => ({ ...tensor, sqnr: Number.isFinite(tensor.sqnr) ? tensor.sqnr : null });

const decibels = (sqnr: number) => (sqnr === Number.POSITIVE_INFINITY ? 'equal' : Number.isNaN(sqnr) ? '-' : sqnr.toFixed(1));

function text({ tensors, outputs, samples }: ModelDistance, worstFirst: boolean): string {
  const order = worstFirst ? tensors.toSorted((a, b) => a.sqnr - b.sqnr) : tensors;
  const lines = table(
    ['tensor', 'SQNR dB', 'cosine', 'largest', 'shift', ''],
    order.map(({ name, sqnr, cosine, largest, shift, quantized }) => [
      name,
      decibels(sqnr),
      cosine.toFixed(4),
      digits3(largest),
      digits3(shift),
      quantized ? 'codes' : '',
    ]),
  );
  const ends = outputs.map((name) => tensors.find((tensor) => tensor.name === name)!);
  const summary = ends.map(({ name, sqnr }) => `output ${name}: ${sqnr === Number.POSITIVE_INFINITY ? 'equal' : `${decibels(sqnr)} dB`}`);
  return [lines, `${summary.join(', ')} over ${samples} samples`].join('\n\n');
}
