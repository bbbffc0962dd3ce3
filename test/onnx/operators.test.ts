/** Operators as files have them: what the conformance tests do not reach, or what was wrong once. Numbers follow from the format's text. */
import test, { type ExecutionContext } from 'ava';
import {
  DataType,
  type Dtype,
  encodeModel,
  importOnnx,
  onnxMessage,
  readModel,
  type Shape,
  Tensor,
  Types,
  tensorToProto,
  toOnnx,
} from 'lowbit';
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

test('Clip with bounds that are inputs has a type that is known before it runs', (t) => {
  const graph = importOnnx(nodeModel('Clip', [upTo(4, [2, 2]), Tensor.scalar(1), Tensor.scalar(2)], open));
  t.deepEqual(new Types(graph).get(graph.outputs[0].value), { dtype: 'float32', shape: [2, 2] });
  gives(t, runGraph(graph, [upTo(4, [2, 2]), Tensor.scalar(1), Tensor.scalar(2)])[0], [2, 2], [1, 1, 2, 2]);
  gives(t, runNode('Clip', [upTo(4), undefined, Tensor.scalar(2)], open)[0], [4], [0, 1, 2, 2]);
});

test('DequantizeLinear takes a list of one scale with a zero point that is a number', (t) => {
  const codes = Tensor.from([1, 2, 5], [3], 'uint8');
  const zero = Tensor.from([1], [], 'uint8');
  gives(t, runNode('DequantizeLinear', [codes, Tensor.from([2], [1]), zero], { attributes: { axis: int(0) } })[0], [3], [0, 2, 8]);
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

test('Dropout keeps its ratio for training and is left out of files', (t) => {
  const graph = importOnnx(nodeModel('Dropout', [upTo(2), Tensor.scalar(0.25)], { constants: [1] }));
  t.deepEqual(
    graph.nodes.map(({ op, params }) => [op.name, params]),
    [['dropout', { rate: 0.25 }]],
  );
  t.deepEqual(importOnnx(toOnnx(graph)).nodes, []);
  const old = importOnnx(nodeModel('Dropout', [upTo(2)], { opset: 7, attributes: { ratio: float(0.125) } }));
  t.is(old.nodes[0].params.rate, 0.125);
});

test('TopK reads how many when it runs, and is written again', (t) => {
  const x = Tensor.from([1, 5, 3, 2, 2, 9], [2, 3]);
  const options = { ...open, outputs: 2, attributes: { largest: int(0), axis: int(1) } };
  const [values, at] = runNode('TopK', [x, int64(2)], options);
  gives(t, values, [2, 2], [1, 3, 2, 2]);
  gives(t, at, [2, 2], [0, 2, 0, 1], 'int64');
  for (const constants of [[], [1]]) {
    const graph = importOnnx(toOnnx(importOnnx(nodeModel('TopK', [x, int64(2)], { ...options, constants })), { opset: 11 }));
    const [again, positions] = runGraph(graph, [x, int64(2)]);
    t.deepEqual([again.toNumbers(), positions.toNumbers()], [values.toNumbers(), at.toNumbers()]);
  }
  faults(t, () => toOnnx(importOnnx(nodeModel('TopK', [x, int64(2)], options)), { opset: 10 }), 'unsupported', /smallest .* need opset 11/);
});

test('TopK of an old file has its k as an attribute', (t) => {
  const [values, at] = runNode('TopK', [upTo(6, [2, 3])], { opset: 9, outputs: 2, attributes: { k: int(1), axis: int(0) } });
  gives(t, values, [1, 3], [3, 4, 5]);
  gives(t, at, [1, 3], [1, 1, 1], 'int64');
  faults(t, () => runNode('TopK', [upTo(6, [2, 3])], { opset: 9, outputs: 2 }), 'unsupported', /k is missing/);
});

test('ScatterElements and ScatterND join in the order of the indices', (t) => {
  const joined = (type: string, indices: Tensor, reduction: string) =>
    runNode(type, [upTo(3), indices, Tensor.from([5, -5])], { opset: 18, attributes: { reduction: string(reduction) } })[0];
  const column = Tensor.from([1, -2], [2, 1], 'int64');
  for (const [reduction, want] of Object.entries({ none: -5, add: 1, mul: -25, max: 5, min: -5 })) {
    gives(t, joined('ScatterElements', int64(1, -2), reduction), [3], [0, want, 2]);
    gives(t, joined('ScatterND', column, reduction), [3], [0, want, 2]);
  }
  faults(t, () => joined('ScatterND', column, 'mean'), 'unsupported', /reduction is "mean", expected one of none, add, mul, max, min/);
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

test('ConvTranspose cuts an odd pixel at the beginning, for SAME_UPPER at the end', (t) => {
  const inputs = [Tensor.from([1, 10], [1, 1, 2]), Tensor.from([1, 2, 3], [1, 1, 3])]; // in full 1 2 13 20 30
  const cut = (auto: string) =>
    runNode('ConvTranspose', inputs, { attributes: { strides: ints(2), output_shape: ints(4), auto_pad: string(auto) } })[0];
  gives(t, cut('NOTSET'), [1, 1, 4], [2, 13, 20, 30]);
  gives(t, cut('SAME_LOWER'), [1, 1, 4], [2, 13, 20, 30]);
  gives(t, cut('SAME_UPPER'), [1, 1, 4], [1, 2, 13, 20]);
});

test('Conv over a volume with strides, padding and dilation', (t) => {
  const attributes = { strides: ints(2, 1, 1), pads: ints(1, 0, 0, 1, 0, 1), dilations: ints(2, 1, 1) };
  const w = Tensor.from([1, 2, 3, 1, 2, 3, 1, 2], [1, 1, 2, 2, 2]);
  // The first window sees frame 1 alone, under its second tap: 10 + 2·4 + 3·5 + 6 + 2·7.
  const [y] = runNode('Conv', [upTo(16, [1, 1, 4, 2, 2]), w, Tensor.from([10])], { attributes });
  gives(t, y, [1, 1, 2, 1, 2], [53, 27, 156, 77]);
  faults(t, () => runNode('Conv', [upTo(4, [1, 1, 1, 2, 2]), w]), 'unsupported', /a depth of 1, less than the kernel/);
});

test('Conv over a volume keeps its groups apart', (t) => {
  const inputs = [upTo(6, [1, 2, 3, 1, 1]), Tensor.from([1, 2, 3, 4], [2, 1, 2, 1, 1])];
  const [y] = runNode('Conv', inputs, { attributes: { group: int(2), auto_pad: string('SAME_LOWER') } });
  gives(t, y, [1, 2, 3, 1, 1], [0, 2, 5, 12, 25, 32]);
});

test('ConvTranspose over a volume in groups, with cut and added borders', (t) => {
  const x = Tensor.from([1, 2, 3, 4], [1, 2, 2, 1, 1]);
  const w = Tensor.from([1, 2, 3, 4, 5, 6, 7, 8], [2, 2, 2, 1, 1]); // two groups of one input and two outputs, taps 2 apart
  const attributes = { group: int(2), strides: ints(3, 1, 1), dilations: ints(2, 1, 1), pads: ints(1, 0, 0, 0, 0, 0) };
  const [y] = runNode('ConvTranspose', [x, w, Tensor.from([100, 200, 300, 400])], {
    attributes: { ...attributes, output_padding: ints(1, 0, 0) },
  });
  const first = [100, 102, 102, 100, 104, 100]; // 1 · (1, 0, 2) from -1 on, 2 · (1, 0, 2) from 2 on
  gives(
    t,
    y,
    [1, 4, 6, 1, 1],
    [...first, ...[200, 204, 206, 200, 208, 200], ...[300, 318, 320, 300, 324, 300], ...[400, 424, 428, 400, 432, 400]],
  );
  const whole = { attributes: { strides: ints(2, 1, 1), output_shape: ints(4, 1, 1) } };
  const [z] = runNode('ConvTranspose', [Tensor.from([1, 10], [1, 1, 2, 1, 1]), Tensor.from([1, 2, 3], [1, 1, 3, 1, 1])], whole);
  gives(t, z, [1, 1, 4, 1, 1], [2, 13, 20, 30]);
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

test('Resize that keeps proportions samples by their common factor', (t) => {
  // 5 x 4 to fit 7 x 8: the factor is 7/5, so 4 becomes round(5.6) = 6, sampled at (i + 0.5) / 1.4 − 0.5.
  const attributes = { axes: ints(0, 1), mode: string('nearest'), keep_aspect_ratio_policy: string('not_larger') };
  const [y] = runNode('Resize', [upTo(20, [5, 4]), undefined, undefined, int64(7, 8)], { attributes, opset: 18 });
  t.deepEqual(y.shape, [7, 6]);
  t.deepEqual(y.toNumbers().slice(0, 6), [0, 1, 1, 2, 3, 3]);
});

test('Resize of integers rounds', (t) => {
  gives(t, resize(Tensor.from([0, 3], [2], 'int32'), [2], { mode: string('linear') }), [4], [0, 1, 2, 3], 'int32');
});

test('Resize to a third takes every third element though 1 / 3 is not exact', (t) => {
  const attributes = { mode: string('nearest'), nearest_mode: string('floor'), coordinate_transformation_mode: string('asymmetric') };
  gives(t, resize(upTo(9), [1 / 3], attributes), [3], [0, 3, 6]);
});

test('before opset 11 a smaller image takes the pixel behind', (t) => {
  const [y] = runNode('Resize', [upTo(8, [2, 4]), Tensor.from([1, 0.6])], { opset: 10, attributes: { mode: string('nearest') } });
  gives(t, y, [2, 2], [0, 2, 4, 6]); // 1 / 0.6 is 1.67
});

test('Resize keeps a free batch and asks for any other free dimension', (t) => {
  const sized = (free: readonly number[], sizes: Tensor, batchOf: boolean) => {
    const { proto } = readModel(
      nodeModel('Resize', [upTo(2, [1, 1, 2]), undefined, undefined, sizes], { attributes: { mode: string('nearest') } }),
    );
    const type = proto.graph!.input[0].type!.value;
    if (type.case === 'tensorType') for (const i of free) type.value.shape!.dim[i] = onnxMessage('TensorShapeProto.Dimension', {});
    const resizeNode = proto.graph!.node[0];
    if (batchOf) {
      proto.graph!.initializer.push(tensorToProto('zero', 'int64', [1], new BigInt64Array(1)));
      proto.graph!.node = [
        onnxMessage('NodeProto', { opType: 'Shape', input: ['in0'], output: ['shape'] }),
        onnxMessage('NodeProto', { opType: 'Gather', input: ['shape', 'zero'], output: ['batch'] }),
        onnxMessage('NodeProto', {
          ...{ opType: 'Concat', input: ['batch', 'in3'], output: ['sizes'] },
          attribute: [onnxMessage('AttributeProto', { name: 'axis', ...int(0) })],
        }),
        { ...resizeNode, input: ['in0', '', '', 'sizes'] },
      ];
    }
    return importOnnx(encodeModel({ proto }));
  };
  gives(t, runGraph(sized([0], int64(1, 4), true), [upTo(4, [2, 1, 2])])[0], [2, 1, 4], [0, 0, 1, 1, 2, 2, 3, 3]);
  faults(t, () => sized([2], int64(1, 1, 4), false), 'unsupported', /dimension 2 is resized, its length has to be known/);
  faults(t, () => sized([0], int64(1, 1, 4), false), 'unsupported', /dimension 0 is resized, its length has to be known/);
});

test('Expand to a free batch, where -1 stands for a dimension that stays', (t) => {
  const { proto } = readModel(nodeModel('Expand', [upTo(2, [1, 1, 2]), int64(-1, -1)], { constants: [1] }));
  const type = proto.graph!.input[0].type!.value;
  if (type.case === 'tensorType') type.value.shape!.dim[0] = onnxMessage('TensorShapeProto.Dimension', {});
  const ones = (name: string, value: number) => tensorToProto(name, 'int64', [1], BigInt64Array.of(BigInt(value)));
  proto.graph!.initializer.push(
    ones('zero', 0),
    ones('one', 1),
    ones('open', -1),
    tensorToProto('cls', 'float32', [1, 1, 2], Float32Array.of(5, 6)),
  );
  const node = (opType: string, input: string[], output: string, attribute: ReturnType<typeof onnxMessage<'AttributeProto'>>[] = []) =>
    onnxMessage('NodeProto', { opType, input, output: [output], attribute });
  const axis = onnxMessage('AttributeProto', { name: 'axis', ...int(0) });
  proto.graph!.node = [
    node('Shape', ['in0'], 'shape'),
    node('Gather', ['shape', 'zero'], 'batch'),
    node('Concat', ['batch', 'in1'], 'asked', [axis]),
    node('Equal', ['asked', 'open'], 'kept'),
    node('Where', ['kept', 'one', 'asked'], 'target'),
    node('Expand', ['cls', 'target'], 'token'),
    node('Concat', ['token', 'in0'], 'out0', [onnxMessage('AttributeProto', { name: 'axis', ...int(1) })]),
  ];
  const graph = importOnnx(encodeModel({ proto }));
  t.deepEqual(new Types(graph).get(graph.outputs[0].value)?.shape, [Number.NaN, 2, 2]);
  gives(t, runGraph(graph, [upTo(4, [2, 1, 2])])[0], [2, 2, 2], [5, 6, 0, 1, 5, 6, 2, 3]);
});

// ---- reductions and norms --------------------------------------------------------------------------------------------------------

test('a reduction over no axes still does its part for each element', (t) => {
  const options = { opset: 18, attributes: { noop_with_empty_axes: int(1) } };
  const x = Tensor.from([-2, 3]);
  for (const [type, want] of Object.entries({ ReduceSum: [-2, 3], ReduceL1: [2, 3], ReduceL2: [2, 3], ReduceSumSquare: [4, 9] })) {
    gives(t, runNode(type, [x], options)[0], [2], want);
    gives(t, runNode(type, [x, int64()], options)[0], [2], want);
  }
});

test('ReduceMax and ReduceMin of booleans', (t) => {
  const x = Tensor.from([1, 0, 0, 0], [2, 2], 'boolean');
  gives(t, runNode('ReduceMax', [x, int64(1)], { opset: 20 })[0], [2, 1], [1, 0], 'boolean');
  gives(t, runNode('ReduceMin', [x], { opset: 20, attributes: { keepdims: int(0) } })[0], [], [0], 'boolean');
});

test('LpNormalization leaves nothing as it is', (t) => {
  for (const p of [1, 2]) gives(t, runNode('LpNormalization', [upTo(3, [3, 1])], { attributes: { p: int(p) } })[0], [3, 1], [0, 1, 1]);
});

test('LRN looks at the channels before and behind, one more behind if their number is even', (t) => {
  const attributes = { size: int(2), alpha: float(2), beta: float(1), bias: float(1) };
  // Squares 1, 4, 9: channel c divides by 1 + (its own square + that of the next one).
  const [y] = runNode('LRN', [Tensor.from([1, 2, 3, 1, 2, 3], [2, 3, 1])], { attributes });
  const want = [1 / 6, 2 / 14, 3 / 10].map(Math.fround);
  gives(t, y, [2, 3, 1], [...want, ...want]);
});

// ---- codes -----------------------------------------------------------------------------------------------------------------------

const nibbles = (dataType: number, ...bytes: number[]) =>
  onnxMessage('TensorProto', { name: 'in2', dataType, dims: [1n], rawData: Uint8Array.from(bytes) });

test('codes of 4 bits stay in their range', (t) => {
  const x = Tensor.from([-100, -3, 2, 100]);
  const scale = Tensor.from([1]);
  const quantized = (dataType: number) => {
    const { proto } = readModel(nodeModel('QuantizeLinear', [x, scale, Tensor.from([0], [1], 'int8')], { opset: 21 }));
    proto.graph!.initializer = proto.graph!.initializer.map((tensor) => (tensor.name === 'in2' ? nibbles(dataType, 1) : tensor));
    return runGraph(importOnnx(encodeModel({ proto })), [x])[0];
  };
  gives(t, quantized(DataType.INT4), [4], [-8, -2, 3, 7], 'int8');
  gives(t, quantized(DataType.UINT4), [4], [0, 0, 3, 15], 'uint8');
  const named = runNode('QuantizeLinear', [x, scale], { opset: 21, attributes: { output_dtype: int(DataType.INT4) } });
  gives(t, named[0], [4], [-8, -3, 2, 7], 'int8');
  gives(t, runNode('Cast', [x], { opset: 21, attributes: { to: int(DataType.UINT4) } })[0], [4], [0, 0, 2, 15], 'uint8');
});

test('blocks of codes have a scale each', (t) => {
  const attributes = { axis: int(1), block_size: int(2) };
  const scale = Tensor.from([1, 10], [1, 2]);
  const x = Tensor.from([1, 2, 30, -40], [1, 4]);
  gives(
    t,
    runNode('QuantizeLinear', [x, scale, Tensor.from([0, 5], [1, 2], 'int16')], { opset: 21, attributes })[0],
    [1, 4],
    [1, 2, 8, 1],
    'int16',
  );
  const codes = Tensor.from([1, 2, 8, 1], [1, 4], 'uint16');
  gives(
    t,
    runNode('DequantizeLinear', [codes, scale, Tensor.from([0, 5], [1, 2], 'uint16')], { opset: 21, attributes })[0],
    [1, 4],
    [1, 2, 30, -40],
  );
});

test('scales of half precision, and integers that become codes', (t) => {
  const half = Tensor.from([0.5], [], 'float16');
  gives(
    t,
    runNode('QuantizeLinear', [Tensor.from([1, -2], [2], 'float16'), half, Tensor.scalar(1, 'int8')], { opset: 19 })[0],
    [2],
    [3, -3],
    'int8',
  );
  gives(t, runNode('DequantizeLinear', [Tensor.from([3, -3], [2], 'int8'), half], { opset: 19 })[0], [2], [1.5, -1.5], 'float16');
  gives(
    t,
    runNode('QuantizeLinear', [Tensor.from([7, -9], [2], 'int32'), Tensor.scalar(2), Tensor.scalar(0, 'int8')])[0],
    [2],
    [4, -4],
    'int8',
  );
});

test('matrices of codes with scales of half precision', (t) => {
  const half = (value: number) => Tensor.from([value], [], 'float16');
  const zero = Tensor.scalar(1, 'int8');
  const [a, b] = [Tensor.from([3, 5], [1, 2], 'int8'), Tensor.from([2, 3], [2, 1], 'int8')];
  const inputs = [a, half(0.5), zero, b, half(2), zero, half(0.25), zero];
  // (2 · 1 + 4 · 2) · 0.5 · 2 / 0.25 + 1
  gives(t, runNode('QLinearMatMul', inputs, { opset: 21 })[0], [1, 1], [41], 'int8');
});

test('convolutions of half precision', (t) => {
  const [x, w] = [Tensor.from([1, 2], [1, 1, 2], 'float16'), Tensor.from([3], [1, 1, 1], 'float16')];
  for (const type of ['Conv', 'ConvTranspose']) gives(t, runNode(type, [x, w])[0], [1, 1, 2], [3, 6], 'float16');
});

test('ConvTranspose keeps its groups apart', (t) => {
  const [x, w] = [Tensor.from([2, 3], [1, 2, 1, 1]), Tensor.from([5, 6, 7, 8], [2, 2, 1, 1])];
  gives(t, runNode('ConvTranspose', [x, w], { attributes: { group: int(2) } })[0], [1, 4, 1, 1], [10, 12, 21, 24]);
});

// ---- written again ---------------------------------------------------------------------------------------------------------------

test('parameters that are read when the model runs are written as inputs', (t) => {
  const again = (type: string, inputs: Tensor[], options: NodeOptions = open) => {
    const graph = importOnnx(toOnnx(importOnnx(nodeModel(type, inputs, { ...open, ...options }))));
    return runGraph(graph, inputs);
  };
  const x = upTo(6, [2, 3]);
  gives(t, again('Clip', [x, Tensor.scalar(1), Tensor.scalar(3)])[0], [2, 3], [1, 1, 2, 3, 3, 3]);
  gives(t, again('CumSum', [x, Tensor.scalar(0, 'int64')])[0], [2, 3], [0, 1, 2, 3, 5, 7]);
  gives(t, again('ReduceSum', [x, int64(1)])[0], [2, 1], [3, 12]);
  gives(t, again('Slice', [x, int64(2), int64(0), int64(1), int64(-1)])[0], [2, 2], [2, 1, 5, 4]);
  gives(t, again('Pad', [upTo(2), int64(1, 0), Tensor.scalar(7)])[0], [3], [7, 0, 1]);
  const graph = importOnnx(nodeModel('Pad', [upTo(2), int64(1, 0)], open));
  faults(t, () => toOnnx(graph, { opset: 10 }), 'unsupported', /pads is computed while the model runs, which opset 10 cannot express/);
});

test('two outputs that are one tensor in the file keep both names', (t) => {
  const { proto } = readModel(nodeModel('Relu', [upTo(2, [1, 2])], { opset: 13 }));
  const perm = [onnxMessage('AttributeProto', { name: 'perm', ...ints(1, 0) })];
  proto.graph!.node.push(
    onnxMessage('NodeProto', { opType: 'Transpose', input: ['out0'], output: ['out1'], attribute: perm }),
    onnxMessage('NodeProto', { opType: 'Transpose', input: ['out1'], output: ['out2'], attribute: perm }),
  );
  proto.graph!.output = ['out2', 'out1', 'out0'].map((name) => onnxMessage('ValueInfoProto', { name }));
  const again = importOnnx(toOnnx(importOnnx(encodeModel({ proto }))));
  t.deepEqual(
    again.outputs.map(({ name }) => name),
    ['out2', 'out1', 'out0'],
  );
  const [y, turned, z] = runGraph(again, [upTo(2, [1, 2])]);
  gives(t, y, [1, 2], [0, 1]);
  gives(t, turned, [2, 1], [0, 1]);
  gives(t, z, [1, 2], [0, 1]);
});

test('what an opset has no words for is not written in it', (t) => {
  const refused = (opset: number, type: string, inputs: Tensor[], options: NodeOptions, message: RegExp) =>
    faults(t, () => toOnnx(importOnnx(nodeModel(type, inputs, { opset: 21, ...options })), { opset }), 'unsupported', message);
  const x = upTo(9, [1, 1, 3, 3]);
  refused(13, 'Trilu', [upTo(4, [2, 2])], {}, /Trilu of float32 needs opset 14, not 13/);
  refused(13, 'Add', [upTo(2, [2], 'int8'), upTo(2, [2], 'int8')], {}, /Add of int8 needs opset 14/);
  refused(17, 'AveragePool', [x], { attributes: { kernel_shape: ints(2, 2), dilations: ints(2, 2) } }, /dilation needs opset 19/);
  refused(
    11,
    'GatherND',
    [upTo(4, [2, 2]), Tensor.from([0, 1], [2, 1], 'int64')],
    { attributes: { batch_dims: int(1) } },
    /batch_dims needs opset 12/,
  );
  const scales = [Tensor.from([1, 2, 3]), Tensor.from([0, 0, 0], [3], 'int8')];
  refused(10, 'QuantizeLinear', [x, ...scales], { attributes: { axis: int(3) } }, /a scale for each channel needs opset 13/);
});

test('a pool whose last window would only see padding is written without ceil_mode', (t) => {
  const attributes = { kernel_shape: ints(2, 2), strides: ints(3, 3), ceil_mode: int(1) };
  const file = readModel(toOnnx(importOnnx(nodeModel('MaxPool', [upTo(9, [1, 1, 3, 3])], { attributes }))));
  t.false(file.proto.graph!.node.some(({ attribute }) => attribute.some(({ name }) => name === 'ceil_mode')));
});

test('Softmax of old opsets flattens images of any number', (t) => {
  const { proto } = readModel(nodeModel('Softmax', [upTo(4, [1, 2, 2])], { opset: 11, attributes: { axis: int(1) } }));
  const type = proto.graph!.input[0].type!.value;
  if (type.case === 'tensorType') type.value.shape!.dim[0] = onnxMessage('TensorShapeProto.Dimension', {});
  gives(t, runGraph(importOnnx(encodeModel({ proto })), [Tensor.from(Array(8).fill(0), [2, 2, 2])])[0], [2, 2, 2], Array(8).fill(0.25));
});

test('the open end of a slice stays open', (t) => {
  const end = Tensor.from(BigInt64Array.of(2n ** 63n - 1n), [1]);
  for (const opset of [9, 17]) {
    const graph = importOnnx(nodeModel('Slice', [upTo(4), int64(1), end, int64(0)]));
    gives(t, runGraph(importOnnx(toOnnx(graph, { opset })), [upTo(4)])[0], [3], [1, 2, 3]);
  }
});
