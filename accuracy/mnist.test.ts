/** LeNet-5 on MNIST: a float network, then searches that begin at it, measured as they are deployed, on packed kernels. */
import test, { type ExecutionContext } from 'ava';
import { evaluate, fit, type Graph, lowerInteger, nn, type SlbOptions, slb, train } from 'lowbit';
import { open } from './data.js';

const augment = { crop: { padding: 2 } };

interface Bar {
  bits: NonNullable<SlbOptions['weightBits']>;
  activations: 8 | null;
  /** Percentage points below the float network. */
  loss: number;
}

const bars: Bar[] = [
  { bits: 4, activations: null, loss: 0.2 },
  { bits: 2, activations: null, loss: 0.3 },
  { bits: 1, activations: null, loss: 0.7 },
  { bits: 4, activations: 8, loss: 0.2 },
  { bits: 2, activations: 8, loss: 0.3 },
  { bits: 1, activations: 8, loss: 0.7 },
];

let float: { graph: Graph; accuracy: number };

const percent = (accuracy: number) => 100 * accuracy;

function within(t: ExecutionContext, what: string, came: number, low: number, high: number): void {
  const text = `${what}: ${came.toFixed(2)} % (${low.toFixed(2)} to ${high.toFixed(2)})`;
  t.log(text);
  t.true(came >= low && came <= high, text);
}

test.serial('a float LeNet-5 comes to about 99.2 %', async (t) => {
  const [samples, unseen] = await Promise.all([open('mnist', { split: 'train' }), open('mnist', { split: 'test' })]);
  const { model } = await fit(nn.models.lenet5({ seed: 1 }), samples, {
    epochs: 6,
    batchSize: 64,
    optimizer: train.sgd({ rate: 0.02, nesterov: true, weightDecay: 1e-4 }),
    schedule: train.warmUp(train.cosine(), { epochs: 0.5 }),
    augment,
  });
  const { top1 } = await evaluate(model.graph, unseen, { batch: 100 });
  float = { graph: model.graph, accuracy: percent(top1) };
  within(t, 'float', float.accuracy, 98.9, 99.4);
});

for (const { bits, activations, loss } of bars) {
  const name = `W${bits}${activations ? `A${activations}` : ''}`;
  test.serial(`${name} loses at most ${loss} points in 4 epochs`, async (t) => {
    const [samples, unseen] = await Promise.all([open('mnist', { split: 'train' }), open('mnist', { split: 'test' })]);
    const epochs = 4;
    const search = slb({
      ...{ weightBits: bits, activationBits: activations, epochs },
      temperature: { startTime: 0, endTime: 0.5, factor: 2 },
    });
    const network = search.apply(float.graph);
    // Nothing normalizes what these layers give, so that a scale moves a whole channel: its rate is small.
    const rest = train.sgd({ rate: 0.02, nesterov: true });
    await fit(network, samples, {
      ...{ epochs, batchSize: 64, augment },
      loss: train.distillation(float.graph),
      optimizer: train.mixed([{ parameters: '*.logits', optimizer: train.adam({ rate: 0.01 }) }], rest),
      schedule: train.cosine(),
      callbacks: search.callbacks(network, samples),
    });
    const { graph, layers } = search.convert(network);
    const packed = lowerInteger(graph).graph.nodes.filter(({ op }) => op.name.startsWith('lowbit'));
    t.is(packed.length, layers.length);
    const { top1 } = await evaluate(graph, unseen, { mode: 'integer', batch: 100 });
    t.log(`below float by ${(float.accuracy - percent(top1)).toFixed(2)} points`);
    within(t, name, percent(top1), float.accuracy - loss, float.accuracy + 0.25);
  });
}
