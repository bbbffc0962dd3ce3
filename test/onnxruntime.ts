/** onnxruntime-node, for comparison where it is installed. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Tensor } from 'lowbit';

interface Runtime {
  Tensor: new (type: string, data: unknown, shape: readonly number[]) => unknown;
  InferenceSession: {
    create(
      path: string,
      options: object,
    ): Promise<{ run(inputs: object): Promise<Record<string, { data: Float32Array }>>; release(): Promise<void> }>;
  };
}

/**
 * The float32 outputs of a file, by name; undefined where the package is not installed. Each operator is what the format says: optimized, a MatMul
 * of weights with groups would give its activations codes of 8 bits.
 */
export async function runElsewhere(path: string, inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, number[]> | undefined> {
  const runtime = installed();
  if (!runtime) return undefined;
  const session = await runtime.InferenceSession.create(path, { graphOptimizationLevel: 'disabled' });
  const fed = Object.entries(inputs).map(([name, x]) => [name, new runtime.Tensor(x.dtype, x.data(), x.shape)]);
  const outputs = await session.run(Object.fromEntries(fed));
  await session.release();
  return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, [...data]]));
}

function installed(): Runtime | undefined {
  const require = createRequire(join(process.cwd(), 'package.json'));
  try {
    return require('onnxruntime-node') as Runtime;
  } catch {
    return undefined;
  }
}
