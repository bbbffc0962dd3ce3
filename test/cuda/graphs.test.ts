/** Graphs and sessions on a graphics card give what they give on the CPU. */
import test from 'ava';
import { type AnyOp, add, compile, div, Graph, memory, mul, ops, relu, rowsOf, run, sub, Tensor } from 'lowbit';
import { faults, faultsLater } from '../faults.js';
import { bytesOf, random } from '../ops/case.js';
import { card, onCard } from './device.js';

const arithmetic = [add, sub, mul, div, relu];

/** (relu(x·w − b) + x) / w: constants of its own, an input that is read twice. */
function network(): Graph {
  const [w, b] = [random([5], 0.5, 2, 1), random([5], -1, 1, 2)];
  const graph = new Graph('small');
  const x = graph.input('x', { dtype: 'float32', shape: [Number.NaN, 5] });
  const [scale, bias] = [graph.constant(w, 'w'), graph.constant(b, 'b')];
  const bent = graph.add(relu, [graph.add(sub, [graph.add(mul, [x, scale]), bias])]);
  graph.output('y', graph.add(div, [graph.add(add, [bent, x]), scale]));
  graph.output('bent', bent);
  return graph;
}

const same = (a: { data(): unknown } | unknown, b: unknown) => bytesOf(a as never).equals(bytesOf(b as never));

onCard('a graph runs where its inputs lie, with its constants kept there', arithmetic, (t) => {
  const graph = network();
  const x = random([3, 5]);
  const expected = run(graph, { x });
  const before = memory().tensors;
  const there = x.to('cuda');
  for (let i = 0; i < 3; i++) {
    const outputs = run(graph, { x: there });
    for (const name of ['y', 'bent']) {
      t.is(outputs[name].device, 'cuda');
      t.true(same(outputs[name].data(), expected[name].data()), name);
      outputs[name].dispose();
    }
    t.is(memory().tensors, before + 3); // x and two constants
  }
  const [w] = graph.constants.values();
  w.write([1, 1, 1, 1, 1]);
  t.true(same(run(graph, { x: there }).y.data(), run(graph, { x }).y.data()), 'a constant that was written');
  for (const tensor of graph.constants.values()) tensor.dispose();
  there.dispose();
});

onCard('a session on the card takes and gives arrays and tensors of either device', arithmetic, async (t) => {
  const graph = network();
  const [host, session] = [compile(graph), compile(graph, { device: 'cuda' })];
  t.is(session.device, 'cuda');
  for (const batch of [1, 4, 4, 4, 1, 4]) {
    const x = random([batch, 5], -1, 1, batch);
    const expected = host.runSync({ x });
    const there = x.to('cuda');
    for (const given of [x, there, x.data()]) {
      const outputs = session.runSync({ x: given });
      for (const name of ['y', 'bent']) t.true(same(outputs[name], expected[name]), `${name} of ${batch}`);
    }
    t.true(same((await session.run({ x: there })).y, expected.y));
    const [y, bent] = [
      Tensor.from(new Float32Array(batch * 5), [batch, 5], 'float32', 'cuda'),
      Tensor.from(new Float32Array(batch * 5), [batch, 5]),
    ];
    t.deepEqual(Object.keys(session.runSync({ x: there }, { outputs: { y, bent } })), []);
    t.true(same(y.data(), expected.y) && same(bent.data(), expected.bent));
    t.deepEqual(Object.keys(host.runSync({ x: there }, { outputs: { y } })), ['bent']);
    t.true(same(y.data(), expected.y), 'from the card, on the CPU, to the card');
  }
  t.true(session.memory.arena > 0);
  t.is(session.memory.kept, 0);
  t.is(
    session.profile({ x: random([2, 5]) }, { runs: 3 }).every(({ milliseconds }) => milliseconds > 0),
    true,
  );
  faults(
    t,
    () => session.runSync({ x: random([1, 5]) }, { outputs: { y: random([2, 5]) } }),
    'shape',
    /the tensor for y is \[2, 5\], expected \[1, 5\]/,
  );
  session.dispose();
  host.dispose();
});

onCard('a session that is freed while its constants live leaves nothing of its own', arithmetic, (t) => {
  const graph = network();
  const before = memory().tensors;
  const session = compile(graph, { device: 'cuda', shapes: { x: [2, 5] } });
  session.runSync({ x: random([2, 5]).data() as Float32Array });
  session.dispose();
  for (const tensor of graph.constants.values()) tensor.dispose();
  t.true(memory().tensors <= before, `${memory().tensors} of ${before}`);
});

onCard('a graph with ops that have no kernel names all of them at once', arithmetic, (t) => {
  const unary = Object.values<AnyOp>(ops as never).filter((op) => op.inputs?.join() === 'x' && !Object.keys(op.params).length);
  const lacking = unary.filter((op) => !rowsOf(op, 'cuda').length).slice(0, 2);
  const graph = new Graph('rare');
  const x = graph.input('x', { dtype: 'float32', shape: [1, 2] });
  graph.output(
    'y',
    lacking.reduce((value, op) => graph.add(op, [graph.add(op, [value])]), x),
  );
  if (lacking.length < 2) {
    t.pass('the card has kernels for all of them');
    return;
  }
  const all = new RegExp(
    `rare on cuda: 2 nodes cannot be used:${lacking.map(({ name }) => `[^]*\\(${name}\\): it has no kernel`).join('')}`,
  );
  faults(t, () => compile(graph, { device: 'cuda' }), 'unsupported', all);
  faults(t, () => run(graph, { x: random([1, 2]).to('cuda') }), 'unsupported', all);
});

onCard('tensors move in place, and what was copied of them follows', arithmetic, (t) => {
  const x = Tensor.from([1, 2, 3]);
  const { handle } = x;
  x.moveTo('cuda');
  t.is(x.device, 'cuda');
  t.not(x.handle, handle);
  t.deepEqual(add(x, x).toNumbers(), [2, 4, 6]);
  const copy = x.at('cpu');
  t.deepEqual(copy.toNumbers(), [1, 2, 3]);
  t.is(x.at('cpu'), copy);
  x.write(Tensor.from([4, 5, 6]));
  t.true(copy.disposed);
  t.deepEqual(x.at('cpu').toNumbers(), [4, 5, 6]);
  t.deepEqual(x.later()(), [4, 5, 6]);
  x.moveTo('cpu');
  t.deepEqual(add(x, x).toNumbers(), [8, 10, 12]);
  x.dispose();
  t.true(x.disposed);
});

onCard('memory that the card does not have is a fault, and it goes on', arithmetic, async (t) => {
  const half = Math.floor((card!.bytes * 5) / 8);
  const first = Tensor.uninitialized('uint8', [half], 'cuda');
  faults(t, () => Tensor.uninitialized('uint8', [half], 'cuda'), 'outOfMemory', /bytes of the graphics card for a uint8 tensor/);
  const [x, y] = [Tensor.from([1]).to('cuda'), Tensor.from([2]).to('cuda')];
  t.is(add(x, y).item(), 3);
  const wide = Tensor.uninitialized('float32', [2 ** 15, 1], 'cuda');
  const long = Tensor.uninitialized('float32', [1, 2 ** 15], 'cuda');
  await faultsLater(t, async () => void add(wide, long), 'outOfMemory', /4294967296 bytes of the graphics card/);
  first.dispose();
  t.is(add(x, y).item(), 3);
});

test('devices that do not exist are refused', (t) => {
  faults(t, () => compile(network(), { device: 'tpu' as never }), 'option', /option device is "tpu", expected cpu or cuda/);
});
