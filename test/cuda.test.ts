/** What can be set for the graphics card; its kernels are tested in ops/ops.test.ts. */
import test from 'ava';
import { type CudaPrecision, conv2d, cudaCard, cudaPrecision, gemm, type Tensor } from 'lowbit';
import { faults } from './faults.js';
import { bytesOf, random, roundedBound } from './ops/case.js';

const card = cudaCard();

test('products on the card are exact until a precision is set', (t) => {
  t.is(cudaPrecision(), 'float32');
  faults(t, () => cudaPrecision('fp16' as CudaPrecision), 'option', /cudaPrecision.*precision.*float32, tf32, bf16/s);
  if ('problem' in card) return faults(t, () => cudaPrecision('tf32'), 'cuda', /./);

  const layers: [string, number, Tensor[], (...inputs: Tensor[]) => Tensor][] = [
    ['gemm', 9, [random([7, 9], -1, 1, 1), random([5, 9], -1, 1, 2), random([5], -1, 1, 3)], gemm],
    ['conv2d', 18, [random([1, 4, 4, 2], -1, 1, 1), random([3, 3, 3, 2], -1, 1, 2), random([3], -1, 1, 3)], (x, w, b) => conv2d(x, w, b)],
    [
      'depthwise',
      9,
      [random([1, 4, 4, 3], -1, 1, 1), random([3, 3, 3, 1], -1, 1, 2), random([3])],
      (x, w, b) => conv2d(x, w, b, { groups: 3 }),
    ],
  ];
  for (const [name, depth, inputs, layer] of layers) {
    const there = inputs.map((input) => input.to('cuda'));
    const exact = layer(...inputs);
    for (const precision of ['tf32', 'bf16', 'float32'] as const) {
      t.is(cudaPrecision(precision), precision);
      t.is(cudaPrecision(), precision);
      const got = layer(...there);
      const rounds = precision !== 'float32' && name !== 'depthwise';
      t.is(bytesOf(got.data()).equals(bytesOf(exact.data())), !rounds, `${name} in ${precision}`);
      const numbers = exact.toNumbers();
      const error = Math.max(...got.toNumbers().map((x, i) => Math.abs(x - numbers[i])));
      t.true(error <= (rounds ? roundedBound(depth)[precision] : 0), `${name} in ${precision}: ${error}`);
    }
  }
});
