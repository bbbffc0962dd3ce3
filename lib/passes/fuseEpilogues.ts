import type { Graph, Node, Value } from '../graph/graph.js';
import { clampOf } from '../graph/match.js';
import { type Rewriter, rewrite } from '../graph/rewrite.js';
import { Types } from '../graph/types.js';
import type { AnyOp } from '../op.js';
import { add, conv2d, conv2dAddClip, gemm, gemmAddClip } from '../ops/index.js';
import type { Shape } from '../shape.js';
import { Tensor } from '../tensor.js';

const fusedForms = new Map<AnyOp, AnyOp>([
  [conv2d, conv2dAddClip],
  [gemm, gemmAddClip],
]);
const fused = new Set(fusedForms.values());

/**
 * Puts the sum and the clamp behind a convolution or a linear layer into it: conv2d or gemm, then add, then relu or clip becomes
 * conv2dAddClip or gemmAddClip, where nobody else reads what lies between. What is added has the shape of the output, or is one number
 * a channel. Results keep their bytes; only of two NaNs either may be the sum. For float32 graphs of known shapes.
 */
export function fuseEpilogues(graph: Graph): Graph {
  const types = new Types(graph);
  let nothing: Value | undefined;
  return rewrite(graph, (node, to) => {
    if (types.get(node.output)?.dtype !== 'float32') return undefined;
    const fuse = (layer: Node, plus: Value, bounds = {}) =>
      to.graph.add(fusedForms.get(layer.op)!, [...layer.inputs, plus], { ...layer.params, ...bounds }, layer.name);

    if (node.op === add) {
      const found = summed(node, to, types);
      return found && fuse(found.layer, found.plus);
    }
    const clamp = clampOf(node);
    const layer = clamp && layerBefore(node, node.inputs[0], to);
    if (!layer) return undefined;
    const [min, max] = clamp;
    if (fused.has(layer.op)) return 'min' in layer.params ? undefined : to.copy(layer, layer.inputs, { ...layer.params, min, max });
    nothing ??= to.graph.constant(Tensor.from(new Float32Array(0)), 'nothing');
    return fuse(layer, nothing, { min, max });
  });
}

/** What makes the value in the new graph, if it is a layer that only this node reads. */
function layerBefore(node: Node, value: Value, to: Rewriter): Node | undefined {
  const layer = to.uses.only(value) === node ? to.get(value).producer : undefined;
  return layer && (fusedForms.has(layer.op) || fused.has(layer.op)) ? layer : undefined;
}

/** The layer that an addition follows, and what is added to its output. */
function summed(node: Node, to: Rewriter, types: Types): { layer: Node; plus: Value } | undefined {
  const shapeOf = (value: Value) => types.get(value)?.shape ?? [Number.NaN];
  const shape = shapeOf(node.output);
  for (const [value, plus] of [node.inputs, node.inputs.toReversed()]) {
    const layer = layerBefore(node, value, to);
    if (!layer || fused.has(layer.op) || !isSame(shapeOf(value), shape)) continue;
    if (isSame(shapeOf(plus), shape) || isSame(shapeOf(plus), shape.slice(-1))) return { layer, plus: to.get(plus) };
  }
  return undefined;
}

const isSame = (a: Shape, b: Shape) => a.length === b.length && a.every((n, i) => n === b[i]);
