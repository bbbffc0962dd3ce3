/** One search of a list: from the float network to files that run on packed codes. */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import type { Dataset } from '../data/dataset.js';
import { fail } from '../error.js';
import { readBytes, writeAtomically } from '../file.js';
import { exportOnnx } from '../onnx/exportOnnx.js';
import { importOnnx } from '../onnx/importOnnx.js';
import type { SlbEpoch } from '../quant/slb/callback.js';
import type { WeightBits } from '../quant/slb/grid.js';
import { type SearchedModel, slb } from '../quant/slb/slb.js';
import { writeSafetensors } from '../safetensors.js';
import type { EpochReport } from '../train/callback.js';
import { csvLog } from '../train/callbacks/csvLog.js';
import { latestCheckpoint } from '../train/checkpoint.js';
import { distillation } from '../train/distillation.js';
import { fit } from '../train/fit.js';
import type { Loss } from '../train/losses.js';
import { mixed } from '../train/optim/mixed.js';
import type { Optimizer } from '../train/optim/optimizer.js';
import type { Trainable } from '../train/trainable.js';
import { type Deployed, measured, type TableRow } from './deployed.js';
import { evaluate } from './evaluate.js';
import { fitOptionsOf, type RunWatchers, reportPage, watched, writeJson } from './runParts.js';
import { type SearchConfig, slbOptionsOf } from './searchConfig.js';
import { layersOf, type NetworkLayer } from './searchedNetwork.js';
import { searchFolder, titleOf } from './searchFolder.js';
import { columnsOf, pageOf, reportOf, type Search, type SearchReport } from './searchReports.js';
import { guardsOf, lossOf, optimizerOf } from './trainParts.js';

/** What is about to be searched. */
export interface SearchPlan {
  /** Of the network. */
  model: string;
  title: string;
  /** The algorithm with all options. */
  algorithm: string;
  layers: NetworkLayer[];
  /** How many activations have codes, and of how many bits. */
  activations: { count: number; bits: number } | null;
  warnings: readonly string[];
}

/** Who is told how searches go. */
export interface SearchWatchers extends Omit<RunWatchers, 'onEpoch'> {
  onSearch?: (plan: SearchPlan) => void;
  /** Sees the title of a search that an earlier run has done. */
  onFinished?: (title: string) => void;
  onEpoch?: (report: EpochReport, search: SlbEpoch) => void;
  /** Sees how far an evaluation is. */
  onEvaluate?: (done: number, total: number) => void;
}

/** What all searches of a list share. */
export interface SearchJob extends SearchWatchers {
  config: SearchConfig;
  /** The configuration as it lies in the folder. */
  yaml: string;
  samples: Dataset;
  validation: Dataset | undefined;
  /** The network before any search. */
  model: Trainable;
  /** That one as it runs here, and the searches done so far. */
  before: readonly Deployed[];
  signal?: AbortSignal;
}

/** A search that is done. */
export interface Searched extends Deployed {
  report: SearchReport;
  /** It and what was done before it, where that was measured just now. */
  table?: TableRow[];
}

/** The search as an earlier run has left it; undefined where it is not done. */
export function finishedSearch({ config }: SearchJob, weightBits: WeightBits): Searched | undefined {
  const folder = searchFolder(config.output, titleOf(weightBits, config.search.activationBits));
  if (!existsSync(folder.report)) return undefined;
  const report = readReport(folder.report);
  const { accuracy, bytes } = report.results.after;
  return { name: report.title, graph: importOnnx(folder.packed), accuracy, bytes, report };
}

function readReport(path: string): SearchReport {
  const text = Buffer.from(readBytes(path)).toString();
  try {
    return JSON.parse(text);
  } catch {
    return fail({
      code: 'format',
      format: 'report',
      path,
      problem: 'it is not JSON',
      todo: 'Delete it to search again from the last checkpoint.',
    });
  }
}

/**
 * Searches, from its newest checkpoint if it has one, converts what was found and writes the folder of the search: log.csv, checkpoints/,
 * model.safetensors, model.onnx, packed.onnx, report.html and, when all else is there, report.json.
 * @throws LowbitError as `fit`, `Slb.apply`, `Slb.convert` and `exportOnnx`
 */
export async function runSearch(job: SearchJob, weightBits: WeightBits): Promise<Searched> {
  const { config, samples, validation, before, signal } = job;
  const title = titleOf(weightBits, config.search.activationBits);
  const folder = searchFolder(config.output, title);
  mkdirSync(folder.checkpoints, { recursive: true });
  const algorithm = slb(slbOptionsOf(config, weightBits));
  const model = algorithm.apply(job.model);
  const run = { ...fitOptionsOf(config), loss: lossFor(job), validation };
  const [watch] = algorithm.callbacks(model, samples, { validation });
  const search: Search = { job, title, algorithm, model, epochs: watch.history };
  job.onSearch?.(planOf(search));
  const onEpoch = (report: EpochReport) => job.onEpoch?.(report, watch.history[report.epoch - 1]);
  try {
    const result = await fit(model, samples, {
      ...run,
      optimizer: optimizerFor(config, model),
      callbacks: [
        watch,
        ...guardsOf(config),
        csvLog(folder.log, ({ epoch }) => columnsOf(watch.history[epoch - 1])),
        ...watched(config, folder, { ...job, onEpoch }),
        reportPage(folder.page, (state) => pageOf(search, state)),
      ],
      resume: latestCheckpoint(folder.checkpoints) && folder.checkpoints,
      signal,
    });
    const converted = algorithm.convert(model);
    writeSafetensors(folder.state, model.state());
    const { weights } = exportOnnx(converted.graph, folder.onnx, { weights: config.weights });
    exportOnnx(converted.graph, folder.packed, { weights: 'packed' });
    const graph = importOnnx(folder.packed);
    const deployed = { name: title, graph, accuracy: await accuracyOf(graph, job), bytes: statSync(folder.packed).size };
    const table = await measured([...before, deployed], validation ?? samples, signal);
    const report = reportOf(search, result, { converted, weights, deployed, table });
    writeAtomically(folder.page, Buffer.from(pageOf(search, result, { table, report })));
    writeJson(folder.report, report);
    return { ...deployed, report, table };
  } finally {
    for (const tensor of model.state().values()) tensor.dispose();
    for (const { weight } of model.searched) weight.dispose();
  }
}

/** The share of right answers as a network runs here; null without samples to ask. */
export async function accuracyOf(graph: Deployed['graph'], { validation, config, onEvaluate, signal }: SearchJob): Promise<number | null> {
  if (!validation) return null;
  const { top1 } = await evaluate(graph, validation, { batch: config.batchSize, onProgress: onEvaluate, signal });
  return top1;
}

function planOf({ title, algorithm, model }: Search): SearchPlan {
  const { activations, warnings } = model.slb;
  const { weightBits, activationBits: bits } = algorithm.settings;
  return {
    ...{ model: model.graph.name, title, algorithm: String(algorithm), warnings },
    layers: layersOf(model, weightBits),
    activations: bits === null ? null : { count: activations.length, bits },
  };
}

/** The float network teaches, if it is asked to. */
function lossFor({ config, model }: SearchJob): Loss {
  const loss = lossOf(config.loss);
  return config.distillation ? distillation(model.graph, { ...config.distillation, loss }) : loss;
}

function optimizerFor({ logits, optimizer }: SearchConfig, { slb: { layers } }: SearchedModel): Optimizer {
  return mixed([{ parameters: layers.map((layer) => layer.logits), optimizer: optimizerOf(logits) }], optimizerOf(optimizer));
}
