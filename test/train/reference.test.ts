/**
 * Twenty steps as PyTorch takes them: weights, batches and losses of test/fixtures/training.py. Losses in float32 may leave those in
 * float64 as far as PyTorch's own float32 does: both round every operation once, in another order. Ours may have four times that, since a
 * largest deviation over twenty steps is itself a chance number, and three units in the last place of the loss for its own rounding.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { nn, readSafetensors, reshape, type Shape, scope, slice, type Tensor, Trainable, traceModule, train } from 'lowbit';
import { repositoryRoot } from '../shared.js';

const fixture = join(repositoryRoot(), 'test/fixtures');
type Losses = Record<'float32' | 'float64', number[]>;
const { losses } = JSON.parse(readFileSync(join(fixture, 'training.json'), 'utf8')) as { losses: Record<string, Record<string, Losses>> };

function body(inputs: number, outputs: number, stride = 1): nn.Module {
  return new nn.Sequential(
    new nn.Conv2d(inputs, outputs, 3, { stride, padding: 1, bias: false }),
    new nn.BatchNorm2d(outputs),
    new nn.ReLU(),
    new nn.Conv2d(outputs, outputs, 3, { padding: 1, bias: false }),
    new nn.BatchNorm2d(outputs),
  );
}

const networks: Record<string, { module: () => nn.Module; sample: Shape; dtype: 'float32' | 'int32' }> = {
  resnet: {
    module: () =>
      new nn.Sequential(
        new nn.Conv2d(3, 8, 3, { padding: 1, bias: false }),
        new nn.BatchNorm2d(8),
        new nn.ReLU(),
        new nn.Residual(body(8, 8)),
        new nn.ReLU(),
        new nn.Residual(body(8, 16, 2), new nn.Sequential(new nn.Conv2d(8, 16, 1, { stride: 2, bias: false }), new nn.BatchNorm2d(16))),
        new nn.ReLU(),
        new nn.GlobalAveragePool(),
        new nn.Flatten(),
        new nn.Linear(16, 10),
      ),
    sample: [3, 8, 8],
    dtype: 'float32',
  },
  encoder: {
    module: () => nn.models.encoder({ vocabulary: 30, length: 10, width: 16, heads: 2, layers: 2, hidden: 32, classes: 3, dropout: 0 }),
    sample: [10],
    dtype: 'int32',
  },
};

const optimizers: Record<string, train.Optimizer> = {
  sgd: train.sgd({ rate: 0.05, momentum: 0.9, nesterov: true, weightDecay: 1e-3, decayNorms: true }),
  adamw: train.adamw({ rate: 2e-3, weightDecay: 0.05, decayNorms: true }),
};

for (const [name, { module: build, sample, dtype }] of Object.entries(networks)) {
  for (const [rule, optimizer] of Object.entries(optimizers)) {
    test(`${name}: twenty steps of ${rule} as in PyTorch`, async (t) => {
      const { tensors } = readSafetensors(join(fixture, 'training.safetensors'));
      const module = build();
      const weights = [...tensors].filter(([key]) => key.startsWith(`${name}/`));
      module.load(new Map(weights.map(([key, tensor]) => [key.slice(name.length + 1), tensor])), { strict: false });
      t.is(weights.length, module.parameters().size);

      const graph = traceModule(module, { input: { dtype, shape: sample } });
      const model = new Trainable(graph, { parameters: [...module.parameters().keys()], inPlace: true });
      const options: train.StepOptions = {
        ...{ model, loss: train.crossEntropy({ labelSmoothing: 0.1 }), metrics: [], momentum: 0.1, seed: 0, accumulate: 1 },
        optimizer: optimizer.start(model.parameters),
        enter: train.sampleFit(graph, { description: name, shape: sample, dtype }),
      };
      const { float32, float64 } = losses[name][rule];
      const gap = Math.max(...float32.map((loss, i) => Math.abs(loss - float64[i])));
      const [x, y] = [tensors.get(`${name} x`)!, tensors.get(`${name} y`)!];
      const batches = Array.from({ length: x.shape[0] }, (_, i) => ({ data: row(x, i), labels: row(y, i) }));
      for (const [step, want] of float64.entries()) {
        const { loss } = await train.trainingStep(options, batches[step % batches.length], step, optimizer.options.rate);
        const bound = 4 * gap + 3 * 2 ** -23 * want;
        t.true(Math.abs(loss - want) <= bound, `step ${step}: ${loss}, PyTorch ${want}, bound ${bound}`);
      }
    });
  }
}

/** x[i] */
function row(x: Tensor, i: number): Tensor {
  return scope(() => {
    const [, ...rest] = x.shape;
    const cut = slice(x, { starts: [i], ends: [i + 1], axes: [0] });
    return reshape(cut, { shape: rest });
  });
}
