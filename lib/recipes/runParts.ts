/** What a run of training and a run of a search have in common, beside what their configurations speak of. */
import { cpus } from 'node:os';
import { cudaCard } from '../cuda.js';
import { writeAtomically } from '../file.js';
import { version } from '../onnx/exportOnnx.js';
import { threads } from '../op.js';
import type { Device } from '../shape.js';
import type { Callback, EpochReport, TrainingRun } from '../train/callback.js';
import { checkpoints } from '../train/callbacks/checkpoints.js';
import { progress, type TrainingProgress } from '../train/callbacks/progress.js';
import type { FitOptions } from '../train/fit.js';
import type { Trainable } from '../train/trainable.js';
import type { RunFolder } from './runFolder.js';
import type { TrainConfig } from './trainConfig.js';
import { augmentationOf, scheduleOf } from './trainParts.js';

/** Who is told how a run goes. */
export interface RunWatchers {
  /** Sees where a run that is resumed goes on: the epochs and steps that are done. */
  onResume?: (done: { epochs: number; steps: number }) => void;
  onProgress?: (progress: TrainingProgress) => void;
  onEpoch?: (report: EpochReport) => void;
  /** Sees the path of every checkpoint. */
  onCheckpoint?: (path: string) => void;
}

export const runWatchers = ['onResume', 'onProgress', 'onEpoch', 'onCheckpoint'] as const;

/** What of the options of `fit` is said as it is. */
export function fitOptionsOf(config: Omit<TrainConfig, 'optimizer' | 'output'>): FitOptions {
  const { epochs, batchSize, accumulate, device, precision, seed, clipNorm, statisticsMomentum } = config;
  return {
    ...{ epochs, batchSize, accumulate, device, precision, seed, clipNorm: clipNorm ?? undefined, momentum: statisticsMomentum },
    schedule: scheduleOf(config.schedule),
    augment: augmentationOf(config.augment),
  };
}

/** Writes checkpoints into the folder of the run, and tells how it goes. */
export function watched({ checkpoint }: Pick<TrainConfig, 'checkpoint'>, folder: RunFolder, watchers: RunWatchers): Callback[] {
  const { onResume, onProgress, onEpoch, onCheckpoint } = watchers;
  const { every, keep } = checkpoint;
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
  return [saved, seen, ...(onProgress ? [progress(onProgress)] : [])];
}

/** Keeps the page of a run up to date. */
export function reportPage(path: string, html: (run: TrainingRun) => string): Callback {
  const write = (run: TrainingRun) => {
    if (run.history.length) writeAtomically(path, Buffer.from(html(run)));
  };
  return { name: 'reportPage', onEpochEnd: write, onEnd: write };
}

/** Does something with so many threads; null for as many as there are. */
export async function withThreads<T>(count: number | null, body: () => Promise<T>): Promise<T> {
  const before = threads();
  if (count !== null) threads(count);
  try {
    return await body();
  } finally {
    threads(before);
  }
}

export const versions = () => ({ lowbit: version(), node: process.version });

/** What times were measured on. */
export function machine(device: Device = 'cpu'): { processor: string; threads: number } {
  const card = device === 'cuda' ? cudaCard() : undefined;
  const processors = [cpus()[0]?.model ?? 'unknown', ...(card && 'name' in card ? [card.name] : [])];
  return { processor: processors.join(', '), threads: threads() };
}

export function describeModel({ graph, parameters }: Trainable): { name: string; parameters: number } {
  return { name: graph.name, parameters: [...parameters.values()].reduce((sum, { size }) => sum + size, 0) };
}

/** Epochs without their times, which differ from machine to machine, and the times alone. */
export function epochsOf(history: readonly EpochReport[]) {
  return {
    results: history.map(({ seconds: _seconds, samplesPerSecond: _speed, ...results }) => results),
    seconds: history.reduce((sum, { seconds }) => sum + seconds, 0),
    times: history.map(({ epoch, seconds, samplesPerSecond }) => ({ epoch, seconds, samplesPerSecond })),
  };
}

export function writeJson(path: string, value: unknown): void {
  writeAtomically(path, Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`));
}
