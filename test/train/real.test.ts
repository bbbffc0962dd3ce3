/** Networks from files learn as they are: convolutions with their norms kept, and a transformer. */
import { existsSync } from 'node:fs';
import test from 'ava';
import { importOnnx, Tensor, Trainable, train } from 'lowbit';
import { shared } from '../shared.js';

const models = ['mlperf_tiny_kws_dscnn', 'mlperf_tiny_resnet8_cifar10', 'kwt1_kws'].map((name) => shared(`models/${name}.onnx`));

const real = models.every((path) => existsSync(path)) ? test : test.skip;

for (const path of models) {
  real(`${path.split('/').at(-1)} learns (skipped where the shared models are absent)`, async (t) => {
    const graph = importOnnx(path);
    const model = new Trainable(graph);
    const shape = graph.inputs[0].type!.shape.slice(1);
    const size = 4 * shape.reduce((a, b) => a * b, 1);
    const data = Tensor.from(
      Float32Array.from({ length: size }, (_, i) => Math.sin(i * 0.7)),
      [4, ...shape],
    );
    const labels = Tensor.from(Int32Array.from([0, 1, 2, 3]));
    const options: train.StepOptions = {
      ...{ model, loss: train.crossEntropy(), metrics: [], momentum: 0.1, seed: 0, accumulate: 1, clipNorm: 1 },
      optimizer: train.sgd({ rate: 0.01 }).start(model.parameters),
      enter: train.sampleFit(graph, { description: 'waves', shape }),
    };
    const losses: number[] = [];
    for (let step = 0; step < 5; step++) losses.push((await train.trainingStep(options, { data, labels }, step, 0.01)).loss);
    t.true(losses.at(-1)! < losses[0], losses.join());
    const untouched = importOnnx(path);
    const [name] = model.parameters.keys();
    t.deepEqual(graph.constantOf(graph.find(name))!.toNumbers(), untouched.constantOf(untouched.find(name))!.toNumbers(), 'a copy learned');
  });
}
