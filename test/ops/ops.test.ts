import test from 'ava';
import { allOps, rowsOf, runOp, type Tensor, threads } from 'lowbit';
import { bytesOf } from './case.js';
import { cases } from './cases.js';

for (const [name, list] of Object.entries(cases)) {
  test(`${name}: ${list.length} cases on every row`, (t) => {
    const op = allOps.get(name);
    if (!op) return t.fail('not an op');
    for (const [i, entry] of list.entries()) {
      const title = `${name} ${entry.note ?? i}`;
      const inputs = entry.inputs();
      const reference = runOp(op, inputs, entry.params, 'reference');
      if (entry.expect) {
        const want = typeof entry.expect === 'function' ? entry.expect(inputs.map((x) => x.toNumbers())) : entry.expect;
        const problem = difference(reference.toNumbers(), want, entry.bound ?? 0);
        if (problem) t.fail(`${title}, reference: ${problem}`);
      }
      const bytes = bytesOf(reference.data());
      for (const row of rowsOf(op)) {
        for (const count of [1, 2, 3]) {
          threads(count);
          const got = tryRow(() => runOp(op, inputs, entry.params, row));
          if (got && !bytes.equals(bytesOf(got.data()))) t.fail(`${title}: row ${row} with ${count} threads differs from the reference`);
          got?.dispose();
        }
      }
      for (const tensor of [...inputs, reference]) tensor.dispose();
    }
    t.pass();
  });
}

// A row may decline a call; any other fault is a failure.
function tryRow(run: () => Tensor): Tensor | undefined {
  try {
    return run();
  } catch (error) {
    if ((error as { code?: string }).code === 'kernel') return undefined;
    throw error;
  }
}

function difference(got: readonly number[], want: readonly number[], bound: number): string | undefined {
  if (got.length !== want.length) return `${got.length} elements, expected ${want.length}`;
  for (let i = 0; i < got.length; i++) {
    if (Object.is(got[i], want[i]) || got[i] === want[i]) continue;
    const error = Math.abs(got[i] - want[i]) / Math.max(1, Math.abs(want[i]));
    if (!(error <= bound)) return `element ${i} is ${got[i]}, expected ${want[i]} (error ${error}, bound ${bound})`;
  }
  return undefined;
}
