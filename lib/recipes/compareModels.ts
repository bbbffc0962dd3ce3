/** How far a model's tensors are from those of another model of the same network: which layer loses what. */
import { setImmediate } from 'node:timers/promises';
import type { Dataset } from '../data/dataset.js';
import { checkOptions, fail, shapeText } from '../error.js';
import type { Graph, Value } from '../graph/graph.js';
import { run } from '../graph/run.js';
import { quantize } from '../ops/index.js';
import { lowerInteger } from '../passes/lowerInteger.js';
import { prepareToQuantize } from '../passes/prepareToQuantize.js';
import { isReal, type Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { codedWeights } from './codedWeights.js';
import { Distance } from './distance.js';
import { free } from './prepare.js';
import { isLowerable, isQuantized } from './quantized.js';
import { type Sampled, sampled } from './samples.js';
import { tensorNames } from './tensorNames.js';

export interface CompareOptions {
  /** Where samples come from; random numbers over the second model's input range without it. */
  dataset?: Dataset;
  /** How many samples, default 64. */
  samples?: number;
  /** Sees the numbers of every tensor of a, batch after batch. */
  onTensor?: (name: string, numbers: Float64Array) => void;
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/** A tensor of both models: b against a. */
export interface TensorDistance {
  name: string;
  /** Of one sample. */
  shape: Shape;
  /** Signal to noise, 10·log10(Σ a² / Σ (b − a)²) in decibels: Infinity where all numbers are equal, NaN where a is 0 and b is not. */
  sqnr: number;
  /** The same with each channel of b, along its last axis, scaled as it suits best: what is lost where channels were equalized. */
  scaledSqnr: number;
  /** Σ a·b / √(Σ a²·Σ b²). */
  cosine: number;
  /** The largest |b − a|. */
  largest: number;
  /** The mean of b − a: what bias correction takes away. */
  shift: number;
  /** Share of the noise Σ (b − a)² that the mean of b − a in each channel makes up. */
  shifted: number;
  /** The tensor is codes in b. */
  quantized: boolean;
}

export interface ModelDistance {
  /** In the order in which a computes them. */
  tensors: TensorDistance[];
  /** Those of `tensors` that are outputs of a. */
  outputs: string[];
  samples: number;
}

/**
 * Runs two models of one network side by side and measures how far the tensors of one name are from each other. A quantized model runs on integers,
 * as it is deployed, and its codes are read as the real numbers that they stand for.
 * @param a the reference, mostly the float model
 * @throws LowbitError 'data' where they have no tensor in common or other inputs, or the samples do not fit; 'option', 'aborted'
 */
export async function compareModels(a: Graph, b: Graph, options: CompareOptions = {}): Promise<ModelDistance> {
  checkOptions('compareModels', options, ['dataset', 'samples', 'onTensor', 'onProgress', 'signal']);
  const { dataset, samples = 64, onProgress, signal } = options;
  if (!(Number.isSafeInteger(samples) && samples >= 1)) {
    fail({ code: 'option', where: 'compareModels', option: 'samples', came: samples, expected: 'a whole number from 1' });
  }
  // Layers of a quantized model have taken in the batch normalization that followed them.
  const reference = codesIn(b) > codesIn(a) ? prepareToQuantize(a) : a;
  const [first, second] = [asDeployed(reference), asDeployed(b)];
  const distances = new Map<string, Distance>();
  let done = 0;
  for await (const piece of sampled(b, { dataset, samples, batch, signal })) {
    compareOn(piece, first, second, distances, options);
    free(piece.inputs);
    done += piece.count;
    onProgress?.(done, samples);
    await setImmediate(); // signals and the terminal get their turn
  }
  if (!distances.size) {
    fail({
      code: 'data',
      where: b.name,
      problem: `no tensor has the name and shape of one of ${a.name}`,
      todo: 'Compare models of one network.',
    });
  }
  const names = new Set([...second.sources.values()].filter(({ codes }) => codes).map(({ name }) => name));
  const tensors = [...distances].map(([name, distance]) => ({ name, ...distance.result(), quantized: names.has(name) }));
  const nameOf = tensorNames(reference);
  return { tensors, outputs: reference.outputs.map(({ value }) => nameOf(value)).filter((name) => distances.has(name)), samples: done };
}

/** What a model has codes for: nothing, weights, activations too. */
const codesIn = (graph: Graph) => (isQuantized(graph) ? 2 : codedWeights(graph).length ? 1 : 0);

// The tensors of a batch of the first model are kept while the second runs.
const batch = 4;

/** A value that is run: the name of the real numbers that it stands for, and how its codes become them. */
interface Source {
  name: string;
  codes?: { scale: number; zeroPoint: number };
}

interface Deployed {
  graph: Graph;
  /** By the names of values. */
  sources: Map<string, Source>;
}

function asDeployed(model: Graph): Deployed {
  const graph = isLowerable(model) ? lowerInteger(model).graph : model;
  const nameOf = tensorNames(model);
  const sources = new Map<string, Source>(graph.nodes.map(({ output }) => [output.name, { name: output.name }]));
  for (const { op, inputs, output } of model.nodes) {
    sources.set(output.name, { name: nameOf(output) });
    if (op !== quantize) continue;
    const [scale, zeroPoint] = inputs.slice(1).map((value) => model.constantOf(value));
    if (scale?.size !== 1 || !zeroPoint) continue;
    sources.set(output.name, { name: nameOf(inputs[0]), codes: { scale: scale.item(), zeroPoint: zeroPoint.item() } });
  }
  return { graph, sources };
}

function compareOn(
  piece: Sampled,
  a: Deployed,
  b: Deployed,
  distances: Map<string, Distance>,
  { onTensor, signal }: Pick<CompareOptions, 'onTensor' | 'signal'>,
): void {
  const kept = new Map<string, { shape: Shape; numbers: Float64Array }>();
  const compared = new Set<string>();
  const keep = (source: Source, tensor: Tensor) => {
    const numbers = realNumbers(source, tensor);
    kept.set(source.name, { shape: tensor.shape, numbers });
    onTensor?.(source.name, numbers.subarray(0, Math.round((numbers.length * piece.count) / tensor.shape[0])));
  };
  const compare = (source: Source, tensor: Tensor) => {
    const other = kept.get(source.name);
    // Codes come after the real numbers that they round: these are what the next layer reads.
    if (!other || other.shape.join() !== tensor.shape.join() || (compared.has(source.name) && !source.codes)) return;
    compared.add(source.name);
    const distance = distances.get(source.name) ?? new Distance(tensor.shape.slice(1));
    distances.set(source.name, distance);
    distance.add(other.numbers, realNumbers(source, tensor), piece.count / tensor.shape[0]);
  };
  execute(a, piece.inputs, keep, signal);
  execute(b, piece.inputs, compare, signal);
}

function execute(
  { graph, sources }: Deployed,
  inputs: Sampled['inputs'],
  seen: (source: Source, tensor: Tensor) => void,
  signal?: AbortSignal,
): void {
  const onValue = (value: Value, tensor: Tensor) => {
    const source = sources.get(value.name);
    if (source && (source.codes || isReal(tensor.dtype)) && tensor.shape.length > 0) seen(source, tensor);
  };
  free(run(graph, renamed(graph, inputs), { onValue, signal }));
}

/** The inputs under the names of this model: of those that differ, the only one. */
function renamed(graph: Graph, inputs: Sampled['inputs']): Sampled['inputs'] {
  const names = graph.inputs.map(({ name }) => name);
  if (names.every((name) => name in inputs)) return inputs;
  const given = Object.values(inputs);
  if (names.length === 1 && given.length === 1) return { [names[0]]: given[0] };
  const came = Object.entries(inputs).map(([name, { shape }]) => `${name} ${shapeText(shape)}`);
  return fail({ code: 'data', where: graph.name, problem: `its inputs are ${names.join(', ')}, the other model's ${came.join(', ')}` });
}

function realNumbers({ codes }: Source, tensor: Tensor): Float64Array {
  const numbers = Float64Array.from(tensor.toNumbers());
  return codes ? numbers.map((q) => (q - codes.zeroPoint) * codes.scale) : numbers;
}
