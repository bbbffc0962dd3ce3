/** A training run, from its configuration to its folder. */
import { checkDevice, checkPrecision } from '../cuda.js';
import { checkOptions } from '../error.js';
import { writeAtomically } from '../file.js';
import { exportOnnx } from '../onnx/exportOnnx.js';
import { trainingReport } from '../report/trainingReport.js';
import { writeSafetensors } from '../safetensors.js';
import { type EpochReport, numberOf } from '../train/callback.js';
import { csvLog } from '../train/callbacks/csvLog.js';
import { type FitResult, fit } from '../train/fit.js';
import { checkpointsAt, makeRunFolder } from './runFolder.js';
import {
  describeModel,
  epochsOf,
  fitOptionsOf,
  machine,
  type RunWatchers,
  reportPage,
  runWatchers,
  versions,
  watched,
  withThreads,
  writeJson,
} from './runParts.js';
import { printConfig, type TrainConfig } from './trainConfig.js';
import { guardsOf, lossOf, modelOf, openSamples, optimizerOf } from './trainParts.js';

export interface TrainOptions extends RunWatchers {
  /** Go on from the newest checkpoint of the run, or of this folder: one of a run, of checkpoints, or a checkpoint. */
  resume?: boolean | string;
  signal?: AbortSignal;
}

/** What report.json says. */
export interface TrainReport {
  versions: { lowbit: string; node: string };
  model: { name: string; parameters: number };
  /** How many there were. */
  samples: { train: number; validation: number };
  /** The configuration with every default. */
  options: Omit<TrainConfig, 'output'>;
  /** The same on every machine. */
  results: {
    epochs: Omit<EpochReport, 'seconds' | 'samplesPerSecond'>[];
    /** The epoch with the best `metric`. */
    best: { epoch: number; metric: string; value: number };
    steps: number;
    /** Why the run ended before its last epoch. */
    stopped: string | null;
  };
  /** Of this machine. */
  times: { processor: string; threads: number; seconds: number; epochs: Pick<EpochReport, 'epoch' | 'seconds' | 'samplesPerSecond'>[] };
}

/**
 * Trains a model and writes the folder of the run (`config.output`): config.yaml, log.csv, checkpoints/, tokenizer.json for texts and the page
 * report.html, and when it is done model.onnx, model.safetensors and report.json.
 * @param config of `resolveConfig`
 * @throws LowbitError 'file' where the folder cannot be written or holds another run, 'aborted' when the signal has fired (a checkpoint is
 *   written before), otherwise as `openDataset`, `importOnnx` and `fit`
 */
export async function trainModel(config: TrainConfig, options: TrainOptions = {}): Promise<TrainReport> {
  checkOptions('trainModel', options, ['resume', 'signal', ...runWatchers]);
  const { resume = false, signal } = options;
  checkDevice('train', config.device);
  checkPrecision('train', config.precision, config.device);
  const { train: samples, validation } = await openSamples(config.data);
  const model = modelOf(config, samples);
  const folder = makeRunFolder(config.output, resume !== false);
  const yaml = await printConfig(config);
  writeAtomically(folder.config, Buffer.from(yaml));
  const counts = { train: samples.length, validation: validation?.length ?? 0 };
  samples.tokenizer?.save(folder.tokenizer);
  const page = reportPage(folder.page, ({ history, step: steps, stopped }) =>
    pageOf(reportOf(config, counts, { model, history, steps, stopped }), history, config.epochs, yaml),
  );
  try {
    return await withThreads(config.threads, async () => {
      const result = await fit(model, samples, {
        ...fitOptionsOf(config),
        loss: lossOf(config.loss),
        optimizer: optimizerOf(config.optimizer),
        validation,
        callbacks: [...guardsOf(config), csvLog(folder.log), ...watched(config, folder, options), page],
        resume: resume === false ? undefined : checkpointsAt(resume === true ? folder.path : resume),
        signal,
      });
      const report = reportOf(config, counts, result);
      writeSafetensors(folder.state, model.state());
      exportOnnx(model.graph, folder.onnx);
      writeJson(folder.report, report);
      return report;
    });
  } finally {
    for (const tensor of model.graph.constants.values()) tensor.dispose();
  }
}

function pageOf({ results, times, ...report }: TrainReport, history: readonly EpochReport[], epochs: number, config: string): string {
  const { best, stopped } = results;
  const { processor, threads } = times;
  return trainingReport({ ...report, epochs, history, best, stopped, processor, threads, config });
}

function reportOf(config: TrainConfig, samples: TrainReport['samples'], { model, history, steps, stopped }: FitResult): TrainReport {
  const { output: _folder, ...options } = config;
  const epochs = epochsOf(history);
  return {
    versions: versions(),
    model: describeModel(model),
    samples,
    options,
    results: { epochs: epochs.results, best: bestOf(config, history), steps, stopped: stopped ?? null },
    times: { ...machine(config.device), seconds: epochs.seconds, epochs: epochs.times },
  };
}

/** The best epoch by what early stopping watches, otherwise by accuracy. */
function bestOf({ earlyStop, data }: TrainConfig, history: readonly EpochReport[]): TrainReport['results']['best'] {
  const metric = earlyStop?.metric ?? (data.validation ? 'validation accuracy' : 'accuracy');
  const sign = (earlyStop?.higherIsBetter ?? !metric.endsWith('loss')) ? 1 : -1;
  const values = history.map((report) => ({ epoch: report.epoch, metric, value: numberOf(report, metric)! }));
  return values.reduce((best, other) => (sign * other.value > sign * best.value ? other : best));
}
