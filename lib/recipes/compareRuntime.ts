/** The codes of a quantized model here and in onnxruntime, tensor by tensor of the file. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Graph } from '../graph/graph.js';
import { channelsFirst, channelsLast } from '../graph/layout.js';
import { run } from '../graph/run.js';
import { Types } from '../graph/types.js';
import { readModel, writeModel } from '../onnx/file.js';
import { onnxMessage } from '../onnx/schema.js';
import { transpose } from '../ops/index.js';
import { codeTypes } from '../quant/scheme.js';
import { type Dtype, shapesMayEqual } from '../shape.js';
import { scope, type Tensor, type TensorData } from '../tensor.js';
import { type FileTensor, loadOnnxRuntime } from './onnxruntime.js';
import { free } from './prepare.js';

/** How far onnxruntime's results are from ours. */
export interface Agreement {
  version: string;
  /** The largest distance between two codes, in steps of the scale. */
  maxSteps: number;
  /** The tensor with that distance; null where all codes are equal. */
  worst: string | null;
  /** Quantized tensors that were compared. */
  tensors: number;
  /** Fraction of samples whose highest output is the same. */
  argmaxAgreement: number;
  samples: number;
}

/** Inputs for a run; a fixed batch may hold more samples than count. */
interface Sampled {
  inputs: Record<string, Tensor>;
  count: number;
}

/**
 * Runs the file in onnxruntime, its quantized tensors as outputs, and the lowered graph here.
 * @param graph the file's graph, lowered: its values have the names of the file's tensors
 * @returns null where onnxruntime-node is not installed
 */
export async function compareWithOnnxRuntime(
  path: string,
  graph: Graph,
  inputs: () => AsyncIterable<Sampled>,
  signal?: AbortSignal,
): Promise<Agreement | null> {
  const runtime = loadOnnxRuntime();
  if (!runtime) return null;
  const folder = await mkdtemp(join(tmpdir(), 'lowbit-verify-'));
  try {
    const copy = join(folder, 'model.onnx');
    const names = exposeCodes(path, graph, copy);
    const session = await runtime.open(copy, 1);
    const totals: Totals = { maxSteps: 0, worst: null, compared: new Set(), same: 0, samples: 0 };
    for await (const piece of inputs()) {
      const theirs = await session.prepare(piece.inputs)();
      compare(graph, piece, theirs, names, totals, signal);
      free(piece.inputs);
    }
    await session.release();
    const { maxSteps, worst, compared, same, samples } = totals;
    return { version: runtime.version, maxSteps, worst, tensors: compared.size, argmaxAgreement: same / samples, samples };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const isCodes = (dtype: Dtype | undefined) => (codeTypes as readonly (Dtype | undefined)[]).includes(dtype);
const makesCodes = /^(QuantizeLinear|QLinear)/;

/** Writes a copy of the model that also gives its quantized tensors, those that are codes in our graph too; returns their names. */
function exposeCodes(path: string, graph: Graph, copy: string): Set<string> {
  const types = new Types(graph);
  const codes = new Set(
    graph.nodes
      .map((node) => node.output)
      .filter((value) => isCodes(types.get(value)?.dtype))
      .map(nameOf),
  );
  const model = readModel(path);
  const proto = model.proto.graph!;
  const given = new Set(proto.output.map(nameOf));
  const makers = proto.node.filter(({ opType }) => makesCodes.test(opType));
  const names = new Set(makers.flatMap(({ output }) => output).filter((name) => codes.has(name)));
  for (const name of names) if (!given.has(name)) proto.output.push(onnxMessage('ValueInfoProto', { name }));
  writeModel(copy, model);
  return names;
}

const nameOf = ({ name }: { name: string }) => name;

interface Totals {
  maxSteps: number;
  worst: string | null;
  compared: Set<string>;
  same: number;
  samples: number;
}

function compare(
  graph: Graph,
  { inputs, count }: Sampled,
  theirs: Readonly<Record<string, FileTensor>>,
  names: ReadonlySet<string>,
  totals: Totals,
  signal?: AbortSignal,
): void {
  const onValue = ({ name }: { name: string }, tensor: Tensor) => {
    const steps = names.has(name) && theirs[name] ? distance(tensor, theirs[name]) : undefined;
    if (steps === undefined) return;
    totals.compared.add(name);
    if (steps <= totals.maxSteps) return;
    totals.maxSteps = steps;
    totals.worst = name;
  };
  const outputs = run(graph, inputs, { signal, onValue });
  const [{ name }] = graph.outputs;
  const [mine, other] = [outputs[name].data(), theirs[name].data];
  const size = mine.length / outputs[name].shape[0];
  for (let n = 0; n < count; n++) if (highest(mine, n * size, size) === highest(other, n * size, size)) totals.same++;
  totals.samples += count;
  free(outputs);
}

/**
 * The largest difference between two tensors of codes. Ours may lie with the channels last where the file has them second; where sizes
 * do not tell which, the layout with the smaller distance is the one (the other one compares unrelated elements).
 */
function distance(mine: Tensor, theirs: FileTensor): number | undefined {
  if (mine.dtype !== theirs.dtype) return undefined;
  const rank = mine.shape.length;
  const turned = rank >= 3 ? channelsLast(rank).map((i) => theirs.shape[i]) : [];
  const found: number[] = [];
  if (shapesMayEqual(mine.shape, theirs.shape)) found.push(largestDifference(mine.data(), theirs.data));
  if (rank >= 3 && shapesMayEqual(mine.shape, turned)) {
    const inFile = scope(() => transpose(mine, { perm: channelsFirst(rank) }).data());
    found.push(largestDifference(inFile, theirs.data));
  }
  return found.length > 0 ? Math.min(...found) : undefined;
}

function largestDifference(a: TensorData, b: TensorData): number {
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(Number(a[i]) - Number(b[i])));
  return most;
}

function highest(scores: TensorData, from: number, size: number): number {
  let best = from;
  for (let i = from; i < from + size; i++) if (scores[i] > scores[best]) best = i;
  return best - from;
}
