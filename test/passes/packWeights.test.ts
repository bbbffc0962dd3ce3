import test from 'ava';
import {
  Graph,
  lowerInteger,
  ops,
  type Packing,
  packWeights,
  print,
  rewrite,
  run,
  Tensor,
  unpackWeights,
  type Value,
  verify,
} from 'lowbit';
import { bytesOf, random, randomNumbers } from '../ops/case.js';
import { grids, randomLevels } from '../ops/lowbit.js';

interface Weight {
  levels: Tensor;
  zeros?: readonly number[];
}

/** Constant int8 codes behind a dequantize, a scale for each output channel. */
function weight(graph: Graph, { levels, zeros = [0] }: Weight): Value {
  const scale = Tensor.from(randomNumbers(levels.shape[0], 0.05, 0.2), [levels.shape[0]]);
  const zero = Tensor.from(
    Array.from({ length: levels.shape[0] }, (_, i) => zeros[i % zeros.length]),
    [levels.shape[0]],
    'int8',
  );
  return graph.add(
    ops.dequantize,
    [graph.constant(levels, 'w'), graph.constant(scale, 's'), graph.constant(zero, 'z')],
    { axis: 0 },
    'weight',
  );
}

const throughCodes = (graph: Graph, x: Value, dtype: 'uint8' | 'int8' = 'uint8') => {
  const parameters = [graph.constant(Tensor.scalar(2 ** -6), 's'), graph.constant(Tensor.scalar(3, dtype), 'z')];
  return graph.add(ops.dequantize, [graph.add(ops.quantize, [x, ...parameters], {}, 'codes'), ...parameters], {}, 'real');
};

interface Network {
  conv: Tensor;
  gemm?: Tensor;
  /** Which tensors have codes. */
  codes?: 'all' | 'input' | 'none' | 'output';
}

/** conv2d, maybe behind it a gemm over the channels. */
function network({ conv, gemm, codes = 'none' }: Network): Graph {
  const graph = new Graph('g');
  const [out, kh, kw, depth] = conv.shape;
  let x = graph.input('x', { dtype: 'float32', shape: [2, 5, 6, 2 * depth] });
  if (codes === 'all' || codes === 'input') x = throughCodes(graph, x, 'int8');
  const bias = (count: number) => graph.constant(random([count], -1, 1, count), 'bias');
  const params = { groups: 2, strides: [2, 1], pads: [kh >> 1, kw >> 1, 0, 1] };
  x = graph.add(ops.conv2d, [x, weight(graph, { levels: conv }), bias(out)], params, 'conv');
  if (codes === 'all' || codes === 'output') x = throughCodes(graph, graph.add(ops.relu, [x]));
  if (gemm) x = graph.add(ops.gemm, [x, weight(graph, { levels: gemm }), bias(gemm.shape[0])], {}, 'gemm');
  graph.output('y', x);
  return graph;
}

const input = () => random([2, 5, 6, 6], -2, 2, 7);
const output = (graph: Graph) => bytesOf(run(graph, { x: input() }).y.data());
const opsOf = ({ nodes }: Graph) => nodes.map(({ op }) => op.name);
const packingsOf = ({ nodes }: Graph) =>
  nodes.filter(({ op }) => op === ops.unpackLevels).map(({ params: { bits, grid } }) => [bits, grid]);

test('the text before and after, and back again', (t) => {
  const graph = network({ conv: randomLevels([4, 3, 3, 3], 2, 'uniform') });
  const packed = packWeights(graph);
  t.is(
    print(packed),
    [
      'graph g(x: float32[2, 5, 6, 6])',
      '  w = unpackLevels(w.packed: uint8[4, 8], bits=2, shape=[4, 3, 3, 3]): int8[4, 3, 3, 3]',
      '  weight = dequantize(w, s: float32[4], z: int8[4], axis=0): float32[4, 3, 3, 3]',
      '  conv = conv2d(x, weight, bias: float32[4], groups=2, strides=[2, 1], pads=[1, 1, 0, 1]): float32[2, 2, 6, 4]',
      '  return y = conv',
    ].join('\n'),
  );
  verify(packed);
  t.deepEqual(output(packed), output(graph));
  t.is(print(unpackWeights(packed)), print(graph));
  t.deepEqual(output(unpackWeights(packed)), output(graph));
});

test('the smallest packing that has all levels is taken', (t) => {
  const of = (levels: readonly number[], shape = [2, 1, 4, 3]) =>
    packingsOf(
      packWeights(
        network({
          conv: Tensor.from(
            Int8Array.from({ length: 2 * shape[2] * shape[3] }, (_, i) => levels[i % levels.length]),
            shape,
          ),
        }),
      ),
    );
  t.deepEqual(of([-1, 1]), [[1, 'uniform']]);
  t.deepEqual(of([1]), [[1, 'uniform']]);
  t.deepEqual(of([-1, 3]), [[2, 'uniform']]);
  t.deepEqual(of([-1, 0, 1]), [[2, 'zero']]);
  t.deepEqual(of([-2, -1]), [[2, 'zero']]);
  t.deepEqual(of([15, -15]), [[4, 'uniform']]);
  t.deepEqual(of([2, 0]), [[4, 'zero']]);
  t.deepEqual(of([-8, 7]), [[4, 'zero']]);
  for (const levels of [[8], [-10], [15, 0], [-17], [127]]) t.deepEqual(of(levels), [], `${levels}`);
  // One code a row takes 8 bytes packed.
  t.deepEqual(of([-1, 1], [2, 1, 1, 3]), []);
});

test('weights with zero points, and constants that are no weights, stay', (t) => {
  const levels = randomLevels([4, 40], 1, 'uniform');
  const build = (read: (graph: Graph, w: Value) => Value, zeros?: readonly number[]) => {
    const graph = new Graph('g');
    graph.output('y', read(graph, weight(graph, { levels, zeros })));
    return packWeights(graph);
  };
  const layer = (graph: Graph, w: Value) =>
    graph.add(ops.gemm, [graph.input('x', { dtype: 'float32', shape: [1, 40] }), w, graph.constant(random([4]))]);
  t.deepEqual(packingsOf(build(layer)), [[1, 'uniform']]);
  t.deepEqual(packingsOf(build(layer, [0, 0, 1, 0])), []);
  t.deepEqual(packingsOf(build((graph, w) => graph.add(ops.relu, [w]))), []);
});

const networks = grids.map(({ bits, grid }) => ({
  conv: randomLevels([8, 3, 3, 3], bits, grid),
  gemm: randomLevels([21, 8], bits, grid, 2),
}));

/** The same graph with its levels packed, whatever their number of bits. */
const packedAs = (graph: Graph, of: Packing) =>
  rewrite(graph, (node, to) => {
    const levels = node.op === ops.dequantize ? graph.constantOf(node.inputs[0]) : undefined;
    if (levels?.dtype !== 'int8') return undefined;
    const packed = to.graph.constant(ops.packLevels(levels, of), 'packed');
    const unpacked = to.graph.add(ops.unpackLevels, [packed], { ...of, shape: levels.shape });
    return to.copy(node, [unpacked, ...node.inputs.slice(1).map((value) => to.get(value))]);
  });

for (const [i, of] of grids.entries()) {
  test(`layers of ${of.bits} bits, ${of.grid}, run on packed codes and give the same bytes`, (t) => {
    for (const [codes, names] of [
      ['all', ['quantize', 'lowbitConv2d', 'lowbitGemm']],
      ['input', ['quantize', 'lowbitConv2d', 'lowbitGemmFloat']],
      ['output', ['lowbitConv2dFloat', 'relu', 'quantize', 'lowbitGemm']],
      ['none', ['lowbitConv2dFloat', 'lowbitGemmFloat']],
    ] as const) {
      const plain = lowerInteger(network({ ...networks[i], codes })).graph;
      const { graph, float } = lowerInteger(packedAs(network({ ...networks[i], codes }), of));
      verify(graph);
      t.deepEqual(opsOf(graph), names, codes);
      t.deepEqual(output(graph), output(plain), codes);
      t.deepEqual(
        float.filter(({ op }) => op !== 'relu').map(({ op, reason }) => [op, reason]),
        names.filter((name) => name.endsWith('Float')).map((name) => [name, 'its input is not quantized']),
      );
    }
  });
}

test('what has no kernel for packed weights says so', (t) => {
  const graph = new Graph('g');
  const levels = randomLevels([6, 2, 2, 6], 4, 'zero');
  const x = throughCodes(graph, graph.input('x', { dtype: 'float32', shape: [2, 5, 6, 6] }));
  const up = graph.add(ops.convTranspose2d, [x, weight(graph, { levels }), graph.constant(random([6]))], {}, 'up');
  graph.output('y', throughCodes(graph, up));
  const packed = packWeights(graph);
  t.deepEqual(packingsOf(packed), [[4, 'zero']]);
  const { graph: lowered, float } = lowerInteger(packed);
  t.deepEqual(float, [
    { name: 'up', op: 'convTranspose2d', reason: 'convTranspose2d has no integer kernel, and its weight is unpacked at every run' },
  ]);
  t.deepEqual(output(lowered), output(graph));
});

interface Signed {
  /** What is ±1: x through this. */
  sign?: (graph: Graph, x: Value) => Value;
  of?: Packing;
}

const number = (graph: Graph, value: number) => graph.constant(Tensor.scalar(value));
const atLeast = (graph: Graph, x: Value, zero = 0) =>
  graph.add(ops.where, [graph.add(ops.greaterOrEqual, [x, number(graph, zero)]), number(graph, 1), number(graph, -1)]);

/** The sign of an image in NCHW, to a conv2d and a gemm of packed weights whose scales are powers of two: their float sums are exact. */
function signedNetwork({ sign = atLeast, of = { bits: 1, grid: 'uniform' } }: Signed): Graph {
  const graph = new Graph('g');
  const layer = (shape: readonly number[]) => {
    const packed = graph.constant(ops.packLevels(randomLevels(shape, of.bits, of.grid), of), 'packed');
    const unpacked = graph.add(ops.unpackLevels, [packed], { ...of, shape });
    return graph.add(ops.dequantize, [unpacked, graph.constant(Tensor.scalar(0.25)), graph.constant(Tensor.scalar(0, 'int8'))]);
  };
  const x = sign(graph, graph.input('x', { dtype: 'float32', shape: [2, 70, 5, 6] }));
  const pixels = graph.add(ops.transpose, [x], { perm: [0, 2, 3, 1] });
  const zeros = (n: number) => graph.constant(Tensor.from(new Float32Array(n), [n]));
  const conv = graph.add(ops.conv2d, [pixels, layer([8, 3, 3, 35]), zeros(8)], { groups: 2, pads: [1, 1, 1, 0] }, 'conv');
  const signs = graph.add(ops.where, [graph.add(ops.lessOrEqual, [number(graph, 0), conv]), number(graph, 1), number(graph, -1)]);
  graph.output('y', graph.add(ops.gemm, [signs, layer([5, 8]), zeros(5)], {}, 'gemm'));
  graph.output('z', graph.add(ops.gemm, [signs, layer([9, 8]), zeros(9)], {}, 'gemm2'));
  return graph;
}

const outputsOf = (graph: Graph) => {
  const x = random([2, 70, 5, 6], -1, 1, 3).toNumbers();
  const results = run(graph, {
    x: Tensor.from(
      [0, -0, Number.NaN, ...x.slice(3)].map((v) => Math.round(v * 8) / 8),
      [2, 70, 5, 6],
      'float32',
    ),
  });
  return Object.values(results).map((y) => bytesOf(y.data()));
};

test('layers of 1 bit on signs compare bits', (t) => {
  for (const sign of [atLeast, (graph: Graph, x: Value) => atLeast(graph, x, 0.25)]) {
    const graph = signedNetwork({ sign });
    const { graph: lowered, float } = lowerInteger(graph);
    verify(lowered);
    t.deepEqual(opsOf(lowered), ['transpose', 'packSigns', 'binaryConv2d', 'binaryGemm', 'binaryGemm']);
    t.deepEqual(outputsOf(lowered), outputsOf(graph));
    t.deepEqual(
      float.map(({ op }) => op),
      [],
    );
  }
});

test('what has a third value, another sign of NaN or more bits stays as it is', (t) => {
  const kept = (signed: Signed) => {
    const lowered = lowerInteger(signedNetwork(signed)).graph;
    t.deepEqual(outputsOf(lowered), outputsOf(signedNetwork(signed)));
    return opsOf(lowered).filter((name) => name.endsWith('Conv2d') || name.endsWith('Conv2dFloat'));
  };
  const others: ((graph: Graph, x: Value) => Value)[] = [
    (graph, x) => graph.add(ops.sign, [x]),
    (graph, x) => graph.add(ops.where, [graph.add(ops.less, [x, number(graph, 0)]), number(graph, -1), number(graph, 1)]),
    (graph, x) => graph.add(ops.where, [graph.add(ops.greaterOrEqual, [x, number(graph, 0)]), number(graph, 1), number(graph, 0)]),
    (graph, x) => graph.add(ops.where, [graph.add(ops.greaterOrEqual, [x, number(graph, -Infinity)]), number(graph, 1), number(graph, -1)]),
  ];
  for (const sign of others) t.deepEqual(kept({ sign }), ['lowbitConv2dFloat']);
  t.deepEqual(kept({ of: { bits: 2, grid: 'uniform' } }), ['lowbitConv2dFloat']);
});
