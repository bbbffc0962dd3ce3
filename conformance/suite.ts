/** Reads and runs the tests of the ONNX project: a folder each, with a model and the inputs and outputs that belong together. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DataType, importOnnx, LowbitError, type OnnxModel, onnxOperators, readModel, readTensor, run, scope, Tensor } from 'lowbit';
import { difference } from './difference.js';

/** What became of a test. */
export interface Result {
  name: string;
  /** The operators of its model, each once. */
  operators: readonly string[];
  outcome: 'passed' | 'failed' | 'outside';
  /** Why it failed, or what it needs that this package does not have. */
  reason?: string;
}

/** The test folders below a folder, by path. */
export function findTests(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => basename(path) === 'model.onnx')
    .map((path) => join(folder, path, '..'))
    .sort();
}

/** Runs every data set of a test. */
export function runTest(folder: string): Result {
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
    const problem = scope(() => firstProblem(folder));
    return { name, operators, outcome: problem ? 'failed' : 'passed', reason: problem };
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

function firstProblem(folder: string): string | undefined {
  const graph = importOnnx(join(folder, 'model.onnx'));
  for (let set = 0; existsSync(join(folder, `test_data_set_${set}`)); set++) {
    const inputs = Object.fromEntries(graph.inputs.map(({ name }, i) => [name, tensorAt(folder, set, 'input', i)]));
    const outputs = run(graph, inputs);
    for (const [i, { name }] of graph.outputs.entries()) {
      const problem = difference(outputs[name], tensorAt(folder, set, 'output', i));
      if (problem) return `data set ${set}, output "${name}": ${problem}`;
    }
  }
  return undefined;
}

function tensorAt(folder: string, set: number, kind: 'input' | 'output', index: number): Tensor {
  const { data, shape, dtype } = readTensor(readFileSync(join(folder, `test_data_set_${set}`, `${kind}_${index}.pb`)));
  return Tensor.from(data, shape, dtype);
}

const messageOf = (error: unknown) =>
  error instanceof LowbitError ? error.message.replaceAll('\n', ' ') : String((error as Error).stack ?? error);
