/** What became of a float model when it was quantized, layer by layer, from the two files. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Dataset } from '../data/dataset.js';
import { fail } from '../error.js';
import { type Graph, type Node, Uses, type Value } from '../graph/graph.js';
import { clampOf, codesOf } from '../graph/match.js';
import { run } from '../graph/run.js';
import { Types } from '../graph/types.js';
import { version } from '../onnx/exportOnnx.js';
import { importOnnx } from '../onnx/importOnnx.js';
import { runOp } from '../op.js';
import { dequantize, quantize } from '../ops/index.js';
import { unpackWeights } from '../passes/packWeights.js';
import { prepareToQuantize } from '../passes/prepareToQuantize.js';
import type { Accuracy, ActivationRecord, Histogram, LayerRecord, QuantizationRecord, WeightRecord } from '../report/quantizationRecord.js';
import { compile } from '../session/compile.js';
import { integerRange, sizeOf } from '../shape.js';
import { arrayFor, scope } from '../tensor.js';
import { type CodedWeight, codedWeights } from './codedWeights.js';
import { compareModels, type TensorDistance } from './compareModels.js';
import { Distance } from './distance.js';
import { free } from './prepare.js';
import { machine } from './runParts.js';
import { sampled } from './samples.js';

export interface RecordOptions {
  dataset: Dataset;
  /** How many samples of it are compared, default 64. */
  samples?: number;
  /** What the model was calibrated on, and the options of `quantize`, where they are known. */
  calibration?: QuantizationRecord['calibration'];
  options?: QuantizationRecord['options'];
  accuracy?: QuantizationRecord['accuracy'];
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/**
 * Measures both files on samples: signal to noise of every quantized tensor, how its numbers lie between the ends of its codes, the weights and
 * the ranges of their channels, and the time of each layer on this machine.
 * @throws LowbitError 'data' where the models are not of one network or the samples do not fit, 'file', 'format', 'aborted'
 */
export async function quantizationRecord(float: string, quantized: string, options: RecordOptions): Promise<QuantizationRecord> {
  const { dataset, samples = 64, accuracy, onProgress, signal } = options;
  const [a, b] = [importOnnx(float), importOnnx(quantized)];
  const layers = layersOf(b);
  if (!layers.length)
    fail({ code: 'data', where: quantized, problem: 'none of its layers has codes as weights', todo: 'Quantize it first.' });
  const found = await compareModels(a, b, { dataset, samples, onProgress, signal });
  const distances = new Map(found.tensors.map((tensor) => [tensor.name, tensor]));
  const histograms = await histogramsOf(a, new Set(layers.flatMap(({ codes }) => (codes ? [codes.name] : []))), options);
  const times = timesOf(b);
  const [prepared, plain] = [prepareToQuantize(a), unpackWeights(b)];
  const records = layers.map((layer) => layerRecord(plain, prepared, layer, distances, histograms, times));
  return {
    ...machine(),
    versions: { lowbit: version(), node: process.version },
    model: { name: a.name, ...fileOf(float) },
    quantized: fileOf(quantized),
    ...(options.options && { options: options.options }),
    ...(options.calibration && { calibration: options.calibration }),
    ...(accuracy && { accuracy }),
    outputs: found.outputs.map((name) => ({ name, sqnr: finite(distances.get(name)!.sqnr) })),
    samples: found.samples,
    layers: records,
    float: b.nodes
      .filter((node) => node.op.quantizes && !layers.some((layer) => layer.node === node))
      .map(({ name, op }) => ({ name, op: op.name, reason: 'its weights are real numbers in the file' })),
  };
}

export type { Accuracy };

// Infinity is equal numbers; NaN is a tensor of zeros, of which there is nothing to say.
const finite = (sqnr: number) => (Number.isFinite(sqnr) ? sqnr : null);

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
  weight: CodedWeight;
  codes?: Codes;
}

function layersOf(graph: Graph): QuantizedLayer[] {
  const uses = new Uses(graph);
  const weights = new Map(codedWeights(graph).map((weight) => [weight.layer, weight]));
  return graph.nodes.flatMap((node) => {
    const weight = node.op.quantizes && weights.get(node.name);
    return weight ? [{ node, weight, codes: codesBehind(graph, node.output, uses) }] : [];
  });
}

/** The codes that the next layers read instead of a value: its own, or of the clamp behind it. */
function codesBehind(graph: Graph, value: Value, uses: Uses): Codes | undefined {
  const readers = uses.of(value);
  const reader = readers.find(({ op }) => op === quantize);
  if (reader) {
    const [scale, zeroPoint] = reader.inputs.slice(1).map((of) => graph.constantOf(of));
    if (scale?.size !== 1 || !zeroPoint) return undefined;
    const [min, max] = integerRange(zeroPoint.dtype).map((q) => (q - zeroPoint.item()) * scale.item());
    return { name: value.name, range: { min, max } };
  }
  return readers.length === 1 && clampOf(readers[0]) ? codesBehind(graph, readers[0].output, uses) : undefined;
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

const bins = 64;

/** How the numbers of the float model's tensors lie: a run for their ends, another to count. */
async function histogramsOf(graph: Graph, names: ReadonlySet<string>, { dataset, samples = 64, signal }: RecordOptions) {
  const ends = new Map<string, { low: number; high: number }>();
  const counts = new Map<string, Float64Array>();
  const each = async (seen: (name: string, numbers: readonly number[]) => void) => {
    for await (const { inputs } of sampled(graph, { dataset, samples, batch: 4, signal })) {
      free(run(graph, inputs, { signal, onValue: ({ name }, tensor) => names.has(name) && seen(name, tensor.toNumbers()) }));
      free(inputs);
    }
  };
  await each((name, numbers) => {
    const known = ends.get(name) ?? { low: Number.POSITIVE_INFINITY, high: Number.NEGATIVE_INFINITY };
    for (const x of numbers) {
      if (x < known.low) known.low = x;
      if (x > known.high) known.high = x;
    }
    ends.set(name, known);
  });
  await each((name, numbers) => {
    const { low, high } = ends.get(name)!;
    const into = counts.get(name) ?? new Float64Array(bins);
    for (const x of numbers) into[binOf(x, low, high)]++;
    counts.set(name, into);
  });
  return new Map(
    [...ends].map(([name, { low, high }]): [string, Histogram] => [name, { low, high, counts: Array.from(counts.get(name)!) }]),
  );
}

const binOf = (x: number, low: number, high: number) => Math.min(bins - 1, Math.max(0, Math.floor((bins * (x - low)) / (high - low || 1))));

function histogramOf(numbers: readonly number[]): Histogram {
  const [low, high] = numbers.reduce(([least, most], x) => [Math.min(least, x), Math.max(most, x)], [0, 0]);
  const counts = new Array<number>(bins).fill(0);
  for (const x of numbers) counts[binOf(x, low, high)]++;
  return { low, high, counts };
}

function layerRecord(
  graph: Graph,
  float: Graph,
  { node, weight, codes }: QuantizedLayer,
  distances: ReadonlyMap<string, TensorDistance>,
  histograms: ReadonlyMap<string, Histogram>,
  times: ReadonlyMap<string, number>,
): LayerRecord {
  const distance = codes && distances.get(codes.name);
  const histogram = codes && histograms.get(codes.name);
  const milliseconds = times.get(node.name);
  return {
    name: node.name,
    op: node.op.name,
    shape: distance?.shape ?? [],
    parameters: weight.elements,
    floatBytes: 4 * weight.elements,
    bytes: weight.bytes,
    weight: weightRecord(graph, float, weight),
    ...(codes && distance && histogram && { activation: activationRecord(codes, distance, histogram) }),
    ...(milliseconds !== undefined && { milliseconds }),
  };
}

function activationRecord({ name, range }: Codes, { sqnr }: TensorDistance, histogram: Histogram): ActivationRecord {
  return { name, sqnr: finite(sqnr), range, clipped: outside(histogram, range), histogram };
}

/** The share of the numbers beyond the ends of the codes: of a bin that an end cuts, in proportion. */
function outside({ low, high, counts }: Histogram, { min, max }: Codes['range']): number {
  const width = (high - low) / counts.length;
  const all = counts.reduce((sum, count) => sum + count, 0);
  const beyond = counts.reduce((sum, count, i) => {
    const [from, to] = [low + i * width, low + (i + 1) * width];
    const inside = Math.max(0, Math.min(to, max) - Math.max(from, min));
    return sum + count * (width > 0 ? 1 - inside / width : from > max || from < min ? 1 : 0);
  }, 0);
  return all ? Math.max(0, beyond / all) : 0;
}

function weightRecord(graph: Graph, float: Graph, { layer, bits }: CodedWeight): WeightRecord {
  const node = graph.nodes.find(({ name }) => name === layer)!;
  const value = node.inputs[1];
  const [, scale] = value.producer!.inputs;
  const numbers = scope(() =>
    runOp(
      dequantize,
      value.producer!.inputs.map((of) => graph.constantOf(of)!),
      value.producer!.params,
    ).toNumbers(),
  );
  const channels = channelsOf(graph, value);
  const now = largestOf(numbers, channels);
  const twin = float.nodes.find(({ name, op }) => name === node.name && op === node.op);
  const real = twin && float.constantOf(twin.inputs[1])?.toNumbers();
  const before = real?.length === numbers.length ? largestOf(real, channels) : undefined;
  // Some channels are so small that a bias needs a coarser step: that is no pass.
  const changed = before?.filter((range, c) => Math.abs(range - now[c]) > 0.05 * Math.max(range, now[c])).length ?? 0;
  const moved = changed > channels / 4;
  return {
    bits,
    sqnr: real && before && !moved ? finite(sqnrOf(real, numbers)) : null,
    histogram: histogramOf(numbers),
    channels: { now, ...(moved && { before }) },
    scales: graph.constantOf(scale)!.toNumbers(),
  };
}

function channelsOf(graph: Graph, value: Value): number {
  return graph.constantOf(codesOf(graph, value)!)?.shape[0] ?? 1;
}

function largestOf(numbers: readonly number[], channels: number): number[] {
  const row = numbers.length / channels;
  return Array.from({ length: channels }, (_, c) =>
    numbers.slice(c * row, (c + 1) * row).reduce((most, x) => Math.max(most, Math.abs(x)), 0),
  );
}

function sqnrOf(real: readonly number[], numbers: readonly number[]): number {
  const distance = new Distance([]);
  distance.add(Float64Array.from(real), Float64Array.from(numbers), 1);
  return distance.result().sqnr;
}
