/** Every op case as a network of one node: what kernels keep from run to run must not change a byte. */
import test from 'ava';
import { type AnyOp, allOps, compile, Graph, runOp, type Tensor, type TensorData, threads, type Value } from 'lowbit';
import { bytesOf, type Case } from '../ops/case.js';
import { cases } from '../ops/cases.js';

for (const [name, list] of Object.entries(cases)) {
  const op = allOps.get(name)!;
  if (op.updates) continue;
  test(`${name}: ${list.length} cases in a session`, (t) => {
    for (const [i, entry] of list.entries()) {
      const inputs = entry.inputs();
      const problem = compare(op, entry, inputs);
      if (problem) t.fail(`${name} ${entry.note ?? i}: ${problem}`);
      for (const tensor of inputs) tensor.dispose();
    }
    t.pass();
  });
}

// The first input varies, the others are constants.
function compare(op: AnyOp, { params = {} }: Case, inputs: readonly Tensor[]): string | undefined {
  const graph = new Graph(op.name);
  const [first, ...rest] = inputs.map(
    (x, i): Value => (i === 0 ? graph.input('x', { dtype: x.dtype, shape: x.shape }) : graph.constant(x.copy(), `input ${i}`)),
  );
  graph.output('y', graph.add(op, inputs.length ? [first, ...rest] : [], params as Graph['nodes'][number]['params'], 'node'));
  const reference = runOp(op, inputs, params);
  const want = bytesOf(reference.data());
  reference.dispose();
  using session = compile(graph);
  const given: Record<string, TensorData> = inputs.length ? { x: inputs[0].data() } : {};
  for (const count of [1, 3, 2]) {
    threads(count);
    if (count === 3 && movable(op)) session.runSync({ x: given.x.toReversed() as TensorData });
    const { y } = session.runSync(given);
    if (!bytesOf(y).equals(want)) return `differs with ${count} threads`;
  }
  return undefined;
}

// Other elements are as good as these, where they are no indices.
const movable = (op: AnyOp) => op.inputs.length > 0 && (op.integer || op.quantizes !== undefined || op.name.startsWith('lowbit'));
