/** `npm run bench [-- op ...]`: every kernel row of every op, interleaved, one thread, the answer checked against the reference. */
import { allOps, rowsOf, runOp, type Tensor, threads } from 'lowbit';
import { cases } from '../test/ops/cases.js';
import { type BenchCall, benchCalls } from './shapes.js';

const wanted = process.argv.slice(2);
const rounds = 9;

function smallCalls(): BenchCall[] {
  const listed = new Set(benchCalls.map((call) => call.op));
  return Object.entries(cases)
    .filter(([op]) => !listed.has(op))
    .map(([op, list]) => {
      const { inputs, params, note } = list.reduce((a, b) => (volume(b.inputs()) > volume(a.inputs()) ? b : a));
      return { op, from: `case ${note ?? list.length}`, inputs, params, macs: 0 };
    });
}

function volume(tensors: Tensor[]): number {
  const bytes = tensors.reduce((sum, tensor) => sum + tensor.bytes, 0);
  for (const tensor of tensors) tensor.dispose();
  return bytes;
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1];

function time(call: () => void): number {
  const start = process.hrtime.bigint();
  let count = 0;
  // At least 5 ms, so that the clock and the call do not decide.
  while (process.hrtime.bigint() - start < 5_000_000n) {
    call();
    count++;
  }
  return Number(process.hrtime.bigint() - start) / count / 1000;
}

threads(1);
console.log(`${'op'.padEnd(20)}${'row'.padEnd(12)}${'us'.padStart(10)}${'GOP/s'.padStart(9)}  shape`);
for (const { op: name, from, inputs, params, macs } of [...benchCalls, ...smallCalls()]) {
  if (wanted.length && !wanted.includes(name)) continue;
  const op = allOps.get(name)!;
  const tensors = inputs();
  // What an op updates is one of its inputs, and lives on.
  const drop = (output: Tensor) => tensors.includes(output) || output.dispose();
  const rows = rowsOf(op).filter((row) => takes(() => drop(runOp(op, tensors, params, row))));
  const reference = Buffer.from(runOp(op, tensors, params, 'reference').data().buffer);
  const times = new Map(rows.map((row) => [row, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (const row of rows) times.get(row)!.push(time(() => drop(runOp(op, tensors, params, row))));
  }
  for (const row of rows) {
    const us = median(times.get(row)!);
    const right = op.updates || reference.equals(Buffer.from(runOp(op, tensors, params, row).data().buffer));
    const rate = macs ? ((2 * macs) / us / 1000).toFixed(0) : '';
    console.log(`${name.padEnd(20)}${row.padEnd(12)}${us.toFixed(1).padStart(10)}${rate.padStart(9)}  ${from}${right ? '' : '  WRONG'}`);
  }
  for (const tensor of tensors) tensor.dispose();
}

// A row may decline a call.
function takes(call: () => void): boolean {
  try {
    call();
    return true;
  } catch {
    return false;
  }
}
