/** ONNX file -> graph. */
import { checkOptions, fail } from '../error.js';
import { Folder } from '../graph/fold.js';
import { entry, Graph, type Value } from '../graph/graph.js';
import { withoutDead } from '../graph/rewrite.js';
import { cancelTransposes } from '../passes/cancelTransposes.js';
import { mergeReshapes } from '../passes/mergeReshapes.js';
import type { Tensor } from '../tensor.js';
import { type OnnxModel, readModel } from './file.js';
import { addInitializers, definedTwice, importNodes, isKnownOperator, operatorOf, whyNot } from './importNodes.js';
import type { FunctionProto, GraphProto, ModelProto, ValueInfoProto } from './schema.js';
import { dtypeOf } from './tensors.js';

/** Opsets of the default domain that can be written; what is read may be older where an operator still means the same. */
export const oldestOpset = 7;
export const newestOpset = 21;

// Far more than a network has layers.
const mostCalls = 10_000;

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
  refuseUnknown(model, opsets);
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
  const file = { folder: modelFolder, dataTypes: dataTypesOf(proto) };
  const scope = { values, opsets, functions: functionsOf(model), calls: { left: mostCalls }, folder, file };
  addInitializers(proto, scope);
  importNodes(proto.node, scope);
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

function opsetsOf(model: ModelProto): Map<string, number> {
  const opsets = new Map(model.opsetImport.map(({ domain, version }) => [domain, Number(version)]));
  const version = opsets.get('') ?? opsets.get('ai.onnx') ?? 1;
  return opsets.set('', version).set('ai.onnx', version);
}

function functionsOf(model: ModelProto): Map<string, FunctionProto> {
  return new Map(model.functions.map((body) => [operatorOf({ opType: body.name, domain: body.domain }), body]));
}

// Of all nodes at once; those in the branches of an If, of which one counts, when they are met.
function refuseUnknown(model: ModelProto, opsets: ReadonlyMap<string, number>): void {
  const graph = model.graph!;
  const own = functionsOf(model);
  const items = [graph, ...model.functions]
    .flatMap(({ node }) => node)
    .filter((node) => !isKnownOperator(node) && !own.has(operatorOf(node)))
    .map((node) => ({
      name: node.name || node.output[0] || '?',
      op: operatorOf(node),
      reason: opsets.has(node.domain) ? whyNot(node) : `no operator set is declared for domain "${node.domain}"`,
    }));
  if (graph.sparseInitializer.length)
    items.push({ name: graph.name, op: 'sparse_initializer', reason: 'sparse weights are not supported' });
  if (items.length) fail({ code: 'unsupported', where: 'onnx', items });
}

function refuseTwins(names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) if (seen.size === seen.add(name).size) definedTwice(name);
}

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
