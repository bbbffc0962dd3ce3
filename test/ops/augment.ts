import { type Dtype, Tensor } from 'lowbit';
import { type Case, raggedSizes, random, randomInts } from './case.js';

interface Crop {
  shape: readonly [n: number, c: number, h: number, w: number];
  size: readonly [number, number];
  /** Windows start up to this far outside. */
  margin?: number;
  mode?: 'constant' | 'reflect';
  dtype?: Dtype;
}

// 0 1 2 3 2 1 0 1 ...: the image mirrored at its border pixels, again and again.
function mirrored(i: number, size: number): number {
  let at = i;
  while (size > 1 && (at < 0 || at >= size)) at = at < 0 ? -at : 2 * (size - 1) - at;
  return size > 1 ? at : 0;
}

function crop({ shape, size: [height, width], margin = 3, mode = 'constant', dtype = 'uint8' }: Crop): Case {
  const [n, c, h, w] = shape;
  const values = (dims: readonly number[], seed: number) =>
    dtype === 'uint8' ? randomInts(dims, dtype, 0, 255, seed) : random(dims, -2, 2, seed, dtype);
  return {
    note: `${dtype} [${shape}] to ${height} × ${width}, ${mode}`,
    inputs: () => {
      const corners = randomInts([n, 2], 'int32', -margin, margin, 3).toNumbers();
      const choices = Int32Array.from({ length: 3 * n }, (_, i) => (i % 3 < 2 ? corners[Math.floor(i / 3) * 2 + (i % 3)] : i % 2));
      return [values(shape, 1), Tensor.from(choices, [n, 3]), values([c], 2)];
    },
    params: { size: [height, width], mode },
    expect: ([x, choices, fill]) =>
      Array.from({ length: n * c * height * width }, (_, at) => {
        const [j, i] = [at % width, Math.floor(at / width) % height];
        const plane = Math.floor(at / width / height);
        const [top, left, flip] = choices.slice(Math.floor(plane / c) * 3);
        let [row, column] = [top + i, left + (flip ? width - 1 - j : j)];
        if (mode === 'reflect') [row, column] = [mirrored(row, h), mirrored(column, w)];
        return row < 0 || row >= h || column < 0 || column >= w ? fill[plane % c] : x[(plane * h + row) * w + column];
      }),
  };
}

function cutout(shape: readonly number[], size: number, dtype: Dtype = 'float32'): Case {
  const [n, c, h, w] = shape;
  return {
    note: `${dtype} [${shape}] square of ${size}`,
    inputs: () => [random(shape, 1, 2, 1, dtype), randomInts([n, 2], 'int32', -4, Math.max(h, w), 2)],
    params: { size },
    expect: ([x, places]) =>
      x.map((value, at) => {
        const [column, row] = [at % w, Math.floor(at / w) % h];
        const [top, left] = places.slice(Math.floor(at / w / h / c) * 2);
        return row >= top && row < top + size && column >= left && column < left + size ? 0 : value;
      }),
  };
}

function levels(shape: readonly number[], dtype: Dtype = 'float32'): Case {
  const plane = shape.slice(2).reduce((a, b) => a * b, 1);
  return {
    note: `${dtype} [${shape}]`,
    inputs: () => [randomInts(shape, 'uint8', 0, 255), random([shape[1], 256], -2, 2, 2, dtype)],
    expect: ([x, table]) => x.map((byte, at) => table[(Math.floor(at / plane) % shape[1]) * 256 + byte]),
  };
}

export const augmentCases: Record<string, Case[]> = {
  cropFlip: [
    ...raggedSizes.slice(0, -1).map((n) => crop({ shape: [2, 1, 3, n], size: [3, n] })),
    crop({ shape: [5, 3, 32, 32], size: [32, 32], margin: 4 }),
    crop({ shape: [5, 3, 32, 32], size: [32, 32], margin: 4, mode: 'reflect' }),
    crop({ shape: [3, 2, 4, 5], size: [7, 9], margin: 40 }),
    crop({ shape: [3, 2, 4, 5], size: [7, 9], margin: 40, mode: 'reflect' }),
    crop({ shape: [4, 2, 9, 8], size: [3, 2], dtype: 'float32' }),
    crop({ shape: [4, 2, 9, 8], size: [3, 2], mode: 'reflect', dtype: 'float64' }),
    crop({ shape: [2, 2, 1, 1], size: [2, 3], mode: 'reflect' }),
    crop({ shape: [2, 2, 0, 3], size: [2, 3] }),
    crop({ shape: [0, 2, 4, 4], size: [4, 4] }),
    crop({ shape: [2, 0, 4, 4], size: [4, 4] }),
    {
      note: 'corners at the ends of int32',
      inputs: () => [
        Tensor.from([1, 2, 3, 4], [2, 1, 1, 2]),
        Tensor.from([-(2 ** 31), 2 ** 31 - 1, 1, 0, -(2 ** 31), 0], [2, 3], 'int32'),
        Tensor.from([9]),
      ],
      params: { size: [1, 2] },
      expect: [9, 9, 9, 9],
    },
  ],
  cutout: [
    cutout([5, 3, 8, 8], 4),
    cutout([4, 1, 5, 17], 1),
    cutout([4, 2, 7, 6], 0),
    cutout([4, 2, 7, 6], 100, 'float64'),
    cutout([3, 2, 40, 33], 9, 'uint8'),
    cutout([0, 2, 7, 6], 3),
    cutout([2, 2, 0, 6], 3),
  ],
  lookupLevels: [
    ...raggedSizes.map((n) => levels([2, 3, n])),
    levels([3, 2, 4, 5], 'float64'),
    levels([4, 3]),
    levels([0, 3, 4]),
    levels([2, 3, 0]),
  ],
};
