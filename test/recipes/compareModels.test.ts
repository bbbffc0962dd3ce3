import { join } from 'node:path';
import test from 'ava';
import { compareModels, exportOnnx, Graph, importOnnx, lowerInteger, ops, quantize, run, Tensor, toOnnx } from 'lowbit';
import { Distance } from '../../lib/recipes/distance.js';
import { faultsLater } from '../faults.js';
import { temporaryFolder } from '../folder.js';
import { weight } from '../graph/graphs.js';
import { randomNumbers } from '../ops/case.js';
import { calibrated, smallNetwork, someDigits } from './models.js';

test('distances by their formulas', (t) => {
  const distance = new Distance([2]);
  distance.add(Float64Array.of(3, 4), Float64Array.of(3, 4.5), 1);
  distance.add(Float64Array.of(0, 5, 7, 7), Float64Array.of(1, 5, 0, 0), 0.5); // the second half fills up a batch
  const { sqnr, scaledSqnr, cosine, largest, shift, shifted } = distance.result();
  t.is(sqnr, 10 * Math.log10((9 + 16 + 25) / (0.25 + 1)));
  t.is(cosine, (9 + 18 + 25) / Math.sqrt((9 + 16 + 25) * (9 + 20.25 + 1 + 25)));
  t.is(largest, 1);
  t.is(shift, 1.5 / 4);
  t.is(shifted, (2 * 0.5 ** 2 + 2 * 0.25 ** 2) / 1.25); // two numbers a channel, their means are off by 0.5 and 0.25
  // The first channel is 3, 0 and 3, 1: scaled by 1 it is off by 1. The second is 4, 5 and 4.5, 5: best scaled by 43/41.
  const second = (41 * (20.25 + 25)) / (43 / 41) ** 2 / 41 - 41;
  t.true(Math.abs(scaledSqnr - 10 * Math.log10(50 / (1 + second))) < 1e-9, String(scaledSqnr));
});

test('channels that are scaled are equal when they are scaled back, those that are lost count as noise', (t) => {
  const of = (a: number[], b: number[]) => {
    const distance = new Distance([2]);
    distance.add(Float64Array.from(a), Float64Array.from(b), 1);
    return distance.result();
  };
  t.true(of([1, 2, 3, 4], [4, 1, 12, 2]).scaledSqnr > 100);
  t.true(of([1, 2, 3, 4], [4, 1, 12, 2]).sqnr < 0);
  t.is(of([1, 2, 3, 4], [4, 0, 12, 0]).scaledSqnr, 10 * Math.log10(30 / 20));
  t.is(of([1, 0, 3, 0], [1, 2, 3, 0]).scaledSqnr, 10 * Math.log10(10 / 4));
  t.is(of([1, 2], [1, 2]).scaledSqnr, Number.POSITIVE_INFINITY);
});

test('layers that take in a batch normalization, and biases that files add afterwards, are compared with what they came from', async (t) => {
  const graph = new Graph('net');
  const image = graph.input('image', { dtype: 'float32', shape: [Number.NaN, 4, 4, 2] });
  const factors = [3, 0.2, 5, 40].map((x) => graph.constant(Tensor.from([x, 1, x]), 'bn'));
  const inputs = [weight(graph, 'w', [3, 1, 1, 2], 1), graph.constant(Tensor.from([0.5, -1, 2]), 'b')];
  const conv = graph.add(ops.conv2d, [image, ...inputs], {}, 'conv');
  const flat = graph.add(ops.reshape, [graph.add(ops.batchNorm, [conv, ...factors], {}, 'bn')], { shape: [0, 16, 3] }, 'flat');
  const biased = [weight(graph, 'w2', [4, 3], 2), graph.constant(Tensor.from([8, 8, 8, 8]), 'b2')];
  const linear = graph.add(ops.gemm, [flat, ...biased], {}, 'linear');
  graph.output('y', graph.add(ops.softmax, [linear], { axis: -1 }, 'softmax'));
  const inFile = (made: Graph) => importOnnx(toOnnx(made));
  const batches = async function* () {
    yield { image: Tensor.from(randomNumbers(64, -1, 1, 5), [2, 4, 4, 2]) };
  };
  const { graph: quantized } = await quantize(graph, batches);
  for (const [a, b] of [
    [graph, quantized],
    [inFile(graph), inFile(quantized)],
  ]) {
    const { tensors } = await compareModels(a, b, { samples: 2 });
    for (const layer of ['conv', 'linear']) {
      const { sqnr } = tensors.find(({ name }) => name === layer)!;
      t.true(sqnr > 25, `${layer}: ${sqnr}`);
    }
  }
});

test('equal numbers, zeros and NaN', (t) => {
  const of = (a: number[], b: number[]) => {
    const distance = new Distance([a.length]);
    distance.add(Float64Array.from(a), Float64Array.from(b), 1);
    return distance.result();
  };
  t.like(of([1, 2], [1, 2]), { sqnr: Number.POSITIVE_INFINITY, cosine: 1, largest: 0, shift: 0 });
  t.like(of([0, 0], [0, 0]), { sqnr: Number.POSITIVE_INFINITY, cosine: 1 });
  t.is(of([0, 0], [1, 0]).sqnr, Number.NaN);
  t.is(of([1, 2], [1, Number.NaN]).largest, Number.NaN);
});

test('a model is equal to itself', async (t) => {
  const { tensors, outputs, samples } = await compareModels(smallNetwork(), smallNetwork(), { samples: 5 });
  t.is(samples, 5);
  t.deepEqual(outputs, ['logits']);
  t.true(tensors.length >= 5);
  for (const { name, sqnr } of tensors) t.is(sqnr, Number.POSITIVE_INFINITY, name);
});

test('a quantized model is measured as it is deployed: on integers', async (t) => {
  const float = smallNetwork();
  const quantized = await calibrated(smallNetwork());
  const dataset = someDigits(3);
  const { tensors } = await compareModels(float, quantized, { dataset, samples: 3 });
  const relu = tensors.find(({ name }) => name === 'relu')!;
  t.true(relu.quantized && relu.sqnr > 25 && relu.sqnr < 80, String(relu.sqnr));
  t.deepEqual(relu.shape, [13, 13, 6]);
  t.false(tensors.find(({ name }) => name === 'logits')!.quantized);

  // The same from the codes by hand.
  let image = Tensor.from([0]);
  for await (const { data } of dataset.batches(3)) image = Tensor.from(data, [3, 1, 28, 28]);
  const numbers = (graph: Graph, name: string) => {
    let found: number[] = [];
    const onValue = (value: { name: string }, x: Tensor) => {
      if (value.name === name) found = x.toNumbers();
    };
    run(graph, { image }, { onValue });
    return found;
  };
  const [a, codes] = [numbers(float, 'relu'), numbers(lowerInteger(quantized).graph, 'relu.codes')];
  const node = quantized.nodes.find(({ output }) => output.name === 'relu.codes')!;
  const [scale, zero] = node.inputs.slice(1).map((value) => quantized.constantOf(value)!.item());
  const noise = a.reduce((sum, x, i) => sum + ((codes[i] - zero) * scale - x) ** 2, 0);
  const signal = a.reduce((sum, x) => sum + x * x, 0);
  t.true(Math.abs(relu.sqnr - 10 * Math.log10(signal / noise)) < 1e-9);
});

function written(graph: Graph): string {
  const path = join(temporaryFolder(), 'model.onnx');
  exportOnnx(graph, path);
  return path;
}

test('files are compared by the names of their tensors', async (t) => {
  const quantized = await calibrated(smallNetwork());
  const [a, b] = [smallNetwork(), quantized].map((graph) => importOnnx(written(graph)));
  const { tensors } = await compareModels(a, b, { samples: 2 });
  t.true(tensors.some(({ name, quantized: codes }) => name === 'relu' && codes));
});

test('what cannot be compared is refused', async (t) => {
  const other = new Graph('other');
  other.output('y', other.add(ops.neg, [other.input('image', { dtype: 'float32', shape: [Number.NaN, 1, 28, 28] })], {}, 'something else'));
  await faultsLater(t, () => compareModels(smallNetwork(), other), 'data', /no tensor has the name/);
  await faultsLater(t, () => compareModels(smallNetwork(), smallNetwork(), { samples: 0 }), 'option', /samples/);
  const two = new Graph('two');
  const [x, y] = ['x', 'y'].map((name) => two.input(name, { dtype: 'float32', shape: [Number.NaN, 2] }));
  two.output('z', two.add(ops.add, [x, y]));
  await faultsLater(t, () => compareModels(smallNetwork(), two), 'data', /inputs are/);
});
