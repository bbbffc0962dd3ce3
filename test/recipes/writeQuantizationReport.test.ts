/** Whatever `quantize` takes gets a page, which loads nothing, and a record that can be read again. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import {
  accuracies,
  type Dataset,
  dataset,
  exportOnnx,
  Graph,
  ops,
  type QuantizeOptions,
  quantizationComparison,
  quantize,
  readQuantizationRecord,
  recordedOptions,
  type Shape,
  Tensor,
  type Value,
  withoutQuantization,
  writeQuantizationReport,
} from 'lowbit';
import { faults, faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { weight } from '../graph/graphs.js';
import { lowbitNet } from '../graph/lowbit.js';
import { randomNumbers } from '../ops/case.js';
import { wellFormed } from '../report/html.js';
import { ladder, sensitive } from '../report/quantizationSamples.js';
import { calibrated, smallNetwork, someDigits } from './models.js';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);

test('a page with all that is known of the way to the model', async (t) => {
  exportOnnx(smallNetwork(), at('float.onnx'));
  exportOnnx(await calibrated(smallNetwork()), at('int8.onnx'));
  const samples = { dataset: someDigits(12), data: 'digits:12' };
  const accuracy = await accuracies(at('float.onnx'), at('int8.onnx'), samples);
  t.deepEqual([accuracy!.data, accuracy!.float.samples, accuracy!.quantized.samples], ['digits:12', 12, 12]);
  const known = {
    accuracy,
    options: recordedOptions({ perTensor: true, rounding: 'adaround' }),
    calibration: { data: 'digits:12', samples: 12 },
    ...{ ladder, sensitivity: [sensitive('conv', 20), sensitive('fc', 40)] },
    float: [{ name: 'other', op: 'gemm', reason: 'said <so>' }],
  };
  const { record, json } = await writeQuantizationReport(at('float.onnx'), at('int8.onnx'), at('page.html'), {
    dataset: samples.dataset,
    samples: 4,
    ...known,
  });
  t.is(json, at('page.json'));
  t.like(record, known);
  t.deepEqual(await readQuantizationRecord(json), JSON.parse(JSON.stringify(record)));
  const html = readFileSync(at('page.html'), 'utf8');
  t.is(wellFormed(html), undefined);
  for (const text of [
    'The ladder',
    'Sensitivity',
    'said &lt;so&gt;',
    '<td>perTensor</td><td>true</td>',
    '<td>adaround.iterations</td><td>2000</td>',
  ])
    t.true(html.includes(text), text);
});

test('options as they are recorded: every default', (t) => {
  const plain = recordedOptions({});
  t.like(plain, { observer: 'mse', activations: 'uint8', perTensor: false, correctBias: false, weightBits: 8, rounding: 'nearest' });
  t.false('adaround' in plain);
  faults(t, () => recordedOptions({ observer: 'no' as never }), 'option', /observer/);
});

test('neither file is written where the models do not fit', async (t) => {
  exportOnnx(smallNetwork(), at('same.onnx'));
  await faultsLater(t, () => writeQuantizationReport(at('same.onnx'), at('same.onnx'), at('none.html')), 'data', /none of its layers/);
  t.false(existsSync(at('none.html')) || existsSync(at('none.json')));
});

interface Odd {
  graph: Graph;
  options?: QuantizeOptions;
  data?: Dataset;
}

const shaped = (shape: Shape) => ({ dtype: 'float32', shape }) as const;

function conv(graph: Graph, x: Value, shape: Shape, name: string, params = {}): Value {
  const inputs = [x, weight(graph, `${name}.w`, shape, shape.length), weight(graph, `${name}.b`, [shape[0]], 3)];
  return graph.add(shape.length === 2 ? ops.gemm : ops.conv2d, inputs, params, name);
}

const odd: Record<string, () => Odd> = {
  'a fixed batch, names that HTML has to escape, and a long one': () => {
    const graph = new Graph('a <b> & "c"');
    const x = graph.input('x <&>', shaped([3, 5, 5, 2]));
    const first = graph.add(ops.relu, [conv(graph, x, [4, 3, 3, 2], '<script a="x">')], {}, 'y&');
    graph.output('z"', conv(graph, first, [2, 1, 1, 4], 'n'.repeat(200)));
    return { graph };
  },
  'several inputs and outputs, from a scalar to five dimensions': () => {
    const graph = new Graph('many');
    const [a, b] = ['a', 'b'].map((name) => graph.input(name, shaped([2, 4])));
    const sum = graph.add(ops.add, [conv(graph, a, [6, 4], 'left'), conv(graph, b, [6, 4], 'right')], {}, 'sum');
    graph.output('all', graph.add(ops.reduceMean, [sum], { axes: [0, 1], keepDims: false }, 'all'));
    graph.output('rows', graph.add(ops.reduceMean, [sum], { axes: [1], keepDims: false }, 'rows'));
    graph.output('five', graph.add(ops.reshape, [sum], { shape: [2, 1, 3, 1, 2] }, 'five'));
    return { graph };
  },
  'single channels, and weights of all zeros': () => {
    const graph = new Graph('single');
    const x = graph.input('x', shaped([Number.NaN, 4, 4, 1]));
    const one = graph.add(ops.relu, [conv(graph, x, [1, 3, 3, 1], 'one')], {}, 'relu');
    const zeros = [graph.constant(Tensor.from(new Float32Array(2), [2, 1, 1, 1]), 'w0'), graph.constant(Tensor.from([1, 2]), 'b0')];
    graph.output('y', graph.add(ops.conv2d, [one, ...zeros], {}, 'zeros'));
    return { graph };
  },
  'constants as activations, and a product of two activations': () => {
    const graph = new Graph('constants');
    const x = graph.input('x', shaped([1, 3, 4]));
    const left = conv(graph, x, [4, 4], 'left');
    const fixed = conv(graph, weight(graph, 'image', [1, 3, 4], 5), [4, 4], 'fixed');
    graph.output('y', graph.add(ops.matmul, [left, graph.add(ops.transpose, [fixed], { perm: [0, 2, 1] })], {}, 'product'));
    return { graph };
  },
  'tokens, no labels': () => {
    const graph = new Graph('tokens');
    const ids = graph.input('ids', { dtype: 'int32', shape: [Number.NaN, 3] });
    const embedded = graph.add(ops.gather, [weight(graph, 'table', [7, 4], 6), ids], { axis: 0 }, 'embedded');
    graph.output('y', conv(graph, embedded, [5, 4], 'linear'));
    const values = Int32Array.from({ length: 24 }, (_, i) => i % 7);
    const source = { description: 'tokens', length: 8, hasLabels: false, shape: [3], dtype: 'int32' as const };
    const gather = (numbers: Uint32Array) => ({
      values: Int32Array.from([...numbers].flatMap((n) => [...values.slice(3 * n, 3 * n + 3)])),
    });
    return { graph, data: dataset({ ...source, gather }) };
  },
  'weights of two bits, one layer left float': () => ({
    graph: smallNetwork(),
    options: { weightBits: 2, exclude: ['fc'] },
    data: someDigits(4),
  }),
  'weights alone, scales for groups of them': () => {
    const graph = new Graph('groups');
    const x = graph.input('x', shaped([Number.NaN, 64]));
    const first = graph.add(ops.relu, [conv(graph, x, [5, 64], 'first')], {}, 'relu');
    graph.output('y', conv(graph, first, [3, 5], 'second'));
    return { graph, options: { activations: 'float', weightGroup: 32, weightBits: 4 } };
  },
  ...Object.fromEntries([1, 2, 3, 4].map((bits) => [`packed weights of ${bits} bits`, () => ({ graph: lowbitNet({ bits }) })])),
};

/** Random inputs of a graph, a few batches of them. */
function batchesOf(graph: Graph, data: Dataset | undefined) {
  const inputs = (seed: number) =>
    Object.fromEntries(
      graph.inputs.map(({ name, type }, i) => {
        const sizes = type!.shape.map((n) => (Number.isNaN(n) ? 2 : n));
        const count = sizes.reduce((a, b) => a * b, 1);
        const numbers =
          type!.dtype === 'int32' ? Array.from({ length: count }, (_, at) => (at + seed) % 7) : randomNumbers(count, -1, 1, seed + i);
        return [name, Tensor.from(numbers, sizes, type!.dtype)];
      }),
    );
  return async function* batches() {
    yield inputs(data ? 1 : 2);
    yield inputs(3);
  };
}

for (const [name, make] of Object.entries(odd)) {
  test(name, async (t) => {
    const { graph, options, data } = make();
    const [float, quantized, page] = ['float.onnx', 'int8.onnx', 'odd.html'].map((file) => at(`${Object.keys(odd).indexOf(name)}.${file}`));
    const packed = name.startsWith('packed');
    exportOnnx(packed ? withoutQuantization(graph) : graph, float);
    const { graph: made, float: left } = await quantize(graph, batchesOf(graph, data), options);
    exportOnnx(made, quantized, packed ? { weights: 'packed' } : {});
    const { record, json } = await writeQuantizationReport(float, quantized, page, { dataset: data, samples: 3, float: left });
    const html = readFileSync(page, 'utf8');
    t.is(wellFormed(html), undefined);
    t.true(record.layers.length > 0);
    const read = await readQuantizationRecord(json);
    t.is(wellFormed(quantizationComparison({ name: 'a', record: read }, { name: 'b', record: read })), undefined);
    for (const { name: layer, sqnr, weight: w } of record.layers) {
      t.true(sqnr === null || Number.isFinite(sqnr), layer);
      t.is(w.channels.before?.length, w.channels.now.length);
    }
  });
}
