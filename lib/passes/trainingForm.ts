import { type Graph, type Node, Uses, type Value } from '../graph/graph.js';
import { type Rewriter, rewrite } from '../graph/rewrite.js';
import { Types } from '../graph/types.js';
import * as ops from '../ops/index.js';
import { shapesMayEqual } from '../shape.js';
import type { Tensor } from '../tensor.js';

/** A batch normalization whose running statistics follow the batches. */
export interface RunningStatistics {
  /** The output of the training graph that holds the mean and variance of the batch, (2, channels). */
  output: string;
  /** What they are statistics of, in the training graph, and the axis of its channels. */
  of: Value;
  axis: number;
  mean: Tensor;
  variance: Tensor;
}

/** A range of activations that follows the batches. */
export interface FollowingRange {
  /** The output of the training graph that holds the range with the batch in it, [3]. */
  output: string;
  range: Tensor;
}

/** A graph as it runs while it learns. */
export interface TrainingForm {
  graph: Graph;
  statistics: readonly RunningStatistics[];
  ranges: readonly FollowingRange[];
  /** The input that dropout draws from, [seed low, seed high, step] as uint32, where there is any. */
  random?: string;
}

/**
 * How a graph runs while it learns: batch normalization with the statistics of the batch instead of the running ones (a ReLU behind it in
 * the same pass), additions and the ReLU behind them in one pass, dropout that drops, ranges of activations that follow the batches.
 * Constants are shared with the graph.
 * @param frozen which batch normalizations keep their running statistics
 * @param standing tensors that stand for what nodes compute: somebody else keeps them up to date
 */
export function trainingForm(
  graph: Graph,
  frozen: (node: Node) => boolean = () => false,
  standing: (node: Node) => Tensor | undefined = () => undefined,
): TrainingForm {
  const statistics: RunningStatistics[] = [];
  const ranges: FollowingRange[] = [];
  const uses = new Uses(graph);
  const types = new Types(graph);
  const fused = new Set<Node>();
  let random: Value | undefined;
  let streams = 0;

  /** The ReLU that alone reads the node's output. */
  const reluBehind = (node: Node): Node | undefined => {
    const next = uses.only(node.output);
    return next?.op === ops.relu ? next : undefined;
  };
  const swallow = (node: Node): boolean => {
    const next = reluBehind(node);
    if (next) fused.add(next);
    return next !== undefined;
  };
  const normalize = (node: Node, to: Rewriter): Value | undefined => {
    const [x, scale, bias, mean, variance] = node.inputs;
    const running = [mean, variance].map((value) => graph.constantOf(value));
    if (!running[0] || !running[1] || frozen(node)) return undefined;
    const { axis, epsilon } = { ...ops.batchNorm.params, ...node.params } as { axis: number; epsilon: number };
    const of = to.get(x);
    const batch = to.graph.add(ops.batchStatistics, [of], { axis }, `${node.name}.statistics`);
    statistics.push({ output: batch.name, of, axis, mean: running[0], variance: running[1] });
    to.graph.output(batch.name, batch);
    const activation = swallow(node) ? 'relu' : 'none';
    return to.graph.add(ops.batchNormTraining, [of, to.get(scale), to.get(bias), batch], { axis, epsilon, activation }, node.name);
  };
  const addition = (node: Node, to: Rewriter): Value | undefined => {
    const [a, b] = node.inputs.map((value) => types.get(value));
    const same = a?.dtype === 'float32' && b?.dtype === 'float32' && shapesMayEqual(a.shape, b.shape);
    if (!same || !swallow(node)) return undefined;
    const inputs = node.inputs.map((value) => to.get(value));
    return to.graph.add(ops.addRelu, inputs, {}, node.name);
  };
  const fakeQuantize = (node: Node, to: Rewriter): Value | undefined => {
    const [x, range] = node.inputs.map((value) => to.get(value));
    const tensor = graph.constantOf(node.inputs[1]);
    if (!tensor) return undefined;
    const { decay } = { ...ops.fakeQuantizeRange.params, ...node.params } as { decay: number };
    const batch = to.graph.add(ops.minMax, [x], {}, `${node.name}.batch`);
    const next = to.graph.add(ops.followRange, [range, batch], { decay }, `${node.name}.next`);
    ranges.push({ output: next.name, range: tensor });
    to.graph.output(next.name, next);
    return to.graph.add(node.op, [x, next], node.params, node.name);
  };
  const drop = (node: Node, to: Rewriter): Value | undefined => {
    const { rate } = { ...ops.dropout.params, ...node.params } as { rate: number };
    if (rate === 0) return to.get(node.inputs[0]);
    random ??= to.graph.input('random', { dtype: 'uint32', shape: [3] });
    return to.graph.add(ops.dropoutTraining, [to.get(node.inputs[0]), random], { rate, stream: streams++ }, node.name);
  };

  const form = rewrite(graph, (node, to) => {
    if (fused.has(node)) return to.get(node.inputs[0]);
    const tensor = standing(node);
    if (tensor) return to.graph.constant(tensor, node.output.name);
    if (node.op === ops.fakeQuantizeRange) return fakeQuantize(node, to);
    if (node.op === ops.batchNorm) return normalize(node, to);
    if (node.op === ops.add) return addition(node, to);
    if (node.op === ops.dropout) return drop(node, to);
    return undefined;
  });
  return { graph: form, statistics, ranges, random: random?.name };
}
