/** What has to hold for any file at all: a graph that can run, or a fault of the catalogue; in time, and in little memory. */
import {
  foldBatchNorm,
  foldConstants,
  type Graph,
  importOnnx,
  LowbitError,
  lowerInteger,
  matmul,
  memory,
  type Node,
  resample,
  run,
  scope,
  Tensor,
  Types,
  toOnnx,
  verify,
} from 'lowbit';

const mostSeconds = 2;
const mostBytes = 2 ** 29;
// Graphs that would take longer are checked and not run: their owner asked for it.
const mostWork = 3e7;
const mostElements = 1e6;

/**
 * What is wrong with how the file was treated, if anything.
 * @param trusted runs graphs, too, whose sizes only show when they run
 */
export function treatment(bytes: Uint8Array, trusted = false): { problem?: string; outcome: 'refused' | 'imported' | 'ran' } {
  const began = performance.now();
  const before = memory('resetPeak').bytes;
  let outcome = 'refused' as 'refused' | 'imported' | 'ran';
  let problem: string | undefined;
  try {
    scope(() => {
      const graph = importOnnx(bytes);
      outcome = 'imported';
      try {
        verify(graph);
        for (const made of rewritten(graph)) verify(made);
        if (runs(graph, trusted)) outcome = 'ran';
      } finally {
        for (const tensor of graph.constants.values()) tensor.dispose();
      }
    });
  } catch (error) {
    if (!(error instanceof LowbitError) || error.code === 'internal') problem = `${(error as Error).stack}`;
    else if (outcome === 'imported' && error.code === 'graph') problem = `a graph that breaks a rule: ${error.message}`;
  }
  const seconds = (performance.now() - began) / 1000;
  if (seconds > mostSeconds) problem ??= `took ${seconds.toFixed(1)} s`;
  const peak = memory().peakBytes - before;
  if (peak > mostBytes) problem ??= `held ${peak} bytes`;
  return { problem, outcome };
}

/** What passes make of the graph, and what comes back from a file. */
function rewritten(graph: Graph): Graph[] {
  const made = [foldBatchNorm(graph), foldConstants(graph), lowerInteger(graph).graph];
  try {
    made.push(importOnnx(toOnnx(graph)));
  } catch (error) {
    if (!(error instanceof LowbitError) || error.code !== 'unsupported') throw error;
  }
  return made;
}

/** Runs the graph on random inputs if they and the work are small. */
function runs(graph: Graph, trusted: boolean): boolean {
  const inputs: Record<string, Tensor> = Object.create(null);
  let total = 0;
  for (const { name, type } of graph.inputs) {
    const shape = type!.shape.map((n) => (Number.isNaN(n) ? 2 : n));
    const size = shape.reduce((a, b) => a * b, 1);
    total += size;
    if (!(total < mostElements) || shape.length > 8) return false;
    const numbers = Array.from({ length: size }, (_, i) => (type!.dtype === 'float32' ? ((i * 13) % 7) - 3 : (i % 3) + 1));
    inputs[name] = Tensor.from(numbers, shape, type!.dtype);
  }
  const shapes = Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, shape]));
  const types = new Types(graph, shapes);
  const isKnown = graph.nodes.every((node) => types.get(node.output));
  if (isKnown ? graph.nodes.reduce((sum, node) => sum + work(node, types), 0) > mostWork : !trusted) return false;
  for (const tensor of Object.values(run(graph, inputs))) tensor.data();
  return true;
}

// Multiplications, or elements that are made and read.
function work(node: Node, types: Types): number {
  const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
  const shapes = node.inputs.map((value) => types.get(value)!.shape);
  const window = Array.isArray(node.params.kernel) ? size(node.params.kernel as number[]) : 1;
  const depth = node.op.quantizes
    ? size(shapes[1].slice(1))
    : node.op === matmul || node.op === resample
      ? Math.max(1, ...shapes.flat())
      : 1;
  return size(types.get(node.output)!.shape) * window * depth + shapes.reduce((sum, shape) => sum + size(shape), 0);
}
