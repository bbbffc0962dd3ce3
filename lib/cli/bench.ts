/** `lowbit bench MODEL` */
import { type Command, InvalidArgumentError } from 'commander';
import { writeAtomically } from '../file.js';
import { type BenchForm, benchForms } from '../recipes/benchForms.js';
import { benchModel } from '../recipes/benchModel.js';
import { benchPage } from './benchPage.js';
import { benchText, layerTables } from './benchText.js';
import { command, runs } from './command.js';
import { addSampleOptions, datasetOf, listOf, number, type SampleOptions, wholeFrom } from './options.js';
import { checkOutput } from './output.js';

interface Options extends SampleOptions {
  batch?: number[];
  threads?: number[];
  time?: number;
  forms?: BenchForm[];
  layers?: boolean;
  output?: string;
  html?: string;
}

const form = (text: string): BenchForm =>
  benchForms.find((name) => name === text.toLowerCase()) ??
  (() => {
    throw new InvalidArgumentError(`Expected some of ${benchForms.join(', ')}.`);
  })();

export function addBench(program: Command): void {
  const target = command(program, 'bench <model>', 'time a model on real numbers, on integers and with fewer bits, side by side')
    .option('--batch <list>', 'samples a run (default: 1)', listOf(wholeFrom(1)))
    .option('--threads <list>', 'thread counts (default: one and all)', listOf(wholeFrom(1)))
    .option('--time <seconds>', 'time for each batch size and thread count (default: 2)', number)
    .option('--forms <list>', `some of ${benchForms.join(', ')} (default: all that there are)`, listOf(form))
    .option('--layers', 'the time of each layer, too')
    .option('-o, --output <file>', 'write all figures as JSON')
    .option('--html <file>', 'write them as a page with the layers as bars');
  addSampleOptions(target).addHelpText('after', '\nWithout --data it runs, and calibrates a float model, on random numbers.');
  runs<Options>(target, async ({ options, signal, progress }, model) => {
    const { batch, threads, time, forms, layers, output, html } = options;
    if (output !== undefined) checkOutput('bench', model, output);
    if (html !== undefined) checkOutput('bench', model, html, 'html');
    const dataset = options.data === undefined ? undefined : await datasetOf(options.data, options);
    const line = progress('timing');
    const limits = { batches: batch, threads, seconds: time, forms, dataset };
    const found = await benchModel(model, { ...limits, onProgress: line.update, signal });
    if (output !== undefined) writeAtomically(output, Buffer.from(`${JSON.stringify(found, null, 2)}\n`));
    if (html !== undefined) writeAtomically(html, Buffer.from(benchPage(found)));
    return { data: found, text: benchText(found, layers ? layerTables(found) : []) };
  });
}
