/** The runtimes themselves, where they are installed (here, or in a folder of NODE_PATH); tests that need them skip where they are not. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { repositoryRoot } from '../shared.js';

interface Session {
  run(inputs: Record<string, unknown>): Promise<Record<string, { data: ArrayLike<number | bigint> }>>;
  release(): Promise<void>;
}

export interface Runtime {
  Tensor: new (type: string, data: unknown, shape: readonly number[]) => unknown;
  InferenceSession: { create(file: Uint8Array, options?: object): Promise<Session> };
  env: { wasm: { numThreads?: number }; logLevel?: string };
}

export function runtimeNamed(name: 'onnxruntime-node' | 'onnxruntime-web'): Runtime | undefined {
  try {
    const found = createRequire(join(repositoryRoot(), 'package.json'))(name) as Runtime;
    found.env.wasm.numThreads = 1;
    found.env.logLevel = 'fatal';
    return found;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
