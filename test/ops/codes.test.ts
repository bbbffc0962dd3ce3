import test from 'ava';
import {
  type AnyOp,
  fakeQuantize,
  histogram,
  LowbitError,
  minMax,
  ops,
  qadd,
  qaveragePool2d,
  qconcat,
  qconv2d,
  qgemm,
  qlookup,
  qmatmul,
  requantize,
  rowsOf,
  runOp,
  Tensor,
} from 'lowbit';
import { int8, uint8 } from './arithmetic.js';

const zeros = (shape: number[], dtype: 'float32' | 'int8' | 'uint8' | 'int16' | 'int32' = 'uint8') =>
  Tensor.from(new Array(shape.reduce((a, b) => a * b, 1)).fill(0), shape, dtype);
const gemm = (a = zeros([2, 3]), b = zeros([4, 3], 'int8'), bias = zeros([4], 'int32'), params: object = uint8) =>
  qgemm(a, b, bias, zeros([4], 'float32'), { ...uint8, ...params });
const conv = (x: number[], w: number[], params: object = {}) =>
  qconv2d(zeros(x), zeros(w, 'int8'), zeros([w[0]], 'int32'), zeros([w[0]], 'float32'), { ...uint8, ...params });
const pool = (params: object) => qaveragePool2d(zeros([1, 4, 4, 1]), { kernel: [2, 2], multiplier: 1, ...uint8, ...params });

const faults: [string, () => Tensor, RegExp][] = [
  ['a real zero point', () => ops.quantize(zeros([2], 'float32'), zeros([], 'float32'), zeros([], 'float32')), /zeroPoint is float32/],
  ['scale along no axis', () => ops.quantize(zeros([2], 'float32'), zeros([2], 'float32'), zeros([2], 'int8')), /parameter axis is 1/],
  [
    'scales too few',
    () => ops.quantize(zeros([2, 3], 'float32'), zeros([2], 'float32'), zeros([2], 'int8')),
    /scale is \[2\], expected \[\] or \[3\]/,
  ],
  [
    'zero points too few',
    () => ops.quantize(zeros([2], 'float32'), zeros([1], 'float32'), zeros([], 'int8')),
    /zeroPoint is \[\], expected \[1\]/,
  ],
  [
    'empty range',
    () => fakeQuantize(zeros([2], 'float32'), zeros([], 'float32'), zeros([], 'int32'), { qmin: 3, qmax: 2 }),
    /qmin is 3, expected at most qmax, 2/,
  ],
  ['no such axis', () => minMax(zeros([2], 'float32'), { perAxis: true, axis: 1 }), /axis is 1, expected an axis of a tensor of 1/],
  ['no bins', () => histogram(zeros([2], 'float32'), { exponent: 0, bins: 0 }), /bins is 0/],
  ['exponent', () => histogram(zeros([2], 'float32'), { exponent: 0.5, bins: 1 }), /exponent is 0.5/],
  ['multiplier', () => requantize(zeros([2]), { multiplier: 1e39, ...int8 }), /multiplier is 1e\+39, expected a finite float32/],
  [
    'output range',
    () => requantize(zeros([2]), { multiplier: 1, ...int8, qmax: 128 }),
    /qmax is 128, expected a whole number from -128 to 127/,
  ],
  ['output type', () => requantize(zeros([2]), { multiplier: 1, ...int8, dtype: 'int16' }), /dtype is "int16", expected uint8, int8/],
  ['no range', () => requantize(zeros([2]), { multiplier: 1, dtype: 'int8' }), /qmin is undefined/],
  ['short table', () => qlookup(zeros([2]), zeros([255])), /table is \[255\], expected \[256\]/],
  ['inner dimension', () => gemm(zeros([2, 2])), /b is \[4, 3\], expected \[n, 2\]/],
  ['unsigned weights', () => gemm(undefined, zeros([4, 3])), /b is uint8, expected int8/],
  ['bias', () => gemm(undefined, undefined, zeros([3], 'int32')), /bias is \[3\], expected \[4\]/],
  ['zero point', () => gemm(undefined, undefined, undefined, { aZero: 256 }), /aZero is 256, expected a whole number from 0 to 255/],
  ['sums from a layer', () => gemm(undefined, undefined, undefined, { dtype: 'int32' }), /dtype is "int32", expected uint8, int8, float32/],
  ['vectors', () => qmatmul(zeros([3]), zeros([3, 2]), { multiplier: 1, ...uint8 }), /a is \[3\], expected at least two/],
  ['batches', () => qmatmul(zeros([2, 1, 3]), zeros([3, 3, 2]), { multiplier: 1, ...uint8 }), /batch dimensions/],
  ['channels', () => conv([1, 4, 4, 3], [2, 3, 3, 2]), /x has 3 channels/],
  ['groups', () => conv([1, 4, 4, 4], [3, 3, 3, 2], { groups: 2 }), /multiple of 2 outputs/],
  ['groups of none', () => conv([1, 4, 4, 4], [3, 3, 3, 2], { groups: 0 }), /groups is 0/],
  ['kernel too large', () => conv([1, 4, 4, 3], [2, 5, 5, 3]), /holds the 5 × 5 kernel/],
  ['stride 0', () => conv([1, 4, 4, 3], [2, 3, 3, 3], { strides: [0, 1] }), /strides is \[0, 1\]/],
  ['negative pads', () => conv([1, 4, 4, 3], [2, 3, 3, 3], { pads: [0, -1, 0, 0] }), /pads is \[0, -1, 0, 0\]/],
  ['two pads', () => conv([1, 4, 4, 3], [2, 3, 3, 3], { pads: [1, 1] }), /expected 4 whole numbers/],
  ['broadcast', () => qadd(zeros([2]), zeros([3]), { aMultiplier: 1, bMultiplier: 1, ...uint8 }), /broadcasts with \[2\]/],
  ['real codes', () => qadd(zeros([2], 'float32'), zeros([2]), { aMultiplier: 1, bMultiplier: 1, ...uint8 }), /a is float32/],
  ['no inputs', () => qconcat([], { axis: 0, multipliers: [], zeros: [], ...uint8 }), /at least one tensor/],
  [
    'multipliers',
    () => qconcat([zeros([2])], { axis: 0, multipliers: [], zeros: [0], ...uint8 }),
    /multipliers is \[\], expected 1 numbers/,
  ],
  [
    'other dimensions',
    () => qconcat([zeros([2, 3]), zeros([2, 4])], { axis: 0, multipliers: [1, 1], zeros: [0, 0], ...uint8 }),
    /xs\[1\] is \[2, 4\]/,
  ],
  ['window in the padding', () => pool({ pads: [2, 0, 0, 0] }), /pads is \[2, 0, 0, 0\]/],
  ['window too large', () => pool({ kernel: [5, 5] }), /holds the 5 × 5 kernel/],
];

for (const [title, call, message] of faults) {
  test(`integer ops refuse: ${title}`, (t) => {
    t.throws(call, { instanceOf: LowbitError, message });
  });
}

test('permute moves axes with their dimensions', (t) => {
  const perm = [0, 2, 3, 1];
  t.deepEqual(ops.quantize.permute?.({ axis: 1 }, perm), { axis: 3 });
  t.deepEqual(ops.quantize.permute?.({ axis: -1 }, perm), { axis: 2 });
  t.is(qconcat.permute?.({ axis: 1, multipliers: [], zeros: [], yZero: 0, ...uint8 }, perm)?.axis, 3);
});

test('every row takes an everyday call, so that the cases compare something', (t) => {
  const bias = zeros([20], 'int32');
  const scale = zeros([20], 'float32');
  const pair = [zeros([6, 20]), zeros([6, 20])];
  const calls: [AnyOp, Tensor[], object][] = [
    [qgemm, [zeros([6, 20]), zeros([20, 20], 'int8'), bias, scale], uint8],
    [qmatmul, [zeros([6, 20]), zeros([20, 6], 'int8')], { multiplier: 1, ...int8 }],
    [qconv2d, [zeros([1, 5, 5, 20]), zeros([20, 3, 3, 20], 'int8'), bias, scale], { pads: [1, 1, 1, 1], ...uint8 }],
    [qconv2d, [zeros([1, 5, 5, 20], 'int8'), zeros([20, 3, 3, 1], 'int8'), bias, scale], { groups: 20, ...int8, dtype: 'float32' }],
    [qadd, pair, { aMultiplier: 1, bMultiplier: 1, ...uint8 }],
    [minMax, [zeros([6, 20], 'float32')], {}],
  ];
  for (const [op, inputs, params] of calls) {
    for (const row of rowsOf(op)) t.notThrows(() => runOp(op, inputs, params, row), `${op.name} ${row}`);
  }
});
