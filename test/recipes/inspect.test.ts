import test from 'ava';
import { convTranspose2d, Graph, inspect, matmul, type Shape, Tensor } from 'lowbit';
import { faults } from '../faults.js';
import { calibrated, smallNetwork } from './models.js';

const zeros = (shape: Shape) => Tensor.from(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape);

test('a small network is counted', (t) => {
  const found = inspect(smallNetwork());
  t.deepEqual(found.operators, { conv2d: 1, gemm: 1, maxPool2d: 1, relu: 1, reshape: 1, transpose: 2 });
  t.deepEqual(found.inputs, [{ name: 'image', dtype: 'float32', shape: [null, 1, 28, 28] }]);
  t.deepEqual(found.outputs, [{ name: 'logits', dtype: 'float32', shape: [null, 10] }]);
  t.is(found.parameters, 54 + 6 + 2160 + 10);
  t.is(found.bytes, 4 * found.parameters);
  t.is(found.macs, 13 * 13 * 6 * 9 + 2160);
  t.false(found.quantized);
  t.deepEqual(found.quantizable, [
    { name: 'conv', op: 'conv2d', macs: 13 * 13 * 6 * 9, parameters: 60 },
    { name: 'fc', op: 'gemm', macs: 2160, parameters: 2170 },
  ]);
  t.deepEqual(found.float, []);
});

test('sizes can be given', (t) => {
  t.is(inspect(smallNetwork(), { shapes: { image: [5, 1, 28, 28] } }).macs, 5 * (13 * 13 * 6 * 9 + 2160));
  faults(t, () => inspect(smallNetwork(), { shapes: { image: [1, 3, 28, 28] } }), 'option', /fits \[\?, 1, 28, 28\]/);
  faults(t, () => inspect(smallNetwork(), { shapes: { picture: [1] } }), 'option', /"picture", expected one of the inputs image/);
});

test('a quantized model has the same layers, on integers', async (t) => {
  const before = inspect(smallNetwork());
  const found = inspect(await calibrated(smallNetwork()));
  t.true(found.quantized);
  t.deepEqual(found.quantizable, before.quantizable);
  t.is(found.macs, before.macs);
  t.is(found.parameters, before.parameters);
  t.true(found.bytes < before.bytes / 3);
});

test('transposed convolutions stay float, and why is said', (t) => {
  const graph = new Graph();
  const x = graph.input('x', { dtype: 'float32', shape: [Number.NaN, 4, 4, 6] });
  // two groups: 6 channels to 4 filters of 3 channels
  const w = graph.constant(zeros([4, 3, 3, 3]));
  graph.output('y', graph.add(convTranspose2d, [x, w, graph.constant(zeros([4]))], { groups: 2 }, 'up'));
  const { macs, quantizable, float } = inspect(graph);
  t.is(macs, 4 * 4 * 6 * (3 * 3 * 2)); // each input element goes to 9 places of 2 filters
  t.deepEqual(quantizable, []);
  t.deepEqual(float, [{ name: 'up', op: 'convTranspose2d', reason: 'transposed convolutions have no integer kernel' }]);
});

test('free sizes other than the batch leave the products unknown', (t) => {
  const graph = new Graph();
  const x = graph.input('x', { dtype: 'float32', shape: [Number.NaN, Number.NaN, 5] });
  graph.output('y', graph.add(matmul, [x, graph.constant(zeros([5, 7]))], {}, 'product'));
  t.is(inspect(graph).macs, null);
  t.is(inspect(graph, { shapes: { x: [1, 3, 5] } }).macs, 3 * 5 * 7);
});

test('products of activations count', (t) => {
  const graph = new Graph();
  const a = graph.input('a', { dtype: 'float32', shape: [Number.NaN, 2, 3, 5] });
  const b = graph.input('b', { dtype: 'float32', shape: [Number.NaN, 2, 5, 7] });
  graph.output('y', graph.add(matmul, [a, b], {}, 'scores'));
  t.is(inspect(graph).macs, 2 * 3 * 7 * 5);
  t.is(inspect(graph, { shapes: { a: [4, 2, 3, 5], b: [4, 2, 5, 7] } }).macs, 4 * 2 * 3 * 7 * 5);
});
