/** Executes a graph: one native call a node, every intermediate freed after its last reader. */
import { offThread } from '../calls.js';
import { fail, shapeText } from '../error.js';
import { type AnyOp, type ParamValue, type RecordedCall, record, rowsOf, runOp } from '../op.js';
import { type Device, shapesMayEqual } from '../shape.js';
import { scope, type Tensor } from '../tensor.js';
import { entry, type Graph, isValue, type Node, reads, type Value } from './graph.js';
import { requireKernels } from './kernels.js';

export interface RunOptions {
  /** The kernel row an op should run on; undefined is the best one, and a row that declines leaves the call to the best one. */
  row?: (op: AnyOp) => string | undefined;
  /** Sees every input and every node's output while it is alive; the tensor must not be kept. */
  onValue?: (value: Value, tensor: Tensor) => void;
  /** Receives every op call, in order; its tensors then stay alive and belong to the caller. */
  tape?: RecordedCall[];
  signal?: AbortSignal;
}

/** Rows for `RunOptions.row`: the plain integer arithmetic of docs/integers.md, op by op. */
export const referenceRows = () => 'reference';

/** Rows for `RunOptions.row`: the named variant where an op has it on this machine. */
export const preferRow = (variant: string) => (op: AnyOp) => (rowsOf(op).includes(variant) ? variant : undefined);

/**
 * Runs the graph on the device of its inputs; constants that lie elsewhere are moved there once, and kept.
 * @param inputs a tensor for every graph input, by name; they stay the caller's
 * @returns the outputs by name, the caller's to dispose of
 * @throws LowbitError 'unsupported' where the device lacks kernels for some ops, with all of them
 */
export function run(graph: Graph, inputs: Readonly<Record<string, Tensor>>, options: RunOptions = {}): Record<string, Tensor> {
  checkInputs(graph, inputs);
  const { tape } = options;
  if (tape)
    return record(
      () => execute(graph, inputs, options),
      (call) => tape.push(call),
    );
  return scope(() => execute(graph, inputs, options));
}

/**
 * `run` on a thread of its own: the event loop stays free. The inputs must stay alive until it resolves.
 * Takes no `row`: whether one declines shows too late for another to take over.
 */
export async function runAsync(
  graph: Graph,
  inputs: Readonly<Record<string, Tensor>>,
  options: Omit<RunOptions, 'row'> = {},
): Promise<Record<string, Tensor>> {
  let outputs: Record<string, Tensor> = {};
  try {
    return await offThread(() => {
      outputs = run(graph, inputs, options);
      return outputs;
    });
  } catch (error) {
    // Kernels run after the outputs were made, and may fail then.
    for (const output of Object.values(outputs)) output.dispose();
    throw error;
  }
}

function execute(graph: Graph, inputs: Readonly<Record<string, Tensor>>, options: RunOptions): Record<string, Tensor> {
  const device = deviceOf(graph, inputs);
  const tensors = new Map([...graph.constants].map(([value, tensor]) => [value, tensor.at(device)]));
  const remaining = countReads(graph);
  for (const input of graph.inputs) {
    tensors.set(input, inputs[input.name]);
    options.onValue?.(input, inputs[input.name]);
  }
  const mine = new Set<Value>();
  for (const node of graph.nodes) {
    if (options.signal?.aborted) fail({ code: 'aborted', what: `running ${graph.name}` });
    const output = call(node, tensors, device, options);
    tensors.set(node.output, output);
    mine.add(node.output);
    options.onValue?.(node.output, output);
    if (options.tape) continue;
    for (const value of reads(node)) {
      const left = remaining.get(value)! - 1;
      remaining.set(value, left);
      if (left === 0 && mine.has(value)) tensors.get(value)!.dispose();
    }
  }
  return outputsOf(graph, tensors, mine);
}

/** The device of all inputs, which has kernels for all ops. */
function deviceOf(graph: Graph, inputs: Readonly<Record<string, Tensor>>): Device {
  const devices = new Set(Object.values(inputs).map((input) => input.device));
  if (devices.size > 1) fail({ code: 'device', op: graph.name, devices: [...devices] });
  const [device = 'cpu'] = devices;
  requireKernels(graph, device);
  return device;
}

function call(node: Node, tensors: Map<Value, Tensor>, device: Device, options: RunOptions): Tensor {
  const inputs = node.inputs.map((value) => tensors.get(value)!);
  const params: Record<string, ParamValue> = {};
  for (const [name, param] of Object.entries(node.params)) params[name] = isValue(param) ? read(tensors.get(param)!) : param;
  if ('device' in node.op.params) params.device = device;
  const row = options.row?.(node.op);
  if (row !== undefined) {
    try {
      return runOp(node.op, inputs, params, row);
    } catch (error) {
      if ((error as { code?: string }).code !== 'kernel') throw error;
    }
  }
  return runOp(node.op, inputs, params);
}

const read = (tensor: Tensor): ParamValue => (tensor.shape.length === 0 ? tensor.item() : tensor.toNumbers());

function countReads(graph: Graph): Map<Value, number> {
  const counts = new Map<Value, number>();
  const count = (value: Value) => counts.set(value, (counts.get(value) ?? 0) + 1);
  for (const node of graph.nodes) for (const value of reads(node)) count(value);
  for (const { value } of graph.outputs) count(value);
  return counts;
}

// Every output is a tensor of its own: an input, a constant or a value that is two outputs is copied.
function outputsOf(graph: Graph, tensors: Map<Value, Tensor>, mine: Set<Value>): Record<string, Tensor> {
  return Object.fromEntries(
    graph.outputs.map(({ name, value }) => {
      const tensor = tensors.get(value)!;
      return [name, mine.delete(value) ? tensor : tensor.copy()];
    }),
  );
}

function checkInputs(graph: Graph, inputs: Readonly<Record<string, Tensor>>): void {
  const names = graph.inputs.map((input) => input.name);
  for (const option of Object.keys(inputs)) {
    if (!names.includes(option)) fail({ code: 'unknownOption', where: `inputs of ${graph.name}`, option, allowed: names });
  }
  for (const { name, type } of graph.inputs) {
    const tensor = entry(inputs, name);
    if (!tensor) fail({ code: 'data', where: graph.name, problem: `input "${name}" is missing` });
    if (type && tensor.dtype !== type.dtype) fail({ code: 'dtype', op: graph.name, input: name, came: tensor.dtype, expected: type.dtype });
    if (type && !shapesMayEqual(tensor.shape, type.shape)) {
      fail({ code: 'shape', op: graph.name, input: name, came: tensor.shape, expected: shapeText(type.shape) });
    }
  }
}
