/** A training run, from its configuration to its folder. */
import { cpus } from 'node:os';
import { checkOptions } from '../error.js';
import { writeAtomically } from '../file.js';
import { exportOnnx, version } from '../onnx/exportOnnx.js';
import { threads } from '../op.js';
import { trainingReport } from '../report/trainingReport.js';
import { writeSafetensors } from '../safetensors.js';
import { type Callback, type EpochReport, numberOf, type TrainingRun } from '../train/callback.js';
import { checkpoints } from '../train/callbacks/checkpoints.js';
import { csvLog } from '../train/callbacks/csvLog.js';
import { progress, type TrainingProgress } from '../train/callbacks/progress.js';
import { type FitResult, fit } from '../train/fit.js';
import { checkpointsAt, makeRunFolder, type RunFolder } from './runFolder.js';
import { printConfig, type TrainConfig } from './trainConfig.js';
import { augmentationOf, guardsOf, lossOf, modelOf, openSamples, optimizerOf, scheduleOf } from './trainParts.js';

export interface TrainOptions {
  /** Go on from the newest checkpoint of the run, or of this folder: one of a run, of checkpoints, or a checkpoint. */
  resume?: boolean | string;
  /** Sees where a run that is resumed goes on: the epochs and steps that are done. */
  onResume?: (done: { epochs: number; steps: number }) => void;
  onProgress?: (progress: TrainingProgress) => void;
  onEpoch?: (report: EpochReport) => void;
  /** Sees the path of every checkpoint. */
  onCheckpoint?: (path: string) => void;
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
  checkOptions('trainModel', options, ['resume', 'onResume', 'onProgress', 'onEpoch', 'onCheckpoint', 'signal']);
  const { resume = false, signal } = options;
  const { epochs, batchSize, accumulate, seed, clipNorm, statisticsMomentum } = config;
  const { train: samples, validation } = await openSamples(config.data);
  const model = modelOf(config, samples);
  const folder = makeRunFolder(config.output, resume !== false);
  const yaml = await printConfig(config);
  writeAtomically(folder.config, Buffer.from(yaml));
  const counts = { train: samples.length, validation: validation?.length ?? 0 };
  samples.tokenizer?.save(folder.tokenizer);
  const before = threads();
  if (config.threads !== null) threads(config.threads);
  try {
    const result = await fit(model, samples, {
      ...{ epochs, batchSize, accumulate, seed, clipNorm: clipNorm ?? undefined, momentum: statisticsMomentum },
      loss: lossOf(config.loss),
      optimizer: optimizerOf(config.optimizer),
      schedule: scheduleOf(config.schedule),
      augment: augmentationOf(config.augment),
      validation,
      callbacks: [...callbacksFor(config, folder, options), reportPage(folder.page, config, counts, yaml)],
      resume: resume === false ? undefined : checkpointsAt(resume === true ? folder.path : resume),
      signal,
    });
    const report = reportOf(config, counts, result);
    writeSafetensors(folder.state, model.state());
    exportOnnx(model.graph, folder.onnx);
    writeAtomically(folder.report, Buffer.from(`${JSON.stringify(report, undefined, 2)}\n`));
    return report;
  } finally {
    threads(before);
    for (const tensor of model.graph.constants.values()) tensor.dispose();
  }
}

function callbacksFor(config: TrainConfig, folder: RunFolder, { onResume, onProgress, onEpoch, onCheckpoint }: TrainOptions): Callback[] {
  const { every, keep } = config.checkpoint;
  const saved = checkpoints(folder.checkpoints, {
    everyEpochs: every.epochs ?? 0,
    everySteps: every.steps ?? 0,
    keep,
    onWritten: onCheckpoint,
  });
  const seen: Callback = {
    name: 'seen',
    onStart: ({ step, history }) => void (step && onResume?.({ epochs: history.length, steps: step })),
    onEpochEnd: (_run, report) => onEpoch?.(report),
  };
  return [...guardsOf(config), csvLog(folder.log), saved, seen, ...(onProgress ? [progress(onProgress)] : [])];
}

/** Keeps the page of the run up to date. */
function reportPage(path: string, config: TrainConfig, samples: TrainReport['samples'], yaml: string): Callback {
  const write = ({ model, history, step: steps, stopped }: TrainingRun) => {
    if (!history.length) return;
    const { results, times, ...report } = reportOf(config, samples, { model, history, steps, stopped });
    const { epochs } = config;
    const { best, stopped: why } = results;
    const { processor, threads: count } = times;
    const html = trainingReport({ ...report, epochs, history, best, stopped: why, processor, threads: count, config: yaml });
    writeAtomically(path, Buffer.from(html));
  };
  return { name: 'reportPage', onEpochEnd: write, onEnd: write };
}

function reportOf(config: TrainConfig, samples: TrainReport['samples'], { model, history, steps, stopped }: FitResult): TrainReport {
  const { output: _folder, ...options } = config;
  const sizes = [...model.parameters.values()].map(({ size }) => size);
  return {
    versions: { lowbit: version(), node: process.version },
    model: { name: model.graph.name, parameters: sizes.reduce((sum, size) => sum + size, 0) },
    samples,
    options,
    results: {
      epochs: history.map(({ seconds: _seconds, samplesPerSecond: _speed, ...results }) => results),
      best: bestOf(config, history),
      steps,
      stopped: stopped ?? null,
    },
    times: {
      processor: cpus()[0]?.model ?? 'unknown',
      threads: threads(),
      seconds: history.reduce((sum, { seconds }) => sum + seconds, 0),
      epochs: history.map(({ epoch, seconds, samplesPerSecond }) => ({ epoch, seconds, samplesPerSecond })),
    },
  };
}

/** The best epoch by what early stopping watches, otherwise by accuracy. */
function bestOf({ earlyStop, data }: TrainConfig, history: readonly EpochReport[]): TrainReport['results']['best'] {
  const metric = earlyStop?.metric ?? (data.validation ? 'validation accuracy' : 'accuracy');
  const sign = (earlyStop?.higherIsBetter ?? !metric.endsWith('loss')) ? 1 : -1;
  const values = history.map((report) => ({ epoch: report.epoch, metric, value: numberOf(report, metric)! }));
  return values.reduce((best, other) => (sign * other.value > sign * best.value ? other : best));
}
