import type { Graph, Node } from '../graph/graph.js';
import { rewrite } from '../graph/rewrite.js';
import { Types } from '../graph/types.js';
import { reshape } from '../ops/index.js';
import type { Shape } from '../shape.js';

/** Makes one reshape of several in a row, and none where the shape stays what it was. */
export function mergeReshapes(graph: Graph): Graph {
  const types = new Types(graph);
  return rewrite(graph, (node, to) => {
    if (!isFixed(node)) return undefined;
    let x = node.inputs[0];
    while (x.producer && isFixed(x.producer)) x = x.producer.inputs[0];
    const from = types.get(x)?.shape;
    const target = types.get(node.output)?.shape;
    if (from && target && isSame(from, target)) return to.get(x);
    return x === node.inputs[0] ? undefined : to.graph.add(reshape, [to.get(x)], node.params, node.name);
  });
}

/** A reshape that does not look at its input's dimensions. */
function isFixed({ op, params }: Node): boolean {
  return op === reshape && Array.isArray(params.shape) && (Boolean(params.allowZero) || !params.shape.includes(0));
}

// One dimension may be unknown: the number of elements is the same, so it is too.
function isSame(a: Shape, b: Shape): boolean {
  if (a.length !== b.length || a.includes(0) || a.filter(Number.isNaN).length > 1) return false;
  return a.every((n, i) => Object.is(n, b[i]));
}
