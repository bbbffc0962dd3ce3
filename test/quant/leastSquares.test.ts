import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Graph, lowerInteger, ops, type QuantizeOptions, quantize, Tensor, threads } from 'lowbit';
import { type Form, fitScale } from '../../lib/quant/leastSquares/fitScale.js';
import { type GroupProduct, momentsOf } from '../../lib/quant/leastSquares/moments.js';
import { chooseShrinkage, formsOf } from '../../lib/quant/leastSquares/shrinkage.js';
import { faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { randomNumbers } from '../ops/case.js';
import { distanceFrom, samples, severalLayers, stepsOf } from './layers.js';

const names = ['conv', 'depthwise', 'groups', 'linear'];
const rounded = (graph: Graph, options: Partial<QuantizeOptions> = {}, batch = 10) =>
  quantize(graph, samples(80, batch), { weightBits: 3, rounding: 'leastSquares', ...options });

/** A form whose S is that of random rows. */
function randomForm(k: number, seed: number): Form {
  const rows = Array.from({ length: 2 * k }, (_, row) => randomNumbers(k, 0, 1, 100 * seed + row + 1));
  const s = Float64Array.from({ length: k * k }, (_, i) => rows.reduce((sum, x) => sum + x[Math.floor(i / k)] * x[i % k], 0));
  const w = Float64Array.from(randomNumbers(k, -1, 1, 100 * seed));
  const target = w.map((_, i) => w.reduce((sum, x, j) => sum + s[i * k + j] * x, 0.1 * w[i]));
  return { w, s, target };
}

const costOf = ({ s, target }: Form, codes: ArrayLike<number>, scale: number) => {
  let cost = 0;
  for (let i = 0; i < target.length; i++) {
    cost -= 2 * scale * codes[i] * target[i];
    for (let j = 0; j < target.length; j++) cost += scale * scale * codes[i] * codes[j] * s[i * target.length + j];
  }
  return cost;
};

test('no other code alone is better, nor are the nearest ones', (t) => {
  for (let seed = 1; seed <= 20; seed++) {
    const form = randomForm(7, seed);
    const { codes, scale } = fitScale([form], 3, { shares: [1, 0.8, 0.6], refits: 2, least: 0 });
    const cost = costOf(form, codes[0], scale);
    for (const [j, q] of codes[0].entries()) {
      t.true(Number.isInteger(q) && Math.abs(q) <= 3);
      for (let other = -3; other <= 3; other++) {
        const changed = codes[0].slice();
        changed[j] = other;
        t.true(costOf(form, changed, scale) >= cost - 1e-9 * Math.abs(cost));
      }
    }
    const most = Math.max(...form.w.map(Math.abs)) / 3;
    const nearest = form.w.map((x) => Math.round(x / most));
    t.true(cost < costOf(form, nearest, most));
  }
});

test('where inputs have nothing in common, the nearest codes are best', (t) => {
  const w = Float64Array.from([3, -1.4, 0.6, 0.4]);
  const s = Float64Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? i + 1 : 0));
  const target = w.map((x, i) => x * s[5 * i]);
  const { codes, scale } = fitScale([{ w, s, target }], 3, { shares: [1], refits: 0, least: 0 });
  t.deepEqual([...codes[0], scale], [3, -1, 1, 0, 1]);
});

test('outputs may share a scale, which is as large as is asked for', (t) => {
  const forms = [randomForm(5, 1), randomForm(5, 2)];
  const search = { shares: [1, 0.8], refits: 2, least: 0 };
  const together = fitScale(forms, 7, search);
  t.is(together.codes.length, 2);
  const cost = forms.reduce((sum, form, i) => sum + costOf(form, together.codes[i], together.scale), 0);
  const alone = forms.reduce((sum, form) => {
    const { codes, scale } = fitScale([form], 7, search);
    return sum + costOf(form, codes[0], scale);
  }, 0);
  t.true(alone <= cost && cost < 0);
  t.is(fitScale(forms, 7, { ...search, least: 10 }).scale, 10);
});

test('moments are covariances with what the outputs lack', (t) => {
  const rows = 40;
  const inputs = Float32Array.from(randomNumbers(rows * 3, 0, 2, 1));
  const wanted = Float32Array.from(randomNumbers(rows * 2, -1, 1, 2));
  const weight = Float32Array.from([1, -0.5, 0.25, 0, 2, 1]);
  const bias = Float32Array.from([1, -1]);
  const product: GroupProduct = { inputs, wanted, weight, bias };
  const moments = momentsOf(
    product,
    Array.from({ length: rows }, (_, row) => row % 4 === 3),
  );
  const covariance = (a: (row: number) => number, b: (row: number) => number, chosen: number[]) => {
    const mean = (value: (row: number) => number) => chosen.reduce((sum, row) => sum + value(row), 0) / chosen.length;
    return mean((row) => (a(row) - mean(a)) * (b(row) - mean(b)));
  };
  const x = (i: number) => (row: number) => inputs[row * 3 + i];
  const lack = (o: number) => (row: number) =>
    wanted[row * 2 + o] - bias[o] - [0, 1, 2].reduce((sum, i) => sum + weight[o * 3 + i] * x(i)(row), 0);
  for (const [name, keep] of Object.entries({ all: () => true, learned: (r: number) => r % 4 !== 3, held: (r: number) => r % 4 === 3 })) {
    const chosen = Array.from({ length: rows }, (_, row) => row).filter(keep);
    const { s, d } = moments[name as keyof typeof moments];
    for (const i of [0, 1, 2]) {
      for (const j of [0, 1, 2]) t.true(Math.abs(s[i * 3 + j] - covariance(x(i), x(j), chosen)) < 1e-6);
      for (const o of [0, 1]) t.true(Math.abs(d[o * 3 + i] - covariance(lack(o), x(i), chosen)) < 2e-6);
    }
  }
});

// 40 inputs of pure chance in 24 rows: what their covariances promise does not hold for other rows, and little of them is taken.
test('moments of few samples are trusted less than those of many', (t) => {
  const group = (rows: number) => {
    const inputs = Float32Array.from(randomNumbers(rows * 40, -1, 1, 3));
    const weight = Float32Array.from(randomNumbers(8 * 40, -1, 1, 4));
    const bias = new Float32Array(8);
    const wanted = Float32Array.from({ length: rows * 8 }, (_, i) => {
      const [row, output] = [Math.floor(i / 8), i % 8];
      return Array.from({ length: 40 }, (_, k) => inputs[row * 40 + k] * weight[output * 40 + k]).reduce((a, b) => a + b);
    });
    const isHeld = Array.from({ length: rows }, (_, row) => row % 4 === 3);
    return { weight, moments: momentsOf({ inputs, wanted, weight, bias }, isHeld) };
  };
  const [few, many] = [24, 4000].map((rows) => chooseShrinkage([group(rows)], 7));
  t.true(few.inputs > many.inputs, `${few.inputs} and ${many.inputs}`);
  const { weight, moments } = group(24);
  const [form] = formsOf(weight, moments.all, { inputs: 0.25, lack: 1 });
  t.true(Math.abs(form.s[1] - 0.75 * moments.all.s[1]) < 1e-12);
});

test('the network is nearer to the float one, with any scales and bits', async (t) => {
  const float = severalLayers();
  const distance = distanceFrom(float);
  const cases: Partial<QuantizeOptions>[] = [{}, { weightBits: 4 }, { weightBits: 2 }, { perTensor: true }, { scales: 'powerOfTwo' }];
  for (const options of cases) {
    const nearest = await quantize(float, samples(80, 10), { weightBits: 3, ...options });
    const { graph, rounding } = await rounded(float, options);
    t.true(
      distance(graph) < 0.8 * distance(nearest.graph),
      `${JSON.stringify(options)}: ${distance(graph)} and ${distance(nearest.graph)}`,
    );
    t.deepEqual(
      rounding.map(({ name }) => name),
      names,
    );
    for (const { loss, kept } of rounding) t.true(kept || loss.rounded < loss.nearest);
    t.deepEqual(lowerInteger(graph).float, []);
    if (options.scales === 'powerOfTwo') {
      for (const name of names) {
        const [, scales] = graph.nodes.find((node) => node.name === name)!.inputs[1].producer!.inputs;
        for (const scale of graph.constantOf(scales)!.toNumbers()) t.true(Number.isInteger(Math.log2(scale)));
      }
    }
  }
});

test.serial('the same codes for any batches and threads', async (t) => {
  const float = severalLayers();
  const codes = ({ graph }: { graph: Graph }) => names.map((name) => stepsOf(graph, float, name).codes);
  const options = { leastSquares: { rows: 300 } };
  const want = await rounded(float, options);
  for (const [batch, count] of [
    [1, 2],
    [17, 3],
  ]) {
    threads(count);
    const got = await rounded(float, options, batch);
    t.deepEqual(codes(got), codes(want));
    t.deepEqual(got.rounding, want.rounding);
  }
  t.notDeepEqual(codes(await rounded(float, { leastSquares: { rows: 300, seed: 1 } })), codes(want));
});

test('a run that was stopped goes on: layers that are done are read', async (t) => {
  const folder = join(temporaryFolder(), 'layers');
  const float = severalLayers();
  const want = await rounded(float);
  const controller = new AbortController();
  const stop = { signal: controller.signal, onRounding: ({ layer }: { layer: number }) => layer === 3 && controller.abort() };
  await faultsLater(t, () => rounded(float, { leastSquares: { folder }, ...stop }), 'aborted', /stopped by its signal/);
  t.deepEqual(readdirSync(folder), ['layer-0000.safetensors', 'layer-0001.safetensors']);
  const got = await rounded(float, { leastSquares: { folder } });
  t.deepEqual(got.rounding, want.rounding);
  t.deepEqual(got.weights, want.weights);
});

test('one sample is enough, with nothing to judge by', async (t) => {
  const { rounding } = await quantize(severalLayers(), samples(1, 1), { weightBits: 4, rounding: 'leastSquares' });
  t.is(rounding.length, 4);
});

const refused: [what: string, options: object, message: RegExp][] = [
  ['settings of what is not asked for', { leastSquares: {} }, /expected to be left out because rounding is not "leastSquares"/],
  ['rows', { rounding: 'leastSquares', leastSquares: { rows: 0 } }, /rows is 0, expected a whole number from 1/],
  ['a seed', { rounding: 'leastSquares', leastSquares: { seed: -1 } }, /seed is -1, expected a whole number from 0/],
  ['a folder', { rounding: 'leastSquares', leastSquares: { folder: '' } }, /folder is "", expected a path/],
];

for (const [what, options, message] of refused) {
  test(`refused: ${what}`, (t) => faultsLater(t, () => quantize(severalLayers(), samples(4, 4), options), 'option', message));
}

test('a layer of very many inputs keeps the nearest codes, and its bias is fitted', async (t) => {
  const graph = new Graph('wide');
  const x = graph.input('x', { dtype: 'float32', shape: [Number.NaN, 1600] });
  const w = graph.constant(Tensor.from(randomNumbers(4800, 0, 1, 1), [3, 1600]), 'w');
  graph.output('y', graph.add(ops.gemm, [x, w, graph.constant(Tensor.from([1, 2, 3]), 'b')], {}, 'layer'));
  const batches = async function* () {
    yield { x: Tensor.from(randomNumbers(16 * 1600, 0, 1, 2), [16, 1600]) };
  };
  const codesOf = (made: Graph) => [...made.constants].find(([, { dtype, size }]) => dtype === 'int8' && size === 4800)![1].toNumbers();
  const nearest = await quantize(graph, batches, { weightBits: 3 });
  const fitted = await quantize(graph, batches, { weightBits: 3, rounding: 'leastSquares' });
  t.deepEqual(codesOf(fitted.graph), codesOf(nearest.graph));
  const [{ changed, loss }] = fitted.rounding;
  t.is(changed, 0);
  t.true(loss.rounded < 0.5 * loss.nearest, `${loss.rounded} of ${loss.nearest}`);
});
