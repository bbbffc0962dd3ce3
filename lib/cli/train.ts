/** `lowbit train CONFIG.yaml` */
import { relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { LowbitError } from '../error.js';
import { readBytes } from '../file.js';
import { runFolder } from '../recipes/runFolder.js';
import { type TrainReport, trainModel } from '../recipes/train.js';
import { resolveConfig } from '../recipes/trainConfig.js';
import type { EpochReport } from '../train/callback.js';
import type { TrainingProgress } from '../train/callbacks/progress.js';
import { command, runs } from './command.js';
import { facts, whole } from './format.js';
import { deviceOption, type LearningOptions, precisionOption } from './options.js';
import { durationText } from './progress.js';
import { epochText, meanText, progressText } from './trainingText.js';

interface Options extends LearningOptions {
  resume?: true | string;
  output?: string;
  json?: boolean;
}

const help = `
The least that a configuration says, and some of what it may say:

  model: resnet20                # or { name: resnet20, classes: 100 }
  data:
    train: cifar10:path/to/data
    validation: cifar10:path/to/data
    mean: [0.4914, 0.4822, 0.4465]
    std: [0.247, 0.2435, 0.2616]
  augment: { crop: 4, flip: true }
  optimizer: { name: sgd, rate: 0.1, momentum: 0.9, weightDecay: 1e-4 }
  schedule: cosine
  epochs: 50

Every option with its default is in config.yaml in the folder of a run. Ctrl-C
writes a checkpoint before it stops.`;

export function addTrain(program: Command): void {
  const target = command(program, 'train <config>', 'train a model as a YAML file says, into a folder with checkpoints')
    .addOption(deviceOption())
    .addOption(precisionOption())
    .option('--resume [folder]', 'go on from the newest checkpoint of the run, or of this folder (another run, or one checkpoint)')
    .option('-o, --output <folder>', 'the folder of the run (default: as the file says, or runs/NAME beside it)')
    .addHelpText('after', help);
  runs<Options>(target, async ({ options: { resume, output, device, precision, json }, signal, progress }, path) => {
    const config = await resolveConfig(Buffer.from(readBytes(path)).toString(), path);
    if (output !== undefined) config.output = resolve(output);
    if (device !== undefined) config.device = device;
    if (precision !== undefined) config.precision = precision;
    const line = progress('training');
    let saved: string | undefined;
    let learned = false;
    const onResume = ({ epochs, steps }: { epochs: number; steps: number }) => {
      if (!json) process.stdout.write(`going on after ${epochs} of ${config.epochs} epochs, ${whole(steps)} steps\n`);
    };
    const onEpoch = (report: EpochReport) => {
      learned = true;
      line.clear();
      if (!json) process.stdout.write(`${epochText(report, config.epochs)}\n`);
    };
    const onProgress = (state: TrainingProgress) => line.show(progressText(state));
    const onCheckpoint = (written: string) => {
      saved = written;
    };
    try {
      const report = await trainModel(config, { resume, signal, onResume, onProgress, onEpoch, onCheckpoint });
      return { data: { output: config.output, ...report }, text: `${learned ? '' : doneAlready}${text(report, config.output)}` };
    } catch (error) {
      line.clear();
      const stopped = error instanceof LowbitError && error.code === 'aborted' && saved !== undefined;
      if (stopped) process.stderr.write(`${howToResume(saved!, path, { output, device, precision })}\n`);
      throw error;
    }
  });
}

const doneAlready = 'nothing was left to learn; raise epochs in the configuration to go on\n';

function howToResume(checkpoint: string, config: string, options: Pick<Options, 'output' | 'device' | 'precision'>): string {
  const given = Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
  const words = ['lowbit train', config, ...given, '--resume'];
  return `wrote ${relative('', checkpoint)}, go on with: ${words.join(' ')}`;
}

function text({ model, results, times }: TrainReport, output: string): string {
  const { best, epochs, steps, stopped } = results;
  const { training, validation = {} } = epochs.at(-1)!;
  const names = Object.entries(validation).map(([name, value]): [string, string] => [`validation ${name}`, meanText(name, value)]);
  return facts([
    ['trained', `${model.name}, ${whole(model.parameters)} parameters, ${epochs.length} epochs, ${whole(steps)} steps`],
    ...Object.entries(training).map(([name, value]): [string, string] => [name, meanText(name, value)]),
    ...names,
    ['best epoch', `${best.epoch}, ${best.metric} ${meanText(best.metric, best.value)}`],
    ...(stopped === null ? [] : [['stopped', stopped] as [string, string]]),
    ['time', durationText(times.seconds)],
    ['wrote', relative('', runFolder(output).onnx)],
    ['curves', relative('', runFolder(output).page)],
  ]);
}
