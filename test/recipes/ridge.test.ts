import test from 'ava';
import { ridge } from '../../lib/recipes/ridge.js';
import { randomNumbers } from '../ops/case.js';

test('the gradient of the ridge loss is 0 at its solution', (t) => {
  const [samples, features, classes, strength] = [40, 7, 3, 0.01];
  const x = Float32Array.from(randomNumbers(samples * features, -1, 2));
  const labels = Int32Array.from({ length: samples }, (_, n) => (n * n) % classes);
  const { weight, bias } = ridge(x, labels, classes, strength);
  const at = (n: number, i: number) => x[n * features + i];
  const mean = Array.from({ length: features }, (_, i) => labels.reduce((sum, _l, n) => sum + at(n, i), 0) / samples);
  const trace = labels.reduce((sum, _l, n) => sum + mean.reduce((part, m, i) => part + (at(n, i) - m) ** 2, 0), 0);
  const residual = (n: number, c: number) =>
    mean.reduce((sum, _m, i) => sum + weight[c * features + i] * at(n, i), bias[c]) - Number(labels[n] === c);
  for (let c = 0; c < classes; c++) {
    const sum = labels.reduce((total, _l, n) => total + residual(n, c), 0);
    t.true(Math.abs(sum) < 1e-4, `bias ${c}: ${sum}`);
    for (let i = 0; i < features; i++) {
      const slope = labels.reduce((total, _l, n) => total + residual(n, c) * at(n, i), 0);
      const gradient = slope + ((strength * trace) / features) * weight[c * features + i];
      t.true(Math.abs(gradient) < 1e-4, `weight ${c} ${i}: ${gradient}`);
    }
  }
});
