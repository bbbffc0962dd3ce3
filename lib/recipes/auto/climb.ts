/** The climb: rung after rung, each judged, the better of two kept, those that are done read from the folder. */
import { join } from 'node:path';
import type { Dataset } from '../../data/dataset.js';
import { LowbitError } from '../../error.js';
import type { Graph } from '../../graph/graph.js';
import { print } from '../../graph/print.js';
import { toOnnx, version } from '../../onnx/exportOnnx.js';
import { fingerprint } from '../../quant/adaround/folder.js';
import type { Batches } from '../../quant/calibrate.js';
import type { LadderRecord, RungRecord } from '../../report/quantizationRecord.js';
import { type CalibratedNetwork, calibrateNetwork } from '../calibrated.js';
import { weightStorageOf } from '../codedWeights.js';
import type { Judge, Score } from '../judge.js';
import { Measurements } from '../measurements.js';
import { partialQuantization } from '../partial.js';
import { calibrationBatches } from '../prepare.js';
import { type Quantized, quantizeCalibrated } from '../quantize.js';
import type { QuantizeOptions } from '../quantizeOptions.js';
import { sensitivity } from '../sensitivity.js';
import type { AutoOptions, AutoQuantized } from './options.js';
import { counted, type Rung, rungs } from './rungs.js';
import type { Samples } from './samples.js';
import { isBetter, isMet, type Target, targetOf } from './target.js';

/** A network, and what it was made from. */
interface Made {
  network: CalibratedNetwork;
  quantized: Quantized;
}

/** Where the climb stands: the options that were the best, and their score. */
interface Best {
  options: QuantizeOptions;
  score: Score;
  /** Missing where it was made in an earlier run. */
  made?: Made;
}

/** A rung that is done. */
interface Done {
  record: RungRecord;
  /** Of its network; missing where there was nothing to do. */
  score?: Score;
}

/** Samples that roundings and corrections of biases see at most. */
const enoughForLayers = 128;

export class Climb {
  readonly #target: Target;
  readonly #base: QuantizeOptions;
  readonly #batches: Batches;
  /** What single layers are fitted to: roundings run these samples once for each layer. */
  readonly #few: Batches;
  readonly #file: Measurements<Done>;
  readonly #done: RungRecord[] = [];

  constructor(
    readonly graph: Graph,
    readonly dataset: Dataset,
    readonly judge: Judge,
    readonly samples: Samples,
    readonly options: AutoOptions,
  ) {
    const { batch = 32, folder, quantize: { adaround, ...quantize } = {}, onProgress, signal } = options;
    this.#target = targetOf(options, judge.countsAnswers);
    const calibrating = dataset.spread(samples.calibration);
    const batchesOf = (count: number) => calibrationBatches(graph, calibrating, Math.min(count, calibrating.length), batch, signal);
    this.#batches = batchesOf(samples.calibration);
    this.#few = batchesOf(enoughForLayers);
    this.#file = Measurements.open(folder, 'ladder.json', this.print());
    this.#base = {
      ...quantize,
      ...(quantize.rounding === 'adaround' && { adaround }),
      onProgress: (done, step, of = samples.calibration) => onProgress?.(step, done, of),
      onRounding: ({ layer, layers, name }) => onProgress?.(`rounding ${name}`, layer, layers),
      signal,
    };
  }

  async climb(): Promise<AutoQuantized> {
    const start = this.start();
    this.options.onStart?.(start);
    const [first, ...others] = rungs;
    let best = await this.step(first);
    for (const rung of others) if (!this.isMet(best)) best = await this.step(rung, best);
    const last = this.isMet(best) ? undefined : await this.leaveFloat(best);
    best = last?.best ?? best;
    const { quantized } = best.made ?? (await this.make(best.options));
    return {
      quantized,
      options: best.options,
      ladder: { ...start, met: this.isMet(best), rungs: this.#done, leftFloat: last?.best ? last.leftFloat : [] },
      calibration: this.samples.calibration,
      ...(last && { sensitivity: last.ranking }),
    };
  }

  private isMet({ score }: Best): boolean {
    return isMet(this.#target, score, this.judge.float);
  }

  /** Climbs a rung; without the first there is no network at all, and its faults are the caller's. */
  private step(rung: Rung): Promise<Best>;
  private step(rung: Rung, best: Best): Promise<Best>;
  private async step(rung: Rung, best?: Best): Promise<Best> {
    const added = rung.adds(this.options.quantize ?? {});
    if (!added) return best!;
    const options = this.inFolder({ ...(best?.options ?? this.#base), ...added });
    let made: Made | undefined;
    const tryIt = async () => {
      const network = await calibrateNetwork(this.graph, this.#batches, options);
      if (rung.changesFloat) {
        const float = await this.judge.score(network.graph);
        if (!isMet(this.#target, float, this.judge.float)) return { detail: `the float network would not survive it: ${scoreText(float)}` };
      }
      made = await this.finish(network, options);
      const detail = rung.did(made.quantized);
      if (detail === undefined) return { detail: 'nothing to do' };
      const score = await this.judge.score(made.quantized.graph);
      return { detail, score, isKept: !best || isBetter(score, best.score, this.samples.judged.length), graph: made.quantized.graph };
    };
    const { record, score } = await this.done(rung.name, async () => {
      if (!best) return tryIt();
      return tryIt().catch((error: unknown) => ({ detail: `not possible: ${reason(error)}` }));
    });
    return record.outcome === 'kept' ? { options, score: score!, made } : best!;
  }

  /** The last rung: the most sensitive layers on real numbers. */
  private async leaveFloat(best: Best) {
    const { folder, onProgress, signal } = this.options;
    const start = performance.now();
    const { network, quantized } = best.made ?? (await this.make(best.options));
    const decided = { ...network, weights: quantized.weights };
    const { weightBits, weightRange, scales } = best.options;
    const shared = { weightBits, weightRange, scales, folder, signal };
    const ranking = await sensitivity(decided, this.judge, this.#few, {
      ...shared,
      onProgress: (done, total, layer = '') => onProgress?.(`measuring what ${layer} costs`, done, total),
    });
    const names = ranking.map(({ name }) => name);
    const isEnough = (score: Score) => isMet(this.#target, score, this.judge.float);
    let tried = 0;
    const found = await partialQuantization(decided, names, this.judge, isEnough, this.#few, {
      ...shared,
      onTrial: ({ float }) => onProgress?.(`leaving ${counted(float.length, 'layer')} float`, ++tried, tried),
    });
    const { leftFloat, score, graph } = found;
    const climbed = {
      detail: `${leftFloat.length} of ${counted(names.length, 'layer')}: ${listed(leftFloat)}`,
      ...{ score, graph, isKept: found.quantized !== undefined && isBetter(score, best.score, this.samples.judged.length) },
    };
    const { record } = await this.done('leave layers float', async () => climbed, { start, key: JSON.stringify(this.#target) });
    if (record.outcome !== 'kept') return { ranking, leftFloat };
    return { ranking, leftFloat, best: { options: best.options, score, made: { network, quantized: found.quantized! } } };
  }

  private async make(options: QuantizeOptions): Promise<Made> {
    return this.finish(await calibrateNetwork(this.graph, this.#batches, options), options);
  }

  private async finish(network: CalibratedNetwork, options: QuantizeOptions): Promise<Made> {
    return { network, quantized: await quantizeCalibrated(network, this.#few, options) };
  }

  /** Roundings keep their layers where the rungs are kept. */
  private inFolder(options: QuantizeOptions): QuantizeOptions {
    const { folder } = this.options;
    const { rounding = 'nearest' } = options;
    if (folder === undefined || rounding === 'nearest') return options;
    return { ...options, [rounding]: { folder: join(folder, rounding), ...options[rounding] } };
  }

  /** What a rung came to, from the folder where it is there. */
  private async done(
    name: string,
    climb: () => Promise<{ detail: string; score?: Score; isKept?: boolean; graph?: Graph }>,
    { start = performance.now(), key = name } = {},
  ): Promise<Done> {
    const done = await this.#file.of(key, async () => {
      const { detail, score, isKept, graph } = await climb();
      const outcome = score ? (isKept ? 'kept' : 'dropped') : 'nothing';
      const result = score && { top1: score.top1, sqnr: finite(score.sqnr), bytes: bytesOf(graph!) };
      const seconds = (performance.now() - start) / 1000;
      return { record: { name, detail, outcome, ...(result && { result }), seconds }, ...(score && { score }) };
    });
    this.#done.push(done.record);
    this.options.onRung?.(done.record);
    return done;
  }

  private start(): Pick<LadderRecord, 'target' | 'float' | 'judged'> {
    const { judged, heldOut } = this.samples;
    return {
      target: this.#target,
      float: { top1: this.judge.float.top1, bytes: bytesOf(this.graph) },
      judged: { data: judged.description, samples: judged.length, heldOut },
    };
  }

  /** What the rungs follow from. */
  private print(): string {
    const { graph, dataset, samples, judge, options } = this;
    const { calibration, judged } = samples;
    const scores = Object.values(judge.float).map(String);
    const facts = [version, dataset.description, dataset.length, calibration, judged.description, judged.length, scores, options.quantize];
    return fingerprint([print(graph), ...[...graph.constants.values()].map((tensor) => tensor.data()), JSON.stringify(facts)]);
  }
}

/** Why a rung could not be climbed; what is no fault of the network's is thrown on. */
function reason(error: unknown): string {
  if (!(error instanceof LowbitError) || error.code === 'aborted' || error.code === 'internal') throw error;
  return error.message;
}

const scoreText = ({ top1, sqnr }: Score) => (top1 === null ? `${sqnr.toFixed(1)} dB` : `${(100 * top1).toFixed(2)} %`);

/** The first of many names. */
const listed = (names: readonly string[]) =>
  names.length > 6 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ');

const finite = (x: number) => (Number.isFinite(x) ? x : null);

/** Of the network as a file. */
const bytesOf = (graph: Graph) => toOnnx(graph, { weights: weightStorageOf(graph) }).length;
