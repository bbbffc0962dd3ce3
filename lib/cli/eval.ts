/** `lowbit eval MODEL [--data SPEC]`; the model is a file, the folder of a training run, or a checkpoint. */
import { statSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { importOnnx } from '../onnx/importOnnx.js';
import { type Evaluation, type EvaluationMode, evaluate, evaluationModes } from '../recipes/evaluate.js';
import { readTrained, validationOf } from '../recipes/runFolder.js';
import { command, requires, runs } from './command.js';
import { facts, percent, whole } from './format.js';
import { addDataOptions, type DataOptions, type DeviceOptions, datasetOf, deviceOption } from './options.js';

type Options = DataOptions & DeviceOptions & Partial<Record<EvaluationMode, boolean>>;

const modes: Record<EvaluationMode, string> = {
  integer: 'integer kernels (the default for a quantized model)',
  simulate: 'the reference of the integer arithmetic, the same bytes slowly',
  float: 'floating point, as the file says',
};

export function addEval(program: Command): void {
  const target = addDataOptions(
    command(program, 'eval <model>', 'measure the accuracy of a model file, or of a training run, on labelled samples').addOption(
      deviceOption(),
    ),
    { needed: false },
  ).addHelpText('after', '\nA training run has samples of its own: without --data they are those that it\nwas validated with.');
  requires(target, 'data', () => isFolder(target.args[0]));
  for (const mode of evaluationModes) {
    target.addOption(new Option(`--${mode}`, `compute on ${modes[mode]}`).conflicts(evaluationModes.filter((other) => other !== mode)));
  }
  runs<Options>(target, async ({ options, signal, progress }, model) => {
    const imported = isFolder(model) ? undefined : importOnnx(model);
    const dataset = options.data === undefined ? await validationOf(model) : await datasetOf(options.data, options);
    const graph = imported ?? (await readTrained(model, dataset));
    const mode = evaluationModes.find((name) => options[name]);
    const line = progress('evaluating');
    const found = await evaluate(graph, dataset, { mode, batch: options.batch, device: options.device, onProgress: line.update, signal });
    return { data: found, text: text(found) };
  });
}

const isFolder = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

function text({ top1, top5, samples, samplesPerSecond, mode }: Evaluation): string {
  return facts([
    ['top-1', `${percent(top1)} of ${whole(samples)} samples`],
    ['top-5', percent(top5)],
    ['speed', `${whole(samplesPerSecond)} samples/s`],
    ['computed', { integer: 'on integer kernels', simulate: 'as the integer reference', float: 'in floating point' }[mode]],
  ]);
}
