/** The first values of weights. */
import test, { type ExecutionContext } from 'ava';
import { nn, type Tensor } from 'lowbit';
import { faults } from '../faults.js';

const bytes = (module: nn.Module) => [...module.state().values()].map((tensor) => Buffer.from(tensor.data().buffer).toString('hex'));

test('one seed gives one network, another seed another one', (t) => {
  t.deepEqual(bytes(nn.models.lenet5()), bytes(nn.models.lenet5({ seed: 0 })));
  t.deepEqual(bytes(nn.models.resnet8({ seed: 3 })), bytes(nn.models.resnet8({ seed: 3 })));
  const [one, two] = [0, 1].map((seed) => nn.models.lenet5({ seed }).parameters());
  for (const [name, tensor] of one) t.notDeepEqual(two.get(name)!.data(), tensor.data(), name);
  faults(t, () => nn.models.lenet5({ seed: -1 }), 'option', /seed is -1/);
});

test('layers of one size differ, with a random of their own or without', (t) => {
  const random = new nn.Random(5);
  const layers = [...[0, 1].map(() => new nn.Linear(4, 4)), ...[0, 1].map(() => new nn.Linear(4, 4, { random }))];
  t.is(new Set(layers.map((layer) => String(layer.weight.toNumbers()))).size, 4);
});

interface Numbers {
  mean: number;
  deviation: number;
  largest: number;
}

function numbersOf(tensor: Tensor): Numbers {
  const values = tensor.toNumbers();
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(variance), largest: Math.max(...values.map(Math.abs)) };
}

/** The mean of `count` numbers is within five of its own deviations of 0, and so, near enough, is their deviation of what it should be. */
function isSpread(t: ExecutionContext, tensor: Tensor, deviation: number): void {
  const found = numbersOf(tensor);
  const error = (5 * deviation) / Math.sqrt(tensor.size);
  t.true(Math.abs(found.mean) < error, `mean ${found.mean}, at most ${error}`);
  t.true(Math.abs(found.deviation - deviation) < error, `deviation ${found.deviation}, expected ${deviation} ± ${error}`);
}

test('the rules give the deviation they say', (t) => {
  const random = new nn.Random(1);
  const uniform = [
    { layer: new nn.Linear(400, 50, { random }), bound: 1 / 20 },
    { layer: new nn.Conv2d(16, 64, [3, 5], { groups: 4, random }), bound: 1 / Math.sqrt(15 * 4) },
    { layer: new nn.Conv1d(16, 64, 9, { random }), bound: 1 / 12 },
    { layer: new nn.ConvTranspose2d(32, 16, 5, { groups: 2, random }), bound: 1 / Math.sqrt(25 * 8) },
  ];
  for (const { layer, bound } of uniform) {
    isSpread(t, layer.weight, bound / Math.sqrt(3));
    const { largest } = numbersOf(layer.weight);
    t.true(largest <= Math.fround(bound) && largest > 0.99 * bound);
    t.true(numbersOf(layer.bias).largest <= Math.fround(bound) && numbersOf(layer.bias).largest > 0);
  }
  const ruled = new nn.Conv2d(16, 128, 3, { initial: nn.kaimingNormal, random });
  isSpread(t, ruled.weight, Math.sqrt(2 / (9 * 128)));
  t.true(ruled.bias.toNumbers().every((x) => x === 0));
  isSpread(t, new nn.Embedding(100, 64, { random }).weight, 1);
  isSpread(t, new nn.Linear(64, 64, { initial: nn.normalInitial(0.02), random }).weight, 0.02);
});
