import test from 'ava';
import { type AnyOp, allOps, cudaCard, cudaPrecision, type Device, rowsOf, runOp, type Tensor, threads } from 'lowbit';
import { bytesOf, type Case } from './case.js';
import { cases } from './cases.js';

const card = cudaCard();

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

// Emulated, threads of a block run forwards, backwards and shuffled in turn, from launch to launch.
const launches = 'problem' in card ? 0 : card.emulated ? 3 : 1;

for (const [name, list] of Object.entries(cases)) {
  const op = allOps.get(name)!;
  const rows = launches ? rowsOf(op, 'cuda') : [];
  if (!rows.length) continue;
  test(`${name}: ${list.length} cases on ${rows.join(', ')} of ${'problem' in card ? '' : card.name}`, (t) => {
    const ran = new Set<string>();
    for (const [i, entry] of list.entries()) {
      const reference = resultOf(op, entry, 'reference')!;
      for (const row of rows) {
        // Rows that round factors are named after what they round them to, and decline unless that is wanted. They run once: orders go on.
        const rounds = row === 'tf32' || row === 'bf16';
        cudaPrecision(rounds ? row : 'float32');
        const bound = typeof entry.cudaBound === 'object' ? entry.cudaBound[row] : entry.cudaBound;
        for (let turn = 0; turn < (rounds ? 1 : launches); turn++) {
          const got = resultOf(op, entry, row, 'cuda');
          if (!got) continue;
          ran.add(row);
          const problem = got.map((x, k) => farFrom(x, reference[k], bound ?? 0)).find((text) => text);
          if (problem) t.fail(`${name} ${entry.note ?? i}: row ${row}: ${problem}`);
          for (const tensor of got) tensor.dispose();
        }
      }
      for (const tensor of reference) tensor.dispose();
    }
    cudaPrecision('float32');
    t.deepEqual([...ran].sort(), [...rows].sort(), 'rows that did not decline every case');
  });
}

function farFrom(got: Tensor, want: Tensor, bound: number): string | undefined {
  if (bound) return difference(got.toNumbers(), want.toNumbers(), bound);
  if (bytesOf(got.data()).equals(bytesOf(want.data()))) return undefined;
  const [left, right] = [got.toNumbers(), want.toNumbers()];
  const sameNumbers = got.dtype.includes('float') && left.every((x, i) => Object.is(x, right[i])); // a card has a NaN of its own
  return sameNumbers ? undefined : (difference(left, right, 0) ?? 'other bytes');
}

/** What a call leaves behind: its output, or all inputs of an op that updates them. Nothing where the row declines it. */
function resultOf(op: AnyOp, { inputs: make, params }: Case, row: string, device: Device = 'cpu'): Tensor[] | undefined {
  const inputs = make().map((made) => {
    const there = made.to(device);
    if (there !== made) made.dispose();
    return there;
  });
  const drop = () => {
    for (const tensor of inputs) tensor.dispose();
  };
  try {
    // Ops without inputs are told where their tensor is to be.
    const output = runOp(op, inputs, 'device' in op.params ? { ...params, device } : params, row);
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
