import test from 'ava';
import { fakeQuantize, mul, reduceSum, scatterElements, scope, Tensor, valueAndGradients } from 'lowbit';
import { faults } from '../faults.js';

test('fakeQuantize passes the gradient straight through where its codes are not clamped', (t) => {
  scope(() => {
    // Codes -3, -2, 0, 1, 2 in -2..1: the first and the last are clamped.
    const x = Tensor.from([-1.4, -1.2, 0.1, 0.7, 0.8]);
    const [scale, zero] = [Tensor.scalar(0.5), Tensor.scalar(0, 'int32')];
    const weights = Tensor.from([1, 2, 3, 4, 5]);
    const { value, gradients } = valueAndGradients(
      () => reduceSum(mul(fakeQuantize(x, scale, zero, { qmin: -2, qmax: 1 }), weights), { axes: [0], keepDims: false }),
      [x, scale],
    );
    t.is(value.item(), -1 - 2 + 0 + 0.5 * 4 + 0.5 * 5);
    t.deepEqual(gradients.get(x)?.toNumbers(), [0, 2, 3, 4, 0]);
    t.is(gradients.get(scale), undefined);
  });
});

test('a scatter that multiplies has no gradient, and says so', (t) => {
  scope(() => {
    const x = Tensor.from([1, 2]);
    const run = () => reduceSum(scatterElements(x, Tensor.from([0], [1], 'int32'), Tensor.from([3]), { reduction: 'mul' }), { axes: [0] });
    faults(t, () => valueAndGradients(run, [x]), 'graph', /scatterElements has no gradient rule where its reduction is mul/);
  });
});
