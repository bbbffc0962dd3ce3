/** How good quantized forms of a network are, measured again and again on the same samples. */
import { setImmediate } from 'node:timers/promises';
import type { Dataset } from '../data/dataset.js';
import type { Graph } from '../graph/graph.js';
import { lowerInteger } from '../passes/lowerInteger.js';
import { Answers } from './answers.js';
import { Distance } from './distance.js';
import { compiled, type Read } from './executable.js';
import { feed, free, type Piece } from './prepare.js';
import { isLowerable } from './quantized.js';

export interface Score {
  /** Share of the samples whose label has the highest output, and is among the five highest; null without labels. */
  top1: number | null;
  top5: number | null;
  /** Signal to noise of the outputs against the float network's, in decibels: of several outputs the least. Infinity where all are equal. */
  sqnr: number;
  /** Cosine of the angle between the outputs and the float network's: of several the least. */
  cosine: number;
}

export interface JudgeOptions {
  /** Samples a run, default 32; a model of a fixed batch size goes by that. */
  batch?: number;
  /** Called with the samples done and their total, anew for each network. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/** The float network's outputs are kept, of as many samples as this holds. */
const most = 64 << 20;

type Outputs = Record<string, Float64Array>;

/** Measures networks beside a float one; quantized ones run on integers, as they are deployed. */
export class Judge {
  readonly #kept: Outputs[] = [];
  #float: Score = { top1: null, top5: null, sqnr: Number.POSITIVE_INFINITY, cosine: 1 };

  private constructor(
    readonly dataset: Dataset,
    readonly options: JudgeOptions,
  ) {}

  /** @throws LowbitError 'data' where samples or labels do not fit the network, 'aborted' */
  static async of(float: Graph, dataset: Dataset, options: JudgeOptions = {}): Promise<Judge> {
    const judge = new Judge(dataset, options);
    let bytes = 0;
    const keep = (outputs: Record<string, Read>) => {
      if (bytes > most) return;
      const numbers = Object.fromEntries(Object.entries(outputs).map(([name, read]) => [name, Float64Array.from(read.numbers)]));
      judge.#kept.push(numbers);
      for (const { byteLength } of Object.values(numbers)) bytes += byteLength;
    };
    judge.#float = { ...judge.#float, ...(await judge.run(float, keep)) };
    return judge;
  }

  /** The float network's own score. */
  get float(): Score {
    return this.#float;
  }

  /** Are right answers counted? There are labels, and the first output is a row of scores for each sample. */
  get countsAnswers(): boolean {
    return this.#float.top1 !== null;
  }

  /** @throws LowbitError 'data' where the network's outputs are other ones, or NaN where labels are compared; 'aborted' */
  async score(graph: Graph): Promise<Score> {
    const distances = new Map<string, Distance>();
    const shares = await this.run(isLowerable(graph) ? lowerInteger(graph).graph : graph, (outputs, { inputs, count }, at) => {
      const part = count / (Object.values(inputs)[0]?.shape[0] ?? count);
      for (const [name, float] of Object.entries(this.#kept[at] ?? {})) {
        const { numbers, shape } = outputs[name];
        // Of outputs whose size depends on the numbers, rows need not belong together.
        if (numbers.length !== float.length) continue;
        const distance = distances.get(name) ?? new Distance(shape.slice(1));
        distances.set(name, distance);
        distance.add(float, Float64Array.from(numbers), part);
      }
    });
    const results = [...distances.values()].map((distance) => distance.result());
    const least = (of: 'sqnr' | 'cosine') => results.reduce((a, result) => Math.min(a, result[of]), Number.POSITIVE_INFINITY);
    return { ...shares, sqnr: least('sqnr'), cosine: least('cosine') };
  }

  private async run(graph: Graph, see: (outputs: Record<string, Read>, piece: Piece, at: number) => void) {
    const { dataset } = this;
    const { batch: size = 32, onProgress, signal } = this.options;
    const [{ name }] = graph.outputs;
    const answers = dataset.hasLabels ? new Answers(dataset.description) : undefined;
    const model = compiled(graph);
    let at = 0;
    let done = 0;
    try {
      const cut = feed(graph, dataset);
      for await (const batch of dataset.batches(size, signal)) {
        for (const piece of cut(batch)) {
          const outputs = await model.run(piece.inputs, signal);
          if (isScores(outputs[name])) answers?.add(outputs[name], piece);
          see(outputs, piece, at++);
          free(piece.inputs);
          done += piece.count;
          onProgress?.(done, dataset.length);
          await setImmediate(); // signals and the terminal get their turn
        }
      }
    } finally {
      model.dispose();
    }
    return answers?.samples ? answers.shares() : { top1: null, top5: null };
  }
}

/** Boxes of a detector and maps of pixels have more dimensions than samples and classes. */
const isScores = ({ shape }: Read) => shape.slice(1).filter((n) => n !== 1).length === 1;
