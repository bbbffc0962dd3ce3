import test from 'ava';
import { inputRange, isQuantized, run, Tensor, withoutQuantization } from 'lowbit';
import { randomNumbers } from '../ops/case.js';
import { calibrated, smallNetwork } from './models.js';

test('without its codes a quantized model computes nearly what it was made from', async (t) => {
  const graph = smallNetwork();
  const quantized = await calibrated(graph);
  const real = withoutQuantization(quantized);
  t.false(isQuantized(graph));
  t.true(isQuantized(quantized));
  t.false(isQuantized(real));
  t.false(real.nodes.some(({ op }) => op.name === 'dequantize'));
  const image = Tensor.from(randomNumbers(2 * 784, 0, 1), [2, 1, 28, 28], 'float32');
  const [expected, came] = [graph, real].map((network) => run(network, { image }).logits.toNumbers());
  // only the weights are rounded: half a step of 0.5/127 each, over 9 taps and 216 features
  t.deepEqual(
    came.filter((value, i) => Math.abs(value - expected[i]) > 0.3),
    [],
  );
  t.notDeepEqual(came, expected);
});

test('the range of an input is that of its codes', async (t) => {
  const graph = smallNetwork();
  t.is(inputRange(graph, graph.inputs[0]), undefined);
  const quantized = await calibrated(graph, { observer: 'minmax' });
  const [low, high] = inputRange(quantized, quantized.inputs[0])!;
  t.is(low, 0); // digits are 0..1
  t.true(high > 0.9 && high <= 1.001, String(high));
});
