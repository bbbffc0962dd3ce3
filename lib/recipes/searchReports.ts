/** What a search leaves to read: its report, its page, its columns in the log. */
import type { Dataset } from '../data/dataset.js';
import type { ExportReport } from '../onnx/exportOnnx.js';
import type { SlbEpoch } from '../quant/slb/callback.js';
import type { Converted, ConvertedLayer } from '../quant/slb/convert.js';
import { valuesOf } from '../quant/slb/grid.js';
import type { SearchedModel, Slb } from '../quant/slb/slb.js';
import { overall } from '../quant/slb/watch.js';
import { searchReport } from '../report/searchReport.js';
import { sizeOf } from '../shape.js';
import type { EpochReport, TrainingRun } from '../train/callback.js';
import { bytesByKind } from './codedWeights.js';
import type { Deployed, Latency, TableRow } from './deployed.js';
import { describeModel, epochsOf, machine, versions } from './runParts.js';
import type { SearchConfig } from './searchConfig.js';
import type { SearchJob } from './searchRun.js';

/** A search under way. */
export interface Search {
  job: SearchJob;
  /** "W4 A8". */
  title: string;
  algorithm: Slb;
  model: SearchedModel;
  /** Those that are done. */
  epochs: readonly SlbEpoch[];
}

/** A network before or after. */
interface Measured {
  accuracy: number | null;
  /** Of its file; of the converted network with packed weights. */
  bytes: number;
  /** Of its constants: "1-bit", "int8", "float32". */
  bytesByKind: Record<string, number>;
}

interface SampleSet {
  description: string;
  count: number;
}

/** What report.json of one search says. */
export interface SearchReport {
  versions: { lowbit: string; node: string };
  model: { name: string; parameters: number };
  /** Bits of weights and activations: "W4 A8". */
  title: string;
  samples: { train: SampleSet; validation: SampleSet | null };
  /** The configuration with every default. */
  options: Omit<SearchConfig, 'output'>;
  /** Layers on packed codes. */
  layers: ConvertedLayer[];
  /** Layers that stay float, and why. */
  float: Converted['float'];
  warnings: string[];
  /** The same on every machine. */
  results: {
    epochs: (Omit<EpochReport, 'seconds' | 'samplesPerSecond'> & { search: Omit<SlbEpoch, 'epoch'> })[];
    steps: number;
    /** Why the run ended before its last epoch. */
    stopped: string | null;
    before: Measured;
    after: Measured & {
      /** Accuracy of the network that was trained: decided weights in floating point. */
      trainedAccuracy: number | null;
      /** The low-bit weights of model.onnx. */
      weights: ExportReport['weights'];
    };
  };
  /** Of this machine. */
  times: {
    processor: string;
    threads: number;
    seconds: number;
    epochs: Pick<EpochReport, 'epoch' | 'seconds' | 'samplesPerSecond'>[];
    /** Of one sample, milliseconds. */
    latency: { before: Latency; after: Latency };
  };
}

/** What has become of a search. */
interface Outcome {
  converted: Converted;
  weights: ExportReport['weights'];
  deployed: Deployed;
  table: readonly TableRow[];
}

type RunState = Pick<TrainingRun, 'history' | 'stopped'>;

export function reportOf(
  search: Search,
  run: RunState & { steps: number },
  { converted, weights, deployed, table }: Outcome,
): SearchReport {
  const { job, title, model, epochs } = search;
  const { output: _folder, ...options } = job.config;
  const [float] = job.before;
  const { results, seconds, times } = epochsOf(run.history);
  const validated = run.history.at(-1)?.validation?.accuracy;
  return {
    versions: versions(),
    model: describeModel(job.model),
    title,
    samples: samplesOf(job),
    options,
    layers: converted.layers,
    float: withReasons(converted.float, model),
    warnings: [...model.slb.warnings, ...exportWarnings(weights)],
    results: {
      epochs: results.map((epoch, i) => ({ ...epoch, search: withoutNumber(epochs[i]) })),
      steps: run.steps,
      stopped: run.stopped ?? null,
      before: measuredOf(float),
      after: { ...measuredOf(deployed), trainedAccuracy: validated ?? null, weights },
    },
    times: {
      ...machine(search.job.config.device),
      seconds,
      epochs: times,
      latency: { before: table[0].latency, after: table.at(-1)!.latency },
    },
  };
}

export const samplesOf = ({ samples, validation }: SearchJob): SearchReport['samples'] => ({
  train: sampleSet(samples),
  validation: validation ? sampleSet(validation) : null,
});

const sampleSet = ({ description, length }: Dataset): SampleSet => ({ description, count: length });

const measuredOf = ({ graph, accuracy, bytes }: Deployed): Measured => ({ accuracy, bytes, bytesByKind: bytesByKind(graph) });

const withoutNumber = ({ epoch: _epoch, ...rest }: SlbEpoch) => rest;

/** The layers that stay float, with the reasons that the search had. */
function withReasons(float: Converted['float'], { slb }: SearchedModel): Converted['float'] {
  const reasons = new Map(slb.float.map(({ name, reason }) => [name, reason]));
  return float.map((layer) => ({ ...layer, reason: reasons.get(layer.name) ?? layer.reason }));
}

/** One line for each reason why weights of model.onnx are not as they were asked for. */
function exportWarnings(weights: ExportReport['weights']): string[] {
  const reasons = new Set(weights.flatMap(({ reason }) => reason ?? []));
  return [...reasons].map((reason) => {
    const layers = weights.filter((weight) => weight.reason === reason);
    return `${layers.length} ${layers.length === 1 ? 'weight is' : 'weights are'} ${layers[0].type} in model.onnx: ${reason}`;
  });
}

/** The page of a search, under way or, with its report, done. */
export function pageOf(
  search: Search,
  { history, stopped }: RunState,
  done?: { table: readonly TableRow[]; report: SearchReport },
): string {
  const { job, title, algorithm, model, epochs } = search;
  const { weightBits, activationBits, grid } = algorithm.settings;
  const { layers, float, warnings } = done?.report ?? { ...model.slb, layers: layersOf(model) };
  return searchReport({
    ...{ versions: versions(), ...machine(job.config.device), model: describeModel(job.model), title, weightBits, activationBits },
    samples: { train: job.samples.length, validation: job.validation?.length ?? 0 },
    values: valuesOf(weightBits, grid),
    ...{ epochs: job.config.epochs, history, search: epochs, stopped: stopped ?? null },
    ...{ layers, float, warnings, config: job.yaml, algorithm: String(algorithm) },
    // What has no accuracy has nothing to be compared with.
    table: done?.table.flatMap(({ accuracy, ...row }) => (accuracy === null ? [] : [{ ...row, accuracy }])),
  });
}

function layersOf({ slb }: SearchedModel): { name: string; op: string; weights: number; floatBytes: number }[] {
  return slb.layers.map(({ name, op, shape }) => ({ name, op, weights: sizeOf(shape), floatBytes: 4 * sizeOf(shape) }));
}

/** What the log says of an epoch beside the numbers of training. */
export function columnsOf({ epoch, soft, temperature, mode, layers }: SlbEpoch): Record<string, number | string | undefined> {
  const { confidence, flipRate } = overall(layers);
  // In the first epoch there is nothing to compare with.
  const flips = epoch > 1 ? flipRate : undefined;
  return { 'soft loss': soft?.loss, 'soft accuracy': soft?.accuracy, temperature, mode, confidence, 'flip rate': flips };
}
