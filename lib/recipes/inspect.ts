/** What a model is made of, and what quantizing it would do. */
import { checkOptions, fail, shapeText } from '../error.js';
import { type Graph, type Node, reads, type Value } from '../graph/graph.js';
import { macsOf } from '../graph/macs.js';
import { Types } from '../graph/types.js';
import { dequantize, quantize, unpackLevels } from '../ops/index.js';
import { lowerInteger } from '../passes/lowerInteger.js';
import { prepareToQuantize } from '../passes/prepareToQuantize.js';
import { quantizationPlan } from '../quant/plan.js';
import { type Dtype, type Shape, shapesMayEqual } from '../shape.js';
import { bytesByKind, type CodedWeight, codedWeights, weightSize } from './codedWeights.js';
import { isQuantized } from './quantized.js';

export interface Port {
  name: string;
  dtype: Dtype | undefined;
  /** null where a dimension is free. */
  shape: (number | null)[] | undefined;
}

export interface Layer {
  name: string;
  op: string;
  /** Multiply-accumulates for the given shapes; null where a size is not known. */
  macs: number | null;
  parameters: number;
}

export interface Inspection {
  /** How many nodes there are of each op. */
  operators: Record<string, number>;
  inputs: Port[];
  outputs: Port[];
  /** Weights, biases and the like; scales, zero points and shapes are not counted. */
  parameters: number;
  /** Multiply-accumulates of all products for the given shapes; null where a size is not known. */
  macs: number | null;
  /** Bytes of all constants in memory. */
  bytes: number;
  /** Bytes of all constants in a file, by kind: element types, and "1-bit" to "4-bit" for low-bit codes; the largest first. */
  bytesByKind: Record<string, number>;
  /** Weights that are codes. */
  codedWeights: CodedWeight[];
  /** Does the model have quantized values already? */
  quantized: boolean;
  /** Layers that compute on integers, or would after `quantize`. */
  quantizable: Layer[];
  /** Nodes that compute on real numbers all the same, and why. */
  float: { name: string; op: string; reason: string }[];
}

export interface InspectOptions {
  /** Sizes for inputs, by name; otherwise a free batch is 1 and other free dimensions stay unknown. */
  shapes?: Readonly<Record<string, Shape>>;
}

/**
 * Describes a graph without running it.
 * @throws LowbitError 'option' where a shape names no input or does not fit it
 */
export function inspect(graph: Graph, options: InspectOptions = {}): Inspection {
  checkOptions('inspect', options, ['shapes']);
  const types = new Types(graph, inputShapes(graph, options.shapes ?? {}));
  const declared = new Types(graph);
  const port = (name: string, value: Value): Port => {
    const type = declared.get(value);
    return { name, dtype: type?.dtype, shape: type?.shape.map((n) => (Number.isNaN(n) ? null : n)) };
  };
  const quantized = isQuantized(graph);
  const { integer, float } = quantized ? lowered(graph) : planned(prepareToQuantize(graph));
  const layer = (node: Node): Layer => {
    const parameters = sum(reads(node).map((value) => weightSize(graph, value)));
    return { name: node.name, op: node.op.name, macs: known(macsOf(node, types)), parameters };
  };
  return {
    operators: counted(graph.nodes.map((node) => node.op.name)),
    inputs: graph.inputs.map((value) => port(value.name, value)),
    outputs: graph.outputs.map(({ name, value }) => port(name, value)),
    parameters: sum([...parametersOf(graph)].map((value) => weightSize(graph, value))),
    macs: known(sum(graph.nodes.map((node) => macsOf(node, types)))),
    bytes: sum([...graph.constants.values()].map((tensor) => tensor.bytes)),
    bytesByKind: bytesByKind(graph),
    codedWeights: codedWeights(graph),
    quantized,
    quantizable: graph.nodes.filter((node) => macsOf(node, types) !== 0 && integer(node)).map(layer),
    float,
  };
}

type Split = { integer: (node: Node) => boolean; float: Inspection['float'] };

function planned(graph: Graph): Split {
  const { nodes, float } = quantizationPlan(graph);
  const names = new Set(nodes.map((node) => node.name));
  return { integer: (node) => names.has(node.name), float };
}

function lowered(graph: Graph): Split {
  const { float } = lowerInteger(graph);
  const names = new Set(float.map(({ name }) => name));
  return { integer: (node) => !names.has(node.name), float };
}

function inputShapes(graph: Graph, given: Readonly<Record<string, Shape>>): Record<string, Shape> {
  const names = graph.inputs.map(({ name }) => name);
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    fail({ code: 'option', where: 'inspect', option: 'shapes', came: unknown, expected: `one of the inputs ${names.join(', ')}` });
  }
  return Object.fromEntries(
    graph.inputs.map(({ name, type }) => {
      const shape = given[name] ?? type!.shape.map((n, i) => (i === 0 && Number.isNaN(n) ? 1 : n));
      if (!shapesMayEqual(shape, type!.shape)) {
        const expected = `a shape that fits ${shapeText(type!.shape)}`;
        fail({ code: 'option', where: 'inspect', option: `shape of ${name}`, came: shape, expected });
      }
      return [name, shape];
    }),
  );
}

// Scales and zero points follow the codes.
const onCodes: readonly unknown[] = [quantize, dequantize];

/** Constants that are numbers of the network itself; of packed codes the levels. */
function parametersOf(graph: Graph): Set<Value> {
  const found = new Set<Value>();
  for (const node of graph.nodes) {
    if (node.op === unpackLevels) {
      found.add(node.output);
      continue;
    }
    const data = onCodes.includes(node.op) ? node.inputs.slice(0, 1) : node.inputs;
    for (const value of data) if (graph.constants.has(value) && graph.constantOf(value)!.dtype !== 'int64') found.add(value);
  }
  return found;
}

function counted(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names.toSorted()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
const known = (n: number) => (Number.isNaN(n) ? null : n);
