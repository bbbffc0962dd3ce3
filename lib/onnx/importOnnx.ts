/** ONNX file -> graph. */
import { checkOptions, fail, LowbitError } from '../error.js';
import { Folder } from '../graph/fold.js';
import { entry, Graph, type Value } from '../graph/graph.js';
import { withoutDead } from '../graph/rewrite.js';
import { cancelTransposes } from '../passes/cancelTransposes.js';
import { mergeReshapes } from '../passes/mergeReshapes.js';
import { Tensor } from '../tensor.js';
import { type OnnxModel, readModel } from './file.js';
import { type ImportedFile, ImportNode } from './importNode.js';
import { olderMeaning } from './olderMeaning.js';
import { importers } from './operators/index.js';
import type { GraphProto, ModelProto, NodeProto, ValueInfoProto } from './schema.js';
import { bitsOf, dtypeOf, tensorFromProto } from './tensors.js';

/** Opsets of the default domain that can be written; what is read may be older where an operator still means the same. */
export const oldestOpset = 7;
export const newestOpset = 21;

export interface ImportOptions {
  /**
   * Inputs of the file that get a fixed value and are no inputs of the graph any more, by name. For axes and sizes that a file leaves
   * open although its operators have to know them before the run. The graph keeps the tensors.
   */
  constants?: Readonly<Record<string, Tensor>>;
}

/**
 * Reads an ONNX model.
 * Layouts, shapes and constants are settled: images become NHWC inside, what depends on constants alone is computed.
 * @param source path or bytes of the file; external data is looked for beside the path
 * @throws LowbitError "format" or "file" for what is not an ONNX file, "unsupported" with all operators that are not known
 */
export function importOnnx(source: string | Uint8Array, options: ImportOptions = {}): Graph {
  checkOptions('importOnnx', options, ['constants']);
  return mergeReshapes(cancelTransposes(importModel(readModel(source), options)));
}

/** The graph as the file has it, with a transpose around each spatial operator. */
export function importModel({ proto: model, folder: modelFolder }: OnnxModel, { constants = {} }: ImportOptions = {}): Graph {
  const proto = model.graph!;
  const opsets = opsetsOf(model);
  refuseUnknown(proto, opsets);
  const graph = new Graph(proto.name || 'graph');
  const values = new Map<string, Value>();
  const initializers = new Set(proto.initializer.map(({ name }) => name));
  // Files of IR version 3 list their weights as inputs too.
  const inputs = proto.input.filter(({ name }) => !initializers.has(name));
  const names = inputs.map(({ name }) => name);
  refuseTwins([...names, ...proto.initializer.map(({ name }) => name)]);
  checkOptions('importOnnx constants', constants, names);
  for (const input of inputs) {
    const fixed = entry(constants, input.name);
    values.set(input.name, fixed ? graph.constant(fixed, input.name) : addInput(graph, input));
  }
  const folder = new Folder(graph);
  for (const tensor of proto.initializer) {
    const { data, shape, dtype } = tensorFromProto(tensor, modelFolder);
    values.set(tensor.name, folder.constant(Tensor.from(data, shape, dtype), tensor.name, bitsOf(tensor.dataType)));
  }
  const file = { folder: modelFolder, dataTypes: dataTypesOf(proto) };
  for (const node of proto.node) importNode(node, values, opsets.get(node.domain) ?? 1, folder, file);
  refuseTwins(proto.output.map(({ name }) => name));
  for (const { name } of proto.output) {
    const value = values.get(name);
    if (!value) fail({ code: 'format', format: 'onnx', problem: `output "${name}" is not made by any node` });
    graph.output(name, value);
  }
  return withoutDead(graph);
}

function dataTypesOf(proto: GraphProto): Map<string, number> {
  const types = new Map<string, number>();
  for (const { name, type } of proto.input) if (type?.value.case === 'tensorType') types.set(name, type.value.value.elemType);
  for (const { name, dataType } of proto.initializer) types.set(name, dataType);
  for (const { opType, output, attribute } of proto.node) {
    if (opType === 'Constant' && attribute[0]?.t) types.set(output[0], attribute[0].t.dataType);
  }
  return types;
}

function importNode(proto: NodeProto, values: Map<string, Value>, opset: number, folder: Folder, file: ImportedFile): void {
  const node = new ImportNode(proto, values, opset, folder, file);
  const other = olderMeaning(node);
  if (other) node.refuse(`${other}; export the model again with a newer opset`);
  const results = within(node, () => importers.get(key(proto))!(node));
  const outputs: readonly (Value | undefined)[] = Array.isArray(results) ? results : [results as Value];
  for (const [i, name] of proto.output.entries()) {
    if (!name) continue;
    const value = outputs[i] ?? node.refuse(`output ${i} ("${name}") is not supported`);
    if (values.has(name)) definedTwice(name);
    // A value that has no name of the file yet gets this one; an Identity gives a second name to what has one.
    if (values.get(value.hint) !== value) folder.graph.rename(value, name);
    values.set(name, value);
  }
}

// Ops complain about their own inputs; the user needs the node as well.
function within<T>(node: ImportNode, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof LowbitError) || error.code === 'unsupported' || error.code === 'outOfMemory') throw error;
    return node.refuse(error.message);
  }
}

const key = (node: NodeProto) => (node.domain && node.domain !== 'ai.onnx' ? `${node.domain}.${node.opType}` : node.opType);

function opsetsOf(model: ModelProto): Map<string, number> {
  const opsets = new Map(model.opsetImport.map(({ domain, version }) => [domain, Number(version)]));
  const version = opsets.get('') ?? opsets.get('ai.onnx') ?? 1;
  return opsets.set('', version).set('ai.onnx', version);
}

function refuseUnknown(proto: GraphProto, opsets: ReadonlyMap<string, number>): void {
  const items = proto.node
    .filter((node) => !importers.has(key(node)))
    .map((node) => ({
      name: node.name || node.output[0] || '?',
      op: key(node),
      reason: opsets.has(node.domain) ? 'this operator is not supported' : `no operator set is declared for domain "${node.domain}"`,
    }));
  if (proto.sparseInitializer.length)
    items.push({ name: proto.name, op: 'sparse_initializer', reason: 'sparse weights are not supported' });
  if (items.length) fail({ code: 'unsupported', where: 'onnx', items });
}

function refuseTwins(names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) if (seen.size === seen.add(name).size) definedTwice(name);
}

const definedTwice = (name: string): never => fail({ code: 'format', format: 'onnx', problem: `"${name}" is defined twice` });

function addInput(graph: Graph, { name, type }: ValueInfoProto): Value {
  const tensor = type?.value?.case === 'tensorType' ? type.value.value : undefined;
  const dtype = tensor && dtypeOf(tensor.elemType);
  if (!dtype) {
    return fail({ code: 'unsupported', where: 'onnx', items: [{ name, op: 'input', reason: 'it is not a tensor of numbers' }] });
  }
  if (!tensor.shape) {
    return fail({
      code: 'unsupported',
      where: 'onnx',
      items: [{ name, op: 'input', reason: 'the file does not say how many dimensions it has' }],
    });
  }
  const dims = tensor.shape.dim.map(({ value }) => (value.case === 'dimParam' ? value.value : undefined));
  const shape = tensor.shape.dim.map(({ value }) => (value.case === 'dimValue' && value.value >= 0n ? Number(value.value) : Number.NaN));
  return graph.input(name, { dtype, shape }, dims);
}
