/** What became of a float model when it was quantized, layer by layer, from the two files. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Dataset } from '../data/dataset.js';
import { checkOptions, fail } from '../error.js';
import { type Graph, type Node, Uses, type Value } from '../graph/graph.js';
import { clampOf } from '../graph/match.js';
import { Types } from '../graph/types.js';
import { importOnnx } from '../onnx/importOnnx.js';
import { dequantize, quantize } from '../ops/index.js';
import { unpackWeights } from '../passes/packWeights.js';
import { prepareToQuantize } from '../passes/prepareToQuantize.js';
import type { LayerRecord, QuantizationRecord, WeightRecord } from '../report/quantizationRecord.js';
import { compile } from '../session/compile.js';
import { integerRange, sizeOf } from '../shape.js';
import { arrayFor } from '../tensor.js';
import { type CodedWeight, codedWeights } from './codedWeights.js';
import { compareModels, type TensorDistance } from './compareModels.js';
import { machine, versions } from './runParts.js';
import { TensorHistogram } from './tensorHistogram.js';
import { layerOutput, tensorNames } from './tensorNames.js';
import { weightRecord } from './weightRecord.js';

/** What is known besides the two files goes into the record as it is. */
const known = ['options', 'calibration', 'accuracy', 'sensitivity', 'ladder', 'float'] as const;
type Known = Partial<Pick<QuantizationRecord, (typeof known)[number]>>;

export interface RecordOptions extends Known {
  /** Samples to compare on; random numbers without it. */
  dataset?: Dataset;
  /** How many samples of it are compared, default 64. */
  samples?: number;
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/**
 * Measures both files on samples: signal to noise of every layer, how its numbers lie between the ends of its codes, the weights and
 * the ranges of their channels, and the time of each layer on this machine. Each model runs once.
 * @throws LowbitError 'data' where the models are not of one network or the samples do not fit, 'file', 'format', 'unknownOption', 'aborted'
 */
export async function quantizationRecord(float: string, quantized: string, options: RecordOptions = {}): Promise<QuantizationRecord> {
  checkOptions('quantizationRecord', options, ['dataset', 'samples', ...known, 'onProgress', 'signal']);
  const { dataset, samples, onProgress, signal } = options;
  const [a, b] = [importOnnx(float), importOnnx(quantized)];
  const layers = layersOf(b);
  if (!layers.length)
    fail({ code: 'data', where: quantized, problem: 'none of its layers has codes as weights', todo: 'Quantize it first.' });
  const histograms = new Map(layers.flatMap(({ codes }) => (codes ? [[codes.name, new TensorHistogram(codes.range)]] : [])));
  const onTensor = (name: string, numbers: Float64Array) => histograms.get(name)?.add(numbers);
  const found = await compareModels(a, b, { dataset, samples, onTensor, onProgress, signal });
  const distances = new Map(found.tensors.map((tensor) => [tensor.name, tensor]));
  const [plain, prepared, times] = [unpackWeights(b), prepareToQuantize(a), timesOf(b)];
  const weights = new Map(layers.map(({ weight }) => [weight, weightRecord(plain, prepared, weight)]));
  const scaled = [...weights.values()].some((weight) => weight.scaled);
  const measured: Measured = { distances, histograms, times, weights, scaled };
  return {
    ...machine(),
    versions: versions(),
    model: { name: a.name, ...fileOf(float) },
    quantized: fileOf(quantized),
    outputs: found.outputs.map((name) => ({ name, sqnr: decibels(distances.get(name)!.sqnr) })),
    samples: found.samples,
    layers: layers.map((layer) => layerRecord(layer, measured)),
    scaled,
    float: floatLayers(b, layers),
    ...Object.fromEntries(known.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]]))),
  };
}

// Infinity is equal numbers; NaN is a tensor of zeros, of which there is nothing to say.
const decibels = (sqnr: number) => (Number.isFinite(sqnr) ? sqnr : null);

function fileOf(path: string): { bytes: number; sha256: string } {
  const content = readFileSync(path);
  return { bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
}

/** The codes of a tensor of real numbers: its name, and the numbers between which they lie. */
interface Codes {
  name: string;
  range: { min: number; max: number };
}

interface QuantizedLayer {
  node: Node;
  /** Of what it reads, and of its output. */
  input: string;
  name: string;
  weight: CodedWeight;
  codes?: Codes;
}

function layersOf(graph: Graph): QuantizedLayer[] {
  const uses = new Uses(graph);
  const weights = new Map(codedWeights(graph).map((weight) => [weight.layer, weight]));
  const nameOf = tensorNames(graph);
  return graph.nodes.flatMap((node) => {
    const weight = node.op.quantizes && weights.get(node.name);
    if (!weight) return [];
    const output = layerOutput(graph, node, uses);
    return [{ node, input: nameOf(realOf(node.inputs[0])), name: nameOf(output), weight, codes: codesBehind(graph, output, uses, nameOf) }];
  });
}

/** The real numbers that a value stands for, where it is codes that were moved and read again. */
function realOf(value: Value): Value {
  const { producer } = value;
  return producer && (producer.op === dequantize || producer.op === quantize || producer.op.movesElements)
    ? realOf(producer.inputs[0])
    : value;
}

/** The codes that the next layers read instead of a value: its own, or of the clamp behind it. */
function codesBehind(graph: Graph, value: Value, uses: Uses, nameOf: (value: Value) => string): Codes | undefined {
  const readers = uses.of(value);
  const reader = readers.find(({ op }) => op === quantize);
  if (reader) {
    const [scale, zeroPoint] = reader.inputs.slice(1).map((of) => graph.constantOf(of));
    if (scale?.size !== 1 || !zeroPoint) return undefined;
    const [min, max] = integerRange(zeroPoint.dtype).map((q) => (q - zeroPoint.item()) * scale.item());
    return { name: nameOf(value), range: { min, max } };
  }
  return readers.length === 1 && clampOf(readers[0]) ? codesBehind(graph, readers[0].output, uses, nameOf) : undefined;
}

function floatLayers(graph: Graph, layers: readonly QuantizedLayer[]): QuantizationRecord['float'] {
  const quantized = new Set(layers.map(({ node }) => node));
  return graph.nodes
    .filter((node) => node.op.quantizes && !quantized.has(node))
    .map(({ name, op, inputs }) => ({
      name,
      op: op.name,
      reason: graph.constantOf(inputs[1]) ? 'its weights are real numbers in the file' : 'both of its operands are computed',
    }));
}

/** Milliseconds of each node for one sample; of none where a shape depends on the data. */
function timesOf(graph: Graph): Map<string, number> {
  const shapes = Object.fromEntries(
    graph.inputs.map(({ name, type }) => [name, type!.shape.map((n, i) => (i === 0 && Number.isNaN(n) ? 1 : n))]),
  );
  const types = new Types(graph, shapes);
  if (graph.nodes.some(({ output }) => types.get(output)?.shape.some(Number.isNaN) ?? true)) return new Map();
  using session = compile(graph, { shapes });
  const inputs = Object.fromEntries(session.inputs.map(({ name, type }) => [name, arrayFor(type.dtype, sizeOf(type.shape))]));
  return new Map(session.profile(inputs, { runs: 9 }).map(({ name, milliseconds }) => [name, milliseconds]));
}

/** What is known of all layers. */
interface Measured {
  distances: ReadonlyMap<string, TensorDistance>;
  histograms: ReadonlyMap<string, TensorHistogram>;
  times: ReadonlyMap<string, number>;
  weights: ReadonlyMap<CodedWeight, WeightRecord>;
  /** Channels are compared with a factor each. */
  scaled: boolean;
}

function layerRecord({ node, input, name, weight, codes }: QuantizedLayer, measured: Measured): LayerRecord {
  const { distances, histograms, times, weights, scaled } = measured;
  const sqnrOf = (distance: TensorDistance) => decibels(scaled ? distance.scaledSqnr : distance.sqnr);
  const [distance, read] = [distances.get(codes?.name ?? name), distances.get(input)];
  const histogram = codes && distances.has(codes.name) ? histograms.get(codes.name) : undefined;
  const milliseconds = times.get(node.name);
  return {
    name: node.name,
    op: node.op.name,
    shape: distance?.shape ?? [],
    parameters: weight.elements,
    floatBytes: 4 * weight.elements,
    bytes: weight.bytes,
    weight: weights.get(weight)!,
    ...(distance && { sqnr: sqnrOf(distance), ...(!scaled && Number.isFinite(distance.shifted) && { shifted: distance.shifted }) }),
    ...(read && { inputSqnr: sqnrOf(read) }),
    ...(codes && histogram && { activation: { ...codes, clipped: histogram.outside, histogram: histogram.result() } }),
    ...(milliseconds !== undefined && { milliseconds }),
  };
}
