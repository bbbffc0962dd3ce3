/** Layers, against what their options mean in plain loops, or against the op whose wiring they are. */
import test from 'ava';
import { nn, ops, Tensor } from 'lowbit';
import { faults } from '../faults.js';
import { randomNumbers } from '../ops/case.js';

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const random = (shape: readonly number[], seed = 1) => Tensor.from(randomNumbers(sizeOf(shape), -1, 1, seed), shape);
const zeros = (n: number) => Tensor.from(new Float32Array(n));

test('a convolution has the strides, margins and groups it is told', (t) => {
  const x = random([2, 9, 8, 4]);
  const layers: [nn.Conv2d, Parameters<typeof ops.conv2d>[3]][] = [
    [new nn.Conv2d(4, 6, 3), {}],
    [new nn.Conv2d(4, 6, [3, 2], { stride: 2, padding: 1 }), { strides: [2, 2], pads: [1, 1, 1, 1] }],
    [new nn.Conv2d(4, 6, 3, { stride: [1, 2], padding: [2, 1] }), { strides: [1, 2], pads: [2, 1, 2, 1] }],
    [new nn.Conv2d(4, 6, 3, { padding: [0, 1, 2, 3], dilation: 2, groups: 2 }), { pads: [0, 1, 2, 3], dilations: [2, 2], groups: 2 }],
    [new nn.Conv2d(4, 6, [4, 3], { padding: 'same', dilation: [1, 2] }), { pads: [1, 2, 2, 2], dilations: [1, 2] }],
  ];
  for (const [layer, params] of layers) t.deepEqual(layer.forward(x).data(), ops.conv2d(x, layer.weight, layer.bias, params).data());
  t.deepEqual(layers[4][0].forward(x).shape, [2, 9, 8, 6]);
  const plain = new nn.Conv2d(4, 6, 3, { bias: false });
  t.deepEqual(plain.forward(x).data(), ops.conv2d(x, plain.weight, zeros(6)).data());
});

test('a convolution of sequences is the sum over its taps', (t) => {
  const [n, length, inputs, outputs, kernel] = [2, 7, 3, 4, 3];
  const layer = new nn.Conv1d(inputs, outputs, kernel, { stride: 2, padding: [2, 1], dilation: 2 });
  const x = random([n, length, inputs]);
  const [data, weight, bias] = [x, layer.weight, layer.bias].map((tensor) => tensor.toNumbers());
  const expected: number[] = [];
  for (let s = 0; s < n; s++) {
    for (let at = -2; at + 4 < length + 1; at += 2) {
      for (let o = 0; o < outputs; o++) {
        let sum = bias[o];
        for (let k = 0; k < kernel; k++) {
          const place = at + 2 * k;
          if (place < 0 || place >= length) continue;
          for (let c = 0; c < inputs; c++) sum += data[(s * length + place) * inputs + c] * weight[(o * kernel + k) * inputs + c];
        }
        expected.push(sum);
      }
    }
  }
  const y = layer.forward(x);
  t.deepEqual(y.shape, [n, 3, outputs]);
  // Nine products of numbers below 1, each sum rounded to float32.
  for (const [i, value] of y.toNumbers().entries()) t.true(Math.abs(value - expected[i]) <= 10 * 4 * 2 ** -24);
  t.deepEqual(new nn.Conv1d(3, 4, 4, { padding: 'same' }).forward(x).shape, [2, 7, 4]);
  t.deepEqual(new nn.Conv1d(3, 6, 2, { groups: 3, padding: 1 }).forward(x).shape, [2, 8, 6]);
});

test('a transposed convolution grows an image by its stride', (t) => {
  const x = random([1, 3, 4, 4]);
  const layer = new nn.ConvTranspose2d(4, 6, 3, { stride: 2, padding: 1, outputPadding: 1, groups: 2 });
  const params = { strides: [2, 2], pads: [1, 1, 1, 1], outputPads: [1, 1], groups: 2 };
  t.deepEqual(layer.forward(x).shape, [1, 6, 8, 6]);
  t.deepEqual(layer.forward(x).data(), ops.convTranspose2d(x, layer.weight, layer.bias, params).data());
});

test('pools slide by their size unless told', (t) => {
  const x = random([2, 7, 6, 3]);
  const side = { kernel: [2, 3], strides: [2, 3] };
  t.deepEqual(new nn.MaxPool2d([2, 3]).forward(x).data(), ops.maxPool2d(x, side).data());
  t.deepEqual(
    new nn.MaxPool2d(3, { stride: 2, padding: 1, dilation: 2, ceil: true }).forward(x).data(),
    ops.maxPool2d(x, { kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], dilations: [2, 2], ceil: true }).data(),
  );
  const over = { kernel: [2, 2], strides: [1, 1], pads: [1, 0, 1, 0] };
  const average = (countIncludePad?: boolean) => new nn.AveragePool2d(2, { stride: 1, padding: [1, 0], countIncludePad });
  t.deepEqual(average().forward(x).data(), ops.averagePool2d(x, { ...over, countIncludePad: true }).data());
  t.deepEqual(average(false).forward(x).data(), ops.averagePool2d(x, over).data());
  t.deepEqual(new nn.Sequential(new nn.GlobalAveragePool(), new nn.Flatten()).forward(x).shape, [2, 3]);
});

test('batch norm is the identity at first, up to epsilon, and normalizes by its buffers', (t) => {
  const x = random([2, 5, 3]);
  const scale = 1 / Math.sqrt(1 + 1e-5);
  const layer = new nn.BatchNorm1d(3);
  const at = x.toNumbers();
  for (const [i, value] of layer.forward(x).toNumbers().entries()) t.true(Math.abs(value - at[i] * scale) <= 2 ** -22);
  const other = new nn.BatchNorm2d(3, { epsilon: 0.5 });
  other.runningMean.write([1, 2, 3]);
  other.runningVariance.write([0.5, 3.5, 15.5]);
  other.weight.write([1, 2, 4]);
  other.bias.write([0, 1, -1]);
  t.deepEqual(other.forward(Tensor.from([3, 6, 11], [1, 1, 1, 3])).toNumbers(), [2, 5, 7]);
});

test('layer norm is over its shape', (t) => {
  const x = random([2, 3, 4]);
  for (const [shape, axis] of [
    [4, -1],
    [[3, 4], -2],
  ] as const) {
    const layer = new nn.LayerNorm(shape, { epsilon: 0.1 });
    t.deepEqual(layer.forward(x).data(), ops.layerNorm(x, layer.weight, layer.bias, { axis, epsilon: 0.1 }).data());
  }
});

test('an embedding looks rows up', (t) => {
  const layer = new nn.Embedding(5, 2);
  layer.weight.write([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const y = layer.forward(Tensor.from([4, 0, 1], [1, 3], 'int64'));
  t.deepEqual(
    [y.shape, y.toNumbers()],
    [
      [1, 3, 2],
      [8, 9, 0, 1, 2, 3],
    ],
  );
});

/** softmax(q·kᵀ/√d + mask)·v for one sample and head in doubles. */
function attention(q: number[][], k: number[][], v: number[][], mask: number[][]): number[][] {
  return q.map((row, i) => {
    const scores = k.map((key, j) => row.reduce((sum, x, c) => sum + x * key[c], 0) / Math.sqrt(row.length) + mask[i][j]);
    const powers = scores.map((x) => Math.exp(x - Math.max(...scores)));
    const total = powers.reduce((a, b) => a + b, 0);
    return v[0].map((_, c) => powers.reduce((sum, p, j) => sum + (p / total) * v[j][c], 0));
  });
}

test('attention is that of its formula, head by head', (t) => {
  const [n, length, width, heads] = [2, 5, 6, 2];
  const d = width / heads;
  const layer = new nn.MultiHeadAttention(width, heads);
  const x = random([n, length, width]);
  const open = Array.from({ length }, (_, i) => Array.from({ length }, (_, j) => (j > i ? -1e9 : 0)));
  const closed = open.map((row) => row.map(() => 0));
  for (const mask of [open, closed]) {
    const [q, k, v] = [layer.query, layer.key, layer.value].map((part) => part.forward(x).toNumbers());
    const joined = new Float32Array(n * length * width);
    for (let s = 0; s < n; s++) {
      for (let h = 0; h < heads; h++) {
        const rowsOf = (all: number[]) =>
          Array.from({ length }, (_, i) => Array.from({ length: d }, (_, c) => all[(s * length + i) * width + h * d + c]));
        for (const [i, row] of attention(rowsOf(q), rowsOf(k), rowsOf(v), mask).entries()) {
          joined.set(row, (s * length + i) * width + h * d);
        }
      }
    }
    const expected = layer.output.forward(Tensor.from(joined, [n, length, width])).toNumbers();
    const got = mask === open ? layer.forward(x, Tensor.from(mask.flat(), [length, length])) : layer.forward(x);
    t.deepEqual(got.shape, [n, length, width]);
    for (const [i, value] of got.toNumbers().entries()) t.true(Math.abs(value - expected[i]) <= 32 * 2 ** -24);
  }
});

test('activations are their ops', (t) => {
  const x = random([3, 4]);
  const pairs: [nn.Module, Tensor][] = [
    [new nn.ReLU(), ops.relu(x)],
    [new nn.ReLU6(), ops.clip(x, { min: 0, max: 6 })],
    [new nn.LeakyReLU(0.3), ops.leakyRelu(x, { alpha: 0.3 })],
    [new nn.PReLU(4), ops.leakyRelu(x, { alpha: 0.25 })],
    [new nn.ELU(0.5), ops.elu(x, { alpha: 0.5 })],
    [new nn.GELU(), ops.gelu(x)],
    [new nn.GELU('tanh'), ops.gelu(x, { approximate: 'tanh' })],
    [new nn.SiLU(), ops.silu(x)],
    [new nn.Sigmoid(), ops.sigmoid(x)],
    [new nn.Tanh(), ops.tanh(x)],
    [new nn.HardSwish(), ops.hardSwish(x)],
    [new nn.HardSigmoid(), ops.hardSigmoid(x, { alpha: 1 / 6 })],
    [new nn.Softmax(0), ops.softmax(x, { axis: 0 })],
    [new nn.LogSoftmax(), ops.logSoftmax(x)],
  ];
  for (const [layer, expected] of pairs) t.deepEqual(layer.forward(x).data(), expected.data(), layer.constructor.name);
});

test('a residual adds its input, or what a shortcut makes of it', (t) => {
  const x = Tensor.from([-1, 2]);
  t.deepEqual(new nn.Residual(new nn.ReLU()).forward(x).toNumbers(), [-1, 4]);
  t.deepEqual(new nn.Residual(new nn.ReLU(), new nn.ReLU()).forward(x).toNumbers(), [0, 4]);
});

test('mistakes are named', (t) => {
  faults(t, () => new nn.Conv2d(0, 4, 3), 'parameter', /Conv2d: parameter inputs is 0, expected a whole number from 1/);
  faults(t, () => new nn.Conv2d(3, 4, [3, 1.5]), 'parameter', /parameter kernel is \[3, 1\.5\], expected whole numbers from 1/);
  faults(t, () => new nn.Conv2d(4, 6, 3, { groups: 4 }), 'parameter', /parameter groups is 4, expected a divisor of 4 and 6/);
  faults(
    t,
    () => new nn.Conv2d(4, 6, 3, { padding: 'same', stride: 2 }),
    'parameter',
    /padding is "same", expected numbers because stride is \[2,2\]/,
  );
  faults(
    t,
    () => new nn.Conv2d(4, 6, 3, { strides: 2 } as object),
    'unknownOption',
    /Conv2d: unknown option "strides", did you mean "stride"/,
  );
  faults(t, () => new nn.MultiHeadAttention(10, 3), 'parameter', /heads is 3, expected a divisor of the width, 10/);
  faults(t, () => new nn.Linear(2, 2.5), 'parameter', /Linear: parameter outputs is 2\.5/);
  faults(t, () => new nn.Linear(2, 3).forward(random([1, 4])), 'shape', /gemm: b is \[3, 2\]/);
});
