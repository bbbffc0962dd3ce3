import test from 'ava';
import { fit, type Graph, LowbitError, nn, ops, run, type SlbOptions, slb, Tensor, traceModule, train } from 'lowbit';
import { bytesOf, random } from '../../ops/case.js';
import { smallDigits } from '../../train/networks.js';
import { everyLayer, graphOf, trainableOf } from './networks.js';

const outputOf = (graph: Graph, x: Tensor) => run(graph, { [graph.inputs[0].name]: x })[graph.outputs[0].name].toNumbers();
const farthest = (a: readonly number[], b: readonly number[]) => Math.max(...a.map((x, i) => Math.abs(x - b[i])));
const size = (numbers: readonly number[]) => Math.max(...numbers.map(Math.abs));

/** The graph on expected weights. */
function softened(graph: Graph, temperature = 1): Graph {
  for (const node of graph.nodes) if (node.op === ops.slbExpectation) node.params = { ...node.params, mode: 'soft', temperature };
  return graph;
}

const all = { quantizeFirst: true, quantizeLast: true, quantizeDownsample: true } as const;

test('with one bit and a scale a search begins at the float network', (t) => {
  const module = everyLayer();
  const graph = graphOf(module);
  const x = random([2, 1, 28, 28]);
  const want = outputOf(graph, x);
  // Without a normalization behind it the range of a layer is its mean magnitude, and the start is not exact.
  const linear = graph.nodes.filter(({ op }) => op === ops.gemm).map(({ name }) => name);
  const network = slb({ epochs: 4, quantizeFirst: true, quantizeDownsample: true, exclude: linear }).apply(graph);
  t.is(network.slb.layers.length, 5);
  t.true(farthest(outputOf(softened(network.graph), x), want) < 1e-5 * size(want));
});

test('without a scale the statistics behind a layer take it up', (t) => {
  const module = new nn.Sequential(
    ...[new nn.Conv2d(1, 6, 3, { bias: false, random: new nn.Random(1) }), new nn.BatchNorm2d(6), new nn.ReLU()],
    ...[new nn.Conv2d(6, 8, 3, { bias: false, random: new nn.Random(2) }), new nn.BatchNorm2d(8)],
  );
  const graph = traceModule(module, { input: { dtype: 'float32', shape: [1, 12, 12] } });
  for (const tensor of graph.constants.values())
    if (tensor.shape.length === 1 && tensor.toNumbers().every((x) => x === 1)) tensor.write(new Float32Array(tensor.size).fill(0.5));
  const x = random([2, 1, 12, 12]);
  const want = outputOf(graph, x);
  const network = slb({ epochs: 4, alpha: 'none', ...all }).apply(graph);
  t.deepEqual(network.slb.warnings, []);
  // ε = 1e-5 stands beside a variance that is a few times larger.
  t.true(farthest(outputOf(softened(network.graph), x), want) < 1e-4 * size(want));
});

test('expected weights become decided ones as the temperature grows', (t) => {
  const network = slb({ epochs: 4, weightBits: 2, ...all }).apply(graphOf(everyLayer()));
  for (const search of network.searched) {
    search.set(1, 'hard');
    const hard = search.weight.toNumbers();
    const apart = [1, 10, 100, 1e4, 1e6].map((temperature) => {
      search.set(temperature, 'soft');
      return farthest(search.weight.toNumbers(), hard);
    });
    // A weight between two values keeps both: none of these lies within 1e-5 of the middle.
    t.true(apart.at(-1)! < 1e-4, apart.join());
    t.true(
      apart.every((x, i) => i === 0 || x <= apart[i - 1] + 1e-6),
      apart.join(),
    );
  }
});

test('one logit gives the weights and gradients of two', (t) => {
  const d = random([4, 1, 16], -3, 3, 4).data() as Float32Array;
  const two = new Float32Array(128);
  for (let i = 0; i < 64; i++) two[Math.floor(i / 16) * 32 + 16 + (i % 16)] = d[i];
  const [one, pair, values, dy] = [Tensor.from(d, [4, 1, 16]), Tensor.from(two, [4, 2, 16]), Tensor.from([-1, 1]), random([64], -1, 1, 6)];
  const params = { shape: [64], temperature: 1.7 };
  t.true(farthest(ops.slbExpectation(one, values, params).toNumbers(), ops.slbExpectation(pair, values, params).toNumbers()) < 2e-7);
  const slope = ops.slbExpectationGrad(dy, one, values, { temperature: 1.7 }).toNumbers();
  const slopes = ops.slbExpectationGrad(dy, pair, values, { temperature: 1.7 }).toNumbers();
  const upper = slope.map((_, i) => slopes[Math.floor(i / 16) * 32 + 16 + (i % 16)]);
  t.true(farthest(slope, upper) < 4e-7);
});

test('a decided weight has no gradient, with a straight-through tail it has that of the expected one', async (t) => {
  const logits = random([1, 4, 16]);
  const values = Tensor.from([-1, -1 / 3, 1 / 3, 1]);
  const gradientOf = (mode: 'soft' | 'hard' | 'straightThrough') => {
    const rule = ops.slbExpectation.grad as (dy: Tensor, call: object) => readonly ((() => Tensor) | undefined)[];
    return rule(random([16]), { inputs: [logits, values], params: { shape: [16], temperature: 2, mode } })[0]?.().toNumbers();
  };
  t.is(gradientOf('hard'), undefined);
  t.deepEqual(gradientOf('straightThrough'), gradientOf('soft'));
  const search = slb({ epochs: 1, temperature: { startTime: 0, endTime: 0 }, straightThroughTail: false, ...all });
  const network = search.apply(trainableOf(everyLayer()));
  const before = network.searched.map((weight) => bytesOf(weight.logits.data()).toString('base64'));
  await fit(network, smallDigits(64), {
    epochs: 1,
    batchSize: 16,
    optimizer: train.sgd({ weightDecay: 0.1 }),
    callbacks: search.callbacks(network, smallDigits(64)),
  });
  t.deepEqual(
    network.searched.map((weight) => bytesOf(weight.logits.data()).toString('base64')),
    before,
  );
});

test('the fused step is the gradient, the optimizer and the expectation one after the other', (t) => {
  const [n, k] = [1000, 4];
  const shape = [Math.ceil(n / 16), k, 16];
  const values = Tensor.from([-1, -1 / 3, 1 / 3, 1]);
  const control = Tensor.from([0.01, 1, 2]);
  const make = () => [random([n]), random([n], -1, 1, 2), random(shape, -1, 1, 3), random(shape, -1, 1, 4)];
  const [weight, dy, logits, velocity] = make();
  ops.slbSgdUpdate(weight, dy, logits, values, velocity, control, { temperature: 3, momentum: 0.9 });
  const [, dy2, logits2, velocity2] = make();
  const gradient = ops.slbExpectationGrad(dy2, logits2, values, { temperature: 3 });
  const before = logits2.toNumbers();
  ops.sgdUpdate(logits2, gradient, velocity2, control, { momentum: 0.9 });
  const next = ops.slbExpectation(logits2, values, { shape: [n], temperature: 3 });
  t.deepEqual(bytesOf(weight.data()), bytesOf(next.data()));
  const real = (i: number) => Math.floor(i / (k * 16)) * 16 + (i % 16) < n;
  t.deepEqual(
    logits.toNumbers().filter((_, i) => real(i)),
    logits2.toNumbers().filter((_, i) => real(i)),
  );
  t.deepEqual(
    logits.toNumbers().filter((_, i) => !real(i)),
    before.filter((_, i) => !real(i)),
  );
});

test('which layers are searched: first, last, downsample, exclusions', (t) => {
  const graph = graphOf(everyLayer());
  const searched = (options: Partial<SlbOptions>) => slb({ epochs: 4, ...options }).apply(graph).slb;
  const whole = searched(all);
  t.is(whole.layers.length, 7);
  t.deepEqual(whole.float, []);
  const some = searched({});
  t.deepEqual(
    some.float.map(({ reason }) => reason.split(' (')[0]),
    ['the first layer', 'a 1×1 convolution with a stride', 'the last layer'],
  );
  const name = whole.layers[2].name;
  t.false(searched({ ...all, exclude: name }).layers.some((layer) => layer.name === name));
  t.throws(() => searched({ exclude: 'nothing' }), { instanceOf: LowbitError, message: /exclude.*nothing/ });
  t.throws(() => searched({ exclude: () => true }), { instanceOf: LowbitError, message: /no layer.*excluded/ });
  t.true(searched({ ...all, alpha: 'none' }).warnings.some((text) => /no batch normalization follows/.test(text)));
  t.true(
    slb({ epochs: 10, temperature: { startTime: 0.5, endTime: 0.5 }, straightThroughTail: false })
      .apply(graph)
      .slb.warnings.some((text) => /no ramp/.test(text)),
  );
});

test('modules are searched in a copy, and need to know their samples', async (t) => {
  const module = everyLayer();
  const before = [...module.state().values()].map((tensor) => bytesOf(tensor.data()).toString('base64'));
  const search = slb({ epochs: 1, weightBits: 2 });
  const network = search.apply(module, { shape: [1, 28, 28], dtype: 'float32' });
  await fit(network, smallDigits(64), { epochs: 1, batchSize: 16, callbacks: search.callbacks(network, smallDigits(64)) });
  t.deepEqual(
    [...module.state().values()].map((tensor) => bytesOf(tensor.data()).toString('base64')),
    before,
  );
  t.throws(() => search.apply(module), { instanceOf: LowbitError, message: /sample/ });
});

test('nothing of the size of the logits is made in a step but the optimizer state', (t) => {
  const network = slb({ epochs: 1, weightBits: 4, ...all }).apply(graphOf(everyLayer()));
  const logits = network.searched.reduce((sum, { logits: { size: n } }) => sum + n, 0);
  const leaves = network.leaves.reduce((sum, { size: n }) => sum + n, 0);
  t.true(logits > 14 * network.searched.reduce((sum, { weight }) => sum + weight.size, 0) - 1);
  t.true(leaves < logits / 8, `gradients of ${leaves} numbers for ${logits} logits`);
});
