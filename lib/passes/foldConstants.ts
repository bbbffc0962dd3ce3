import { Folder } from '../graph/fold.js';
import type { Graph } from '../graph/graph.js';
import { rewrite } from '../graph/rewrite.js';
import type { Shape } from '../shape.js';

/**
 * Computes what depends on constants alone, shapes of known dimensions included (ONNX Shape/Gather/Concat chains).
 * @param shapes sizes for inputs whose dimensions are free, by name: they become part of the graph
 */
export function foldConstants(graph: Graph, shapes: Readonly<Record<string, Shape>> = {}): Graph {
  let folder: Folder | undefined;
  return rewrite(
    graph,
    (node, to) => {
      folder ??= new Folder(to.graph);
      return folder.add(
        node.op,
        node.inputs.map((value) => to.get(value)),
        to.params(node),
        node.name,
      );
    },
    shapes,
  );
}
