/**
 * Every op of the card as a network of one node, run again and again: started, written down, replayed. What a row asks for in a call (memory,
 * tables from the host) has to be there each time.
 */
import { type AnyOp, allOps, compile, Graph, LowbitError, rowsOf, runOp, scope, type Value } from 'lowbit';
import { bytesOf, type Case } from '../ops/case.js';
import { cases } from '../ops/cases.js';
import { onCard } from './device.js';

// The emulation is slow, and test/ops has all of them.
const most = 4;

for (const [name, list] of Object.entries(cases)) {
  const op = allOps.get(name)!;
  if (op.updates || !rowsOf(op, 'cuda').length) continue;
  const some = list.filter((_, i) => Math.floor((i * most) / list.length) !== Math.floor(((i - 1) * most) / list.length));
  onCard(`${name}: ${some.length} cases replayed`, [op], (t) => {
    for (const entry of some) {
      const problem = scope(() => compare(op, entry));
      if (problem) t.fail(`${name} ${entry.note ?? ''}: ${problem}`);
    }
    t.pass();
  });
}

function compare(op: AnyOp, { inputs: make, params = {} }: Case): string | undefined {
  const inputs = make();
  const graph = new Graph(op.name);
  const values = inputs.map((x, i): Value => (i ? graph.constant(x, `input ${i}`) : graph.input('x', { dtype: x.dtype, shape: x.shape })));
  graph.output('y', graph.add(op, values, params as Graph['nodes'][number]['params'], 'node'));
  const there = inputs.map((x) => x.to('cuda'));
  const given = { ...params, ...('device' in op.params && { device: 'cuda' }) };
  try {
    const want = bytesOf(runOp(op, there, given).data());
    using session = compile(graph, { device: 'cuda' });
    for (const run of ['started', 'written down', 'replayed', 'replayed again']) {
      const { y } = session.runSync(inputs.length ? { x: there[0] } : {});
      if (!bytesOf(y).equals(want)) return `other bytes when it is ${run}`;
    }
  } catch (error) {
    if (!(error instanceof LowbitError && error.code === 'kernel')) throw error;
  } finally {
    for (const tensor of graph.constants.values()) tensor.dispose();
  }
  return undefined;
}
