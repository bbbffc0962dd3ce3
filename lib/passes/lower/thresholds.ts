/** Layers of signs whose outputs only count by their signs. */
import { Graph, type Node, type Value } from '../../graph/graph.js';
import { clampOf } from '../../graph/match.js';
import { run } from '../../graph/run.js';
import { Types } from '../../graph/types.js';
import type { AnyOp } from '../../op.js';
import * as ops from '../../ops/index.js';
import { sizeOf } from '../../shape.js';
import { scope, Tensor } from '../../tensor.js';
import type { Lowering } from './lowering.js';

/**
 * The packed signs x ≥ zero, where x comes from a layer of signs by steps that rise or fall with it: what a layer adds, batch normalization,
 * clamps. The layer then writes signs, and its sums meet thresholds, which are found by asking those steps for the sign of sums; it is theirs
 * for each possible sum. Nothing where somebody else reads the numbers on the way.
 * @param reader what compares x, and nothing else does
 */
export function signsOfLayer(x: Value, zero: number, reader: Node, to: Lowering): Value | undefined {
  const steps: Step[] = [];
  const types = new Types(to.old);
  let at = x;
  for (let after = reader; ; ) {
    const node = at.producer;
    if (!node || to.uses.only(at) !== after || to.uses.isOutput(at)) return undefined;
    if (node.op === ops.conv2d || node.op === ops.gemm) {
      const layer = to.get(at).producer;
      return layer?.op === ops.binaryConv2d || layer?.op === ops.binaryGemm ? withThresholds(layer, steps, zero, to) : undefined;
    }
    const step = stepOf(node, to.old, types.get(at)?.shape.length ?? 0);
    if (!step) return undefined;
    steps.unshift(step);
    at = step.input;
    after = node;
  }
}

/** A node whose output rises or falls with one input, whatever numbers the others are; those are constants. */
interface Step {
  node: Node;
  input: Value;
  constants: readonly Tensor[];
}

const sums: readonly AnyOp[] = [ops.add, ops.sub, ops.mul];

function stepOf(node: Node, graph: Graph, rank: number): Step | undefined {
  const { op, inputs, params } = node;
  const place = sums.includes(op) && graph.constantOf(inputs[0]) ? 1 : 0;
  const constants = inputs.filter((_, i) => i !== place).map((value) => graph.constantOf(value));
  const { axis = ops.batchNorm.params.axis } = params;
  const isMonotone = sums.includes(op) || op === ops.div || clampOf(node) || (op === ops.batchNorm && (axis === -1 || axis === rank - 1));
  return isMonotone && constants.every((tensor) => tensor !== undefined) ? { node, input: inputs[place], constants } : undefined;
}

function withThresholds(layer: Node, steps: readonly Step[], zero: number, to: Lowering): Value | undefined {
  const [x, w, bias, scale] = layer.inputs;
  const [biases, scales] = [bias, scale].map((value) => to.graph.constantOf(value));
  if (!biases || !scales) return undefined;
  const numbers = steps.flatMap(({ constants }) => constants);
  const channels = sizeOf(scales.shape);
  if (!numbers.every(({ dtype, shape }) => dtype === 'float32' && [1, channels].includes(sizeOf(shape)))) return undefined;
  const found = scope(() => thresholds(realOf(layer, [biases, scales], steps), productsOf(layer), channels, zero));
  if (!found) return undefined;
  const constant = (values: Float32Array, what: string) => to.graph.constant(Tensor.from(values, [channels]), `${layer.name}.${what}`);
  const operands = [x, w, constant(found.bias, 'threshold'), constant(found.direction, 'direction')];
  return to.graph.add(layer.op, operands, { ...layer.params, output: 'signs' }, `${layer.name}.signs`);
}

/** How many products a sum has at most. */
function productsOf({ op, params }: Node): number {
  if (op === ops.binaryGemm) return Number(params.columns);
  const { kernel, channels, groups = ops.binaryConv2d.params.groups } = params;
  return (sizeOf(kernel as number[]) * Number(channels)) / Number(groups);
}

/** The real numbers that follow sums, one for each channel: fma(sum, scale, bias), which is a convolution of one tap, and the steps. */
function realOf(layer: Node, [biases, scales]: Tensor[], steps: readonly Step[]): (sums: Float32Array) => ArrayLike<number> {
  const graph = new Graph('sums');
  const channels = sizeOf(scales.shape);
  const sums = graph.input('sums', { dtype: 'float32', shape: [1, 1, 1, channels] });
  const taps = graph.constant(ops.reshape(scales, { shape: [channels, 1, 1, 1] }));
  const conv = graph.add(ops.conv2d, [sums, taps, graph.constant(biases)], { groups: channels });
  const start = layer.op === ops.binaryGemm ? graph.add(ops.reshape, [conv], { shape: [1, channels] }) : conv;
  const y = steps.reduce((value, { node, input, constants }) => {
    const rest = constants.values();
    const inputs = node.inputs.map((old) => (old === input ? value : graph.constant(rest.next().value!)));
    return graph.add(node.op, inputs, node.params);
  }, start);
  graph.output('y', y);
  return (values) => run(graph, { sums: Tensor.from(values, [1, 1, 1, channels]) }).y.data() as Float32Array;
}

/**
 * direction and bias, one each for a channel, of which direction·sum + bias ≥ 0 is real(sum) ≥ zero for each whole sum in −most .. most:
 * by bisection, for real rises or falls, and so do float32 operations. Nothing where it is not a number at an end.
 */
function thresholds(real: (sums: Float32Array) => ArrayLike<number>, most: number, channels: number, zero: number) {
  const low = new Float32Array(channels).fill(-most);
  const high = new Float32Array(channels).fill(most);
  const ends = [real(low), real(high)];
  if (ends.some((values) => values.length !== channels || Array.prototype.some.call(values, Number.isNaN))) return undefined;
  const [first, last] = ends.map((values) => Array.from(values, (v) => v >= zero));
  while (low.some((sum, c) => high[c] - sum > 1)) {
    const middle = low.map((sum, c) => Math.floor((sum + high[c]) / 2));
    const values = real(middle);
    for (const [c, sum] of middle.entries()) (values[c] >= zero === first[c] ? low : high)[c] = sum;
  }
  const direction = Float32Array.from({ length: channels }, (_, c) => Number(last[c]) - Number(first[c]));
  const bias = direction.map((sign, c) => (sign > 0 ? -high[c] : sign < 0 ? low[c] : first[c] ? 1 : -1));
  return { direction, bias };
}
