/** Weights that are codes: how many bits they take, and where the bytes of a model are. */
import { type Graph, type Node, Uses, type Value } from '../graph/graph.js';
import { codesOf, groupedOf, readerOf } from '../graph/match.js';
import type { WeightStorage } from '../onnx/weights.js';
import { unpackLevels } from '../ops/index.js';
import { packWeights } from '../passes/packWeights.js';
import { sizeOf } from '../shape.js';
import { isPacked } from './quantized.js';

/** A weight that is codes of at most 8 bits. */
export interface CodedWeight {
  /** The node that reads it. */
  layer: string;
  /** Bits of a code: 1 to 4 where they are packed or came from a file that says so, else 8. */
  bits: number;
  /** What packed codes stand for ("uniform", "zero"); null where they are not packed. */
  grid: string | null;
  elements: number;
  /** Bytes of the codes in a file. */
  bytes: number;
}

/** The weights of the graph that are codes, in its order. */
export function codedWeights(graph: Graph): CodedWeight[] {
  const uses = new Uses(graph);
  return graph.nodes.flatMap((node) => {
    const codes = codesOf(graph, node.output);
    const stored = codes && storedCodes(graph, codes);
    const reader = uses.of(node.output).find(({ op }) => op.quantizes) ?? readerOf(graph, uses, node.output);
    return stored && reader?.op.quantizes ? [{ layer: reader.name, ...stored }] : [];
  });
}

function storedCodes(graph: Graph, codes: Value): Omit<CodedWeight, 'layer'> | undefined {
  const elements = weightSize(graph, codes);
  const { producer } = codes;
  if (producer) {
    const { bits, grid } = paramsOf(producer);
    return { bits, grid, elements, bytes: graph.constantOf(producer.inputs[0])!.bytes };
  }
  const { dtype } = graph.constantOf(codes)!;
  const bits = codes.bits ?? 8;
  return dtype === 'int8' || dtype === 'uint8' ? { bits, grid: null, elements, bytes: Math.ceil((elements * bits) / 8) } : undefined;
}

const paramsOf = (node: Node) => ({ ...unpackLevels.params, ...node.params }) as { bits: number; grid: string; shape: readonly number[] };

/** Numbers of a weight: of a constant, of packed codes, or of either behind a dequantize; 0 for anything else. */
export function weightSize(graph: Graph, value: Value): number {
  const codes = groupedOf(graph, value)?.dequantize.inputs[0] ?? codesOf(graph, value) ?? value;
  return codes.producer?.op === unpackLevels ? sizeOf(paramsOf(codes.producer).shape) : (graph.constantOf(codes)?.size ?? 0);
}

/** The graph with its weights packed, where that is asked for or, nothing being said, where some have 1 bit. */
export function packedFor(graph: Graph, storage: WeightStorage | undefined): Graph {
  const isPacked = storage === 'packed' || (storage === undefined && codedWeights(graph).some(({ bits }) => bits === 1));
  return isPacked ? packWeights(graph) : graph;
}

/** How `exportOnnx` keeps the weights as the graph has them: packed, or 4 bits; undefined where it has neither. */
export function weightStorageOf(graph: Graph): WeightStorage | undefined {
  if (isPacked(graph)) return 'packed';
  return codedWeights(graph).some(({ bits }) => bits < 8) ? 'int4' : undefined;
}

/** Bytes of all constants as a file holds them, by what they are: "1-bit", "4-bit", "int8", "float32", the largest part first. */
export function bytesByKind(graph: Graph): Record<string, number> {
  const packed = new Map(graph.nodes.flatMap((node) => (node.op === unpackLevels ? [[node.inputs[0], paramsOf(node).bits]] : [])));
  const kinds: Record<string, number> = {};
  for (const [value, { dtype, bytes }] of graph.constants) {
    const bits = packed.get(value) ?? value.bits;
    const kind = bits === undefined ? dtype : `${bits}-bit`;
    kinds[kind] = (kinds[kind] ?? 0) + (packed.has(value) ? bytes : Math.ceil((bytes * (value.bits ?? 8)) / 8));
  }
  return Object.fromEntries(Object.entries(kinds).sort(([, a], [, b]) => b - a));
}
