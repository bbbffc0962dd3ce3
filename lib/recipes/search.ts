/** Searches for low-bit weights, one for each number of bits, from their configuration to their folder. */

import { checkDevice, checkPrecision } from '../cuda.js';
import type { Dataset } from '../data/dataset.js';
import { checkOptions, fail } from '../error.js';
import { toOnnx } from '../onnx/exportOnnx.js';
import { prepareToQuantize } from '../passes/prepareToQuantize.js';
import { type Deployed, measured, type TableRow } from './deployed.js';
import { machine, runWatchers, versions, withThreads, writeJson } from './runParts.js';
import type { SearchConfig } from './searchConfig.js';
import { makeSearchFolder, searchFolder } from './searchFolder.js';
import { type SearchReport, samplesOf } from './searchReports.js';
import { accuracyOf, finishedSearch, runSearch, type Searched, type SearchJob, type SearchWatchers } from './searchRun.js';
import { modelOf, openSamples } from './trainParts.js';

export interface SearchOptions extends SearchWatchers {
  /** Go on: searches that are done stay as they are, the one that was stopped goes on from its newest checkpoint. */
  resume?: boolean;
  signal?: AbortSignal;
}

/** What report.json says of all searches; each has one of its own beside its models. */
export interface SearchesReport {
  versions: SearchReport['versions'];
  model: SearchReport['model'];
  samples: SearchReport['samples'];
  /** The configuration with every default. */
  options: SearchReport['options'];
  /** "fp32", then the searches in the order of the list; bytes of the files with packed weights. */
  results: {
    name: string;
    /** Its folder in that of all; null for fp32. */
    folder: string | null;
    accuracy: number | null;
    /** Of the network as it was trained, before it was converted. */
    trainedAccuracy: number | null;
    bytes: number;
    warnings: string[];
  }[];
  /** Of this machine: one sample, in milliseconds, in the same order. */
  times: { processor: string; threads: number; latency: (TableRow['latency'] & { name: string })[] };
}

/**
 * Searches for the weights of a network with each number of bits of `search.weightBits`, and writes the folder of all (`config.output`):
 * config.yaml, a folder for each search (`runSearch`) and, when all are done, report.json.
 * @param config of `resolveSearchConfig`
 * @throws LowbitError 'file' where the folder cannot be written or holds another run, 'option' where it was begun with other options,
 *   'aborted' when the signal has fired (a checkpoint is written before), otherwise as `openDataset`, `importOnnx`, `fit` and `slb`
 */
export async function searchModel(config: SearchConfig, options: SearchOptions = {}): Promise<SearchesReport> {
  checkOptions('searchModel', options, ['resume', 'signal', 'onSearch', 'onFinished', 'onEvaluate', ...runWatchers]);
  checkDevice('search', config.device);
  checkPrecision('search', config.precision, config.device);
  const { train: samples, validation } = await openSamples(config.data);
  checkDelay(config, samples);
  const model = modelOf(config, samples);
  const folder = await makeSearchFolder(config, options.resume ?? false);
  samples.tokenizer?.save(folder.tokenizer);
  try {
    return await withThreads(config.threads, async () => {
      const job: SearchJob = { ...options, config, yaml: folder.yaml, samples, validation, model, before: [] };
      const float = await floatNetwork(job);
      const done: Searched[] = [];
      for (const bits of config.search.weightBits) {
        const earlier = finishedSearch(job, bits);
        if (earlier) options.onFinished?.(earlier.name);
        done.push(earlier ?? (await runSearch({ ...job, before: [float, ...done] }, bits)));
      }
      const table = done.at(-1)!.table ?? (await measured([float, ...done], validation ?? samples, options.signal));
      const report = reportOf(job, table, done);
      writeJson(folder.report, report);
      return report;
    });
  } finally {
    for (const tensor of model.graph.constants.values()) tensor.dispose();
  }
}

/** Ranges of activations are used once they have seen enough batches; a search that is too short would end without any. */
function checkDelay({ search, epochs, batchSize, accumulate }: SearchConfig, samples: Dataset): void {
  const { delay } = search.activation;
  const batches = epochs * Math.floor(samples.length / batchSize) * accumulate;
  if (search.activationBits === null || delay <= batches) return;
  const expected = `at most ${batches}`;
  fail({ code: 'option', where: 'search', option: 'activation.delay', came: delay, expected, because: 'the search has that many batches' });
}

/** The network without low-bit weights, as it runs: with its normalizations folded. What starts from nothing has no accuracy. */
async function floatNetwork(job: SearchJob): Promise<Deployed> {
  const { config, model } = job;
  const graph = prepareToQuantize(model.graph);
  const accuracy = config.model.name === 'onnx' ? await accuracyOf(graph, job) : null;
  return { name: 'fp32', graph, accuracy, bytes: toOnnx(graph).length };
}

function reportOf(job: SearchJob, table: readonly TableRow[], done: readonly Searched[]): SearchesReport {
  const { report } = done[0];
  const [float, ...rows] = table;
  const { output, ...options } = job.config;
  return {
    ...{ versions: versions(), model: report.model, samples: samplesOf(job), options },
    results: [
      { name: float.name, folder: null, accuracy: float.accuracy, trainedAccuracy: null, bytes: float.bytes, warnings: [] },
      ...rows.map(({ name, accuracy, bytes }, i) => {
        const { results, warnings } = done[i].report;
        return { name, folder: searchFolder(output, name).name, accuracy, trainedAccuracy: results.after.trainedAccuracy, bytes, warnings };
      }),
    ],
    times: { ...machine(), latency: table.map(({ name, latency }) => ({ name, ...latency })) },
  };
}
