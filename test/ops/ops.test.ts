import test from 'ava';
import { type AnyOp, allOps, rowsOf, runOp, type Tensor, threads } from 'lowbit';
import { bytesOf, type Case } from './case.js';
import { cases } from './cases.js';

for (const [name, list] of Object.entries(cases)) {
  test(`${name}: ${list.length} cases on every row`, (t) => {
    const op = allOps.get(name);
    if (!op) return t.fail('not an op');
    for (const [i, entry] of list.entries()) {
      const title = `${name} ${entry.note ?? i}`;
      const inputs = entry.inputs();
      const reference = resultOf(op, entry, 'reference')!;
      if (entry.expect) {
        const want = typeof entry.expect === 'function' ? entry.expect(inputs.map((x) => x.toNumbers())) : entry.expect;
        const problem = difference(
          reference.flatMap((x) => x.toNumbers()),
          want,
          entry.bound ?? 0,
        );
        if (problem) t.fail(`${title}, reference: ${problem}`);
      }
      for (const row of rowsOf(op)) {
        for (const count of [1, 2, 3]) {
          threads(count);
          const got = resultOf(op, entry, row);
          const same = !got || got.every((x, k) => bytesOf(x.data()).equals(bytesOf(reference[k].data())));
          if (!same) t.fail(`${title}: row ${row} with ${count} threads differs from the reference`);
          for (const tensor of got ?? []) tensor.dispose();
        }
      }
      for (const tensor of [...inputs, ...reference]) tensor.dispose();
    }
    t.pass();
  });
}

/** What a call leaves behind: its output, or all inputs of an op that updates them. Nothing where the row declines it. */
function resultOf(op: AnyOp, { inputs: make, params }: Case, row: string): Tensor[] | undefined {
  const inputs = make();
  const drop = () => {
    for (const tensor of inputs) tensor.dispose();
  };
  try {
    const output = runOp(op, inputs, params, row);
    if (op.updates) return inputs;
    drop();
    return [output];
  } catch (error) {
    drop();
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
