/** Nodes of a file into the graph, one after the other: those of the model, of the branch that an If takes, of a function's body. */
import { fail, LowbitError } from '../error.js';
import type { Folder } from '../graph/fold.js';
import type { Value } from '../graph/graph.js';
import { Tensor } from '../tensor.js';
import { type ImportedFile, ImportNode } from './importNode.js';
import { olderMeaning } from './olderMeaning.js';
import { importers } from './operators/index.js';
import type { FunctionProto, GraphProto, NodeProto } from './schema.js';
import { bitsOf, tensorFromProto } from './tensors.js';

/** What nodes of a file see, and where they go. */
export interface Scope {
  /** What each name is in the graph; grows by the outputs of the nodes. */
  values: Map<string, Value>;
  /** Versions of the operator sets, by domain. */
  opsets: ReadonlyMap<string, number>;
  /** Operators that the file itself defines, by name. */
  functions: ReadonlyMap<string, FunctionProto>;
  /** How many more calls of functions are read: a few short bodies that call each other twice are a model without end. */
  calls: { left: number };
  folder: Folder;
  file: ImportedFile;
}

type Results = Value | readonly (Value | undefined)[];

/** `domain.name`, without the domain where it is the default one. */
export function operatorOf({ opType, domain }: Pick<NodeProto, 'opType' | 'domain'>): string {
  return domain && domain !== 'ai.onnx' ? `${domain}.${opType}` : opType;
}

export const isKnownOperator = (node: NodeProto): boolean => importers.has(operatorOf(node)) || operatorOf(node) === 'If';

const recurrent = 'recurrent layers are not supported';
const loops = 'loops are not supported; export the model without its post-processing';
const reasons: Readonly<Record<string, string>> = {
  ...{ LSTM: recurrent, GRU: recurrent, RNN: recurrent },
  ...{ Loop: loops, Scan: loops },
  NonMaxSuppression: 'how many boxes it keeps depends on the data; export the model without its post-processing',
};

/** Why an operator is none that can be read. */
export const whyNot = (node: NodeProto): string => reasons[operatorOf(node)] ?? 'this operator is not supported';

export const definedTwice = (name: string): never => fail({ code: 'format', format: 'onnx', problem: `"${name}" is defined twice` });

/** @throws LowbitError "unsupported", with the node, "format" for names that are defined twice */
export function importNodes(nodes: readonly NodeProto[], scope: Scope): void {
  for (const proto of nodes) importOne(proto, scope);
}

function importOne(proto: NodeProto, scope: Scope): void {
  const { values, folder } = scope;
  const node = new ImportNode(proto, values, scope.opsets.get(proto.domain) ?? 1, folder, scope.file);
  const other = olderMeaning(node);
  if (other) node.refuse(`${other}; export the model again with a newer opset`);
  const results = within(node, () => resultsOf(node, scope));
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

function resultsOf(node: ImportNode, scope: Scope): Results {
  const operator = operatorOf(node.proto);
  const own = scope.functions.get(operator);
  if (own) return called(node, own, scope);
  if (operator === 'If') return branch(node, scope);
  const read = importers.get(operator) ?? node.refuse(whyNot(node.proto));
  return read(node);
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

/** An If whose condition is known before the run is the branch that it takes. It sees the values around it. */
function branch(node: ImportNode, scope: Scope): Results {
  const condition = node.known(node.input(0));
  if (!condition) node.refuse('its condition is computed while the model runs; export the model with fixed sizes');
  const taken = node.graph(condition[0] ? 'then_branch' : 'else_branch');
  const inner = { ...scope, values: new Map(scope.values) };
  addInitializers(taken, inner);
  importNodes(taken.node, inner);
  return taken.output.map(({ name }) => inner.values.get(name));
}

/** The constants that a graph of the file lists. */
export function addInitializers({ initializer }: GraphProto, { values, folder, file }: Scope): void {
  for (const tensor of initializer) {
    const { data, shape, dtype } = tensorFromProto(tensor, file.folder);
    values.set(tensor.name, folder.constant(Tensor.from(data, shape, dtype), tensor.name, bitsOf(tensor.dataType)));
  }
}

/** The body of a function in the place of its call. It sees what it is given alone. */
function called(node: ImportNode, body: FunctionProto, scope: Scope): Results {
  if (scope.calls.left-- <= 0) node.refuse('functions call each other too often');
  const given = body.input.flatMap((name, i) => {
    const value = node.optional(i);
    return value ? [[name, value] as const] : [];
  });
  const opsets = new Map(body.opsetImport.map(({ domain, version }) => [domain, Number(version)]));
  // A body cannot call itself.
  const functions = new Map([...scope.functions].filter(([, other]) => other !== body));
  const inner = { ...scope, values: new Map(given), opsets, functions };
  importNodes(
    body.node.map((each) => withAttributesOf(node.proto, body, each)),
    inner,
  );
  return body.output.map((name) => inner.values.get(name));
}

// An attribute may stand for one of the call, or for the default that the function gives it.
function withAttributesOf(call: NodeProto, body: FunctionProto, node: NodeProto): NodeProto {
  const attribute = node.attribute.flatMap((own) => {
    if (!own.refAttrName) return [own];
    const given = [...call.attribute, ...body.attributeProto].find(({ name }) => name === own.refAttrName);
    return given ? [{ ...given, name: own.name }] : [];
  });
  return { ...node, name: node.name && `${call.name}/${node.name}`, attribute };
}
