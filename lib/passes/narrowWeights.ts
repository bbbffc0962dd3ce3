import type { Graph } from '../graph/graph.js';
import { Rewriter } from '../graph/rewrite.js';
import { levelsOf } from '../ops/index.js';
import { Tensor } from '../tensor.js';
import { packWeights, weightNodes } from './packWeights.js';

const largest = 127;

/**
 * Rounds the int8 weights of a quantized network to the evenly spaced levels of 1, 2 or 4 bits and packs them: what the network would cost
 * with such weights. Its answers are worth little, a search or training makes them good. The first and the last layer keep their 8 bits, as
 * such networks have them.
 *
 * A code c ≈ w/s becomes the level next to c·top/127 of −top, −top + 2 .. top, top = 2^bits − 1, and the scale s·127/top.
 */
export function narrowWeights(old: Graph, bits: 1 | 2 | 4): Graph {
  const weights = weightNodes(old);
  const layers = old.nodes.filter((node) => node.inputs.some(({ producer }) => producer && weights.has(producer)));
  const kept = [layers[0], layers.at(-1)].flatMap((layer) => layer?.inputs ?? []);
  const to = new Rewriter(old);
  const levels = levelsOf(bits, 'uniform');
  const top = levels.length - 1;
  const graph = to.apply((node) => {
    const [codes, scale] = node.inputs.map((value) => old.constantOf(value));
    if (!weights.has(node) || kept.includes(node.output) || codes?.dtype !== 'int8' || !scale) return undefined;
    const level = (code: number) => levels[Math.max(0, Math.round(((code / largest + 1) * top) / 2))];
    const narrow = Tensor.from(Int8Array.from(codes.data() as Int8Array, level), codes.shape);
    const wide = Tensor.from(
      Float32Array.from(scale.toNumbers(), (s) => (s * largest) / top),
      scale.shape,
    );
    const inputs = [to.graph.constant(narrow, node.inputs[0].name), to.graph.constant(wide, node.inputs[1].name)];
    return to.copy(node, [...inputs, ...node.inputs.slice(2).map((value) => to.get(value))]);
  });
  return packWeights(graph);
}
