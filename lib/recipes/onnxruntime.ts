/** The optional package onnxruntime-node, for comparison: loaded where it is installed, never needed. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { toOnnx } from '../onnx/exportOnnx.js';
import { readModel } from '../onnx/file.js';
import { importOnnx, newestOpset } from '../onnx/importOnnx.js';
import { lowbitDomain } from '../onnx/operators/lowbit.js';
import type { Dtype, Shape } from '../shape.js';
import type { Tensor, TensorData } from '../tensor.js';

/** What a session gives: a tensor in the file's own layout. */
export interface FileTensor {
  dtype: Dtype;
  shape: Shape;
  data: TensorData;
}

export interface Session {
  /** Copies the inputs; each call of the result is one run. */
  prepare(inputs: Readonly<Record<string, Tensor>>): () => Promise<Record<string, FileTensor>>;
  release(): Promise<void>;
}

export interface OnnxRuntime {
  version: string;
  /**
   * @param model a file, whose packed weights become int8 for it, or its bytes
   * @param threads of one operator; operators run one after the other
   */
  open(model: string | Uint8Array, threads: number): Promise<Session>;
}

/** For people who wonder why there is no comparison. */
export const howToInstall = 'onnxruntime-node is not installed: `npm install onnxruntime-node` adds the\ncomparison with it.';

// The part of the package's interface that is used here.
interface Package {
  Tensor: new (type: string, data: TensorData, shape: readonly number[]) => PackageTensor;
  InferenceSession: { create(file: string | Uint8Array, options: object): Promise<PackageSession> };
}
interface PackageTensor {
  type: string;
  dims: readonly number[];
  data: TensorData;
}
interface PackageSession {
  run(inputs: Record<string, PackageTensor>): Promise<Record<string, PackageTensor>>;
  release(): Promise<void>;
}

/** The package as seen from this one, or from the folder that the user is in; undefined where neither has it. */
export function loadOnnxRuntime(): OnnxRuntime | undefined {
  for (const place of [import.meta.url, join(process.cwd(), 'package.json')]) {
    const require = createRequire(place);
    try {
      const found = require('onnxruntime-node') as Package;
      const { version } = require('onnxruntime-node/package.json') as { version: string };
      return { version, open: (model, threads) => open(found, model, threads) };
    } catch (error) {
      if (!notInstalled.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
  return undefined;
}

const notInstalled = ['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND'];

async function open({ Tensor: Made, InferenceSession }: Package, model: string | Uint8Array, threads: number): Promise<Session> {
  const options = { intraOpNumThreads: threads, interOpNumThreads: 1, executionMode: 'sequential', logSeverityLevel: 3 };
  const session = await InferenceSession.create(typeof model === 'string' ? portable(model) : model, options);
  return {
    prepare(inputs) {
      const named = Object.entries(inputs);
      const fed = Object.fromEntries(named.map(([name, tensor]) => [name, new Made(nameOf(tensor.dtype), tensor.data(), tensor.shape)]));
      return async () => {
        const outputs = Object.entries(await session.run(fed));
        return Object.fromEntries(outputs.map(([name, { type, dims, data }]) => [name, { dtype: dtypeOf(type), shape: dims, data }]));
      };
    },
    release: () => session.release(),
  };
}

// Other runtimes do not know our own operator: they get a model with packed weights as int8.
function portable(path: string): string | Uint8Array {
  const { opsetImport } = readModel(path).proto;
  if (!opsetImport.some(({ domain }) => domain === lowbitDomain)) return path;
  const standard = opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx');
  return toOnnx(importOnnx(path), { opset: standard && Math.min(Number(standard.version), newestOpset), weights: 'int8' });
}

// The package says bool where we say boolean.
const nameOf = (dtype: Dtype) => (dtype === 'boolean' ? 'bool' : dtype);
const dtypeOf = (type: string) => (type === 'bool' ? 'boolean' : type) as Dtype;
