import test from 'ava';
import {
  averagePool2d,
  batchNorm,
  conv2d,
  conv2dInputGrad,
  conv2dWeightGrad,
  convTranspose2d,
  gemm,
  gemmWeightGrad,
  LowbitError,
  layerNorm,
  matmul,
  matmulTransposed,
  maxPool2d,
  scope,
  softmax,
  type Tensor,
} from 'lowbit';
import { random, randomInts } from './case.js';

const zeros = (...shape: number[]) => random(shape, 0, 1);
const image = () => zeros(1, 5, 5, 4);

// Each is refused with this fault code and with words that name the culprit.
const faults: Record<string, [() => Tensor, string, RegExp]> = {
  'gemm of other depths': [() => gemm(zeros(2, 3), zeros(4, 5), zeros(4)), 'shape', /gemm: b is \[4, 5\], expected \(n, 3\)/],
  'gemm with a short bias': [() => gemm(zeros(2, 3), zeros(4, 3), zeros(3)), 'shape', /bias is \[3\], expected \[4\]/],
  'gemm of a scalar': [() => gemm(zeros(), zeros(4, 3), zeros(4)), 'shape', /a is \[\]/],
  'gemm of integers': [() => gemm(randomInts([2, 3], 'int8', 0, 1), zeros(4, 3), zeros(4)), 'dtype', /a is int8, expected float32/],
  'matmul of other depths': [() => matmul(zeros(2, 3), zeros(4, 3)), 'shape', /b is \[4, 3\], expected 3 rows/],
  'matmul of other vectors': [() => matmul(zeros(2), zeros(3)), 'shape', /b is \[3\], expected 2 rows/],
  'matmul of other batches': [() => matmul(zeros(2, 2, 3), zeros(3, 3, 2)), 'shape', /leading dimensions that broadcast with \[2\]/],
  'matmul of two types': [() => matmul(zeros(2, 3), randomInts([3, 2], 'int32', 0, 1)), 'dtype', /b is int32, expected float32/],
  'a kernel larger than the image': [() => conv2d(image(), zeros(2, 7, 3, 4), zeros(2)), 'shape', /a padded height of at least 7/],
  'a dilated kernel larger than the image': [
    () => conv2d(image(), zeros(2, 3, 3, 4), zeros(2), { dilations: [1, 3] }),
    'shape',
    /a padded width of at least 7/,
  ],
  'an empty kernel': [() => conv2d(image(), zeros(2, 0, 3, 4), zeros(2)), 'parameter', /kernel is \[0, 3\]/],
  'other channels': [() => conv2d(image(), zeros(2, 3, 3, 5), zeros(2)), 'shape', /w is \[2, 3, 3, 5\], expected 4 channels/],
  'groups that do not divide the outputs': [() => conv2d(image(), zeros(3, 3, 3, 2), zeros(3), { groups: 2 }), 'shape', /a multiple of 2/],
  'no groups': [() => conv2d(image(), zeros(3, 3, 3, 2), zeros(3), { groups: 0 }), 'parameter', /groups is 0/],
  'a stride of 0': [() => conv2d(image(), zeros(2, 3, 3, 4), zeros(2), { strides: [0, 1] }), 'parameter', /strides is \[0, 1\]/],
  'a stride of one half': [() => conv2d(image(), zeros(2, 3, 3, 4), zeros(2), { strides: [0.5, 1] }), 'parameter', /strides/],
  'negative pads': [() => conv2d(image(), zeros(2, 3, 3, 4), zeros(2), { pads: [0, 0, 0, -1] }), 'parameter', /pads/],
  'two pads': [() => conv2d(image(), zeros(2, 3, 3, 4), zeros(2), { pads: [1, 1] }), 'parameter', /four whole numbers/],
  'a transposed convolution without output': [
    () => convTranspose2d(zeros(1, 1, 1, 4), zeros(2, 3, 3, 4), zeros(2), { pads: [2, 2, 2, 2] }),
    'shape',
    /the output would have height -1/,
  ],
  'a convolution of two types': [
    () => conv2d(image(), random([2, 3, 3, 4], 0, 1, 1, 'float64'), zeros(2)),
    'dtype',
    /w is float64, expected float32 because x has that type/,
  ],
  'an input gradient without the size of the input': [
    () => conv2dInputGrad(image(), zeros(4, 3, 3, 2), zeros(0)),
    'parameter',
    /inputShape is undef/,
  ],
  'an input gradient of another convolution': [
    () => conv2dInputGrad(image(), zeros(4, 3, 3, 2), zeros(0), { inputShape: [8, 7] }),
    'shape',
    /dy is \[1, 5, 5, 4\], expected \[1, 6, 5, 4\]/,
  ],
  'an input gradient of other outputs': [
    () => conv2dInputGrad(image(), zeros(3, 3, 3, 2), zeros(0), { inputShape: [7, 7] }),
    'shape',
    /dy is \[1, 5, 5, 4\], expected \[1, 5, 5, 3\]/,
  ],
  'an input gradient that is added to another shape': [
    () => conv2dInputGrad(zeros(1, 5, 5, 4), zeros(4, 3, 3, 2), zeros(1, 7, 7, 1), { inputShape: [7, 7] }),
    'shape',
    /plus is \[1, 7, 7, 1\], expected \[1, 7, 7, 2\] or \[0\]/,
  ],
  'an input of no whole size': [
    () => conv2dInputGrad(image(), zeros(4, 3, 3, 2), zeros(0), { inputShape: [7.5, 7] }),
    'parameter',
    /inputShape is/,
  ],
  'pooling without a kernel': [() => maxPool2d(image()), 'parameter', /kernel is undefined/],
  'pooling a matrix': [() => averagePool2d(zeros(2, 2), { kernel: [1, 1] }), 'shape', /\(n, h, w, c\)/],
  'an axis that is not there': [() => softmax(zeros(2, 2), { axis: 2 }), 'parameter', /axis is 2/],
  'batch norm with other channels': [
    () => batchNorm(image(), zeros(4), zeros(4), zeros(5), zeros(4)),
    'shape',
    /mean is \[5\], expected \[4\]/,
  ],
  'layer norm with a wide scale': [() => layerNorm(zeros(2, 3), zeros(2, 3), zeros(3)), 'shape', /scale is \[2, 3\]/],
  'a weight gradient with another output size': [
    () => conv2dWeightGrad(zeros(1, 4, 3, 2), image(), { kernel: [3, 3] }),
    'shape',
    /dy is \[1, 4, 3, 2\], expected \[1,3,3, out\]/,
  ],
  'a weight gradient with groups that do not divide': [
    () => conv2dWeightGrad(zeros(1, 3, 3, 2), image(), { kernel: [3, 3], groups: 4 }),
    'shape',
    /dy is .* a multiple of 4 channels/,
  ],
  'a weight gradient without a kernel': [() => conv2dWeightGrad(zeros(1, 3, 3, 2), image(), {}), 'parameter', /kernel is undefined/],
  'a weight gradient of other rows': [() => gemmWeightGrad(zeros(2, 3, 4), zeros(3, 2, 5)), 'shape', /a is .*, expected \[2, 3, k\]/],
  'a weight gradient of two types': [
    () => gemmWeightGrad(zeros(2, 3), random([2, 3], 0, 1, 1, 'float64')),
    'dtype',
    /a is float64, expected float32/,
  ],
  'a transposed vector': [
    () => matmulTransposed(zeros(3), zeros(3, 2), { transposeA: true }),
    'shape',
    /a is \[3\], expected at least two/,
  ],
  'transposed matrices of other depths': [
    () => matmulTransposed(zeros(3, 2), zeros(4, 3), { transposeB: true }),
    'shape',
    /b is \[3, 4\], expected 2 rows/,
  ],
};

for (const [title, [call, code, words]] of Object.entries(faults)) {
  test(`refused: ${title}`, (t) => {
    const error = t.throws(() => scope(call), { instanceOf: LowbitError });
    t.is(error?.code, code as LowbitError['code']);
    t.regex(error?.message ?? '', words);
  });
}

test('normalisations follow their axis into another layout', (t) => {
  // (n, h, w, c) stored as (n, c, h, w): channels are axis 1.
  t.deepEqual(softmax.permute?.({ axis: -1 }, [0, 3, 1, 2]), { axis: 1 });
  t.deepEqual(batchNorm.permute?.({ axis: 1, epsilon: 0.5 }, [0, 2, 3, 1]), { axis: 3, epsilon: 0.5 });
});

test('a transposed convolution whose outputPads skip windows has no gradient', (t) => {
  const rule = convTranspose2d.grad;
  if (typeof rule !== 'function') return t.fail('no rule');
  const [x, w, bias] = [zeros(1, 2, 2, 4), zeros(2, 3, 3, 4), zeros(2)];
  const params = { strides: [2, 2], pads: [0, 0, 0, 0], dilations: [1, 1], groups: 1, outputPads: [2, 0] };
  const output = convTranspose2d(x, w, bias, params);
  t.throws(() => rule(output, { inputs: [x, w, bias], output, params }), { message: /outputPads are smaller than strides/ });
});

test('unknown dimensions spread', (t) => {
  const check = { shape: t.true, dtype: t.true, param: t.true } as unknown as Parameters<typeof maxPool2d.infer>[2];
  const x = { dtype: 'float32' as const, shape: [NaN, NaN, 8, 4] };
  const w = { dtype: 'float32' as const, shape: [6, 3, 3, 4] };
  const bias = { dtype: 'float32' as const, shape: [6] };
  const window = { strides: [2, 2], pads: [0, 0, 0, 0], dilations: [1, 1] };
  t.deepEqual(maxPool2d.infer([x], { ...window, kernel: [2, 2], ceil: true }, check).shape, [NaN, NaN, 4, 4]);
  t.deepEqual(conv2d.infer([x, w, bias], { ...window, groups: 1 }, check).shape, [NaN, NaN, 3, 6]);
});
