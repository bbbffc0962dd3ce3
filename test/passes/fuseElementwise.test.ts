import test from 'ava';
import { compile, fuseElementwise, Graph, ops, print, quantizeBeforeMoves, run, type Shape, Tensor, type Value } from 'lowbit';
import { Dice } from '../dice.js';
import { bytesOf, random, randomNumbers } from '../ops/case.js';
import { program } from '../ops/fused.js';

const number = (graph: Graph, x: number) => graph.constant(Tensor.scalar(x), 'number');
const nodes = (graph: Graph) => graph.nodes.map(({ op, name }) => `${name}: ${op.name}`);

/** What `run` gives for a graph and for a session of it. */
function sameBytes(graph: Graph, inputs: Record<string, Tensor>): boolean {
  const plain = run(graph, inputs);
  using session = compile(graph);
  const outputs = session.runSync(inputs);
  const same = Object.entries(plain).every(([name, y]) => bytesOf(y.data()).equals(bytesOf(outputs[name])));
  for (const y of Object.values(plain)) y.dispose();
  return same;
}

function geluGraph(): Graph {
  const graph = new Graph('ffn');
  const x = graph.input('x', { dtype: 'float32', shape: [5, 24] });
  const biased = graph.add(ops.add, [x, graph.constant(random([24], -1, 1, 2), 'bias')], {}, 'biased');
  const half = graph.add(ops.erf, [graph.add(ops.div, [biased, number(graph, Math.SQRT2)])]);
  const phi = graph.add(ops.add, [half, number(graph, 1)]);
  const gelu = graph.add(ops.mul, [graph.add(ops.mul, [biased, phi]), number(graph, 0.5)], {}, 'gelu');
  const heads = graph.add(ops.reshape, [gelu], { shape: [5, 4, 6] }, 'heads');
  const zero = graph.constant(Tensor.scalar(3, 'uint8'), 'zero');
  graph.output('y', graph.add(ops.quantize, [heads, number(graph, 0.05), zero], {}, 'codes'));
  return graph;
}

test('gelu from bias to codes is one node, and the reshape follows it', (t) => {
  const graph = geluGraph();
  const before = print(graph);
  const fused = fuseElementwise(quantizeBeforeMoves(graph));
  t.is(print(graph), before);
  t.deepEqual(nodes(fused), ['gelu.codes: fusedElementwise', 'heads: reshape']);
  t.deepEqual(fused.nodes[0].params, {
    program: program('add 0 1, div 6 2, erf 7, add 8 3, mul 6 9, mul 10 4, div 11 5'),
    zeroPoint: 3,
    dtype: 'uint8',
  });
  t.true(sameBytes(graph, { x: random([5, 24], -9, 9) }));
});

test('layer normalization reads its input once for each mean, and computes the difference for both', (t) => {
  const graph = new Graph('norm');
  const x = graph.input('x', { dtype: 'float32', shape: [2, 5, 33] });
  const mean = (value: Value, name: string) => graph.add(ops.reduceMean, [value], { axes: [-1], keepDims: true }, name);
  const centered = graph.add(ops.sub, [x, mean(x, 'mean')], {}, 'centered');
  const variance = mean(graph.add(ops.pow, [centered, number(graph, 2)], {}, 'squares'), 'variance');
  const deviation = graph.add(ops.sqrt, [graph.add(ops.add, [variance, number(graph, 1e-5)])], {}, 'deviation');
  const scaled = graph.add(ops.mul, [graph.add(ops.div, [centered, deviation]), graph.constant(random([33], 0, 2, 2), 'scale')]);
  graph.output('y', graph.add(ops.add, [scaled, graph.constant(random([33], -1, 1, 3), 'bias')], {}, 'shifted'));
  t.deepEqual(nodes(fuseElementwise(graph)), [
    'mean: reduceMean',
    'squares: fusedElementwise',
    'variance: reduceMean',
    'deviation: fusedElementwise',
    'shifted: fusedElementwise',
  ]);
  t.true(sameBytes(graph, { x: random([2, 5, 33], -9, 9) }));
});

test('what others read stays, and what is dear is computed once', (t) => {
  const graph = new Graph('shared');
  const x = graph.input('x', { dtype: 'float32', shape: [7] });
  const dear = graph.add(ops.exp, [x], {}, 'dear');
  const cheap = graph.add(ops.add, [dear, x], {}, 'cheap');
  const shown = graph.add(ops.mul, [cheap, cheap], {}, 'shown');
  graph.output('a', graph.add(ops.sqrt, [shown], {}, 'a'));
  graph.output('b', graph.add(ops.neg, [shown], {}, 'b'));
  graph.output('shown', shown);
  t.deepEqual(nodes(fuseElementwise(graph)), ['shown: fusedElementwise', 'a: sqrt', 'b: neg']);

  const twice = new Graph('twice');
  const z = twice.input('x', { dtype: 'float32', shape: [7] });
  const sum = twice.add(ops.add, [twice.add(ops.exp, [z], {}, 'dear'), z], {}, 'sum');
  twice.output('a', twice.add(ops.sqrt, [sum], {}, 'a'));
  twice.output('b', twice.add(ops.neg, [sum], {}, 'b'));
  t.deepEqual(nodes(fuseElementwise(twice)), ['dear: exp', 'a: fusedElementwise', 'b: fusedElementwise']);
  for (const each of [graph, twice]) t.true(sameBytes(each, { x: random([7]) }));
});

test('other types, other shapes, scales of channels and exponents other than 2 stay', (t) => {
  const graph = new Graph('others');
  const x = graph.input('x', { dtype: 'float32', shape: [2, 3, 4] });
  const n = graph.input('n', { dtype: 'int32', shape: [2, 3] });
  const period = graph.constant(random([3, 4]), 'period');
  graph.output('periodic', graph.add(ops.mul, [graph.add(ops.add, [x, period], {}, 'repeats'), x], {}, 'product'));
  graph.output('whole', graph.add(ops.neg, [graph.add(ops.add, [n, n], {}, 'integers')], {}, 'opposite'));
  graph.output('cubed', graph.add(ops.neg, [graph.add(ops.pow, [x, number(graph, 3)], {}, 'cube')], {}, 'minus'));
  const grid = [graph.constant(random([4], 1, 2), 'scales'), graph.constant(Tensor.from([0, 0, 0, 0], [4], 'int8'), 'zeros')];
  graph.output('codes', graph.add(ops.quantize, [graph.add(ops.relu, [x], {}, 'relu'), ...grid], { axis: 2 }, 'channels'));
  t.deepEqual(nodes(fuseElementwise(graph)), nodes(graph));
});

test('long chains are cut', (t) => {
  const graph = new Graph('long');
  const x = graph.input('x', { dtype: 'float32', shape: [40] });
  let y = x;
  for (let i = 0; i < 40; i++) y = graph.add(i % 3 ? ops.mul : ops.add, [y, number(graph, 1 + i / 64)], {}, `${i}`);
  graph.output('y', y);
  const fused = fuseElementwise(graph);
  t.true(fused.nodes.length >= 3 && fused.nodes.length <= 4);
  t.true(sameBytes(graph, { x: random([40]) }));
});

test('graphs put together by chance give the same bytes', (t) => {
  let joined = 0;
  for (let seed = 1; seed <= 150; seed++) {
    const { graph, shape } = byChance(new Dice(seed));
    joined += nodes(graph).length - nodes(fuseElementwise(graph)).length;
    const numbers = randomNumbers(
      shape.reduce((a, b) => a * b, 1),
      -3,
      3,
      seed,
    );
    if (
      !sameBytes(graph, {
        x: Tensor.from(
          numbers.map((v, i) => (i % 29 ? v : -0)),
          shape,
        ),
      })
    )
      t.fail(`seed ${seed}\n${print(graph)}`);
  }
  t.true(joined > 500, `${joined}`);
});

// Functions that never make a NaN of numbers: two of them may be told apart by their sign, and which one a sum keeps is left open.
const single = [ops.neg, ops.relu, ops.tanh, ops.erf, ops.sigmoid, ops.silu, ops.gelu] as const;
const double = [ops.add, ops.sub, ops.mul, ops.maximum, ops.minimum, ops.addRelu] as const;

function byChance(dice: Dice): { graph: Graph; shape: Shape } {
  const graph = new Graph('chance');
  const shape = dice.pick([[], [1], [17], [3, 1], [2, 5, 33], [0, 4], [4, 2, 1, 16], [2, 700], [1, 6, 1]]);
  const x = graph.input('x', { dtype: 'float32', shape });
  const values = [x];
  const other = () => {
    const kind = dice.below(6);
    if (kind < 2) return dice.pick(values);
    const some =
      kind === 2
        ? []
        : kind === 3
          ? shape.slice(-1)
          : shape.map((n, i) => (kind === 4 ? (i === shape.length - 1 ? 1 : n) : dice.below(2) ? n : 1));
    return graph.constant(random(some, 0.5, 2, dice.below(99)), 'c');
  };
  for (let i = 0; i < 4 + dice.below(20); i++) {
    const kind = dice.below(8);
    const a = dice.below(3) ? values.at(-1)! : dice.pick(values);
    const pair = dice.below(2) ? [a, other()] : [other(), a];
    if (kind < 2) values.push(graph.add(dice.pick(single), [a]));
    else if (kind === 2) values.push(graph.add(ops.clip, [a], { min: dice.pick([-1, 0, Number.NEGATIVE_INFINITY]), max: 1.5 }));
    else if (kind === 3) values.push(graph.add(ops.div, [a, number(graph, 1 + dice.below(9))]));
    else if (kind === 4) values.push(graph.add(ops.pow, [graph.add(ops.tanh, [a]), number(graph, 1 + dice.below(2))]));
    else values.push(graph.add(dice.pick(double), pair));
  }
  graph.output('y', values.at(-1)!);
  if (dice.below(2)) graph.output('z', dice.pick(values));
  const dtype = dice.pick(['uint8', 'int8'] as const);
  const codes = graph.add(ops.quantize, [values.at(-1)!, number(graph, 0.01), graph.constant(Tensor.scalar(dice.below(99), dtype))]);
  graph.output('codes', codes);
  const zero = graph.constant(Tensor.scalar(7, dtype));
  graph.output('back', graph.add(ops.neg, [graph.add(ops.dequantize, [codes, number(graph, 0.3), zero])]));
  return { graph, shape };
}
