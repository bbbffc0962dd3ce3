/** Whatever we write: a runtime opens it exactly where the lint says that it does. One file an op, element type and opset. */
import test from 'ava';
import { allOps, Graph, LowbitError, lintModel, readModel, toOnnx, type Value } from 'lowbit';
import type { Case } from '../ops/case.js';
import { cases } from '../ops/cases.js';
import { runtimeNamed } from './runtime.js';

/** The op as a model, all its inputs open; undefined where the format has no such operator. */
function fileOf(name: string, { inputs, params = {} }: Case, opset: number): Uint8Array | undefined {
  const graph = new Graph(name);
  const values = inputs().map(({ dtype, shape }, i): Value => graph.input(`x${i}`, { dtype, shape }));
  try {
    graph.output('y', graph.add(allOps.get(name)!, values, params as Graph['nodes'][number]['params'], 'node'));
    return toOnnx(graph, { opset });
  } catch (error) {
    if (error instanceof LowbitError) return undefined; // an input that has to be constant, an opset that is too old
    throw error;
  }
}

/** The first case of each op for each type of its inputs. */
function* files(opset: number): Generator<{ name: string; types: string; file: Uint8Array }> {
  for (const [name, list] of Object.entries(cases)) {
    const seen = new Set<string>();
    for (const entry of list) {
      const types = entry
        .inputs()
        .map(({ dtype }) => dtype)
        .join();
      const file = seen.has(types) ? undefined : fileOf(name, entry, opset);
      seen.add(types);
      if (file) yield { name, types, file };
    }
  }
}

/** Where they part, and why. */
const known: Readonly<Record<string, string>> = {
  'silu of float64': 'onnxruntime fuses Sigmoid and Mul into an operator that it has no float64 kernel for',
  ...Object.fromEntries(
    ['bfloat16', 'int16', 'uint16'].map((type) => [`clip of ${type}`, 'a Clip without bounds is taken out before kernels are looked for']),
  ),
  'pow of float32,int8': 'the exponent has another type than the value that the table speaks of',
  'leakyRelu of float64, opset 17': 'the table is of opset 21; older operators may be expanded into others',
  'isNaN of bfloat16, opset 17': 'the table is of opset 21',
};

const runnable = [
  { target: 'ort-node', name: 'onnxruntime-node', opsets: [17, 21] },
  { target: 'ort-web-wasm', name: 'onnxruntime-web', opsets: [21] }, // slower to open
] as const;

for (const { target, name, opsets } of runnable) {
  const runtime = runtimeNamed(name);
  (runtime ? test.serial : test.serial.skip)(
    `${name} opens what ${target} takes${runtime ? '' : ` (skipped: ${name} is not installed)`}`,
    async (t) => {
      let opened = 0;
      const wrong: string[] = [];
      for (const opset of opsets) {
        for (const { name: op, types, file } of files(opset)) {
          const refusals = lintModel(readModel(file), target).filter(({ severity }) => severity === 'refuses');
          const problem = await runtime!.InferenceSession.create(file, { logSeverityLevel: 4 }).then(
            (session) => session.release().then(() => undefined),
            ({ message }: Error) => message,
          );
          if (/invalid model|Type Error/.test(problem ?? '')) continue; // not what the standard allows: no matter of targets
          const opens = problem === undefined || /unsupported data type/i.test(problem); // JavaScript has no tensors of some types
          if (opens) opened++;
          const called = `${op} of ${types}, opset ${opset}`;
          if (known[`${op} of ${types}`] || known[called] || opens === (refusals.length === 0)) continue;
          wrong.push(`${called}: ${problem ?? refusals[0].problem}`);
        }
      }
      t.deepEqual(wrong, []);
      t.true(opened > 100, `${opened}`);
    },
  );
}
