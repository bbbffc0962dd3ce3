/** The tables of onnxruntime's kernels against onnxruntime: a session is asked for of each operator with each element type. */
import test from 'ava';
import { encodeModel, onnxOperators } from 'lowbit';
import { type Element, elements } from '../../lib/targets/elements.js';
import { ortCpu, ortCpuStandard, ortCpuUntil } from '../../lib/targets/ortCpu.js';
import { ortWebGpu } from '../../lib/targets/ortWebGpu.js';
import { fileOf } from './files.js';
import { type Runtime, runtimeNamed } from './runtime.js';
import { signatures } from './signatures.js';

/** true or false as a kernel is there or not; undefined where the standard does not allow the type, or JavaScript has no tensors of it. */
async function hasKernel(runtime: Runtime, op: string, type: Element, opset: number): Promise<boolean | undefined> {
  const { inputs, attributes } = signatures[op];
  const names = inputs.map((input, i) => (input === '' ? '' : `x${i}`));
  const types = inputs.flatMap((input, i) =>
    input === '' ? [] : [[names[i], elements[input === 'T' ? type : (input as Element)]] as const],
  );
  const file = fileOf({ opset, inputs: Object.fromEntries(types), steps: [{ op, inputs: names, output: 'y', attributes }] });
  try {
    const session = await runtime.InferenceSession.create(encodeModel(file), { logSeverityLevel: 4, graphOptimizationLevel: 'disabled' });
    await session.release();
    return true;
  } catch (error) {
    const { message } = error as Error;
    if (message.includes('Could not find an implementation')) return false;
    return /unsupported data type/i.test(message) ? true : undefined; // the kernel is found before JavaScript looks at the type
  }
}

for (const name of ['onnxruntime-node', 'onnxruntime-web'] as const) {
  const runtime = runtimeNamed(name);
  const title = `${name} has the kernels of the table and no others${runtime ? '' : ` (skipped: ${name} is not installed)`}`;
  (runtime ? test.serial : test.serial.skip)(title, async (t) => {
    const wrong: string[] = [];
    for (const op of Object.keys(signatures)) {
      const said = ortCpu.get(op);
      for (const type of Object.keys(elements) as Element[]) {
        // Half precision is cast to f32 where it has no kernel, so that a session tells nothing.
        const found = type === 'f16' ? undefined : await hasKernel(runtime!, op, type, 21);
        if (found !== undefined && said !== 'any' && said?.has(type) !== found) wrong.push(`${op} ${type}: ${found}`);
      }
    }
    t.deepEqual(wrong, []);
  });
  const later = `${name} has lost the kernels that the table says${runtime ? '' : ` (skipped: ${name} is not installed)`}`;
  (runtime ? test.serial : test.serial.skip)(later, async (t) => {
    for (const [op, opset] of Object.entries(ortCpuUntil)) {
      t.true(await hasKernel(runtime!, op, 'f32', opset), op);
      t.false(await hasKernel(runtime!, op, 'f32', opset + 1), op);
    }
  });
}

test('every operator of the table can be asked for', (t) => {
  const asked = [...ortCpuStandard].filter(([, types]) => types !== 'any').map(([op]) => op);
  t.deepEqual(asked.filter((op) => !(op in signatures)).sort(), ['Constant', 'ConstantOfShape']);
  t.deepEqual(
    Object.keys(signatures).filter((op) => !ortCpuStandard.has(op)),
    [],
  );
});

test('every operator that we read or write has its place', (t) => {
  const missing = onnxOperators.filter((op) => !ortCpu.has(op.replace(/^ai\.onnx\./, '')));
  t.deepEqual(missing, ['lowbit.UnpackLevels']);
});

test('what a card computes the processor can compute too', (t) => {
  const alone = [...ortWebGpu.keys()].filter((op) => !ortCpu.has(op));
  t.deepEqual(alone, ['com.microsoft.BiasAdd', 'com.microsoft.BiasSplitGelu']);
});
