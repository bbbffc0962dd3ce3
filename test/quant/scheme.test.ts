import test from 'ava';
import { type CodeType, qparamsOf, type Range } from 'lowbit';

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

test('scales that are powers of two are the least that cover the range', (t) => {
  const golden: [Range, CodeType, boolean, number, number][] = [
    [{ min: -1.3, max: 2.9 }, 'uint8', false, 2 ** -5, 42],
    [{ min: 0, max: 255 / 64 }, 'uint8', false, 2 ** -6, 0],
    [{ min: 0, max: 255.1 / 64 }, 'uint8', false, 2 ** -5, 0],
    [{ min: -127, max: 3 }, 'int8', true, 1, 0],
    [{ min: 0, max: 0 }, 'uint8', false, 1, 0],
  ];
  for (const [range, dtype, symmetric, scale, zeroPoint] of golden) {
    t.deepEqual(qparamsOf(range, dtype, symmetric, 'powerOfTwo'), { scale, zeroPoint, dtype });
  }
});
