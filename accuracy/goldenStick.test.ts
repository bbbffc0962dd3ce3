/** Golden Stick's recipe for CIFAR-10 with its defaults for the search, from random logits. */
import test from 'ava';
import { fit, nn, slb, slbPresets, train } from 'lowbit';
import { open } from './data.js';

test('ResNet-18 in one bit begins to learn from nothing', async (t) => {
  const samples = await open('cifar10', { split: 'train', limit: 20_000 });
  const epochs = 100;
  const search = slb({ ...slbPresets.goldenStick, epochs });
  const network = search.apply(nn.models.resnet18({ stem: 'cifar', classes: 10, seed: 1 }), samples);
  t.is(network.slb.layers.length, 20);
  const first: train.Callback = { name: 'first', onEpochEnd: (run) => run.stop('the first epoch is seen') };
  const { history } = await fit(network, samples, {
    ...{ epochs, batchSize: 32 },
    loss: train.crossEntropy({ labelSmoothing: 0.1 }),
    optimizer: train.sgd({ rate: 0.1, weightDecay: 1e-4 }),
    schedule: train.warmUp(train.polynomial({ power: 2, final: 1e-4 }), { epochs: 5, from: 0.1 }),
    augment: { crop: { padding: 4 }, flip: true },
    callbacks: [...search.callbacks(network, samples), first],
  });
  const { loss, accuracy } = history[0].training;
  t.log(`mean loss of the first epoch ${loss.toFixed(4)} (1.8 to 2.2), accuracy ${(100 * accuracy).toFixed(1)} %`);
  t.true(loss > 1.8 && loss < 2.2, `mean loss ${loss}`);
});
