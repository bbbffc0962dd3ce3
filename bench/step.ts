/** Training steps to time: random images of 32 × 32 in ten classes. */
import { Tensor, type Trainable, train } from 'lowbit';

export function random(...shape: number[]): Tensor {
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  return Tensor.from(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, next), shape);
}

/**
 * One step a call, on the same samples. On a graphics card the loss of a step is read when the next one has been started, as `fit` does.
 * @param replay as in `fit`, default false
 */
export function stepOf(model: Trainable, samples: number, optimizer: train.Optimizer, replay = false): () => Promise<void> {
  const labels = Tensor.from(Int32Array.from({ length: samples }, (_, i) => i % 10)).to(model.device);
  const data = random(samples, 3, 32, 32).to(model.device);
  const options: train.StepOptions = {
    model,
    loss: train.crossEntropy(),
    metrics: [],
    optimizer: optimizer.start(model.parameters, model.searched),
    momentum: 0.1,
    seed: 0,
    accumulate: 1,
    enter: train.sampleFit(model.graph, { description: 'random images', shape: [3, 32, 32] }),
  };
  const captured = replay ? new train.CapturedSteps(options) : undefined;
  const { rate } = optimizer.options;
  const batch = { data, labels };
  let step = 0;
  let last: () => unknown = () => {};
  return async () => {
    const read = await (captured?.start(batch, step, rate) ?? train.startStep(options, batch, step, rate));
    step++;
    last();
    last = read;
  };
}
