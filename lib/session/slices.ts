/** Batches in slices: of a few samples at a time the intermediate values stay in the cache. */
import { LowbitError } from '../error.js';
import type { Graph, Node, Value } from '../graph/graph.js';
import { Types } from '../graph/types.js';
import { type AnyOp, callNumbers, completeParams } from '../op.js';
import { expand, reshape } from '../ops/index.js';
import type { Shape, TensorType } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { memoryOf, type Runs } from './plan.js';

/**
 * A graph for inputs of these shapes, in slices of the batch where that helps and gives the same.
 * @param declared the types of the inputs: those whose first dimension is free hold the batch
 * @param fit the graph for inputs of some shapes
 */
export function inSlices(declared: readonly TensorType[], shapes: readonly Shape[], fit: (shapes: readonly Shape[]) => Graph): Runs {
  const whole = fit(shapes);
  const batch = batchOf(declared, shapes) ?? 1;
  const size = batch > 1 ? sliceSize(whole, batch) : batch;
  const slice = size < batch && ifValid(() => fit(withBatch(declared, shapes, size)));
  return slice && runsInSlices(whole, slice, declared)
    ? { whole, slice, samples: { whole: batch, slice: size } }
    : { whole, slice: whole, samples: { whole: 1, slice: 1 } };
}

/** Nothing for a graph that says it takes any batch and takes one size only. */
function ifValid(graph: () => Graph): Graph | undefined {
  try {
    return graph();
  } catch (error) {
    if (error instanceof LowbitError) return undefined;
    throw error;
  }
}

// What the second-level caches of today hold, about.
const mostBytes = 2 << 20;

/**
 * How many samples of a batch run best together: so few that the intermediate values stay in the cache, but so many that a slice, which reads
 * the weights anew, reads no more of them than it writes values.
 */
export function sliceSize(graph: Graph, batch: number): number {
  const { arena, written, constants } = memoryOf(graph);
  if (arena <= mostBytes) return batch;
  const small = Math.floor((mostBytes / arena) * batch);
  const amortized = Math.ceil((constants / written) * batch);
  const slices = Math.ceil(batch / Math.max(small, amortized, 1));
  return Math.ceil(batch / slices);
}

/** The number of samples in shapes of the inputs: the first dimension of all inputs in which it is free; undefined where they differ. */
export function batchOf(inputs: readonly TensorType[], shapes: readonly Shape[]): number | undefined {
  const sizes = new Set(shapes.filter((_, i) => Number.isNaN(inputs[i].shape[0])).map(([n]) => n));
  const [batch] = sizes;
  return sizes.size === 1 ? batch : undefined;
}

/** Those shapes for another number of samples. */
export function withBatch(inputs: readonly TensorType[], shapes: readonly Shape[], batch: number): Shape[] {
  return shapes.map((shape, i) => (Number.isNaN(inputs[i].shape[0]) ? shape.with(0, batch) : shape));
}

/**
 * Whether the outputs for a batch are those of its slices, one after another. Both graphs are made from one, with their shapes folded in, and
 * may differ in nothing but the first dimension of what holds the batch: a number that was computed from its size is a difference.
 * @param inputs the declared inputs: those whose first dimension is free hold the batch
 */
export function runsInSlices(whole: Graph, slice: Graph, inputs: readonly TensorType[]): boolean {
  if (whole.nodes.length !== slice.nodes.length) return false;
  const [types, parts] = [new Types(whole), new Types(slice)];
  const holds = new Set<Value>(slice.inputs.filter((_, i) => Number.isNaN(inputs[i].shape[0])));
  const [first] = holds;
  const size = parts.get(first)?.shape[0];
  const batch = types.get(whole.inputs[slice.inputs.indexOf(first)])?.shape[0];
  for (const [i, node] of slice.nodes.entries()) {
    const twin = whole.nodes[i];
    const [params, others] = [parts.params(node), types.params(twin)];
    if (node.op !== twin.op || !params || !others || !sameNumbers(node.op, params, others)) return false;
    if (!node.inputs.every((value, k) => sameConstant(slice.constantOf(value), whole.constantOf(twin.inputs[k])))) return false;
    const varying = node.inputs.map((value) => holds.has(value));
    if (!varying.includes(true)) continue;
    const [[rows, ...row], [all, ...its]] = [parts.get(node.output)!.shape, types.get(twin.output)!.shape];
    if (rows !== size || all !== batch || row.join() !== its.join() || !worksByRows(node, params, parts, varying)) return false;
    holds.add(node.output);
  }
  return slice.outputs.every(({ value }) => holds.has(value));
}

function worksByRows({ op, inputs, output }: Node, params: object, types: Types, varying: readonly boolean[]): boolean {
  const given = inputs.map((value) => types.get(value) as TensorType);
  if (typeof op.byRows === 'function') return op.byRows(given, completeParams(op, params), varying);
  if (!op.byRows) return false;
  if (op.broadcasts || op.any) return given.every(({ shape }, i) => !varying[i] || shape.length === types.rank(output));
  const streams: readonly string[] = op.streams ?? [];
  return varying.every((varies, i) => !varies || i === 0 || streams.includes(op.inputs[i]));
}

// What these say of the first dimension is seen in their output.
const shapers: readonly AnyOp[] = [reshape, expand];

function sameNumbers(op: AnyOp, a: object, b: object): boolean {
  const [left, right] = [a, b].map((params) =>
    callNumbers(op, completeParams(op, params))
      .numbers.map((list) => list.join(' '))
      .join(),
  );
  return left === right || shapers.includes(op);
}

function sameConstant(a: Tensor | undefined, b: Tensor | undefined): boolean {
  if (!a || !b || a.handle === b.handle) return !a === !b;
  return a.dtype === b.dtype && a.shape.join() === b.shape.join() && Buffer.compare(bytesOf(a), bytesOf(b)) === 0;
}

function bytesOf(tensor: Tensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = tensor.data();
  return new Uint8Array(buffer, byteOffset, byteLength);
}
