import type { Graph } from '../graph/graph.js';
import { layerPairs } from '../graph/layers.js';
import { rewrite } from '../graph/rewrite.js';
import { relu } from '../ops/index.js';
import { isBounded, isScaled } from './equalizeLayers.js';

/**
 * Makes relu of clip(0, 6), and of a clip from 0 to any other number, where equalization could then go through it: between two layers of
 * which only the second reads the first. Scales do not move through an upper bound. Outputs change where a value lies above the bound.
 * @returns the graph, and the names of what was replaced
 */
export function replaceRelu6(graph: Graph): { graph: Graph; replaced: string[] } {
  const found = new Set(layerPairs(graph, (node) => isScaled(node) || isBounded(node)).flatMap(({ between }) => between.filter(isBounded)));
  const replace = rewrite(graph, (node, to) => (found.has(node) ? to.graph.add(relu, [to.get(node.inputs[0])], {}, node.name) : undefined));
  return { graph: replace, replaced: [...found].map(({ name }) => name) };
}
