import test from 'ava';
import * as lb from 'lowbit';
import { type AnyOp, type Dtype, inferType, LowbitError, offThread, runOp, Tensor, type TensorType } from 'lowbit';
import { random } from './case.js';

const unknown = Number.NaN;
const type = (shape: readonly number[], dtype: Dtype = 'float32'): TensorType => ({ dtype, shape });
const shapeOf = (op: AnyOp, types: readonly TensorType[], params: object = {}) => inferType(op, types, { ...op.params, ...params }).shape;
const int64 = (values: number[]) => Tensor.from(values, undefined, 'int64');

const logits = type([2, 10]);
const codes = { qmin: 0, qmax: 255, dtype: 'uint8' };
const refused: [AnyOp, readonly TensorType[], object, string][] = [
  [lb.add, [type([2, 3]), type([2])], {}, 'add: b is [2], expected a shape that broadcasts with [2, 3].'],
  [lb.add, [type([2]), type([2], 'int8')], {}, 'add: b is int8, expected float32 because a has that type.'],
  [lb.add, [type([2], 'boolean'), type([2], 'boolean')], {}, 'add: a is boolean, expected a number type.'],
  [lb.exp, [type([2], 'int32')], {}, 'exp: x is int32, expected float32, float64, float16 or bfloat16.'],
  [lb.elu, [type([2])], { alpha: unknown }, 'elu: parameter alpha is NaN, expected a finite number.'],
  [lb.clip, [type([2])], { min: unknown }, 'clip: parameter min is NaN, expected a number.'],
  [lb.gelu, [type([2])], { approximate: 'erf' }, 'gelu: parameter approximate is "erf", expected one of none, tanh.'],
  [lb.geluGrad, [type([3]), type([2])], {}, 'geluGrad: dy is [3], expected the shape of x, [2].'],
  [lb.crossEntropy, [type([2]), type([2], 'int32')], {}, 'crossEntropy: logits is [2], expected (n, classes).'],
  [lb.crossEntropy, [logits, type([3], 'int32')], {}, 'crossEntropy: labels is [3], expected [2] because logits have that many rows.'],
  [lb.crossEntropy, [logits, type([2])], {}, 'crossEntropy: labels is float32, expected int32 or int64.'],
  [
    lb.crossEntropy,
    [logits, type([2], 'int64')],
    { labelSmoothing: 1.5 },
    'crossEntropy: parameter labelSmoothing is 1.5, expected a number from 0 to 1.',
  ],
  [lb.softCrossEntropy, [logits, type([2, 9])], {}, 'softCrossEntropy: targets is [2, 9], expected the shape of logits, [2, 10].'],
  [lb.distillation, [logits, logits], { temperature: 0 }, 'distillation: parameter temperature is 0, expected a finite number above 0.'],
  [lb.meanSquaredError, [type([2], 'int32'), type([2], 'int32')], {}, 'meanSquaredError: x is int32, expected float32 or float64.'],
  [lb.dropout, [type([2])], { rate: 1 }, 'dropout: parameter rate is 1, expected a number from 0, below 1.'],
  [
    lb.dropoutTraining,
    [type([2]), type([2], 'int32')],
    { stream: 0 },
    'dropoutTraining: state is [2], expected [3] because it is seed low, seed high and step.',
  ],
  [lb.fusedElementwise, [], { program: [0, 0, 0] }, 'fusedElementwise: parameter xs is 0, expected from 1 to 16 tensors.'],
  [lb.fusedElementwise, [type([2], 'int32')], { program: [0, 0, 0] }, 'fusedElementwise: xs[0] is int32, expected float32, uint8 or int8.'],
  [
    lb.fusedElementwise,
    [type([2]), type([3])],
    { program: [0, 0, 1] },
    'fusedElementwise: xs[1] is [3], expected a shape that broadcasts with [2].',
  ],
  [
    lb.fusedElementwise,
    [type([2, 3, 4]), type([3, 4])],
    { program: [0, 0, 1] },
    'fusedElementwise: xs[1] is [3, 4], expected leading dimensions of [2,3,4], then ones up to the last.',
  ],
  [lb.fusedElementwise, [type([2, 3]), type([3], 'int8')], { program: [0, 0, 1] }, 'fusedElementwise: xs[1] is [3], expected [2,3].'],
  ...[[], [0, 0], Array.from({ length: 51 }, () => 0)].map((program): (typeof refused)[number] => [
    lb.fusedElementwise,
    [type([2])],
    { program },
    `fusedElementwise: parameter program is ${program.length}, expected three numbers for each of 1 to 16 instructions.`,
  ]),
  ...[
    [16, 0, 0],
    [-1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
    [0, -1, 0],
    [0.5, 0, 0],
    [0, 0, unknown],
  ].map((program): (typeof refused)[number] => [
    lb.fusedElementwise,
    [type([2])],
    { program },
    `fusedElementwise: parameter program[0] is [${program.join(', ')}], expected a code and two operands, below 16, 1, 1.`,
  ]),
  [
    lb.fusedElementwise,
    [type([2])],
    { program: [0, 0, 0], dtype: 'int8', zeroPoint: 128 },
    'fusedElementwise: parameter zeroPoint is 128, expected a whole number from -128 to 127 because it is one of type int8.',
  ],
  [
    lb.fusedElementwise,
    [type([2])],
    { program: [0, 0, 0], zeroPoint: 1 },
    'fusedElementwise: parameter zeroPoint is 1, expected 0 because y is float32.',
  ],
  [
    lb.fusedElementwise,
    [type([2])],
    { program: [0, 0, 0], dtype: 'int32' },
    'fusedElementwise: parameter dtype is "int32", expected float32, uint8 or int8.',
  ],
  [lb.mod, [type([2]), type([2])], {}, 'mod: parameter fmod is false, expected true because a is float32.'],
  [lb.prelu, [type([2]), type([3, 2])], {}, 'prelu: slope is [3, 2], expected a shape that broadcasts to [2].'],
  [lb.where, [type([2]), type([2]), type([2])], {}, 'where: condition is float32, expected boolean.'],
  [lb.bitShift, [type([2], 'int8'), type([2], 'int8')], { direction: 'left' }, 'bitShift: a is int8, expected an unsigned integer type.'],
  [lb.bitShift, [type([2], 'uint8'), type([2], 'uint8')], {}, 'bitShift: parameter direction is undefined, expected a value.'],
  [lb.clipGrad, [type([2]), type([3])], {}, 'clipGrad: x is [3], expected [2] because dy has that shape.'],
  [lb.clipGrad, [type([2], 'int8'), type([2], 'int8')], {}, 'clipGrad: dy is int8, expected float32, float64, float16 or bfloat16.'],
  [lb.eluGrad, [type([2]), type([2]), type([2])], { rate: 1 / 0 }, 'eluGrad: parameter rate is Infinity, expected a finite number.'],
  [lb.maximumGrad, [type([2]), type([2, 1]), type([3])], {}, 'maximumGrad: dy is [2], expected the shape that a and b broadcast to.'],
  [
    lb.reduceMaxGrad,
    [type([2]), type([2, 3]), type([3])],
    { axes: [1] },
    'reduceMaxGrad: y is [3], expected [2, 1], with or without the ones.',
  ],
  [
    lb.sliceGrad,
    [type([2])],
    { shape: [5], starts: [1], ends: [4] },
    'sliceGrad: dy is [2], expected [3] because that is what the op makes of this shape.',
  ],
  [
    lb.gatherGrad,
    [type([2, 3]), type([2], 'int32')],
    { shape: [5, 4] },
    'gatherGrad: dy is [2, 3], expected [2, 4] because that is what the op makes of this shape.',
  ],
  [
    lb.fakeQuantizeGrad,
    [type([2]), type([3]), type([]), type([], 'int32')],
    { qmin: 0, qmax: 1 },
    'fakeQuantizeGrad: dy is [2], expected [3] because x has that shape.',
  ],
  [
    lb.reduceSum,
    [type([2, 3])],
    { axes: [2] },
    'reduceSum: parameter axes is 2, expected whole numbers from -2 to 1 because x has 2 dimensions.',
  ],
  [lb.reduceSum, [type([2, 3])], { axes: [1, -1] }, 'reduceSum: parameter axes is [1, -1], expected each axis once.'],
  [lb.reduceSum, [type([2, 3])], {}, 'reduceSum: parameter axes is undefined, expected a value.'],
  [lb.argMax, [type([2, 0])], { axis: 1 }, 'argMax: x is [2, 0], expected at least one element along axis 1.'],
  [lb.cumSum, [type([2], 'boolean')], { axis: 0 }, 'cumSum: x is boolean, expected a number type.'],
  [
    lb.reshape,
    [type([2, 3])],
    { shape: [4, 2] },
    'reshape: parameter shape is [4, 2], expected as many elements as x because x is [2, 3].',
  ],
  [
    lb.reshape,
    [type([2, 3])],
    { shape: [4, -1] },
    'reshape: parameter shape is [4, -1], expected a product that divides the elements of x because x is [2, 3].',
  ],
  [lb.reshape, [type([2, 3])], { shape: [-1, -1] }, 'reshape: parameter shape is [-1, -1], expected -1 at most once.'],
  [
    lb.reshape,
    [type([0, 3])],
    { shape: [0, -1], allowZero: true },
    'reshape: parameter shape is [0, -1], expected no 0 beside -1 because any dimension would fit.',
  ],
  [lb.reshape, [type([6])], { shape: [2.5, -1] }, 'reshape: parameter shape is [2.5, -1], expected a list of whole numbers from -1.'],
  [
    lb.transpose,
    [type([2, 3])],
    { perm: [0, 0] },
    'transpose: parameter perm is [0, 0], expected each axis of x once because x is [2, 3].',
  ],
  [
    lb.cropFlip,
    [type([2, 3, 4, 4], 'uint8'), type([2, 2], 'int32'), type([3], 'uint8')],
    { size: [4, 4] },
    'cropFlip: choices is [2, 2], expected [2, 3] because x has 2 images.',
  ],
  [
    lb.cropFlip,
    [type([2, 3, 4, 4], 'uint8'), type([2, 3], 'int32'), type([3])],
    { size: [4, 4] },
    'cropFlip: fill is float32, expected uint8 because x has that type.',
  ],
  [
    lb.cropFlip,
    [type([2, 3, 0, 4]), type([2, 3], 'int32'), type([3])],
    { size: [4, 4], mode: 'reflect' },
    'cropFlip: x is [2, 3, 0, 4], expected pixels to mirror because mode is reflect.',
  ],
  [
    lb.cropFlip,
    [type([2, 3, 4, 4]), type([2, 3], 'int32'), type([3])],
    { size: [0, 4] },
    'cropFlip: parameter size is [0, 4], expected a height and a width from 1.',
  ],
  [lb.cutout, [type([2, 3, 4]), type([2, 2], 'int32')], { size: 1 }, 'cutout: x is [2, 3, 4], expected (n, c, h, w).'],
  [lb.cutout, [type([2, 3, 4, 4]), type([2, 2])], { size: 1 }, 'cutout: places is float32, expected int32.'],
  [lb.lookupLevels, [type([2, 3]), type([3, 256])], {}, 'lookupLevels: x is float32, expected uint8.'],
  [
    lb.lookupLevels,
    [type([2, 3], 'uint8'), type([1, 256])],
    {},
    'lookupLevels: levels is [1, 256], expected [3, 256] because x has that many channels.',
  ],
  [lb.slice, [type([2])], { starts: [0], ends: [1], steps: [0] }, 'slice: parameter steps is [0], expected no step of 0.'],
  [
    lb.slice,
    [type([2])],
    { starts: [0], ends: [1, 2] },
    'slice: parameter ends is [1, 2], expected 1 whole numbers because there are so many starts.',
  ],
  [lb.pad, [type([2])], { pads: [1] }, 'pad: parameter pads is [1], expected 2 numbers because x has 1 dimensions.'],
  [
    lb.pad,
    [type([2])],
    { pads: [-2, -1] },
    'pad: parameter pads is [-2, -1], expected margins that cut no more than there is because x is [2].',
  ],
  [lb.pad, [type([0])], { pads: [1, 0], mode: 'edge' }, 'pad: x is [0], expected elements to copy from because mode is edge.'],
  [lb.gather, [type([2]), type([1])], {}, 'gather: indices is float32, expected int32 or int64.'],
  [
    lb.gatherElements,
    [type([2, 3]), type([1, 4], 'int64')],
    {},
    'gatherElements: indices is [1, 4], expected at most [2, 3] beside axis 0.',
  ],
  [lb.gatherND, [type([2, 3]), type([1, 3], 'int64')], {}, 'gatherND: indices is [1, 3], expected a last dimension of 0 to 2.'],
  [
    lb.topK,
    [type([2, 3])],
    { k: 4 },
    'topK: parameter k is 4, expected a whole number up to the elements along the axis because x is [2, 3].',
  ],
  [lb.topK, [type([2], 'boolean')], { k: 1 }, 'topK: x is boolean, expected a number type.'],
  [
    lb.scatterElements,
    [type([2, 3]), type([1, 3], 'int64'), type([1, 2])],
    {},
    'scatterElements: updates is [1, 2], expected [1, 3] because each index has an update.',
  ],
  [
    lb.scatterElements,
    [type([2]), type([1], 'int64'), type([1], 'int8')],
    {},
    'scatterElements: updates is int8, expected float32 because x has that type.',
  ],
  [
    lb.scatterElements,
    [type([2]), type([1], 'int64'), type([1])],
    { reduction: 'sum' },
    'scatterElements: parameter reduction is "sum", expected one of none, add, mul, max, min.',
  ],
  [
    lb.scatterND,
    [type([2, 3]), type([4, 1], 'int64'), type([4, 2])],
    {},
    'scatterND: updates is [4, 2], expected [4, 3] because each tuple of indices has a slice.',
  ],
  [lb.scatterND, [type([2]), type([], 'int64'), type([2])], {}, 'scatterND: indices is [], expected a last dimension of 0 to 1.'],
  [
    lb.scatterND,
    [type([2], 'boolean'), type([1, 1], 'int64'), type([1], 'boolean')],
    { reduction: 'add' },
    'scatterND: x is boolean, expected a number type because reduction is add.',
  ],
  [
    lb.concat,
    [type([2, 3]), type([3, 3])],
    { axis: 1 },
    'concat: xs[1] is [3, 3], expected [2, ?] because that is how the inputs before it look.',
  ],
  [lb.concat, [], { axis: 0 }, 'concat: parameter xs is "[]", expected at least one tensor.'],
  [lb.tile, [type([2])], { repeats: [-1] }, 'tile: parameter repeats is [-1], expected a list of whole numbers from 0.'],
  [lb.range, [], { limit: 2, delta: 0 }, 'range: parameter delta is 0, expected a step.'],
  [
    lb.resample,
    [type([4]), type([2, 3], 'int32'), type([2, 2])],
    { axis: 0 },
    'resample: weight is [2, 2], expected [2, 3] because there is a weight for each index.',
  ],
  // What a hostile file would allocate.
  [
    lb.expand,
    [type([1])],
    { shape: [2 ** 20, 2 ** 20] },
    'expand: the output is [1048576, 1048576], expected at most 2147483648 elements.',
  ],
  [lb.tile, [type([9])], { repeats: [2 ** 40] }, 'tile: the output is [9895604649984], expected at most 2147483648 elements.'],
  [lb.fill, [], { shape: [2 ** 31 + 1] }, 'fill: the output is [2147483649], expected at most 2147483648 elements.'],
  [lb.range, [], { limit: 1e300, delta: 1e-300 }, 'range: the output is [Infinity], expected at most 2147483648 elements.'],
  [lb.packSigns, [type([2], 'int32')], {}, 'packSigns: x is int32, expected float32, uint8 or int8.'],
  [
    lb.packSigns,
    [type([2], 'uint8')],
    { zero: -1 },
    'packSigns: parameter zero is -1, expected a whole number from 0 to 255 because it is one of type uint8.',
  ],
  [lb.packSigns, [type([2])], { zero: 1e39 }, 'packSigns: parameter zero is 1e+39, expected a finite float32 number.'],
  [lb.packSigns, [type([])], {}, 'packSigns: x is [], expected at least one dimension.'],
  [lb.unpackSigns, [type([2, 8], 'uint8')], { channels: 65 }, 'unpackSigns: x is [2, 8], expected (.., 16) because that holds 65 signs.'],
  [lb.unpackSigns, [type([2, 8], 'int8')], { channels: 5 }, 'unpackSigns: x is int8, expected uint8.'],
  [
    lb.binaryGemm,
    [type([2, 16], 'uint8'), type([3, 8], 'uint8'), type([3]), type([3])],
    { columns: 70 },
    'binaryGemm: b is [3, 8], expected [3, 16] because that holds 1-bit codes of weights of shape [3, 70].',
  ],
  [
    lb.binaryGemm,
    [type([2, 8], 'uint8'), type([3, 8], 'uint8'), type([3], 'int32'), type([3])],
    { columns: 7 },
    'binaryGemm: bias is int32, expected float32.',
  ],
  [
    lb.binaryGemm,
    [type([2, 8], 'uint8'), type([3, 8], 'uint8'), type([3]), type([3])],
    { columns: -1 },
    'binaryGemm: parameter columns is -1, expected a whole number from 0.',
  ],
  [
    lb.binaryGemm,
    [type([2, 8], 'uint8'), type([3, 8], 'uint8'), type([3]), type([3])],
    { columns: 7, output: 'int8' },
    'binaryGemm: parameter qmax is 255, expected a whole number from -128 to 127 because it is one of type int8.',
  ],
  [
    lb.binaryGemm,
    [type([1, 2 ** 21 + 8], 'uint8'), type([3, 2 ** 21 + 8], 'uint8'), type([3]), type([3])],
    { columns: 2 ** 24 + 1 },
    'binaryGemm: parameter columns is 16777217, expected at most 16777216 because sums have to fit float32.',
  ],
  [
    lb.binaryConv2d,
    [type([1, 1, 4097, 512], 'uint8'), type([1, 8], 'uint8'), type([1]), type([1])],
    { kernel: [1, 4097], channels: 4096 },
    'binaryConv2d: parameter kernel is [1, 4097], expected at most 16777216 products because sums have to fit float32.',
  ],
  [
    lb.binaryConv2d,
    [type([1, 4, 4, 8], 'uint8'), type([3, 16], 'uint8'), type([3]), type([3])],
    { kernel: [3, 3], channels: 9, padValue: 2 },
    'binaryConv2d: parameter padValue is 2, expected 0, 1 or -1.',
  ],
  [
    lb.binaryConv2d,
    [type([1, 4, 4, 8], 'uint8'), type([3, 16], 'uint8'), type([3]), type([3])],
    { kernel: [3, 3], channels: 9, groups: 2 },
    'binaryConv2d: parameter groups is 2, expected a divisor of the channels because there are 9.',
  ],
  [
    lb.binaryConv2d,
    [type([1, 4, 4, 8], 'uint8'), type([3, 8], 'uint8'), type([3]), type([3])],
    { kernel: [3, 3], channels: 9 },
    'binaryConv2d: w is [3, 8], expected [3, 16] because that holds 1-bit codes of weights of shape [3, 3, 3, 9].',
  ],
  [lb.packLevels, [type([2, 3])], { bits: 2 }, 'packLevels: levels is float32, expected int8.'],
  [lb.packLevels, [type([], 'int8')], { bits: 2 }, 'packLevels: levels is [], expected (out, ...).'],
  [lb.packLevels, [type([2], 'int8')], { bits: 5 }, 'packLevels: parameter bits is 5, expected a whole number from 1 to 4.'],
  [lb.packLevels, [type([2], 'int8')], { bits: 1, grid: 'zero' }, 'packLevels: parameter bits is 1, expected a whole number from 2 to 4.'],
  [
    lb.unpackLevels,
    [type([2, 8], 'uint8')],
    { bits: 2, shape: [2, 33] },
    'unpackLevels: packed is [2, 8], expected [2, 16] because that holds 2-bit codes of weights of shape [2, 33].',
  ],
  [lb.unpackLevels, [type([2, 8], 'int8')], { bits: 2, shape: [2, 3] }, 'unpackLevels: packed is int8, expected uint8.'],
  [
    lb.unpackLevels,
    [type([2, 8], 'uint8')],
    { bits: 2, shape: [] },
    'unpackLevels: parameter shape is [], expected at least one dimension, whole numbers from 0.',
  ],
  [
    lb.lowbitGemm,
    [type([2, 9], 'uint8'), type([3, 16], 'uint8'), type([3], 'int32'), type([3])],
    { ...codes, bits: 4 },
    'lowbitGemm: b is [3, 16], expected [3, 8] because that holds 4-bit codes of weights of shape [3, 9].',
  ],
  [
    lb.lowbitGemm,
    [type([2, 9], 'uint8'), type([3, 8], 'uint8'), type([2], 'int32'), type([3])],
    { ...codes, bits: 4 },
    'lowbitGemm: bias is [2], expected [3] because there are that many scales.',
  ],
  [
    lb.lowbitGemm,
    [type([2, 9]), type([3, 8], 'uint8'), type([3], 'int32'), type([3])],
    { ...codes, bits: 4 },
    'lowbitGemm: a is float32, expected uint8 or int8.',
  ],
  [
    lb.lowbitGemmFloat,
    [type([2, 9]), type([3, 8], 'uint8'), type([3], 'int32'), type([3])],
    { bits: 4 },
    'lowbitGemmFloat: bias is int32, expected float32.',
  ],
  [
    lb.lowbitGemmFloat,
    [type([]), type([3, 8], 'uint8'), type([3]), type([3])],
    { bits: 4 },
    'lowbitGemmFloat: a is [], expected at least one dimension.',
  ],
  [
    lb.lowbitConv2d,
    [type([1, 4, 4, 6], 'int8'), type([4, 8], 'uint8'), type([4], 'int32'), type([4])],
    { ...codes, kernel: [3, 3], groups: 4, bits: 1 },
    'lowbitConv2d: parameter groups is 4, expected a divisor of the channels because x has 6.',
  ],
  [
    lb.lowbitConv2d,
    [type([1, 2, 4, 6], 'int8'), type([4, 8], 'uint8'), type([4], 'int32'), type([4])],
    { ...codes, kernel: [3, 3], bits: 1 },
    'lowbitConv2d: x is [1, 2, 4, 6], expected a padded height of at least 3 because the window is that large.',
  ],
  [
    lb.lowbitConv2dFloat,
    [type([1, 4, 4, 6]), type([3, 8], 'uint8'), type([3]), type([3])],
    { kernel: [3, 3], groups: 2, bits: 1 },
    'lowbitConv2dFloat: parameter groups is 2, expected a divisor of the outputs because there are 3.',
  ],
  [
    lb.lowbitConv2dFloat,
    [type([1, 4, 4, 6]), type([3, 8], 'uint8'), type([3]), type([3])],
    { kernel: [3], bits: 1 },
    'lowbitConv2dFloat: parameter kernel is [3], expected two whole numbers from 1.',
  ],
  [
    lb.gather,
    [type([1, 1, 1, 1, 1]), type([1, 1, 1, 1, 1], 'int64')],
    {},
    'gather: the output is [1, 1, 1, 1, 1, 1, 1, 1, 1], expected at most 8 dimensions.',
  ],
];

test('wrong shapes, types and parameters are named', (t) => {
  for (const [op, types, params, message] of refused) {
    const inputs = types.map(({ shape, dtype }) => Tensor.from(new Array(shape.reduce((a, b) => a * b, 1)).fill(0), shape, dtype));
    t.throws(() => runOp(op, inputs, params), { instanceOf: LowbitError, message });
  }
});

test('an index outside its tensor is a data fault, and nothing is read', async (t) => {
  const x = random([5, 2]);
  const outside = (index: number) => `index ${index} at position 1 is outside axis 0, which has 5 elements.`;
  for (const index of [5, -6, 2 ** 40]) {
    t.throws(() => lb.gather(x, int64([0, index])), { code: 'data', message: `gather: ${outside(index)}` });
  }
  t.throws(() => lb.gatherElements(x, Tensor.from([0, 7], [1, 2], 'int32')), { code: 'data', message: `gatherElements: ${outside(7)}` });
  t.throws(() => lb.gatherND(x, Tensor.from([0, 2], [1, 2], 'int32')), {
    code: 'data',
    message: 'gatherND: index 2 at position 1 is outside axis 1, which has 2 elements.',
  });
  t.throws(() => lb.scatterElements(x, Tensor.from([0, 5], [1, 2], 'int32'), random([1, 2])), {
    code: 'data',
    message: `scatterElements: ${outside(5)}`,
  });
  t.throws(() => lb.scatterND(x, int64([0, 2]), random([])), {
    code: 'data',
    message: 'scatterND: index 2 at position 1 is outside axis 1, which has 2 elements.',
  });
  for (const index of [5, -1]) {
    t.throws(() => lb.resample(x, Tensor.from([0, index], [1, 2], 'int32'), random([1, 2]), { axis: 0 }), {
      code: 'data',
      message: `resample: ${outside(index)}`,
    });
  }
  t.throws(() => lb.gather(random([0, 2]), int64([0])), { code: 'data' });
  await t.throwsAsync(
    offThread(() => lb.gather(x, int64([0, 9]))),
    { code: 'data', message: `gather: ${outside(9)}` },
  );
});

test('a level that is not on the grid is a data fault', (t) => {
  const refusal = (level: number) => ({ code: 'data', message: `packLevels: level ${level} at position 1 is not on the grid.` });
  const pack = (level: number, params: object) => lb.packLevels(Tensor.from([1, level], [1, 2], 'int8'), params);
  for (const level of [-5, -2, 0, 2, 5, 127, -128]) t.throws(() => pack(level, { bits: 2 }), refusal(level));
  for (const level of [-3, 2, 127, -128]) t.throws(() => pack(level, { bits: 2, grid: 'zero' }), refusal(level));
});

test('unknown dimensions spread, known ones are kept', (t) => {
  const n = unknown;
  t.deepEqual(shapeOf(lb.add, [type([n, 3]), type([1])]), [n, 3]);
  t.deepEqual(shapeOf(lb.add, [type([n]), type([4])]), [4]);
  t.deepEqual(shapeOf(lb.reshape, [type([n, 3, 4])], { shape: [0, -1] }), [n, 12]);
  t.deepEqual(shapeOf(lb.reshape, [type([n, 3, 4])], { shape: [-1, 6] }), [n, 6]);
  t.deepEqual(shapeOf(lb.reshape, [type([n, 3, 4])], { shape: [5, 12] }), [5, 12]);
  t.deepEqual(shapeOf(lb.concat, [type([n, 2]), type([3, 4])], { axis: 1 }), [3, 6]);
  t.deepEqual(shapeOf(lb.concat, [type([n, 2]), type([3, 2])], { axis: 0 }), [n, 2]);
  t.deepEqual(shapeOf(lb.slice, [type([n, 6])], { starts: [1], ends: [9], axes: [1] }), [n, 5]);
  t.deepEqual(shapeOf(lb.pad, [type([n, 6])], { pads: [0, 1, 0, 1] }), [n, 8]);
  t.deepEqual(shapeOf(lb.tile, [type([n])], { repeats: [2] }), [n]);
  t.deepEqual(shapeOf(lb.reduceSum, [type([n, 6])], { axes: [1] }), [n, 1]);
  t.deepEqual(shapeOf(lb.shape, [type([n, 6])]), [2]);
  t.deepEqual(shapeOf(lb.range, [], { limit: n, dtype: 'int64' }), [n]);
  t.deepEqual(shapeOf(lb.topK, [type([n, 6])], { k: 2, axis: 0 }), [2, 6]);
  t.deepEqual(shapeOf(lb.topK, [type([4, 6])], { k: n }), [4, n]);
  t.deepEqual(shapeOf(lb.scatterND, [type([n, 6]), type([n, n], 'int64'), type([n])]), [n, 6]);
  for (const run of [() => lb.range({ limit: n }), () => lb.topK(random([2]), { k: n })]) t.throws(run, { code: 'shape' });
});

test('shape arithmetic folds', (t) => {
  const n = unknown;
  const list = (length: number) => type([length], 'int64');
  const folded = (op: AnyOp, known: readonly (number[] | undefined)[], types: readonly TensorType[], params: object = {}) =>
    op.propagate?.(known, { ...op.params, ...params }, types);
  t.deepEqual(folded(lb.shape, [undefined], [type([n, 8, 5])], { start: 1 }), [8, 5]);
  t.deepEqual(folded(lb.gather, [[n, 8, 5], [-1]], [list(3), type([], 'int64')]), [5]);
  t.deepEqual(folded(lb.concat, [[2], undefined, [3, 4]], [list(1), list(1), list(2)], { axis: 0 }), [2, n, 3, 4]);
  t.deepEqual(folded(lb.slice, [[1, 2, 3, 4]], [list(4)], { starts: [-1], ends: [-9], steps: [-2] }), [4, 2]);
  t.deepEqual(folded(lb.mul, [[2, n, 4], [10]], [list(3), type([], 'int64')]), [20, n, 40]);
  t.deepEqual(folded(lb.sub, [[7], [1, 2]], [list(1), list(2)]), [6, 5]);
  t.deepEqual(
    folded(
      lb.div,
      [
        [-7, 7, n],
        [2, 0, 2],
      ],
      [list(3), list(3)],
    ),
    [-3, 0, n],
  );
  t.is(
    folded(
      lb.add,
      [
        [1, 2],
        [3, 4],
      ],
      [type([2, 1], 'int64'), type([1, 2], 'int64')],
    ),
    undefined,
  );
  t.deepEqual(folded(lb.reduceProd, [[2, 3, n]], [list(3)], { axes: [0] }), [n]);
  t.deepEqual(folded(lb.reduceProd, [[2, 3]], [list(2)], { axes: [0] }), [6]);
  t.deepEqual(folded(lb.cast, [[2.5, n]], [type([2])], { dtype: 'int64' }), [2, n]);
  t.deepEqual(folded(lb.reshape, [[2, 3]], [list(2)], { shape: [-1] }), [2, 3]);
  t.deepEqual(folded(lb.equal, [[n, 3, -1], [-1]], [list(3), list(1)]), [n, 0, 1]);
  const truth = type([4], 'boolean');
  t.deepEqual(
    folded(
      lb.where,
      [
        [n, 0, 1, n],
        [1, 1, n, 6],
        [2, 5, 2, 6],
      ],
      [truth, list(4), list(4)],
    ),
    [n, 5, n, 6],
  );
});

// permute promises: op(transpose(x), permuted params) = transpose(op(x)), for any order of the axes.
test('permuted parameters do the same to a transposed tensor', (t) => {
  const perm = [0, 2, 3, 1];
  const x = random([2, 3, 4, 5]);
  const tables = [Tensor.from([0, 1, 1, 0], [2, 2], 'int32'), random([2, 2], 0, 1)];
  const unaries: [AnyOp, object, Tensor[]?][] = [
    [lb.exp, {}],
    [lb.reduceSum, { axes: [1, -1] }],
    [lb.argMax, { axis: 1 }],
    [lb.cumSum, { axis: -1, reverse: true }],
    [lb.slice, { starts: [1, 2], ends: [3, 4] }],
    [lb.slice, { starts: [-1], ends: [-9], axes: [-2], steps: [-2] }],
    [lb.pad, { pads: [1, 0, 2, 0, 0, 3, 0, -1] }],
    [lb.tile, { repeats: [1, 2, 3, 1] }],
    [lb.resample, { axis: 1 }, tables],
  ];
  for (const [op, params, rest = []] of unaries) {
    const full = { ...op.params, ...params };
    const want = lb.transpose(runOp(op, [x, ...rest], params), { perm });
    const got = runOp(op, [lb.transpose(x, { perm }), ...rest], op.permute?.(full, perm));
    t.deepEqual([op.name, got.shape, got.data()], [op.name, want.shape, want.data()]);
  }
  const joined = lb.concat([lb.transpose(x, { perm }), lb.transpose(x, { perm })], lb.concat.permute?.({ axis: -3 }, perm));
  t.deepEqual(joined.data(), lb.transpose(lb.concat([x, x], { axis: -3 }), { perm }).data());
  t.is(lb.reduceSum.permute?.({ axes: [1], keepDims: false }, perm), undefined);
});

test('a label that is no class is refused, naming its row', (t) => {
  for (const row of lb.rowsOf(lb.crossEntropy)) {
    const inputs = [random([3, 10]), Tensor.from([1, 2, 10], [3], 'int32')];
    const error = t.throws(() => runOp(lb.crossEntropy, inputs, {}, row), { instanceOf: LowbitError });
    t.is(error?.code, 'data');
    t.regex(error?.message ?? '', /label 10 of row 2 is none of the 10 classes/);
    const one = Tensor.scalar(1);
    const negative = Tensor.from([1, -1, 3], [3], 'int32');
    t.throws(() => runOp(lb.crossEntropyGrad, [one, inputs[0], negative], {}, row), { message: /label -1 of row 1/ });
  }
});

test('on a card, where nobody waits for it, a label that is no class makes loss and gradient NaN', (t) => {
  if ('problem' in lb.cudaCard()) return t.pass('no card, no emulation');
  for (const label of [10, -1]) {
    const [logits, labels, one] = [random([3, 10]), Tensor.from([1, 2, label], [3], 'int32'), Tensor.scalar(1)].map((x) => x.to('cuda'));
    t.true(Number.isNaN(runOp(lb.crossEntropy, [logits, labels]).toNumbers()[0]));
    t.true(runOp(lb.crossEntropyGrad, [one, logits, labels]).toNumbers().every(Number.isNaN));
  }
});
