/** Who can take a factor a channel in: the constants that have to change so that a value comes out multiplied. */
import { type Graph, isValue, type Node, type Uses, type Value } from '../../graph/graph.js';
import { isLayer } from '../../graph/layers.js';
import { inverse } from '../../graph/layout.js';
import type { Types } from '../../graph/types.js';
import * as ops from '../../ops/index.js';
import { axisIndex, type Shape, sizeOf } from '../../shape.js';
import type { Tensor } from '../../tensor.js';

/** A constant input of a node, and what it is multiplied by. */
export interface Edit {
  node: Node;
  input: number;
  factor: Tensor;
}

export interface Surroundings {
  graph: Graph;
  types: Types;
  uses: Uses;
}

/**
 * What multiplies a value by a positive factor that broadcasts to its last dimensions: scale and bias of a normalization, weights and bias
 * of a layer, a constant that it is multiplied by. Sums with constants, moves, means, ReLUs and the product with attention's weights, P·(v·f) = (P·v)·f,
 * hand the factor on to what they read, as long as nobody else reads that.
 * @returns undefined where the factor meets something that cannot take it
 */
export function absorbed(value: Value, factor: Tensor, around: Surroundings): Edit[] | undefined {
  const node = value.producer;
  const shape = around.types.get(value)?.shape;
  if (!node || !shape || !fits(factor.shape, shape)) return undefined;
  const { graph } = around;
  const { op, inputs } = node;
  if (isLayer(graph, node)) return byLayer(node, factor, graph);
  if (op === ops.layerNorm) return byNorm(node, factor, around);
  const constant = inputs.findIndex((input) => graph.constantOf(input)?.dtype === 'float32');
  const edit = { node, input: constant, factor };
  if (op === ops.mul && constant >= 0) return [edit];
  if ((op === ops.add || op === ops.sub) && constant >= 0) {
    const rest = handedOn(node, 1 - constant, factor, around);
    return rest && [edit, ...rest];
  }
  if (op === ops.matmul) return (factor.shape.at(-2) ?? 1) === 1 ? handedOn(node, 1, factor, around) : undefined;
  if (op === ops.reshape) return handedOn(node, 0, beforeReshape(node, factor, around), around);
  if (op === ops.transpose) return handedOn(node, 0, beforeTranspose(node, factor, shape.length), around);
  const keepsChannels = op.scalesThrough || (elsewhere.includes(op) && sparesLast(node, around));
  return keepsChannels && factor.shape.length === 1 ? handedOn(node, 0, factor, around) : undefined;
}

/** Ops along some dimensions that let a factor of another one through. */
const elsewhere: readonly unknown[] = [ops.reduceMean, ops.reduceSum, ops.gather];

/** Is the last dimension none of those that the node works along? */
function sparesLast({ params, inputs }: Node, { types }: Surroundings): boolean {
  const axes = params.axes ?? [params.axis ?? 0];
  const rank = types.rank(inputs[0]) ?? 0;
  return Array.isArray(axes) && axes.length > 0 && axes.every((axis) => typeof axis === 'number' && axisIndex(axis, rank) !== rank - 1);
}

/** Does each dimension of a factor fit the last dimensions of a value? */
function fits(factor: Shape, shape: Shape): boolean {
  const last = shape.slice(shape.length - factor.length);
  return factor.length <= shape.length && factor.every((n, i) => n === 1 || n === last[i]);
}

function handedOn(node: Node, input: number, factor: Tensor | undefined, around: Surroundings): Edit[] | undefined {
  const value = node.inputs[input];
  return factor && around.uses.only(value) === node ? absorbed(value, factor, around) : undefined;
}

function byLayer(node: Node, factor: Tensor, graph: Graph): Edit[] | undefined {
  const { shape } = graph.constantOf(node.inputs[1])!;
  if (factor.shape.length !== 1 || factor.size !== shape[0]) return undefined;
  const rows = ops.reshape(factor, { shape: [shape[0], ...shape.slice(1).map(() => 1)] });
  return [
    { node, input: 1, factor: rows },
    { node, input: 2, factor },
  ];
}

function byNorm(node: Node, factor: Tensor, { graph, types }: Surroundings): Edit[] | undefined {
  const axis = axisIndex(Number(node.params.axis ?? ops.layerNorm.params.axis), types.rank(node.inputs[0]) ?? 0);
  const isConstant = node.inputs.slice(1).every((value) => graph.constantOf(value)?.dtype === 'float32');
  if (!isConstant || axis === undefined || factor.shape.length > types.rank(node.output)! - axis) return undefined;
  return [1, 2].map((input) => ({ node, input, factor }));
}

/** The factor of the last dimensions before they were cut otherwise. */
function beforeReshape({ inputs, output }: Node, factor: Tensor, { types }: Surroundings): Tensor | undefined {
  const [from, to] = [inputs[0], output].map((value) => types.get(value)?.shape);
  const block = to?.slice(-factor.shape.length) ?? [];
  const count = from?.findLastIndex((_, i) => sizeOf(from.slice(i)) === sizeOf(block)) ?? -1;
  if (count < 0) return undefined;
  const whole = ops.expand(factor, { shape: block });
  return ops.reshape(whole, { shape: from!.slice(count) });
}

function beforeTranspose({ params }: Node, factor: Tensor, rank: number): Tensor | undefined {
  if (isValue(params.perm)) return undefined;
  const leading = Array.from({ length: rank - factor.shape.length }, () => 1);
  const whole = ops.reshape(factor, { shape: [...leading, ...factor.shape] });
  const moved = ops.transpose(whole, { perm: inverse(params.perm as readonly number[]) });
  const first = moved.shape.findIndex((n) => n !== 1);
  return ops.reshape(moved, { shape: moved.shape.slice(first < 0 ? -1 : first) });
}
