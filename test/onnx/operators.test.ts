/** Operators as files have them: what the conformance tests do not reach, or what was wrong once. Numbers follow from the format's text. */
import test, { type ExecutionContext } from 'ava';
import { type Dtype, importOnnx, type Shape, Tensor } from 'lowbit';
import { faults } from '../faults.js';
import { float, int, ints, type NodeOptions, nodeModel, runGraph, runNode, string } from './node.js';

const upTo = (count: number, shape: Shape = [count], dtype: Dtype = 'float32') =>
  Tensor.from(
    Array.from({ length: count }, (_, i) => i),
    shape,
    dtype,
  );
const int64 = (...list: number[]) => Tensor.from(list, [list.length], 'int64');

function gives(t: ExecutionContext, y: Tensor, shape: Shape, elements: readonly number[], dtype: Dtype = 'float32'): void {
  t.is(y.dtype, dtype);
  t.deepEqual(y.shape, shape);
  t.deepEqual(y.toNumbers(), [...elements]);
}

// ---- parameters that are read when the model runs --------------------------------------------------------------------------------

const open: NodeOptions = { constants: [] };

test('ReduceSum reads its axes when it runs', (t) => {
  const [y] = runNode('ReduceSum', [upTo(6, [2, 3]), int64(1)], { ...open, attributes: { keepdims: int(0) } });
  gives(t, y, [2], [3, 12]);
  const [all] = runNode('ReduceSum', [upTo(6, [2, 3]), int64()], { ...open, attributes: { keepdims: int(0) } });
  gives(t, all, [], [15]);
});

test('Slice reads axes and steps when it runs', (t) => {
  const [y] = runNode('Slice', [upTo(6, [2, 3]), int64(-1), int64(-4), int64(1), int64(-2)], open);
  gives(t, y, [2, 2], [2, 0, 5, 3]);
});

test('CumSum reads its axis when it runs, a number or a list of one', (t) => {
  for (const axis of [Tensor.scalar(0, 'int64'), int64(0)])
    gives(t, runNode('CumSum', [upTo(4, [2, 2]), axis], open)[0], [2, 2], [0, 1, 2, 4]);
});

test('Split reads its sizes when it runs', (t) => {
  const [a, b, c] = runNode('Split', [upTo(6), int64(1, 3, 2)], { ...open, outputs: 3 });
  gives(t, a, [1], [0]);
  gives(t, b, [3], [1, 2, 3]);
  gives(t, c, [2], [4, 5]);
});

test('an input that an operator has to know can be fixed at import', (t) => {
  const x = upTo(3, [1, 3, 1]);
  const model = nodeModel('Squeeze', [x, int64(0, 2)], open);
  faults(t, () => importOnnx(model), 'unsupported', /axes is computed while the model runs; it has to be constant/);
  const graph = importOnnx(model, { constants: { in1: int64(0, 2) } });
  t.deepEqual(
    graph.inputs.map(({ name }) => name),
    ['in0'],
  );
  gives(t, runGraph(graph, [x])[0], [3], [0, 1, 2]);
  faults(t, () => importOnnx(model, { constants: { in2: x } }), 'unknownOption', /unknown option "in2", did you mean/);
});

test('Dropout does not ask for the ratio that it ignores', (t) => {
  gives(t, runNode('Dropout', [upTo(2), Tensor.scalar(0.1)], open)[0], [2], [0, 1]);
  const train = Tensor.from([1], [], 'boolean');
  faults(t, () => runNode('Dropout', [upTo(2), Tensor.scalar(0.1), train]), 'unsupported', /training mode/);
  gives(t, runNode('Dropout', [upTo(2), Tensor.scalar(0), train])[0], [2], [0, 1]);
});

// ---- older opsets ----------------------------------------------------------------------------------------------------------------

test('an operator that never changed is read from any opset', (t) => {
  gives(t, runNode('Abs', [Tensor.from([-2, 3])], { opset: 1 })[0], [2], [2, 3]);
});

test('older meanings are refused', (t) => {
  const x = upTo(6, [1, 2, 3]);
  const refused = (type: string, inputs: Tensor[], options: NodeOptions, message: RegExp) =>
    faults(t, () => runNode(type, inputs, options), 'unsupported', message);
  refused('Add', [x, upTo(2)], { opset: 6, attributes: { broadcast: int(1), axis: int(1) } }, /stands along an axis/);
  refused('Dropout', [x], { opset: 6 }, /training mode/);
  gives(t, runNode('Dropout', [x], { opset: 6, attributes: { is_test: int(1) } })[0], [1, 2, 3], [0, 1, 2, 3, 4, 5]);
  refused('BatchNormalization', [x, upTo(2), upTo(2), upTo(2), upTo(2)], { opset: 8, attributes: { spatial: int(0) } }, /each pixel/);
  refused('PRelu', [x, upTo(2)], { opset: 6 }, /along the channels/);
  refused('Selu', [x], { opset: 1 }, /fewer digits/);
});

// ---- windows ---------------------------------------------------------------------------------------------------------------------

test('ConvTranspose pads its output up to output_shape', (t) => {
  const [y] = runNode('ConvTranspose', [Tensor.from([2, 3], [1, 1, 1, 2]), Tensor.from([1], [1, 1, 1, 1])], {
    attributes: { strides: ints(1, 2), output_shape: ints(2, 4) },
  });
  gives(t, y, [1, 1, 2, 4], [2, 0, 3, 0, 0, 0, 0, 0]);
});

test('MaxPool over a volume', (t) => {
  const [y] = runNode('MaxPool', [upTo(24, [1, 1, 2, 3, 4])], { attributes: { kernel_shape: ints(2, 2, 2), strides: ints(1, 1, 2) } });
  gives(t, y, [1, 1, 1, 2, 2], [17, 19, 21, 23]);
});

test('AveragePool over a volume with padding, dilation and a last window that hangs over', (t) => {
  const attributes = {
    ...{ kernel_shape: ints(2, 2, 1), strides: ints(2, 1, 1), dilations: ints(1, 2, 1), pads: ints(0, 1, 0, 0, 1, 0) },
    ceil_mode: int(1),
  };
  const x = upTo(6, [1, 1, 3, 2, 1]); // depth 3: windows {0, 1} and {2}; rows: taps {-1, 1} and {0, 2}
  gives(t, runNode('AveragePool', [x], { opset: 19, attributes })[0], [1, 1, 2, 2, 1], [2, 1, 5, 4]);
  const counted = runNode('AveragePool', [x], { opset: 19, attributes: { ...attributes, count_include_pad: int(1) } });
  gives(t, counted[0], [1, 1, 2, 2, 1], [1, 0.5, 2.5, 2]);
});

test('MaxPool says where its values lie', (t) => {
  const x = Tensor.from([0, 0, 5, 5, 1, 7, 2, 2, 2, 2, 2, 3], [2, 1, 2, 3]);
  const attributes = { kernel_shape: ints(2, 2), pads: ints(1, 0, 0, 0) };
  const [y, rows] = runNode('MaxPool', [x], { attributes, outputs: 2 });
  gives(t, y, [2, 1, 2, 2], [0, 5, 5, 7, 2, 2, 2, 3]);
  gives(t, rows, [2, 1, 2, 2], [0, 2, 3, 5, 6, 7, 6, 11], 'int64');
  const [, columns] = runNode('MaxPool', [x], { attributes: { ...attributes, storage_order: int(1) }, outputs: 2 });
  gives(t, columns, [2, 1, 2, 2], [0, 4, 1, 5, 6, 8, 6, 11], 'int64');
  const [, line] = runNode('MaxPool', [upTo(4, [1, 1, 4])], { attributes: { kernel_shape: ints(2), strides: ints(2) }, outputs: 2 });
  gives(t, line, [1, 1, 2], [1, 3], 'int64');
});

// ---- Resize ----------------------------------------------------------------------------------------------------------------------

const resize = (x: Tensor, scales: number[], attributes: NodeOptions['attributes'], opset = 13) =>
  runNode('Resize', [x, undefined, Tensor.from(scales)], { attributes: { ...attributes }, opset })[0];

test('Resize aligns corners by the length before it is cut to a whole number', (t) => {
  // 4 · 0.625 = 2.5 becomes 2 elements, at 0 and 3 / 1.5.
  const attributes = { mode: string('linear'), coordinate_transformation_mode: string('align_corners') };
  gives(t, resize(upTo(4), [0.625], attributes), [2], [0, 2]);
});

test('Resize counts elements in float32, so that 10 times 0.7 is 7', (t) => {
  t.deepEqual(resize(upTo(10), [0.7], { mode: string('nearest') }).shape, [7]);
});

test('the float attributes of an operator are read', (t) => {
  gives(t, runNode('LeakyRelu', [Tensor.from([-2, 2])], { attributes: { alpha: float(0.5) } })[0], [2], [-1, 2]);
});
