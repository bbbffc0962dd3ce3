/** What commands share that measure forms of one network: it is calibrated on some of the samples and judged by others. */
import type { Command } from 'commander';
import type { Dataset } from '../data/dataset.js';
import { importOnnx } from '../onnx/importOnnx.js';
import type { Batches } from '../quant/calibrate.js';
import { samplesFor } from '../recipes/auto/samples.js';
import { type CalibratedNetwork, calibrateNetwork } from '../recipes/calibrated.js';
import { Judge } from '../recipes/judge.js';
import { calibrationBatches } from '../recipes/prepare.js';
import type { Job } from './command.js';
import { type DataOptions, datasetOf, type SampleOptions, wholeFrom } from './options.js';
import { type SchemeOptions, schemeOf } from './quantizeScheme.js';

export interface JudgedOptions {
  evaluation?: string;
  evaluationSamples?: number;
}

export const addJudgedOptions = (target: Command): Command =>
  target
    .option('--evaluation <kind:path>', 'samples to judge by, all of them (default: those that calibration leaves out)')
    .option('--evaluation-samples <n>', 'judge by n of them at most (default: 1000)', wholeFrom(1));

/** The samples to judge by that were given; which part of `--data` is taken does not matter there. */
export function evaluationOf(options: JudgedOptions & SampleOptions): Promise<Dataset> | undefined {
  const { evaluation } = options;
  return evaluation === undefined ? undefined : datasetOf(evaluation, { ...options, skip: undefined, limit: undefined });
}

export interface Judged {
  network: CalibratedNetwork;
  judge: Judge;
  batches: Batches;
  /** Samples it was calibrated on, and whether it is judged by others. */
  calibration: number;
  heldOut: boolean;
}

type Options = DataOptions & SchemeOptions & JudgedOptions & { data: string; calibration: number };

/** Reads the model and the samples, calibrates, and runs the float network. */
export async function calibratedAndJudged({ options, signal, progress }: Job<Options>, model: string): Promise<Judged> {
  const { data, calibration, evaluationSamples: samples, batch } = options;
  const graph = importOnnx(model);
  const dataset = await datasetOf(data, options);
  const chosen = samplesFor(dataset, {
    ...{ calibration, samples },
    evaluation: await evaluationOf(options),
  });
  const line = progress('starting');
  let judging = true;
  const judge = await Judge.of(graph, chosen.judged, {
    batch,
    onProgress: (done, total) => judging && line.show(`judging  ${done}/${total}`),
    signal,
  });
  judging = false;
  const batches = calibrationBatches(graph, dataset, chosen.calibration, batch ?? 32, signal);
  const network = await calibrateNetwork(graph, batches, {
    ...schemeOf(options),
    onProgress: (done, step, of = chosen.calibration) => line.show(`${step}  ${done}/${of}`),
    signal,
  });
  line.clear();
  return { network, judge, batches, calibration: chosen.calibration, heldOut: chosen.heldOut };
}
