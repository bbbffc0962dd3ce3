import test from 'ava';
import { type CodeType, qparamsOf, quantizeWeight, type Range } from 'lowbit';

const f32 = Math.fround;

const golden: [what: string, range: Range, dtype: CodeType, symmetric: boolean, scale: number, zeroPoint: number][] = [
  ['the usual case', { min: -1.3, max: 2.9 }, 'uint8', false, 4.2 / 255, 79],
  ['signed codes', { min: -1.3, max: 2.9 }, 'int8', false, 4.2 / 255, -49],
  ['above zero', { min: 2, max: 5.1 }, 'uint8', false, 5.1 / 255, 0],
  ['below zero', { min: -5.1, max: -2 }, 'uint8', false, 5.1 / 255, 255],
  ['symmetric, signed', { min: -1.3, max: 2.54 }, 'int8', true, 2.54 / 127, 0],
  ['symmetric, both signs', { min: -2.54, max: 1 }, 'uint8', true, 2.54 / 127, 128],
  ['symmetric, one sign', { min: 0, max: 2.55 }, 'uint8', true, 2.55 / 255, 0],
  ['nothing but zero', { min: 0, max: 0 }, 'uint8', false, 1, 0],
  ['nothing but zero, signed', { min: 0, max: 0 }, 'int8', false, 1, -128],
  ['too small to tell', { min: -1e-40, max: 1e-40 }, 'int8', true, 1, 0],
  ['as large as it gets', { min: -3.4e38, max: 3.4e38 }, 'uint8', false, 6.8e38 / 255, 128],
];

for (const [what, range, dtype, symmetric, scale, zeroPoint] of golden) {
  test(`scale and zero point: ${what}`, (t) => t.deepEqual(qparamsOf(range, dtype, symmetric), { scale: f32(scale), zeroPoint, dtype }));
}

test('zero is a code, and the range is covered to half a step', (t) => {
  for (let i = 0; i < 500; i++) {
    const [min, max] = [-((i * 37) % 101) / 7, ((i * 53) % 97) / 3 ** (i % 9)];
    for (const dtype of ['uint8', 'int8'] as const) {
      const { scale, zeroPoint } = qparamsOf({ min, max }, dtype, false);
      const [low, high] = dtype === 'uint8' ? [0, 255] : [-128, 127];
      t.true(Number.isInteger(zeroPoint) && zeroPoint >= low && zeroPoint <= high);
      t.true((low - zeroPoint) * scale <= min + 0.5001 * scale && (high - zeroPoint) * scale >= max - 0.5001 * scale, `${min} to ${max}`);
    }
  }
});

const weights = Float32Array.of(0.5, -1.27, 0.635, /* zeros */ 0, 0, 0, /* tiny */ 1e-3, -2e-3, 1.5e-3);

test('a scale a channel, ties to even, zero channels', (t) => {
  const { codes, scales } = quantizeWeight(weights, 3, false, [0, 0, 0]);
  t.deepEqual(scales, Float32Array.of(1.27 / 127, 1, 2e-3 / 127));
  t.deepEqual(codes, Int8Array.of(50, -127, 64, 0, 0, 0, 64, -127, 95));
  const ties = quantizeWeight(Float32Array.of(127, 0.5, 1.5, 2.5, -0.5, -1.5), 1, false, [0]);
  t.deepEqual(ties.codes, Int8Array.of(127, 0, 2, 2, 0, -2));
});

test('one scale for all', (t) => {
  const { codes, scales } = quantizeWeight(weights, 3, true, [0, 0, 0]);
  t.deepEqual(scales, Float32Array.of(1.27 / 127));
  t.deepEqual(codes, Int8Array.of(50, -127, 64, 0, 0, 0, 0, 0, 0));
  t.deepEqual(quantizeWeight(new Float32Array(4), 2, true, [0, 0]), { codes: new Int8Array(4), scales: Float32Array.of(1) });
});

test('a scale is at least what the bias needs', (t) => {
  t.deepEqual(quantizeWeight(weights, 3, false, [0, 0, 0.5]).scales, Float32Array.of(1.27 / 127, 1, 0.5));
  t.deepEqual(quantizeWeight(weights, 3, true, [0, 0, 0.5]).scales, Float32Array.of(0.5));
});

test('layers without outputs or inputs', (t) => {
  t.deepEqual(quantizeWeight(new Float32Array(0), 0, false, []).codes.length, 0);
  t.deepEqual(quantizeWeight(new Float32Array(0), 2, false, [0, 0]).scales, Float32Array.of(1, 1));
});
