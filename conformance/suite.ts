/** Reads and runs the tests of the ONNX project: a folder each, with a model and the inputs and outputs that belong together. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import {
  DataType,
  type Graph,
  importOnnx,
  LowbitError,
  type OnnxModel,
  onnxOperators,
  readModel,
  readTensor,
  run,
  scope,
  Tensor,
  type ValueInfoProto,
} from 'lowbit';
import { difference } from './difference.js';

/** What became of a test. */
export interface Result {
  name: string;
  /** The operators of its model, each once. */
  operators: readonly string[];
  outcome: 'passed' | 'failed' | 'outside';
  /** Why it failed, or what it needs that this package does not have. */
  reason?: string;
  /** It passed with axes or sizes given as constants that the test leaves open. */
  fixed?: boolean;
}

/** The test folders below a folder, by path. */
export function findTests(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => basename(path) === 'model.onnx')
    .map((path) => join(folder, path, '..'))
    .sort();
}

/**
 * Runs every data set of a test.
 * @param change what is done to the graph first; it has to compute the same afterwards
 */
export function runTest(folder: string, change = (graph: Graph) => graph): Result {
  const name = basename(folder);
  let model: OnnxModel;
  try {
    model = readModel(join(folder, 'model.onnx'));
  } catch (error) {
    return { name, operators: [], outcome: 'failed', reason: messageOf(error) };
  }
  const operators = operatorsOf(model);
  const missing = operators.filter((operator) => !onnxOperators.includes(operator));
  if (missing.length) return { name, operators, outcome: 'outside', reason: `no operator ${missing.join(', ')}` };
  const foreign = foreignType(model);
  if (foreign) return { name, operators, outcome: 'outside', reason: foreign };
  try {
    const { problem, fixed } = scope(() => runSets(folder, model, change));
    return { name, operators, outcome: problem ? 'failed' : 'passed', reason: problem, fixed };
  } catch (error) {
    return { name, operators, outcome: 'failed', reason: messageOf(error) };
  }
}

function operatorsOf({ proto }: OnnxModel): string[] {
  const names = proto.graph!.node.map(({ domain, opType }) => (domain && domain !== 'ai.onnx' ? `${domain}.${opType}` : opType));
  return [...new Set(names)];
}

// The first input or output that is not a tensor of an element type of ours.
function foreignType({ proto }: OnnxModel): string | undefined {
  for (const { name, type } of [...proto.graph!.input, ...proto.graph!.output]) {
    const value = type?.value;
    if (value?.case !== 'tensorType') return `"${name}" is no tensor`;
    const { elemType } = value.value;
    const typeName = Object.keys(DataType).find((key) => DataType[key as keyof typeof DataType] === elemType);
    if (!typeName || typeName === 'STRING' || /^(COMPLEX|FLOAT8|FLOAT4)/.test(typeName))
      return `"${name}" has elements of type ${typeName}`;
  }
  return undefined;
}

// The first problem of all data sets.
function runSets(folder: string, { proto }: OnnxModel, change: (graph: Graph) => Graph): { problem?: string; fixed: boolean } {
  let fixed = false;
  const path = join(folder, 'model.onnx');
  const weights = new Set(proto.graph!.initializer.map(({ name }) => name));
  for (let set = 0; existsSync(join(folder, `test_data_set_${set}`)); set++) {
    const read = (kind: 'input' | 'output', values: readonly ValueInfoProto[]) =>
      new Map(values.map((value, i) => [value.name, tensorAt(join(folder, `test_data_set_${set}`, `${kind}_${i}.pb`), value)]));
    const inputs = read(
      'input',
      proto.graph!.input.filter(({ name }) => !weights.has(name)),
    );
    const whole = importWith(path, inputs);
    fixed ||= whole.inputs.length < inputs.size;
    const graph = change(whole);
    const outputs = run(graph, Object.fromEntries(graph.inputs.map(({ name }) => [name, inputs.get(name)!])));
    for (const [name, want] of read('output', proto.graph!.output)) {
      const problem = difference(outputs[name], want);
      if (problem) return { problem: `data set ${set}, output "${name}": ${problem}`, fixed };
    }
  }
  return { fixed };
}

// Axes and sizes are inputs in these tests. Where an operator has to know them before the run, they are given as constants.
function importWith(path: string, inputs: ReadonlyMap<string, Tensor>): Graph {
  try {
    return importOnnx(path);
  } catch (error) {
    if (!(error instanceof LowbitError && /has to be constant/.test(error.message))) throw error;
    const settings = [...inputs].slice(1).filter(([, { shape, size }]) => shape.length <= 1 && size <= 64);
    return importOnnx(path, { constants: Object.fromEntries(settings) });
  }
}

function tensorAt(path: string, { type }: ValueInfoProto): Tensor {
  const { data, shape, dtype } = readTensor(readFileSync(path));
  const declared = type?.value?.case === 'tensorType' ? type.value.value.elemType : DataType.UNDEFINED;
  // Older tests hold bfloat16 as its bits.
  return Tensor.from(data, shape, dtype === 'uint16' && declared === DataType.BFLOAT16 ? 'bfloat16' : dtype);
}

const messageOf = (error: unknown) =>
  error instanceof LowbitError ? error.message.replaceAll('\n', ' ') : String((error as Error).stack ?? error);
