/** Which layers of a network a search replaces. */
import type { Graph, Node, Value } from '../../graph/graph.js';
import { checkSelection, selects } from '../../train/selection.js';
import type { SlbSettings } from './options.js';

export interface LayerChoice {
  /** Layers to search, in order. */
  layers: Node[];
  /** The others with weights, and why they stay float. */
  float: { name: string; op: string; reason: string }[];
}

/** @throws LowbitError 'option' where an exclusion means no layer */
export function chooseLayers(graph: Graph, settings: SlbSettings): LayerChoice {
  const candidates = graph.nodes.filter(({ op, inputs }) => op.quantizes && graph.constantOf(inputs[1])?.dtype === 'float32');
  const { exclude } = settings;
  const names = candidates.flatMap(({ name, inputs }) => [name, inputs[1].name]);
  if (!Array.isArray(exclude) || exclude.length) checkSelection('slb', 'exclude', exclude, names);
  const before = followed(
    graph,
    candidates,
    (node) => node.inputs,
    (node) => [node.output],
    false,
  );
  const behind = followed(
    graph,
    candidates,
    (node) => [node.output],
    (node) => node.inputs,
    true,
  );
  const reasonOf = (node: Node): string | undefined => {
    if (selects(exclude, node.name) || selects(exclude, node.inputs[1].name)) return 'excluded';
    if (!settings.quantizeFirst && !before.has(node)) return 'the first layer (quantizeFirst is false)';
    if (!settings.quantizeLast && !behind.has(node)) return 'the last layer (quantizeLast is false)';
    if (!settings.quantizeDownsample && isDownsample(graph, node)) return 'a 1×1 convolution with a stride (quantizeDownsample is false)';
    return undefined;
  };
  const reasons = new Map(candidates.map((node) => [node, reasonOf(node)]));
  return {
    layers: candidates.filter((node) => !reasons.get(node)),
    float: candidates.flatMap((node) => {
      const reason = reasons.get(node);
      return reason ? [{ name: node.name, op: node.op.name, reason }] : [];
    }),
  };
}

/** The candidates that others come before, or behind in the reverse order. */
function followed(
  graph: Graph,
  candidates: readonly Node[],
  from: (node: Node) => readonly Value[],
  to: (node: Node) => readonly Value[],
  reverse: boolean,
): Set<Node> {
  const all = new Set(candidates);
  const reached = new Set<Value>();
  const found = new Set<Node>();
  for (const node of reverse ? [...graph.nodes].reverse() : graph.nodes) {
    const isReached = from(node).some((value) => reached.has(value));
    if (isReached && all.has(node)) found.add(node);
    if (isReached || all.has(node)) for (const value of to(node)) reached.add(value);
  }
  return found;
}

function isDownsample(graph: Graph, { op, inputs, params }: Node): boolean {
  if (op.name !== 'conv2d') return false;
  const [, kh, kw] = graph.constantOf(inputs[1])!.shape;
  const { strides = [1, 1] } = params as { strides?: readonly number[] };
  return kh === 1 && kw === 1 && strides.some((stride) => stride > 1);
}
