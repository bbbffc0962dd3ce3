import { fail } from '../error.js';
import type { Graph } from '../graph/graph.js';
import { codesOf } from '../graph/match.js';
import { dequantize, quantize as quantizeOp } from '../ops/index.js';
import { batchNormToConv } from './batchNormToConv.js';
import { foldBatchNorm } from './foldBatchNorm.js';
import { foldConstants } from './foldConstants.js';
import { removeDropout } from './removeDropout.js';
import { singlePrecision } from './singlePrecision.js';

/**
 * The float graph, of which weights may be codes, in the form that is quantized: dropout left out, in float32, constants computed, batch
 * normalization in the weights or a layer.
 */
export function prepareToQuantize(graph: Graph): Graph {
  if (graph.nodes.some((node) => node.op === quantizeOp || (node.op === dequantize && !codesOf(graph, node.output)))) {
    fail({ code: 'graph', problem: 'the model is quantized already', todo: 'Start from the float model.' });
  }
  return uniqueNames(batchNormToConv(foldBatchNorm(foldConstants(singlePrecision(removeDropout(graph))))));
}

// Nodes of unnamed exporters may share a name; layers are told apart by the values they make.
function uniqueNames(graph: Graph): Graph {
  const seen = new Set<string>();
  for (const node of graph.nodes) {
    if (seen.has(node.name)) node.name = node.output.name;
    seen.add(node.name);
  }
  return graph;
}
