/** Graph -> ONNX file. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkOptions, fail } from '../error.js';
import type { Graph } from '../graph/graph.js';
import { groupedOf } from '../graph/match.js';
import { Types } from '../graph/types.js';
import { verify } from '../graph/verify.js';
import { packageRoot } from '../native.js';
import { dequantize, quantize } from '../ops/index.js';
import { isWide, type TensorType } from '../shape.js';
import { Tensor } from '../tensor.js';
import { ExportNode, withinInt64 } from './exportNode.js';
import { encodeModel, writeModel } from './file.js';
import { type AttributeValue, FileGraph, type FileNode } from './fileGraph.js';
import { newestOpset, oldestOpset } from './importOnnx.js';
import { exporters } from './operators/index.js';
import { lowbitDomain, lowbitVersion } from './operators/lowbit.js';
import { microsoft } from './opsets.js';
import { AttributeType, type ModelProto, onnxMessage } from './schema.js';
import { dataTypeOf, tensorToProto } from './tensors.js';
import { type ExportedWeight, int4Opset, type WeightStorage, weightStorages } from './weights.js';

export interface ExportOptions {
  /**
   * Version of the default operator set, 7 to 21; per-channel quantization needs 13, int4 weights 21. Default 17, for int4 weights, weights with
   * scales of groups and codes of 16 bits 21; with an older one, values of 16 bits are quantized by the operators of the domain com.microsoft, as onnxruntime has them.
   */
  opset?: number;
  /**
   * How weights that are codes are written. 'int8': every runtime reads them. 'int4': half the size, where the codes are -8 to 7 (0 to 15
   * if unsigned). 'packed': 1 to 4 bits as the graph has them, byte for byte, in our own operator: only lowbit reads such a file.
   * Default 'int8'; what came from a file of 4-bit weights is 4 bits again where the opset is 21.
   */
  weights?: WeightStorage;
}

/** What became of the graph. */
export interface ExportReport {
  /** All weights that are codes, and how they lie in the file. */
  weights: ExportedWeight[];
}

/** The graph as the bytes of an ONNX model. */
export function toOnnx(graph: Graph, options: ExportOptions = {}): Uint8Array {
  return encodeModel({ proto: modelOf(graph, options).proto });
}

/**
 * Writes the graph as an ONNX model; the file appears whole or not at all.
 * Images are (n, c, h, w) again, quantized values are QuantizeLinear and DequantizeLinear pairs.
 * @throws LowbitError "unsupported" for ops that the format has no operator for, with all their names
 */
export function exportOnnx(graph: Graph, path: string, options: ExportOptions = {}): ExportReport {
  const { proto, weights } = modelOf(graph, options);
  writeModel(path, { proto });
  return { weights };
}

function checked(graph: Graph, options: ExportOptions): { opset: number; weights: WeightStorage | undefined } {
  checkOptions('exportOnnx', options, ['opset', 'weights']);
  const { weights } = options;
  const refuse = (option: keyof ExportOptions, came: unknown, expected: string, because?: string): never =>
    fail({ code: 'option', where: 'exportOnnx', option, came, expected, because });
  if (weights !== undefined && !weightStorages.includes(weights)) refuse('weights', weights, `one of ${weightStorages.join(', ')}`);
  const opset = options.opset ?? (weights === 'int4' || needsNewest(graph) ? int4Opset : 17);
  if (!(Number.isInteger(opset) && opset >= oldestOpset && opset <= newestOpset)) {
    refuse('opset', opset, `a whole number from ${oldestOpset} to ${newestOpset}`);
  }
  if (weights === 'int4' && opset < int4Opset)
    refuse('opset', opset, `at least ${int4Opset}`, 'weights are "int4"; "int8" needs no such opset');
  return { opset, weights };
}

function modelOf(graph: Graph, options: ExportOptions): { proto: ModelProto; weights: ExportedWeight[] } {
  const { opset, weights } = checked(graph, options);
  verify(graph);
  refuseUnknown(graph);
  const file = new FileGraph(graph, new Types(graph), opset, weights);
  for (const node of graph.nodes) {
    // Weights are written where they are read, in the layout that is wanted there.
    if (!file.weights.has(node.output)) exporters.get(node.op)!(new ExportNode(node, file));
  }
  nameOutputs(file);
  const proto = onnxMessage('ModelProto', {
    irVersion: BigInt(irVersion(opset)),
    producerName: 'lowbit',
    producerVersion: version(),
    opsetImport: opsetImports(file),
    graph: {
      name: graph.name,
      node: file.nodes.map(nodeProto),
      initializer: [...file.initializers].map(([name, { tensor, dataType }]) =>
        tensorToProto(name, tensor.dtype, tensor.shape, tensor.data(), dataType),
      ),
      input: graph.inputs.map(({ name, type, dims }) => valueInfo(name, type!, dims)),
      output: graph.outputs.map(({ name, value }) => valueInfo(name, file.types.get(value), undefined)),
    },
  });
  return { proto, weights: file.weights.report() };
}

// Operators for codes of 16 bits and for scales of groups came with the integers of 4 bits.
const needsNewest = (graph: Graph) =>
  graph.nodes.some(
    ({ op, inputs, output }) =>
      ((op === quantize || op === dequantize) && isWide(graph.constantOf(inputs[2])?.dtype)) || groupedOf(graph, output) !== undefined,
  );

/** Versions of the domains beside the default one. */
const domainVersions: Readonly<Record<string, number>> = { [lowbitDomain]: lowbitVersion, [microsoft]: 1 };

// Domains that no node is of are not named: other readers would look for them.
function opsetImports({ opset, nodes }: FileGraph) {
  const used = new Set(nodes.map(({ type }) => nameOf(type).domain));
  const others = Object.entries(domainVersions).filter(([domain]) => used.has(domain));
  return [{ domain: '', version: BigInt(opset) }, ...others.map(([domain, version]) => ({ domain, version: BigInt(version) }))];
}

/** An operator's name, and its domain where it is not the default one. */
function nameOf(type: string): { opType: string; domain?: string } {
  const dot = type.lastIndexOf('.');
  return { opType: type.slice(dot + 1), ...(dot >= 0 && { domain: type.slice(0, dot) }) };
}

function refuseUnknown(graph: Graph): void {
  const items = graph.nodes
    .filter((node) => !exporters.has(node.op))
    .map((node) => ({ name: node.name, op: node.op.name, reason: 'the format has no operator for it' }));
  if (items.length) fail({ code: 'unsupported', where: 'onnx export', items });
}

// The last node of an output carries its name; inputs, weights and values that are two outputs go through an Identity.
function nameOutputs(file: FileGraph): void {
  const { inputs, outputs } = file.graph;
  const renamed = new Map<string, string>();
  // All of them are written first: one may be made of another.
  for (const [i, stored] of outputs.map(({ value }) => file.in(value)).entries()) {
    const { name, value } = outputs[i];
    if (inputs.some((input) => input.name === name && input !== value)) {
      fail({
        code: 'graph',
        problem: `"${name}" is an input and another value as output`,
        todo: 'A file tells them apart by their names.',
      });
    }
    if (stored === name) continue;
    const maker = renamed.has(stored) ? undefined : file.nodes.find((node) => node.output === stored);
    if (maker) {
      maker.output = name;
      renamed.set(stored, name);
    } else file.nodes.push({ type: 'Identity', name, inputs: [stored], output: name, unread: [], attributes: {} });
  }
  for (const node of file.nodes) node.inputs = node.inputs.map((input) => renamed.get(input) ?? input);
}

function nodeProto({ type, name, inputs, output, unread, attributes }: FileNode) {
  const attribute = Object.entries(attributes).flatMap(attributeProto);
  return { ...nameOf(type), name, input: inputs, output: [...unread, output], attribute };
}

function attributeProto([name, value]: [string, AttributeValue | undefined]) {
  return value ? [valueProto(name, value)] : [];
}

function valueProto(name: string, value: AttributeValue) {
  if (value.i !== undefined) return { name, type: AttributeType.INT, i: BigInt(value.i) };
  if (value.f !== undefined) return { name, type: AttributeType.FLOAT, f: value.f };
  if (value.s !== undefined) return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value.s) };
  if (value.ints) return { name, type: AttributeType.INTS, ints: value.ints.map((n) => BigInt(withinInt64(n))) };
  const { dtype, shape, values } = value.t!;
  return { name, type: AttributeType.TENSOR, t: tensorToProto('', dtype, shape, typedArray(dtype, values)) };
}

function typedArray(dtype: TensorType['dtype'], values: readonly number[]) {
  const tensor = Tensor.from(values, [values.length], dtype);
  const data = tensor.data();
  tensor.dispose();
  return data;
}

function valueInfo(name: string, type: TensorType | undefined, dims: readonly (string | undefined)[] | undefined) {
  if (!type) return { name };
  const dim = type.shape.map((n, i) => {
    if (!Number.isNaN(n)) return { value: { case: 'dimValue' as const, value: BigInt(n) } };
    return dims?.[i] ? { value: { case: 'dimParam' as const, value: dims[i] } } : {};
  });
  return { name, type: { value: { case: 'tensorType' as const, value: { elemType: dataTypeOf(type.dtype), shape: { dim } } } } };
}

// The file format's version that came with the opset.
const irVersion = (opset: number) => (opset >= 21 ? 10 : opset >= 19 ? 9 : opset >= 15 ? 8 : opset >= 12 ? 7 : 4);

let knownVersion: string | undefined;
/** This package's version. */
export function version(): string {
  knownVersion ??= (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }).version;
  return knownVersion;
}
