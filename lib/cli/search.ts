/** `lowbit search MODEL.onnx --bits 4,2,1 --data SPEC -o OUT`, or `lowbit search CONFIG.yaml` */
import { join, relative, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { fail, LowbitError } from '../error.js';
import { readBytes } from '../file.js';
import { weightStorages } from '../onnx/weights.js';
import { slbPresets } from '../quant/slb/options.js';
import { runFolder } from '../recipes/runFolder.js';
import { type SearchesReport, searchModel } from '../recipes/search.js';
import { resolveSearchConfig, type SearchConfig, searchConfigOf } from '../recipes/searchConfig.js';
import { hasOtherSamples } from '../recipes/trainParts.js';
import { command, requires, runs } from './command.js';
import { facts, whole } from './format.js';
import {
  addTrainingDataOptions,
  deviceOption,
  type LearningOptions,
  listOf,
  precisionOption,
  type TrainingDataOptions,
  wholeFrom,
} from './options.js';
import { comparisonText, planText, searchEpochText, warningText } from './searchText.js';
import { epochText, progressText } from './trainingText.js';

interface Options extends TrainingDataOptions, LearningOptions {
  bits?: number[];
  activations?: number;
  epochs?: number;
  batchSize?: number;
  augment?: boolean;
  preset?: string;
  weights?: string;
  resume?: boolean;
  output?: string;
  json?: boolean;
}

const help = `
Everything else is said in a file, whose sections are those of \`lowbit train\`
and some more; options that are not said are the defaults:

  model: { name: onnx, path: resnet20.onnx }
  data: { train: 'cifar10:data', validation: 'cifar10:data' }
  augment: { crop: 4, flip: true }
  epochs: 20
  optimizer: { name: sgd, rate: 0.02, nesterov: true, weightDecay: 1e-4 }
  logits: { name: adam, rate: 0.005 }
  distillation: { temperature: 2, weight: 1 }
  search: { weightBits: [4, 2, 1], activationBits: 8, exclude: ['fc*'] }

Every option is in config.yaml in the folder of the searches, each of which has
a folder in it: w4a8, w2a8, w1a8. Ctrl-C writes a checkpoint before it stops.
After each epoch: validation with decided weights, then with soft ones.`;

export function addSearch(program: Command): void {
  const usage = 'search <model>';
  const target = addTrainingDataOptions(
    command(program, usage, 'search for weights of 1, 2 or 4 bits, from an ONNX file or as a YAML file says')
      .option('--bits <list>', 'bits of weights, a search for each (default: 1)', listOf(wholeFrom(1)))
      .option('--activations <n>', 'bits of activations (default: they stay float)', wholeFrom(1))
      .option('--epochs <n>', 'epochs of each search (default: 10)', wholeFrom(1)),
  )
    .addOption(deviceOption())
    .addOption(precisionOption())
    .option('--augment', 'images: cut a random window with a margin of 4 pixels, mirror half of them')
    .option('--batch-size <n>', 'samples a step (default: 128)', wholeFrom(1))
    .addOption(new Option('--preset <name>', 'options of the search as published').choices(Object.keys(slbPresets)))
    .addOption(new Option('--weights <type>', 'how model.onnx holds the weights (default: int8)').choices(weightStorages))
    .option('-o, --output <folder>', 'the folder of the searches (default: as the file says, or runs/NAME beside it)')
    .option('--resume', 'go on where the searches in the folder were stopped')
    .addHelpText('after', help);
  for (const name of ['data', 'output']) requires(target, name, () => isConfig(target.args[0]));
  runs<Options>(target, async ({ options, signal, progress }, path) => {
    const config = isConfig(path) ? await fromFile(path, options) : await fromOptions(path, options);
    const { resume, json } = options;
    const line = progress('searching');
    const print = (text: string) => {
      line.clear();
      if (!json) process.stdout.write(`${text}\n`);
    };
    let saved: string | undefined;
    try {
      const report = await searchModel(config, {
        ...{ resume, signal },
        onSearch: (plan) => print(planText(plan)),
        onFinished: (title) => print(`${title} is done already\n`),
        onResume: ({ epochs, steps }) => print(`going on after ${epochs} of ${config.epochs} epochs, ${whole(steps)} steps`),
        onProgress: (state) => line.show(progressText(state)),
        onEpoch: (epoch, search) => print(`${epochText(epoch, config.epochs)}\n${searchEpochText(search)}`),
        onEvaluate: (done, total) => line.show(`evaluating  ${done}/${total}`),
        onCheckpoint: (written) => {
          saved = written;
        },
      });
      return { data: { output: config.output, ...report }, text: text(report, config.output) };
    } catch (error) {
      line.clear();
      const stopped = error instanceof LowbitError && error.code === 'aborted' && saved !== undefined;
      if (stopped) process.stderr.write(`${howToResume(saved!, config.output)}\n`);
      throw error;
    }
  });
}

const isConfig = (path: string) => /\.ya?ml$/.test(path);

/** Options that a configuration leaves open. */
const besideFile = ['output', 'device', 'precision', 'resume', 'json'];

async function fromFile(path: string, options: Options): Promise<SearchConfig> {
  const other = Object.entries(options).find(([name]) => !besideFile.includes(name));
  if (other) fail({ code: 'option', where: 'search', option: other[0], came: other[1], expected: 'nothing', because: `${path} says it` });
  const config = await resolveSearchConfig(Buffer.from(readBytes(path)).toString(), path);
  const { output, device = config.device, precision = config.precision } = options;
  return { ...config, device, precision, ...(output !== undefined && { output: resolve(output) }) };
}

function fromOptions(path: string, options: Options): Promise<SearchConfig> {
  const { data, validation, limit, bits, activations, epochs, batchSize, augment, preset, weights, output, device, precision, ...rest } =
    options;
  const { resume: _resume, json: _json, ...pixels } = rest;
  const other = validation ?? (hasOtherSamples(data!) ? data : undefined);
  return searchConfigOf(
    {
      model: { name: 'onnx', path },
      data: { train: { source: data, limit }, validation: other, ...pixels },
      augment: augment ? { crop: 4, flip: true } : undefined,
      ...{ epochs, batchSize, weights, output, device, precision },
      search: { preset, weightBits: bits, activationBits: activations },
    },
    'search',
  );
}

const howToResume = (checkpoint: string, output: string) =>
  `wrote ${relative('', checkpoint)}, go on with: lowbit search ${relative('', runFolder(output).config)} --resume`;

function text(report: SearchesReport, output: string): string {
  const searched = report.results.flatMap(({ folder, warnings }) => (folder === null ? [] : [{ folder, warnings }]));
  const folders = searched.map(({ folder }) => runFolder(join(output, folder)));
  const files = folders.flatMap(({ onnx, page }): [string, string][] => [
    ['wrote', relative('', onnx)],
    ['curves', relative('', page)],
  ]);
  const warnings = new Set(searched.flatMap((search) => search.warnings));
  return [comparisonText(report), ...[...warnings].map(warningText), facts(files)].join('\n\n');
}
