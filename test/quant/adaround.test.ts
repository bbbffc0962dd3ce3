import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import {
  type AdaroundOptions,
  adaround,
  Graph,
  insertQdq,
  lowerInteger,
  ops,
  prepareToQuantize,
  type QParams,
  type QuantizeOptions,
  quantize,
  Tensor,
  threads,
} from 'lowbit';
import { adaroundSettings } from '../../lib/quant/adaround/options.js';
import { betaAt, logitOf } from '../../lib/quant/adaround/rounding.js';
import { faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { smallNet } from '../graph/graphs.js';
import { randomNumbers } from '../ops/case.js';
import { distanceFrom, samples, severalLayers, stepsOf } from './layers.js';

test('V of a fraction, golden: -0.693147, 0, 1.609438, -2.397895', (t) => {
  for (const [fraction, v] of [
    [0.3, -Math.LN2],
    [0.5, 0],
    [0.9, Math.log(5)],
    [0, -Math.log(11)],
  ]) {
    t.true(Math.abs(logitOf(fraction) - v) < 1e-12, `${logitOf(fraction)}`);
    const h = 1.2 / (1 + Math.exp(-logitOf(fraction))) - 0.1;
    t.true(Math.abs(h - fraction) < 1e-12);
  }
});

test('the exponent of the regularizer, golden', (t) => {
  const settings = adaroundSettings({ iterations: 10_000 });
  const at = (iteration: number) => betaAt(iteration, settings);
  t.deepEqual([at(0), at(1999)], [undefined, undefined]);
  t.deepEqual([at(2000), at(6000), at(10_000)], [20, 11, 2]);
});

const quick: AdaroundOptions = { iterations: 300, rate: 0.02, batch: 64 };
const rounded = (graph: Graph, options: Partial<QuantizeOptions> = {}, batch = 10) =>
  quantize(graph, samples(80, batch), { weightBits: 3, rounding: 'adaround', adaround: quick, ...options });

test('codes are 0 or 1 steps from the floor, and each layer is nearer to the float one than with the nearest codes', async (t) => {
  const float = severalLayers();
  for (const weightBits of [2, 3, 4, 8] as const) {
    const { graph, rounding } = await rounded(float, { weightBits });
    const top = 2 ** (weightBits - 1) - 1;
    t.deepEqual(
      rounding.map(({ name, bits }) => [name, bits]),
      ['conv', 'depthwise', 'groups', 'linear'].map((name) => [name, weightBits]),
    );
    for (const { name, loss, kept } of rounding) {
      t.true(kept ? loss.rounded >= loss.nearest : loss.rounded < loss.nearest);
      const { codes, steps } = stepsOf(graph, float, name);
      for (const [i, q] of codes.entries()) {
        const floor = Math.min(Math.max(Math.floor(steps[i]), -top), top);
        t.true(q === floor || q === Math.min(floor + 1, top), `${q} for ${steps[i]}`);
      }
    }
    if (weightBits < 8) t.false(rounding.some(({ kept, changed }) => kept || changed === 0));
    t.deepEqual(lowerInteger(graph).float, []);
  }
});

test('the network is nearer to the float one than with the nearest codes', async (t) => {
  const float = severalLayers();
  const distance = distanceFrom(float);
  const nearest = await quantize(float, samples(80, 10), { weightBits: 3 });
  const { graph } = await rounded(float);
  t.true(distance(graph) < 0.8 * distance(nearest.graph), `${distance(graph)} and ${distance(nearest.graph)}`);
});

test('without the regularizer the reconstruction loss falls, strictly', async (t) => {
  const { rounding } = await rounded(severalLayers(), { adaround: { ...quick, lambda: 0 } });
  for (const { name, loss } of rounding) t.true(loss.end! < loss.start!, `${name}: ${loss.start} to ${loss.end}`);
});

test('the regularizer decides: what was learned is what is rounded', async (t) => {
  const { rounding } = await rounded(severalLayers(), { adaround: { ...quick, iterations: 1000, lambda: 10 } });
  for (const { name, loss } of rounding)
    t.true(Math.abs(loss.end! - loss.rounded) <= 1e-3 * loss.rounded, `${name}: ${loss.end}, ${loss.rounded}`);
});

// One output, weights in quarters of a step, x = (1, 1, 1, 1) and a little noise: nearest is off by 4·0.4 steps, one or two up are best.
test('a layer by hand: sums matter, not single weights', async (t) => {
  const graph = new Graph();
  const x = graph.input('x', { dtype: 'float32', shape: [Number.NaN, 5] });
  const w = graph.constant(Tensor.from([7, 2.4, 2.4, 2.4, 2.4], [1, 5]), 'w');
  graph.output('y', graph.add(ops.gemm, [x, w, graph.constant(Tensor.from([0]), 'b')], {}, 'layer'));
  const batches = async function* () {
    const rows = Array.from({ length: 64 }, (_, i) => [0, ...randomNumbers(4, 0.99, 1.01, i + 1)]);
    yield { x: Tensor.from(rows.flat(), [64, 5]) };
  };
  const float = prepareToQuantize(graph);
  const activations = new Map<string, QParams>([['x', { scale: 1 / 128, zeroPoint: 0, dtype: 'uint8' }]]);
  const nearest = insertQdq(float, activations, new Set(['layer']), { weightBits: 4, weightRange: 'max' });
  const { weights } = await adaround(float, nearest, batches, { iterations: 1000, rate: 0.02 });
  const [first, ...codes] = weights.get('layer')!.codes;
  t.is(first, 7);
  t.true(codes.every((q) => q === 2 || q === 3));
  t.true([9, 10].includes(codes.reduce((a, b) => a + b)), `${codes}`); // the sum of the weights is 9.6
});

test.serial('the same seed gives the same codes, for any batches and threads; another seed others', async (t) => {
  const float = severalLayers();
  const codes = ({ graph }: { graph: Graph }) => ['conv', 'depthwise', 'groups', 'linear'].map((name) => stepsOf(graph, float, name).codes);
  // Fewer rows than there are: which of them are kept is drawn.
  const options = (seed: number) => ({ adaround: { ...quick, rows: 300, seed } });
  const want = await rounded(float, options(1));
  for (const [batch, count] of [
    [1, 2],
    [17, 3],
  ]) {
    threads(count);
    const got = await rounded(float, options(1), batch);
    t.deepEqual(codes(got), codes(want));
    t.deepEqual(got.rounding, want.rounding);
  }
  t.notDeepEqual(codes(await rounded(float, options(2))), codes(want));
});

test('a run that was stopped goes on: layers that are done are read', async (t) => {
  const folder = join(temporaryFolder(), 'layers');
  const float = severalLayers();
  const settings = { ...quick, folder };
  const want = await rounded(float);
  const controller = new AbortController();
  await faultsLater(
    t,
    () =>
      rounded(float, {
        adaround: settings,
        signal: controller.signal,
        onRounding: ({ layer, iteration }) => layer === 3 && iteration > 100 && controller.abort(),
      }),
    'aborted',
    /stopped by its signal/,
  );
  t.deepEqual(readdirSync(folder), ['layer-0000.safetensors', 'layer-0001.safetensors']);
  const seen = new Set<string>();
  const got = await rounded(float, { adaround: settings, onRounding: ({ name, iteration }) => iteration > 0 && seen.add(name) });
  t.deepEqual([...seen], ['groups', 'linear']);
  t.deepEqual(got.rounding, want.rounding);
  for (const name of ['conv', 'linear']) t.deepEqual(stepsOf(got.graph, float, name).codes, stepsOf(want.graph, float, name).codes);
});

test('a folder of another run, a damaged one, and one that cannot be', async (t) => {
  const folder = temporaryFolder();
  const float = severalLayers();
  await rounded(float, { adaround: { iterations: 1, folder } });
  await faultsLater(
    t,
    () => rounded(float, { adaround: { iterations: 2, folder } }),
    'file',
    /layer-0000.safetensors: this layer was rounded with other weights or settings/,
  );
  const path = join(folder, 'layer-0000.safetensors');
  writeFileSync(path, readFileSync(path).subarray(0, 100));
  await faultsLater(t, () => rounded(float, { adaround: { iterations: 1, folder } }), 'format', /layer-0000.safetensors/);
  mkdirSync(join(folder, 'sub'));
  writeFileSync(join(folder, 'sub', 'file'), '');
  await faultsLater(t, () => rounded(float, { adaround: { iterations: 1, folder: join(folder, 'sub', 'file') } }), 'file', /file/);
});

const refused: [what: string, options: object, message: RegExp][] = [
  ['bits', { weightBits: 5 }, /weightBits is 5, expected one of 1, 2, 3, 4, 8/],
  ['bits of a layer', { weightBits: { conv: 6 as never } }, /weightBits is 6, expected one of 1, 2, 3, 4, 8/],
  ['a layer that is not there', { weightBits: { cnv: 4 } }, /weightBits is "cnv", expected the name of a layer \(did you mean "conv"\?\)/],
  [
    'a layer without weights',
    { weightBits: { active: 4 } },
    /weightBits is "active", expected names of layers whose weights are quantized: conv, linear/,
  ],
  ['a range', { weightRange: 'least' }, /weightRange is "least", expected one of max, mse/],
  ['scales', { scales: 'two' }, /scales is "two", expected one of float, powerOfTwo/],
  ['a rounding', { rounding: 'up' }, /rounding is "up", expected one of nearest, adaround/],
  ['settings of what is not asked for', { adaround: {} }, /adaround is .*, expected to be left out because rounding is not "adaround"/],
  ['iterations', { rounding: 'adaround', adaround: { iterations: 0 } }, /iterations is 0, expected a whole number from 1/],
  ['a rate', { rounding: 'adaround', adaround: { rate: Number.NaN } }, /rate is NaN, expected a number above 0/],
  ['lambda', { rounding: 'adaround', adaround: { lambda: -1 } }, /lambda is -1, expected a number from 0/],
  ['beta', { rounding: 'adaround', adaround: { beta: [20] } }, /beta is \[20\], expected two numbers from 1/],
  ['a warm start', { rounding: 'adaround', adaround: { warmStart: 1 } }, /warmStart is 1, expected a share of the iterations/],
  ['a seed', { rounding: 'adaround', adaround: { seed: 0.5 } }, /seed is 0.5, expected a whole number from 0/],
  ['a folder', { rounding: 'adaround', adaround: { folder: '' } }, /folder is "", expected a path/],
];

for (const [what, options, message] of refused) {
  test(`refused: ${what}`, (t) => faultsLater(t, () => quantize(smallNet(), samples(4, 4, [6, 6, 3]), options), 'option', message));
}

test('signs have nothing to round', async (t) => {
  const refused = (body: () => Promise<unknown>) => faultsLater(t, body, 'option', /"nearest" because weights of 1 bit are signs/);
  const untouched = () => t.fail() as never;
  await refused(() => quantize(severalLayers(), untouched, { weightBits: { '/./': 4, conv: 1 }, rounding: 'adaround' }));
  const float = prepareToQuantize(severalLayers());
  const { graph } = await quantize(severalLayers(), samples(10, 10), { weightBits: { conv: 1 } });
  await refused(() => adaround(float, graph, untouched));
});

test('an option that nobody knows', (t) =>
  faultsLater(
    t,
    () => quantize(smallNet(), samples(4, 4, [6, 6, 3]), { rounding: 'adaround', adaround: { iteration: 3 } as AdaroundOptions }),
    'unknownOption',
    /adaround: unknown option "iteration", did you mean "iterations"/,
  ));

test('bits by names and patterns, the last that fits counts', async (t) => {
  const { rounding } = await quantize(smallNet(), samples(8, 8, [6, 6, 3]), {
    weightBits: { '/./': 4, linear: 8 },
    rounding: 'adaround',
    adaround: { iterations: 1 },
  });
  t.deepEqual(
    rounding.map(({ name, bits }) => [name, bits]),
    [
      ['conv', 4],
      ['linear', 8],
    ],
  );
});
