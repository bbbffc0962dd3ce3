import test from 'ava';
import { Graph, lowerInteger, ops, preferRow, print, referenceRows, run, Tensor, threads, type Value, verify } from 'lowbit';
import { Dice } from '../dice.js';
import { randomNumbers } from '../ops/case.js';
import { randomQdqGraph } from './qdqGraph.js';

const count = Number(process.env.LOWBIT_GRAPHS ?? 300);

test(`${count} random graphs give the same codes on integers as on real numbers`, (t) => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= count; seed++) {
    const dice = new Dice(seed);
    const graph = randomQdqGraph(dice, 2 + dice.below(8));
    const x = Tensor.from(randomNumbers(96, -6, 6, seed), [2, 4, 4, 3]);
    const { graph: lowered, float } = lowerInteger(graph);
    const about = () => `graph ${seed}\n${print(graph)}\n${print(lowered)}`;
    verify(lowered);
    if (float.length) return t.fail(`${JSON.stringify(float)}\n${about()}`);
    for (const { op } of lowered.nodes) seen.add(op.name);
    const want = run(graph, { x });
    for (const row of [referenceRows, preferRow('avx2'), () => undefined]) {
      threads(1 + (seed % 3));
      const got = run(lowered, { x }, { row });
      for (const name of ['y', 'z']) {
        if (Buffer.compare(Buffer.from(got[name].data().buffer), Buffer.from(want[name].data().buffer)))
          return t.fail(`${name} is ${got[name].toNumbers().slice(0, 9)}, expected ${want[name].toNumbers().slice(0, 9)}\n${about()}`);
      }
    }
  }
  const integer = [
    'qconv2d',
    'qgemm',
    'qmatmul',
    'qadd',
    'qmul',
    'qconcat',
    'qaveragePool2d',
    'qglobalAveragePool',
    'requantize',
    'qlookup',
  ];
  t.deepEqual(
    integer.filter((name) => !seen.has(name)),
    [],
    'ops that no graph was lowered to',
  );
});

/** x quantized, and what the rest of the graph makes of it quantized again. */
function between(build: (graph: Graph, x: Value) => Value, { requantize = true, scale = 0.1 } = {}): Graph {
  const graph = new Graph('g');
  const qdq = (value: Value, name: string, s: number, z: number) => {
    const parameters = [graph.constant(Tensor.scalar(s), 's'), graph.constant(Tensor.scalar(z, 'uint8'), 'z')];
    return graph.add(ops.dequantize, [graph.add(ops.quantize, [value, ...parameters], {}, `${name}q`), ...parameters], {}, `${name}r`);
  };
  const y = build(graph, qdq(graph.input('x', { dtype: 'float32', shape: [1, 4, 4, 2] }), 'x', scale, 128));
  graph.output('y', requantize ? qdq(y, 'y', 0.07, 100) : y);
  return graph;
}

const perChannel = (graph: Graph, shape: number[], scales: number[], zeros: number[], axis: number, code = 3) =>
  graph.add(
    ops.dequantize,
    [
      graph.constant(Tensor.from(new Int8Array(shape.reduce((a, b) => a * b, 1)).fill(code), shape), 'w'),
      graph.constant(Tensor.from(scales), 'ws'),
      graph.constant(Tensor.from(zeros, undefined, 'int8'), 'wz'),
    ],
    { axis },
    'weight',
  );
const twice = (graph: Graph, x: Value) => graph.add(ops.add, [x, x]);
const zeroBias = (graph: Graph) => graph.constant(Tensor.from([0, 0]), 'b');

test('the text before and after', (t) => {
  const before = between((graph, x) => {
    const conv = graph.add(ops.conv2d, [x, perChannel(graph, [2, 1, 1, 2], [0.5, 0.25], [0, 0], 0), zeroBias(graph)], {}, 'conv');
    return graph.add(ops.clip, [conv], { min: -1, max: 6 }, 'clip');
  });
  const { graph, float } = lowerInteger(before);
  t.is(
    print(graph),
    [
      'graph g(x: float32[1, 4, 4, 2])',
      '  xq = quantize(x, s: float32[], z: uint8[]): uint8[1, 4, 4, 2]',
      '  yq = qconv2d(xq, w: int8[2, 1, 1, 2], conv.bias: int32[2], conv.scale: float32[2], xZero=128, dtype=uint8, yZero=100, qmin=86, qmax=186): uint8[1, 4, 4, 2]',
      '  yr = dequantize(yq, s_1: float32[], z_1: uint8[]): float32[1, 4, 4, 2]',
      '  return y = yr',
    ].join('\n'),
  );
  const m = (scale: number) => Math.fround(Math.fround(Math.fround(0.1) * scale) / Math.fround(0.07));
  t.deepEqual(graph.constantOf(graph.find('conv.scale'))!.toNumbers(), [m(0.5), m(0.25)]);
  t.deepEqual(float, []);
});

test('a product that somebody reads as a real number is computed on codes', (t) => {
  const graph = between((g, x) => g.add(ops.gemm, [x, perChannel(g, [2, 2], [0.5, 0.25], [0, 0], 0), zeroBias(g)]), { requantize: false });
  const lowered = lowerInteger(graph).graph;
  t.deepEqual(
    lowered.nodes.map(({ op, params }) => [op.name, params.dtype]),
    [
      ['quantize', undefined],
      ['qgemm', 'float32'],
    ],
  );
  const x = Tensor.from(randomNumbers(32, -3, 3), [1, 4, 4, 2]);
  const [got, want] = [lowered, graph].map((each) => run(each, { x }).y.toNumbers());
  for (const [i, value] of want.entries()) t.true(Math.abs(got[i] - value) <= 2 ** -22 * Math.max(1, Math.abs(value)));
});

for (const [divisor, lowered] of [
  [8, ['quantize', 'transpose', 'qmatmul']],
  [7, ['quantize', 'transpose', 'qmatmul', 'div']],
] as const) {
  test(`a product of activations divided by ${divisor} is ${lowered.at(-1)}`, (t) => {
    const quotient = (g: Graph, x: Value) => {
      const product = g.add(ops.matmul, [x, g.add(ops.transpose, [x], { perm: [0, 1, 3, 2] })]);
      return g.add(ops.div, [product, g.constant(Tensor.scalar(divisor))]);
    };
    const graph = between(quotient, { requantize: false, scale: 0.125 });
    const got = lowerInteger(graph).graph;
    t.deepEqual(
      got.nodes.map(({ op }) => op.name),
      [...lowered],
    );
    const x = Tensor.from(randomNumbers(32, -3, 3), [1, 4, 4, 2]);
    t.deepEqual(run(got, { x }).y.toNumbers(), run(graph, { x }).y.toNumbers());
  });
}

const stays: [what: string, build: (graph: Graph, x: Value) => Value, op: string, reason: RegExp][] = [
  [
    'a weight of real numbers',
    (g, x) => g.add(ops.conv2d, [x, g.constant(Tensor.from([1, 2, 3, 4], [2, 1, 1, 2])), zeroBias(g)]),
    'conv2d',
    /weight is not quantized/,
  ],
  [
    'scales along the inputs',
    (g, x) => g.add(ops.gemm, [x, perChannel(g, [2, 2], [1, 2], [0, 0], 1), zeroBias(g)]),
    'gemm',
    /not along the output channels/,
  ],
  [
    'zero points that differ',
    (g, x) => g.add(ops.gemm, [x, perChannel(g, [2, 2], [1, 2], [0, 5], 0), zeroBias(g)]),
    'gemm',
    /different zero points/,
  ],
  [
    'sums that may overflow',
    (g, x) => {
      const long = g.add(ops.tile, [g.add(ops.reshape, [x], { shape: [1, 32] })], { repeats: [1, 2100] });
      return g.add(ops.gemm, [long, perChannel(g, [2, 67200], [1, 2], [0, 0], 0, 127), zeroBias(g)]);
    },
    'gemm',
    /its sums may reach 2176272000, which int32 does not hold/,
  ],
  ['an input that is real', (g, x) => g.add(ops.add, [x, g.add(ops.softmax, [x], { axis: -1 })]), 'add', /an input is not quantized/],
  ['an op without a kernel', (g, x) => g.add(ops.softmax, [x], { axis: -1 }), 'softmax', /softmax has no integer kernel/],
  ['a dilated average', (g, x) => g.add(ops.averagePool2d, [x], { kernel: [2, 2], dilations: [2, 2] }), 'averagePool2d', /dilated/],
  [
    'a margin that has no code',
    (g, x) => twice(g, g.add(ops.pad, [x], { pads: [0, 1, 0, 0, 0, 0, 0, 0], value: 99 })),
    'add',
    /not quantized/,
  ],
];

for (const [what, build, op, reason] of stays) {
  test(`stays float: ${what}`, (t) => {
    const { graph, float } = lowerInteger(between(build));
    verify(graph);
    const found = float.find((node) => node.op === op);
    t.regex(found?.reason ?? `nothing but ${JSON.stringify(float)}`, reason);
  });
}
