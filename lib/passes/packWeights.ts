import type { Graph, Node, Value } from '../graph/graph.js';
import { Rewriter, rewrite } from '../graph/rewrite.js';
import { dequantize, levelsOf, type Packing, packedRowBytes, packLevels, unpackLevels } from '../ops/index.js';
import { sizeOf } from '../shape.js';
import { scope, type Tensor } from '../tensor.js';

/** From small to large; of two with as many bits, the published grid first. */
const packings: readonly Packing[] = [
  { bits: 1, grid: 'uniform' },
  { bits: 2, grid: 'uniform' },
  { bits: 2, grid: 'zero' },
  { bits: 4, grid: 'uniform' },
  { bits: 4, grid: 'zero' },
];

/**
 * Packs the low-bit weights of layers: constant int8 codes behind a dequantize without zero points, if all of them lie on the grid of 1, 2
 * or 4 bits, become packed codes behind `unpackLevels`. So weights from any file are found; the numbers stay the same.
 */
export function packWeights(old: Graph): Graph {
  const layers = weightNodes(old);
  const to = new Rewriter(old);
  const packed = new Map<Value, Value | undefined>();
  return to.apply((node) => {
    if (!layers.has(node)) return undefined;
    const [codes, scale, zeroPoint] = node.inputs;
    if (!packed.has(codes)) packed.set(codes, packedCodes(codes, to));
    const unpacked = packed.get(codes);
    return unpacked && to.copy(node, [unpacked, to.get(scale), to.get(zeroPoint)]);
  });
}

/** The inverse of `packWeights`: packed constants become constant int8 codes again. */
export function unpackWeights(old: Graph): Graph {
  return rewrite(old, (node, to) => {
    const packed = node.op === unpackLevels ? old.constantOf(node.inputs[0]) : undefined;
    return packed && to.graph.constant(unpackLevels(packed, node.params), node.output.name);
  });
}

/** The dequantize nodes of int8 weights without zero points. */
export function weightNodes(graph: Graph): Set<Node> {
  const weights = graph.nodes.flatMap(({ op, inputs }) => (op.quantizes ? [inputs[op.inputs.indexOf(op.quantizes.weight)].producer] : []));
  const isSymmetric = (node: Node | undefined): node is Node => {
    const zeroPoint = node?.op === dequantize ? graph.constantOf(node.inputs[2]) : undefined;
    return zeroPoint?.dtype === 'int8' && zeroPoint.toNumbers().every((zero) => zero === 0);
  };
  return new Set(weights.filter(isSymmetric));
}

/** The codes as unpackLevels of a constant, if some packing has them and saves memory. */
function packedCodes(codes: Value, to: Rewriter): Value | undefined {
  const tensor = to.old.constantOf(codes);
  const packing = tensor && packingOf(tensor);
  if (!packing) return undefined;
  const packed = to.graph.constant(
    scope(() => packLevels(tensor, packing)),
    `${codes.name}.packed`,
  );
  return to.graph.add(unpackLevels, [packed], { ...packing, shape: tensor.shape }, codes.name);
}

const isWithin = (used: ReadonlySet<number>, levels: readonly number[]) => levels.filter((level) => used.has(level)).length === used.size;

/** The smallest packing that has all levels of a weight, if it takes less memory than they do. */
export function packingOf(levels: Tensor): Packing | undefined {
  const [outputs, ...row] = levels.shape;
  const used = new Set(levels.data() as Int8Array);
  const packing = packings.find(({ bits, grid }) => isWithin(used, levelsOf(bits, grid)));
  return packing && outputs * packedRowBytes(sizeOf(row), packing.bits) < levels.size ? packing : undefined;
}
