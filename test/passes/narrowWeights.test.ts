import test from 'ava';
import { Graph, lowerInteger, narrowWeights, ops, quantize, run, Tensor, verify } from 'lowbit';
import { random, randomNumbers } from '../ops/case.js';

/** (n, 32) through as many linear layers of 32 × 32. */
function layered(count: number): Graph {
  const graph = new Graph('layered');
  let x = graph.input('x', { dtype: 'float32', shape: [Number.NaN, 32] });
  for (let i = 0; i < count; i++) {
    const w = graph.constant(Tensor.from(randomNumbers(32 * 32, -0.4, 0.4, i + 1), [32, 32], 'float32'), `w${i}`);
    x = graph.add(ops.gemm, [x, w, graph.constant(Tensor.from(randomNumbers(32, -0.1, 0.1, 9)), `b${i}`)], {}, `layer${i}`);
  }
  graph.output('y', x);
  return graph;
}

const inputs = () => random([8, 32], -1, 1, 5);

async function int8(graph: Graph): Promise<Graph> {
  const { graph: quantized } = await quantize(graph, async function* batches() {
    yield { x: inputs() };
  });
  return quantized;
}

const opsOf = ({ nodes }: Graph) => nodes.map(({ op }) => op.name);

test('layers between the first and the last get packed weights, and run on them', async (t) => {
  const graph = await int8(layered(4));
  for (const bits of [1, 2, 4] as const) {
    const narrow = narrowWeights(graph, bits);
    verify(narrow);
    const packed = narrow.nodes.filter(({ op }) => op === ops.unpackLevels);
    t.deepEqual(
      packed.map(({ params }) => params.bits),
      [bits, bits],
    );
    const products = opsOf(lowerInteger(narrow).graph).filter((name) => /gemm/i.test(name));
    t.deepEqual(products, ['qgemm', 'lowbitGemm', 'lowbitGemm', 'qgemm']);
  }
  t.false(opsOf(graph).includes('unpackLevels')); // the graph that came is as it was
});

test('a weight becomes the nearest level, and stays within half a step', async (t) => {
  const graph = await int8(layered(3));
  const weightsOf = (from: Graph) => {
    const [, layer] = from.nodes.filter(({ op }) => op === ops.gemm);
    const node = layer.inputs[1].producer!;
    const scale = from.constantOf(node.inputs[1])!.toNumbers();
    const source = node.inputs[0].producer;
    const levels = source ? ops.unpackLevels(from.constantOf(source.inputs[0])!, source.params as never) : from.constantOf(node.inputs[0])!;
    return levels.toNumbers().map((level, i) => ({ level, value: level * scale[scale.length === 1 ? 0 : Math.floor(i / 32)] }));
  };
  const wide = weightsOf(graph);
  for (const bits of [1, 2, 4] as const) {
    const top = 2 ** bits - 1;
    const narrow = weightsOf(narrowWeights(graph, bits));
    for (const [i, { level, value }] of narrow.entries()) {
      t.true(Math.abs(level) <= top && Math.abs(level % 2) === 1, `${level} at ${bits} bits`);
      // Levels are two steps of 127/top codes apart. One more for the code −128, and what float32 rounds.
      const step = Math.abs(value / level);
      t.true(Math.abs(value - wide[i].value) <= step * (1 + 1e-5 + top / 127), `${wide[i].value} became ${value} at ${bits} bits`);
    }
  }
});

test('a network of two layers has none to narrow', async (t) => {
  t.false(opsOf(narrowWeights(await int8(layered(2)), 1)).includes('unpackLevels'));
  t.false(opsOf(narrowWeights(layered(4), 1)).includes('unpackLevels')); // nor has one of real numbers
  const narrow = run(narrowWeights(await int8(layered(3)), 4), { x: inputs() }).y;
  t.true(narrow.toNumbers().every(Number.isFinite));
});
